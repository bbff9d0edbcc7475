"""What surrounds every use of Alembic: no log lines, no warnings, nothing on stdout, and one thread at a time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import SAWarning

from lamin_migrate_kit.alembic_bridge.turns import turn
from lamin_migrate_kit.printing import printed_to_stderr, stdout_by_thread
from lamin_migrate_kit.shared_context import SharedContext

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


@contextmanager
def _hushed() -> Iterator[None]:
    with _silent_loggers(), warnings.catch_warnings(), stdout_by_thread():
        warnings.simplefilter("ignore", SAWarning)
        yield


quiet_process = SharedContext(_hushed)
"""What of it is one for the process; around many short uses, and around threads, it is done once."""
