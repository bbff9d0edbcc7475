"""Alembic's `op` and `context` are proxies of the process: whose turn it is has them for as long as its Python runs.

While a statement is with the server, another thread may have them: a revision waits for the server a third of its time.
So revisions of two threads may run beside each other, but never two lines of them at once. What else is one for the
process (`sys.stdout`, which a revision may redirect) is taken along; where that is not known, as with the working
directory, a revision that changes it around a statement changes it for the other one too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

import alembic.context
import alembic.op
from alembic.operations import Operations

_Arguments = ParamSpec("_Arguments")
_T = TypeVar("_T")

_LONGEST_WAIT = 10.0
"""Seconds. Two revisions that wait for each other, one here and one for what the other has locked in the server on a
connection of its own, would wait for ever."""

# Reentrant for its owner alone, which is how it is known who has it; it is taken only once.
_TURN = threading.RLock()
_MODULES: tuple[Any, ...] = (alembic.op, alembic.context)


class TurnLost(Exception):
    """Another thread had Alembic for so long that the two may be waiting for each other."""

    def __init__(self) -> None:
        super().__init__(f"another revision ran beside this one for more than {_LONGEST_WAIT:.0f} seconds")


class _Here(threading.local):
    mine = False
    stdout: Any = None

    def __init__(self) -> None:
        self.standing: list[Any] = [None, None]
        self.itself = object()


class _ByThread:
    """Stands in place of a proxy: each thread finds its own, and one that a revision has started that of the turn."""

    def __init__(self, place: int) -> None:
        self._place = place

    def __getattr__(self, name: str) -> Any:
        return getattr(_here.standing[self._place] or _last[self._place], name)


_here = _Here()
_last: list[Any] = [None, None]
_holder: list[object] = [None]
_BY_THREAD = (_ByThread(0), _ByThread(1))


@contextmanager
def turn() -> Iterator[None]:
    """Wait until it is this thread's turn, and keep it for the block; within another such block nothing is done."""
    if _here.mine:
        yield
        return
    try:
        _TURN.acquire()
        _here.mine, _here.stdout, _holder[0] = True, sys.stdout, _here.itself
        yield
    finally:
        _here.mine = False
        with suppress(RuntimeError):  # an interrupt came before it was ours
            _TURN.release()


def letting_others(wait: Callable[_Arguments, _T], *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _T:
    """Call what waits for the server; meanwhile it is another thread's turn.

    Args:
        wait: Runs no Python of anybody's.
        args: For it.
        kwargs: For it.

    Raises:
        TurnLost: It did not become this thread's turn again.
    """
    if not _here.mine:
        return wait(*args, **kwargs)
    proxies = [getattr(module, "_proxy", None) for module in _MODULES]
    stdout, sys.stdout = sys.stdout, _here.stdout
    try:
        _TURN.release()
        return wait(*args, **kwargs)
    finally:
        others = _take_back()
        sys.stdout = stdout
        for place, proxy in enumerate(proxies if others else ()):
            if proxy is _BY_THREAD[place]:
                _put_in_place(place)
            elif proxy is not None:  # the revision's own
                proxy._install_proxy()


def _take_back() -> bool:
    """Whether others have had their turn meanwhile.

    Whoever is interrupted here goes without it: what the author's code does on its way out finds its own `op`.
    """
    _here.mine = False
    with suppress(RuntimeError):  # an interrupt came before it was let go of
        _TURN.release()
    if not _TURN.acquire(timeout=_LONGEST_WAIT):
        raise TurnLost
    _here.mine = True
    others, _holder[0] = _holder[0] is not _here.itself, _here.itself
    return others


@contextmanager
def installed(proxy: Any) -> Iterator[None]:
    """Have `op` or `context` stand for something in this block; it is this thread's turn.

    Alembic's own context managers leave `op` in place when a revision raises, with its connection.

    Args:
        proxy: Alembic's `Operations` or `EnvironmentContext`.
    """
    place = 0 if isinstance(proxy, Operations) else 1
    before, _here.standing[place] = _here.standing[place], proxy
    try:
        _put_in_place(place)
        yield
    finally:
        _here.standing[place] = before
        _remove(place)


def _put_in_place(place: int) -> None:
    proxy = _last[place] = _here.standing[place]
    proxy._install_proxy()
    _MODULES[place]._proxy = _BY_THREAD[place]


def _remove(place: int) -> None:
    """Unless the revision has removed one of its own, and with it this one; or it is somebody else's turn."""
    module = _MODULES[place]
    if not _TURN.acquire(blocking=False):
        return
    try:
        _holder[0] = _here.itself  # who waits for the server has to put its own in place again
        if getattr(module, "_proxy", None) is not None:
            last, _last[place] = _last[place], None
            if last is not None:
                last._remove_proxy()
            module._proxy = None
    finally:
        _TURN.release()
