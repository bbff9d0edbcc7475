"""What runs beside a block ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from lamin_migrate_kit.beside import beside


def test_the_block_goes_on_and_is_given_the_result() -> None:
    going = threading.Event()

    def work() -> str:
        assert going.wait(10)
        return "done"

    with beside(work) as working:
        going.set()
        assert working() == "done"
        assert working() == "done"


def test_what_the_work_raises_whoever_waits_for_it_gets() -> None:
    with beside(lambda: 1 // 0) as working, pytest.raises(ZeroDivisionError):
        working()


def test_a_block_that_fails_ends_only_when_the_work_has() -> None:
    ended = []

    def work() -> None:
        time.sleep(0.2)
        ended.append(True)

    with pytest.raises(RuntimeError), beside(work):
        raise RuntimeError
    assert ended


def test_an_interrupt_leaves_no_work_behind() -> None:
    code = """
        import os, time
        from lamin_migrate_kit.beside import beside

        def work():
            print("begun", flush=True)
            time.sleep(0.5)
            print("ended", flush=True)

        with beside(work) as working:
            working()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=30)
    assert printed == "ended\n"
    assert error.rstrip().endswith("KeyboardInterrupt")
