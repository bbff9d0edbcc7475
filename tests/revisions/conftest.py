"""A schema module on disk whose revisions a test writes itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.settings import Settings

INIT = b'_schema_id = "yvzi"\n_migration = "b2"\n__version__ = "0.2.0"  # by hand\n'


class Project:
    """A project folder with the package `core`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.versions = root / "core" / "migrations" / "versions"
        self.versions.mkdir(parents=True)
        self.init_file = root / "core" / "__init__.py"
        self.init_file.write_bytes(INIT)
        (root / "pyproject.toml").write_text('[tool.lamin_migrate_kit]\npackage = "core"\n')

    def module(self) -> SchemaModule:
        return find_schema_module(Settings(root=self.root, package="core"))

    def revision(
        self, id: str, down: str | None, version: str = "x_x_x", *, day: int = 1, doc: str | None = None
    ) -> Path:
        """A revision that creates one table."""
        says = doc or f"v{version.replace('_', '.')}.".replace("x", "X")
        text = f'"""{says}"""\nfrom alembic import op\n\nrevision = {id!r}\ndown_revision = {down!r}\n'
        body = f'\n\ndef upgrade() -> None:\n    op.execute("CREATE TABLE t{id} ()")\n'
        return self.write(f"2023-01-{day:02}-{id}-v{version}.py", text + body)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.versions / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def contents(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git" not in path.parts
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder with a space in its name, without revisions."""
    return Project(tmp_path / "a project")


@pytest.fixture
def released(project: Project) -> Project:
    """Two released revisions and two unreleased ones."""
    project.revision("a1", None, "0_1_0", day=1)
    project.revision("b2", "a1", "0_2_0", day=2)
    project.revision("c3", "b2", day=3)
    project.revision("d4", "c3", day=3)
    return project
