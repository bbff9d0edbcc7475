"""A small schema module on disk, for proofs to be true or wrong of."""

from __future__ import annotations

import textwrap
from pathlib import Path

from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.settings import Settings

MODELS = """
    from sqlalchemy import Column, MetaData, String, Table, Text

    metadata = MetaData()
    note = Table("note", metadata, Column("id", String, primary_key=True), Column("body", Text), schema="core")
"""

REVISION = '''"""{doc}"""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = {id!r}
down_revision = {down!r}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''

CREATE = """\
op.execute("CREATE SCHEMA IF NOT EXISTS core")
op.create_table("note", sa.Column("id", sa.String(), primary_key=True), schema="core")
"""
DROP = """\
op.drop_table("note", schema="core")
op.execute("DROP SCHEMA core CASCADE")
"""
ADD = 'op.add_column("note", sa.Column("body", sa.Text()), schema="core")'
ADD_REQUIRED = ADD.replace("sa.Text()", "sa.Text(), nullable=False")
REMOVE = 'op.drop_column("note", "body", schema="core")'


class Project:
    """A project folder with one package; starts with a released revision `aaaa` and an unreleased one `bbbb`."""

    def __init__(self, root: Path, package: str) -> None:
        self.root = root
        self.package = package
        self.folder = root / package
        self.versions = self.folder / "migrations" / "versions"
        self.versions.mkdir(parents=True)
        self.init_file = self.folder / "__init__.py"
        (root / "pyproject.toml").write_text(f'[tool.lamin_migrate_kit]\npackage = "{package}"\n')
        self.init("bbbb", "0.1.0")
        self.models(MODELS)
        self.revision("aaaa", None, CREATE, DROP, version="0_1_0")
        self.revision("bbbb", "aaaa", ADD, REMOVE)

    def init(self, migration: str, version: str) -> None:
        self.init_file.write_text(f'_schema_id = "yvzi"\n_migration = "{migration}"\n__version__ = "{version}"\n')

    def models(self, text: str) -> None:
        (self.folder / "models.py").write_text(textwrap.dedent(text))

    def revision(
        self,
        id: str,
        down: str | None,
        upgrade: str = "pass",
        downgrade: str = "pass",
        *,
        version: str = "x_x_x",
        doc: str | None = None,
        name: str | None = None,
    ) -> Path:
        says = doc or f"v{version.replace('_', '.')}.".replace("x", "X")
        bodies = {
            name: textwrap.indent(textwrap.dedent(body).strip(), "    ")
            for name, body in {"upgrade": upgrade, "downgrade": downgrade}.items()
        }
        path = self.versions / (name or f"2023-01-01-{id}-v{version}.py")
        path.write_text(REVISION.format(doc=says, id=id, down=down, **bodies))
        return path

    def module(self) -> SchemaModule:
        return find_schema_module(self.settings())

    def settings(self) -> Settings:
        return Settings(root=self.root, package=self.package, provider="embedded")
