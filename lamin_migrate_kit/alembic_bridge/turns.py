"""Alembic's `op` and `context` are proxies of the process: whose turn it is has them for as long as its Python runs.

While a statement is with the server, another thread may have them: a revision waits for the server a third of its time.
So revisions of two threads may run beside each other, but never two lines of them at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

import alembic.context
import alembic.op
from alembic.operations import Operations

from lamin_migrate_kit.interruption import signals_deferred

_Arguments = ParamSpec("_Arguments")
_T = TypeVar("_T")

# Reentrant for its owner alone, which is how it is known who has it; it is taken only once.
_TURN = threading.RLock()


class _Here(threading.local):
    mine = False


_here = _Here()


@contextmanager
def turn() -> Iterator[None]:
    """Wait until it is this thread's turn, and keep it for the block; within another such block nothing is done."""
    if _here.mine:
        yield
        return
    try:
        _TURN.acquire()
        _here.mine = True
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
    """
    if not _here.mine:
        return wait(*args, **kwargs)
    proxies = [proxy for module in (alembic.op, alembic.context) if (proxy := getattr(module, "_proxy", None))]
    _TURN.release()
    try:
        return wait(*args, **kwargs)
    finally:
        try:
            _take_back()
        finally:
            for proxy in proxies:
                proxy._install_proxy()


def _take_back() -> None:
    """Also when an interrupt comes: what the author's code does on its way out is still done with its own `op`."""
    try:
        if not _TURN.acquire(blocking=False):
            with signals_deferred():
                _TURN.acquire()
    except BaseException:
        with suppress(RuntimeError):
            _TURN.release()
        _TURN.acquire()
        raise


@contextmanager
def installed(proxy: Any) -> Iterator[None]:
    """Have `op` or `context` stand for something in this block; it is this thread's turn.

    Alembic's own context managers leave `op` in place when a revision raises, with its connection.

    Args:
        proxy: Alembic's `Operations` or `EnvironmentContext`.
    """
    module: Any = alembic.op if isinstance(proxy, Operations) else alembic.context
    proxy._install_proxy()
    try:
        yield
    finally:
        if getattr(module, "_proxy", None) is not None:  # or else the revision has removed one of its own
            module._proxy._remove_proxy()
