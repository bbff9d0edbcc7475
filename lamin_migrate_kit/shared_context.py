"""A context that is one for the process, however many threads are in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager


class SharedContext:
    """Entered by the first who comes, and left by the last who goes, whichever thread that is.

    Args:
        make: Makes the context, each time that somebody is the first.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._users = 0
        self._stack = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Be in it for a block."""
        with self._guard:
            if not self._users:
                self._stack.enter_context(self._make())
            self._users += 1
        try:
            yield
        finally:
            with self._guard:
                self._users -= 1
                if not self._users:
                    self._stack.close()
