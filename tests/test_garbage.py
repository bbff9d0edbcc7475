"""Garbage collection is off where much is made, and as it was afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap

from lamin_migrate_kit.garbage import seldom_collected, uncollected


def test_blocks_of_several_threads_overlap() -> None:
    first, second = uncollected(), uncollected()
    assert gc.isenabled()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_a_command_collects_seldom() -> None:
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before


def test_the_end_of_a_process_looks_at_nothing_that_a_command_has_left() -> None:
    code = """
        import atexit, gc
        from lamin_migrate_kit.garbage import seldom_collected

        atexit.register(lambda: print(gc.get_freeze_count()))
        for _ in range(2):
            with seldom_collected():
                pass
        print(gc.get_freeze_count())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    within, at_exit = map(int, done.stdout.split())
    assert within == 0
    assert at_exit > 1000
