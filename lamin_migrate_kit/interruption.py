"""Ctrl-C, SIGTERM and a closed terminal: made exceptions, and held back while something must not be cut in half."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def termination_raises() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise SystemExit in this block, so that `finally` clauses run.

    A handler that somebody installed stays, and so does an ignored signal (`nohup`). Outside the main thread, where
    Python delivers no signals, this does nothing.

    Raises:
        SystemExit: With 128 + the signal's number, as shells report it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    unhandled = [number for number in _INTERRUPTS if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in unhandled:
            signal.signal(number, _raise_system_exit)
        yield
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Hold interrupts back until the end of this block, then deliver the first one.

    For the few moments in which something exists that nothing would clean up yet. A signal mask would not do: any
    other thread of the process (a progress bar's) would receive the signal in our place.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    # None is a handler that C code installed: it can be neither called nor put back from here.
    handlers = {number: signal.getsignal(number) for number in _INTERRUPTS}
    handlers = {number: handler for number, handler in handlers.items() if handler is not None}
    try:
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, hold)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _raise_system_exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
