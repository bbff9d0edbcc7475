"""What surrounds every use of Alembic: one thread at a time, no log lines, no warnings of the libraries."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SAWarning

# Alembic's `op` and `context` are proxies of the process, and so are Python's warning filters.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def quiet_alembic() -> Iterator[None]:
    """Hold Alembic for this thread, and keep its log lines and SQLAlchemy's reflection warnings to ourselves.

    A program that calls the kit may treat warnings as errors, or may send the root logger to its terminal.
    """
    logger = logging.getLogger("alembic")
    with _ONE_AT_A_TIME:
        level = logger.level
        logger.setLevel(logging.CRITICAL + 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SAWarning)
                yield
        finally:
            logger.setLevel(level)
