"""What surrounds every use of Alembic: no log lines, no warnings, nothing on stdout, and one thread at a time."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy.exc import SAWarning

from lamin_migrate_kit.alembic_bridge.turns import turn

_TALKATIVE = ("alembic", "alembic_utils")
"""Loggers that speak during a comparison; a module that registers entities brings the second one along."""
_SILENT = logging.CRITICAL + 1


@contextmanager
def quiet_alembic() -> Iterator[None]:
    """Hold Alembic for this thread, and keep its log lines and SQLAlchemy's reflection warnings to ourselves.

    A program that calls the kit may treat warnings as errors, or may send the root logger to its terminal. What
    revisions print goes to stderr, as what models print does: stdout is a document, or a script, for somebody to read.
    """
    with quiet_process(), _quiet_thread(), turn():
        yield


@contextmanager
def quiet_process() -> Iterator[None]:
    """What of it is one for the process; around many short uses, and around threads, it is done once.

    Threads outside of `quiet_alembic` go on to print to stdout.
    """
    with _GUARD:
        if not _users:
            _undo.append(_hushed())
        _users.append(None)
    try:
        yield
    finally:
        with _GUARD:
            _users.pop()
            if not _users:
                _undo.pop().close()


_GUARD = threading.Lock()
_users: list[None] = []
_undo: list[ExitStack] = []


def _hushed() -> ExitStack:
    with ExitStack() as stack:
        stack.enter_context(_silent_loggers())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", SAWarning)
        if sys.stdout is not None:  # somebody has closed it
            stack.enter_context(_stdout_by_thread())
        return stack.pop_all()


@contextmanager
def _silent_loggers() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    _set_levels(loggers, [_SILENT] * len(loggers))
    try:
        yield
    finally:
        _set_levels(loggers, levels)


def _set_levels(loggers: Sequence[logging.Logger], levels: Sequence[int]) -> None:
    """Where a level is another one: setting it makes all loggers of the process ask again."""
    for logger, level in zip(loggers, levels, strict=True):
        if logger.level != level:
            logger.setLevel(level)


class _Here(threading.local):
    quiet = False


_here = _Here()


@contextmanager
def _quiet_thread() -> Iterator[None]:
    was = _here.quiet
    _here.quiet = True
    try:
        yield
    finally:
        _here.quiet = was


class _ByThread:
    """Stands for `sys.stdout`: while the proofs' lines are printed, what a revision prints elsewhere goes to stderr."""

    def __init__(self, stdout: Any) -> None:
        self._stdout = stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if _here.quiet else self._stdout, name)


@contextmanager
def _stdout_by_thread() -> Iterator[None]:
    real, by_thread = sys.stdout, _ByThread(sys.stdout)
    sys.stdout = by_thread
    try:
        yield
    finally:
        if sys.stdout is by_thread:  # or else somebody's own stands there, and it is theirs to take it away
            sys.stdout = real
