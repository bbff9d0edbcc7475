"""What an author's code prints goes to stderr: stdout is a document, or a script, for somebody to read.

By thread, as other threads go on to print the lines of a report meanwhile.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class _Here(threading.local):
    to_stderr = False


class _ByThread:
    """Stands for `sys.stdout`."""

    def __init__(self, stdout: Any) -> None:
        self.stdout = stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if _here.to_stderr else self.stdout, name)


_here = _Here()
_GUARD = threading.Lock()
_users: list[None] = []
_standing: list[_ByThread] = []


@contextmanager
def printed_to_stderr() -> Iterator[None]:
    """What this thread prints in this block, `sys.stdout` or not."""
    was = _here.to_stderr
    with stdout_by_thread():
        _here.to_stderr = True
        try:
            yield
        finally:
            _here.to_stderr = was


@contextmanager
def stdout_by_thread() -> Iterator[None]:
    """Have something stand for `sys.stdout` that tells threads apart; around many short blocks it is put there once."""
    with _GUARD:
        if not _users and sys.stdout is not None:  # somebody has closed it
            _standing.append(_ByThread(sys.stdout))
            sys.stdout = _standing[0]
        _users.append(None)
    try:
        yield
    finally:
        with _GUARD:
            _users.pop()
            if not _users and _standing:
                # Whatever stands there now: of two threads that put something there in turns, the last to take it
                # away puts back what the other had put there.
                sys.stdout = _standing.pop().stdout


def real_stdout() -> TextIO | None:
    """The stdout of the process for whoever is not in `printed_to_stderr`, whatever another thread has put there."""
    standing = _standing[:1]
    return standing[0].stdout if standing and not _here.to_stderr else sys.stdout
