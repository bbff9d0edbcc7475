"""What `generate` writes: the revision's file and `_migration`, both or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.assignments import set_assignments
from lamin_migrate_kit.file_set import FileChange, FileSet, recover

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

__all__ = ["FileChange", "FileSet", "new_revision", "recover"]


def new_revision(module: SchemaModule, filename: str, text: str, id: str) -> FileSet:
    """The changes that add a revision to a module; nothing is written before `commit()`.

    Args:
        module: The schema module. Without a line `_migration` (a package with Alembic alone) only the file is added.
        filename: From `revision_filename`.
        text: From `render_revision`.
        id: The revision, for `_migration`.

    Raises:
        SchemaModuleError: `_migration` cannot be set, because `__init__.py` has changed since it was read.
    """
    files = FileSet(module.folder)
    files.create(module.versions_folder / filename, text.encode())
    if module.migration_line is not None:
        where = module.shown(module.init_file)
        files.stage(module.init_file, set_assignments(module.init_file.read_bytes(), {"_migration": id}, where=where))
    return files
