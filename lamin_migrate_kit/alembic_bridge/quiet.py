"""What surrounds every use of Alembic: one thread at a time, no log lines, no warnings, nothing on stdout."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

from sqlalchemy.exc import SAWarning

# Alembic's `op` and `context` are proxies of the process, and so are Python's warning filters.
_ONE_AT_A_TIME = threading.RLock()

_TALKATIVE = ("alembic", "alembic_utils")
"""Loggers that speak during a comparison; a module that registers entities brings the second one along."""
_SILENT = logging.CRITICAL + 1


@contextmanager
def quiet_alembic() -> Iterator[None]:
    """Hold Alembic for this thread, and keep its log lines and SQLAlchemy's reflection warnings to ourselves.

    A program that calls the kit may treat warnings as errors, or may send the root logger to its terminal. What
    revisions print goes to stderr, as what models print does: stdout is a document, or a script, for somebody to read.
    """
    with _ONE_AT_A_TIME, silent_loggers(), warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", SAWarning)
        yield


@contextmanager
def silent_loggers() -> Iterator[None]:
    """No log lines of Alembic's; around many short uses of it this saves them from saying so one by one."""
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
