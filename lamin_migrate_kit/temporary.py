"""The temp folder and folders in it, where an interrupt leaves nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lamin_migrate_kit.interruption import signals_deferred, surely_afterwards


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone after the block, also when an interrupt comes while it is made or removed.

    Args:
        prefix: What its name begins with.

    Raises:
        OSError: There is no room for it.
    """
    made: list[Path] = []
    with surely_afterwards(partial(_remove, made)):
        with signals_deferred():
            made.append(Path(tempfile.mkdtemp(prefix=prefix)))
        yield made[0]


def temp_folder() -> Path:
    """The machine's temp folder. Python tries the first time whether a file can be written there, and removes it."""
    with signals_deferred():
        return Path(tempfile.gettempdir())


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
