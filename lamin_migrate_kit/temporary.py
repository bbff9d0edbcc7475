"""The temp folder and folders in it, where an interrupt leaves nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lamin_migrate_kit.interruption import signals_deferred


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone after the block, also when an interrupt comes while it is made or removed.

    Args:
        prefix: What its name begins with.

    Raises:
        OSError: There is no room for it.
    """
    with ExitStack() as stack:
        with signals_deferred():
            folder = Path(tempfile.mkdtemp(prefix=prefix))
            stack.callback(_remove, folder)
        yield folder


def temp_folder() -> Path:
    """The machine's temp folder. Python tries the first time whether a file can be written there, and removes it."""
    with signals_deferred():
        return Path(tempfile.gettempdir())


def _remove(folder: Path) -> None:
    with signals_deferred():
        shutil.rmtree(folder, ignore_errors=True)
