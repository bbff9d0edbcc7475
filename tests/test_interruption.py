"""Signals become exceptions, and wait while something must not be cut in half."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from lamin_migrate_kit.interruption import signals_deferred, surely_afterwards, termination_raises


@pytest.fixture(autouse=True)
def default_handlers() -> Iterator[None]:
    """As in a new process; a server of this run may have set its own."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_termination_raises_so_that_finally_clauses_run(number: signal.Signals) -> None:
    with pytest.raises(SystemExit) as caught, termination_raises():
        signal.raise_signal(number)
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_handler_of_somebody_else_stays() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        with termination_raises():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]


CTRL_C_IN_AN_IMPORT = """
import signal, sys
from sqlalchemy import make_url

class Interrupting:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "psycopg2.errors":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
{}
print("went on")
"""
OPENED = """
from lamin_migrate_kit.servers import open_engine
open_engine(make_url("postgresql+psycopg2://127.0.0.1/x"))
"""


@pytest.mark.parametrize(
    "importing", [OPENED, "import lamin_migrate_kit.alembic_bridge", "import lamin_migrate_kit.proof.run"]
)
def test_a_ctrl_c_that_psycopg2_would_throw_away_is_kept(importing: str) -> None:
    script = CTRL_C_IN_AN_IMPORT.format(importing)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert done.stdout == ""


def test_an_ignored_hangup_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with termination_raises(), signals_deferred():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_blocks_within_blocks_put_the_handlers_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with termination_raises(), termination_raises(), signals_deferred(), signals_deferred():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_deferred_ctrl_c_comes_at_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with signals_deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("first")
            signal.raise_signal(signal.SIGINT)
            done.append("second")
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["first", "second"]


def test_a_deferred_ctrl_c_comes_even_when_the_block_fails() -> None:
    def fail() -> None:
        with signals_deferred():
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    assert isinstance(caught.value.__context__, ZeroDivisionError)


def test_outside_the_main_thread_nothing_is_touched() -> None:
    done = []

    def work() -> None:
        with termination_raises(), signals_deferred():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


SWALLOWS = """
import os, signal, sys, time, weakref
from lamin_migrate_kit.interruption import swallowed_interrupts_again, termination_raises

class Thing: pass

def callback(_):
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(0.01)

with termination_raises(), swallowed_interrupts_again():
    thing = Thing()
    reference = weakref.ref(thing, callback)
    del thing
    print("went on", flush=True)
    time.sleep(20)
print("never stopped")
"""


def swallowing(number: signal.Signals) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SWALLOWS, str(int(number))]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_ctrl_c_that_python_threw_away_comes_again() -> None:
    done = swallowing(signal.SIGINT)
    assert done.stdout == "went on\n"
    assert done.stderr.endswith("KeyboardInterrupt\n")


def test_a_sigterm_that_python_threw_away_comes_again() -> None:
    done = swallowing(signal.SIGTERM)
    assert (done.stdout, done.returncode) == ("went on\n", 128 + signal.SIGTERM)


def test_what_comes_afterwards_is_done_wherever_an_interrupt_comes() -> None:
    for number in itertools.count(1):
        done: list[int] = []
        left = number

        def interrupt(_frame: FrameType, event: str, _argument: object) -> None:
            """Python looks for signals where it calls and where it returns."""
            nonlocal left
            left -= event in ("call", "return", "c_return")
            if left == 0:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

        with contextlib.suppress(KeyboardInterrupt):
            with surely_afterwards(lambda: done.append(1)):  # noqa: B023 (done before the next one)
                sys.setprofile(interrupt)
            sys.setprofile(None)
        sys.setprofile(None)
        assert done, f"interrupted at event {number} after the block"
        if left > 0:
            break
    assert number > 20
