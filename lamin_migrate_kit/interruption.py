"""Ctrl-C, SIGTERM and a closed terminal: made exceptions, and held back while something must not be cut in half."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminated(SystemExit):
    """SIGTERM or SIGHUP: told apart from a `sys.exit()` of the author's code, which is a mistake of that code."""


@contextmanager
def termination_raises() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise Terminated, a SystemExit, in this block, so that `finally` clauses run.

    A handler that somebody installed stays, and so does an ignored signal (`nohup`). Outside the main thread, where
    Python delivers no signals, this does nothing.

    Raises:
        Terminated: With 128 + the signal's number, as shells report it.
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


_AGAIN = 0.05
"""Seconds until a swallowed interrupt comes again: by then the callback that swallowed it is over."""


@contextmanager
def swallowed_interrupts_again() -> Iterator[None]:
    """Send Ctrl-C and SIGTERM again when Python threw away what they raised in this block.

    What is raised inside a weak reference's callback or a `__del__` goes no further; a signal at such a moment, of
    which a garbage collection has many, would change nothing.
    """
    hook = sys.unraisablehook

    def again(unraisable: Any) -> None:
        number = _signal_of(unraisable.exc_value)
        if number is None:
            hook(unraisable)
            return
        timer = threading.Timer(_AGAIN, _thread.interrupt_main, (number,))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _signal_of(raised: BaseException | None) -> int | None:
    """The signal that an exception stands for, if it is one of ours."""
    if isinstance(raised, KeyboardInterrupt):
        return signal.SIGINT
    number = raised.code - 128 if isinstance(raised, SystemExit) and isinstance(raised.code, int) else None
    return number if number in _INTERRUPTS else None


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


@contextmanager
def surely_afterwards(work: Callable[[], object]) -> Iterator[None]:
    """Do something when this block has ended, whatever happens, and deliver an interrupt only then.

    An interrupt may also come when the block has ended and nothing holds it back yet: then the work is done again.

    Args:
        work: What to do; may be done twice.
    """
    try:
        yield
    finally:
        try:  # before any call: only in calls does Python look for signals
            with signals_deferred():
                work()
        except (KeyboardInterrupt, Terminated):
            with signals_deferred():
                work()
            raise


@contextmanager
def statement_cancelled_by_interrupt(cancel: Callable[[], object]) -> Iterator[None]:
    """Let an interrupt in this block end a statement that a server is still working on.

    While psycopg2 waits for an answer, Python sees no signal: Ctrl-C would come only after the statement, and
    for one that waits for a lock, never. So another thread is woken, and calls `cancel`; then the statement fails
    and the interrupt is seen.

    Args:
        cancel: psycopg2's `connection.cancel`, or any function that another thread may call.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _canceller.add(cancel)
    try:
        yield
    finally:
        _canceller.remove(cancel)


class _Canceller:
    """The thread that cancels statements; it lives while there are connections that it could cancel."""

    _PAUSE_SECONDS = 0.2
    _ATTEMPTS = 25  # the first may come too early, between two statements

    def __init__(self) -> None:
        self._cancels: list[Callable[[], object]] = []
        self._writing = -1

    def add(self, cancel: Callable[[], object]) -> None:
        with signals_deferred():
            self._cancels.append(cancel)
            if self._writing == -1:
                self._start()

    def remove(self, cancel: Callable[[], object]) -> None:
        with signals_deferred():
            self._cancels.remove(cancel)
            if not self._cancels and self._writing != -1:
                self._stop()

    def _start(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        if before != -1:  # asyncio has taken it, and sees signals by itself
            signal.set_wakeup_fd(before)
            os.close(reading)
            os.close(writing)
            return
        self._writing = writing
        threading.Thread(target=self._watch, args=(reading,), daemon=True, name="cancel-statements").start()

    def _stop(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._writing)
        self._writing = -1

    def _watch(self, reading: int) -> None:
        with open(reading, "rb", buffering=0) as pipe:
            while numbers := pipe.read(64):
                if any(number in _INTERRUPTS for number in numbers):
                    self._cancel()

    def _cancel(self) -> None:
        for _ in range(self._ATTEMPTS):
            cancels = tuple(self._cancels)
            for cancel in cancels:
                with suppress(Exception):  # the connection is closed by now
                    cancel()
            if not cancels:
                return
            time.sleep(self._PAUSE_SECONDS)


_canceller = _Canceller()


def _raise_system_exit(number: int, _frame: FrameType | None) -> None:
    raise Terminated(128 + number)
