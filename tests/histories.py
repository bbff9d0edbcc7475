"""Small schema modules written for one test: a package with exactly the revisions that the test is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent

from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.settings import Settings


@dataclass
class History:
    """A package in a folder of its own. Revisions are added one after the other; each follows the last."""

    root: Path
    package: str = "lnschema_small"
    schema_id: str = "smal"
    version: str = "0.1.0"
    revisions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.versions.mkdir(parents=True)
        self.write_init()

    @property
    def folder(self) -> Path:
        return self.root / self.package

    @property
    def versions(self) -> Path:
        return self.folder / "migrations" / "versions"

    @property
    def module(self) -> SchemaModule:
        return find_schema_module(Settings(root=self.root, package=self.package))

    def write_init(self) -> None:
        migration = repr(self.revisions[-1]) if self.revisions else None
        (self.folder / "__init__.py").write_text(
            f'"""A small schema module."""\n\n_schema_id = {self.schema_id!r}\n_name = "small"\n'
            f'_migration = {migration}\n__version__ = "{self.version}"\n'
            + ("\nfrom . import models  # noqa\n" if (self.folder / "models.py").exists() else "")
        )

    def write_models(self, source: str) -> None:
        """Models in `models.py`, which `__init__.py` imports."""
        (self.folder / "models.py").write_text(dedent(source))
        self.write_init()

    def add(self, upgrade: str, downgrade: str = "", *, released: str | None = "0.1.0", revision: str = "") -> str:
        """Write the next revision; its id is `revision`, else made of its number. Returns the id."""
        revision = revision or f"{len(self.revisions) + 1:012d}"
        down = self.revisions[-1] if self.revisions else None
        word = released or "X.X.X"
        name = f"2023-01-{len(self.revisions) + 1:02d}-{revision}-v{word.replace('.', '_').lower()}.py"
        (self.versions / name).write_text(
            f'"""v{word}."""\nfrom alembic import op\nimport sqlalchemy as sa  # noqa\n'
            "import sqlmodel as sqm  # noqa\n\n"
            f"revision = {revision!r}\ndown_revision = {down!r}\n\n\n"
            f"def upgrade() -> None:\n{_body(upgrade)}\n\n\ndef downgrade() -> None:\n{_body(downgrade)}\n"
        )
        self.revisions.append(revision)
        self.write_init()
        return revision

    def path(self, revision: str) -> Path:
        return next(path for path in self.versions.iterdir() if revision in path.name)

    def line_of(self, revision: str, text: str) -> int:
        """The line of a revision's file that contains `text`."""
        lines = self.path(revision).read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


def _body(source: str) -> str:
    return indent(dedent(source).strip() or "pass", "    ")


def words(sql: str) -> str:
    """A statement with its white space evened out, to compare texts that differ in nothing else."""
    return re.sub(r"\s+", " ", sql).strip().rstrip(";").strip()
