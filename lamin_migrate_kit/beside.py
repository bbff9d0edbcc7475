"""Work in a thread beside a block of code: for as long as a server works, or the models are imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from lamin_migrate_kit.interruption import signals_deferred, surely_afterwards

_T = TypeVar("_T")

_PATIENCE = 0.2
"""Seconds until work is told again to stop."""


@contextmanager
def beside(work: Callable[[], _T], stop: Callable[[], object] = bool) -> Iterator[Callable[[], _T]]:
    """Begin some work in a thread and let the block go on; the block ends when the work has, whatever happens.

    Args:
        work: It imports nothing that the block may import at the same time.
        stop: Called when the block ends, in whichever way: makes the work end soon where it would not by itself. Called
            again while it has not ended.

    Yields:
        What waits for the work and returns what it returned, or raises what it raised.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    running: list[Future[_T]] = []

    def end() -> None:
        stop()
        while running and not wait(running, _PATIENCE).done:
            stop()
        pool.shutdown()

    with surely_afterwards(end):
        with signals_deferred():  # a thread that is interrupted while it starts is one that nobody waits for
            running.append(pool.submit(work))
        yield running[0].result
