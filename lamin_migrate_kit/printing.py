"""What an author's code prints goes to stderr: stdout is a document, or a script, for somebody to read.

By thread, as other threads go on to print the lines of a report meanwhile.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from lamin_migrate_kit.shared_context import SharedContext


class _Here(threading.local):
    to_stderr = False


class _ByThread:
    """Stands for `sys.stdout`."""

    def __init__(self, stdout: Any) -> None:
        self.stdout = stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if _here.to_stderr else self.stdout, name)


_here = _Here()
_standing: list[_ByThread] = []


@contextmanager
def _by_thread() -> Iterator[None]:
    if sys.stdout is None:  # somebody has closed it
        yield
        return
    _standing.append(_ByThread(sys.stdout))
    sys.stdout = _standing[0]
    try:
        yield
    finally:
        # Whatever stands there now: of two threads that put something there in turns, the last to take it away puts
        # back what the other had put there.
        sys.stdout = _standing.pop().stdout


stdout_by_thread = SharedContext(_by_thread)
"""Have something stand for `sys.stdout` that tells threads apart; around many short blocks it is put there once."""


@contextmanager
def printed_to_stderr() -> Iterator[None]:
    """What this thread prints to stdout in this block goes to stderr."""
    was = _here.to_stderr
    with stdout_by_thread():
        _here.to_stderr = True
        try:
            yield
        finally:
            _here.to_stderr = was


def real_stdout() -> TextIO | None:
    """The stdout of the process for whoever is not in `printed_to_stderr`, whatever another thread has put there."""
    standing = _standing[:1]
    return standing[0].stdout if standing and not _here.to_stderr else sys.stdout
