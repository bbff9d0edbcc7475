"""A git checkout of a package of models, edited step by step as an author would."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from lamin_migrate_kit.diff.renames import (
    Candidate,
    ColumnShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
    find_candidates,
)
from lamin_migrate_kit.source import declared_renames, read_source_evidence

HEAD = """
from datetime import datetime
from typing import Optional
from sqlmodel import Field, Relationship
from sqlalchemy import Column, String, Integer
"""


class Checkout:
    """A repository with one package, `lnschema_lab`, whose revisions make what the models were at `release`.

    Args:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "lnschema_lab"
        (self.folder / "migrations" / "versions").mkdir(parents=True)
        self._released: SchemaShape | None = None
        self._run("init", "-q", "-b", "main")
        self._run("config", "user.email", "author@example.org")
        self._run("config", "user.name", "Author")
        self._run("config", "commit.gpgsign", "false")

    def write(self, text: str, name: str = "models.py", *, head: bool = True) -> Checkout:
        """Write a file of the package."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((HEAD if head else "") + text, encoding="utf-8")
        return self

    def remove(self, name: str) -> Checkout:
        """Remove a file of the package."""
        (self.folder / name).unlink()
        return self

    def commit(self, message: str = "work") -> str:
        """Commit everything; gives the commit's id."""
        self._run("add", "-A")
        self._run("commit", "-q", "--allow-empty", "-m", message)
        return self._run("rev-parse", "HEAD").strip()

    def release(self, number: int = 1) -> str:
        """Commit the models with a revision file that makes them."""
        (self.folder / "__init__.py").write_text(f'__version__ = "{number}.0.0"\n', encoding="utf-8")
        revision = self.folder / "migrations" / "versions" / f"2023-01-0{number}-{number:012x}-v{number}_0_0.py"
        revision.write_text(f'"""v{number}.0.0."""\n', encoding="utf-8")
        self._released = self.shapes()
        return self.commit(f"release {number}")

    def tag(self, name: str) -> None:
        """Tag the last commit."""
        self._run("tag", name)

    def shapes(self) -> SchemaShape:
        """What the models in the working tree make."""
        return shapes_of_models(self.metadata())

    def metadata(self) -> MetaData:
        """The models' own metadata."""
        reg = registry()

        class Base(SQLModel, registry=reg):
            pass

        for path in sorted(self.folder.rglob("*.py")):
            if "migrations" not in path.parts:
                text = path.read_text(encoding="utf-8-sig")
                exec(compile(text, str(path), "exec", dont_inherit=True), {"Base": Base})
        return reg.metadata

    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates between the release and the working tree, with everything that the source says."""
        assert self._released is not None
        return find_candidates(
            self._released,
            self.shapes(),
            source=read_source_evidence(self.folder),
            declared=declared_renames(self.metadata()),
        )

    def _run(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shapes_of_models(metadata: MetaData) -> SchemaShape:
    """What `create_all` would make, as far as renames need it."""
    return SchemaShape(tuple(_table(table) for table in metadata.tables.values()))


def _table(table: Table) -> TableShape:
    columns = (
        ColumnShape(
            name=column.name,
            type=column.type.compile(postgresql.dialect()),  # type: ignore[no-untyped-call]
            nullable=bool(column.nullable),
            default="",
            foreign_keys=tuple(
                ForeignTarget(TableKey(key.column.table.schema or "public", key.column.table.name), key.column.name)
                for key in column.foreign_keys
            ),
            position=place,
            in_primary_key=column.primary_key,
            in_unique=bool(column.unique),
            indexed=bool(column.index),
            comment=column.comment or "",
        )
        for place, column in enumerate(table.columns, 1)
    )
    return TableShape(TableKey(table.schema or "public", table.name), tuple(columns), comment=table.comment or "")
