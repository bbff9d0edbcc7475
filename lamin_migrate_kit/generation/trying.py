"""Revisions in a folder of their own, where what is only planned can run."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import WriteError
from lamin_migrate_kit.temporary import temp_folder, temporary_folder

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule


@contextmanager
def copied_revisions(
    module: SchemaModule, files: Mapping[str, bytes], left_out: Collection[Path] = ()
) -> Iterator[SchemaModule]:
    """The module with a copy of its revisions, in which some files are others; gone after the block.

    Args:
        module: The schema module; nothing of its own is touched.
        files: Content by file name, of revisions that are new or that change.
        left_out: Revisions that the copy does not have.

    Raises:
        WriteError: There is no room for a copy.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder("lamin-migrate-"))
            copy = replace(module, folder=folder / module.folder.name)
            copy.versions_folder.mkdir(parents=True)
            for path in sorted(module.versions_folder.glob("*.py")):
                if path not in left_out:
                    shutil.copy(path, copy.versions_folder)
            for name, content in files.items():
                (copy.versions_folder / name).write_bytes(content)
        except OSError as error:
            raise WriteError(
                f"The revisions could not be tried out: {error.strerror or error}; nothing was changed.",
                where=str(error.filename or temp_folder()),
                next_command="make room there, or name another folder: export TMPDIR=...",
            ) from error
        yield copy
