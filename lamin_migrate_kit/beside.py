"""Work in a thread beside a block of code: for as long as a server works, or the models are imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from lamin_migrate_kit.interruption import signals_deferred, surely_afterwards

_T = TypeVar("_T")


@contextmanager
def beside(work: Callable[[], _T], stop: Callable[[], object] = bool) -> Iterator[Callable[[], _T]]:
    """Begin some work in a thread and let the block go on; the block ends when the work has, whatever happens.

    Args:
        work: It imports nothing that the block may import at the same time.
        stop: Called when the block ends, in whichever way: makes the work end soon where it would not by itself. May be
            called twice.

    Yields:
        What waits for the work and returns what it returned, or raises what it raised.
    """
    pool = ThreadPoolExecutor(max_workers=1)

    def end() -> None:
        stop()
        pool.shutdown()

    with surely_afterwards(end):
        with signals_deferred():  # a thread that is interrupted while it starts is one that nobody waits for
            working = pool.submit(work)
        yield working.result
