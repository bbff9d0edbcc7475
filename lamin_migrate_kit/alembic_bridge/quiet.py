"""What surrounds every use of Alembic: no log lines, no warnings, nothing on stdout, and one thread at a time."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy.exc import SAWarning

from lamin_migrate_kit.alembic_bridge.turns import turn
from lamin_migrate_kit.printing import printed_to_stderr, stdout_by_thread

_TALKATIVE = ("alembic", "alembic_utils")
"""Loggers that speak during a comparison; a module that registers entities brings the second one along."""
_SILENT = logging.CRITICAL + 1


@contextmanager
def quiet_alembic() -> Iterator[None]:
    """Hold Alembic for this thread, and keep its log lines and SQLAlchemy's reflection warnings to ourselves.

    A program that calls the kit may treat warnings as errors, or may send the root logger to its terminal.
    """
    with quiet_process(), printed_to_stderr(), turn():
        yield


@contextmanager
def quiet_process() -> Iterator[None]:
    """What of it is one for the process; around many short uses, and around threads, it is done once."""
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
        stack.enter_context(stdout_by_thread())
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
