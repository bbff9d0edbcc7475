"""Schema modules of any size for benchmarks: a history of mixed revisions, and the models that it ends with.

The same number of revisions gives the same bytes. Five kinds take turns: create a table, add columns, alter columns,
create indexes, drop something; each is written as Alembic operations, with its way back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

PACKAGE = "lnschema_synthetic"
_TYPES = ("sa.Integer()", "sa.BigInteger()", "sa.String(50)", "sa.Text()", "sa.Boolean()", "sa.DateTime(timezone=True)")
_KINDS = ("create", "add", "alter", "index", "create", "add", "index", "drop", "alter", "add")
_FILE = '''"""v0.{number}.0."""
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


@dataclass
class Written:
    """One revision: its operations and those of its way back, a statement each."""

    upgrade: list[str] = field(default_factory=list)
    downgrade: list[str] = field(default_factory=list)

    def add(self, up: str, down: str) -> None:
        self.upgrade.append(up)
        self.downgrade.insert(0, down)


class Synthetic:
    """A history that is being thought up; `tables` and `indexes` are what is there at its head."""

    def __init__(self, seed: int = 7) -> None:
        self.tables: dict[str, dict[str, str]] = {}
        self.references: dict[str, str] = {}
        self.indexes: dict[str, tuple[str, str]] = {}
        self._chance = random.Random(seed)
        self._number = 0

    def revision(self, number: int) -> Written:
        """The next revision."""
        written = Written()
        if number == 1:
            written.add('op.execute("CREATE SCHEMA synth")', 'op.execute("DROP SCHEMA synth")')
        kind = _KINDS[(number - 1) % len(_KINDS)]
        {
            "create": self._create,
            "add": self._add,
            "alter": self._alter,
            "index": self._index,
            "drop": self._drop,
        }[kind](written)
        return written

    def _next(self, word: str) -> str:
        self._number += 1
        return f"{word}_{self._number:04}"

    def _create(self, written: Written) -> None:
        name = self._next("table")
        columns = {self._next("c"): self._chance.choice(_TYPES) for _ in range(5)}
        parts = ['sa.Column("id", sa.BigInteger(), primary_key=True)']
        parts += [f'sa.Column("{column}", {type_})' for column, type_ in columns.items()]
        if self.tables:
            other = self._chance.choice(sorted(self.tables))
            self.references[name] = other
            parts.append('sa.Column("other_id", sa.BigInteger())')
            parts.append(f'sa.ForeignKeyConstraint(["other_id"], ["synth.{other}.id"], name="fk_{name}_other")')
        made = ", ".join(parts)
        written.add(f'op.create_table("{name}", {made}, schema="synth")', f'op.drop_table("{name}", schema="synth")')
        self.tables[name] = columns
        self._index_on(written, name)
        self._index_on(written, name)

    def _add(self, written: Written) -> None:
        for _ in range(4):
            table, column = self._chance.choice(sorted(self.tables)), self._next("c")
            type_ = self._chance.choice(_TYPES)
            self.tables[table][column] = type_
            written.add(
                f'op.add_column("{table}", sa.Column("{column}", {type_}), schema="synth")',
                f'op.drop_column("{table}", "{column}", schema="synth")',
            )

    def _alter(self, written: Written) -> None:
        of = [(t, c) for t, columns in sorted(self.tables.items()) for c, kind in columns.items() if "String" in kind]
        for table, column in self._chance.sample(of, min(3, len(of))):
            current = self.tables[table][column]
            desired = f"sa.String({int(current[10:-1]) + 10})"
            self.tables[table][column] = desired
            alter = f'op.alter_column("{table}", "{column}", type_={{}}, existing_type={{}}, schema="synth")'
            written.add(alter.format(desired, current), alter.format(current, desired))

    def _index(self, written: Written) -> None:
        for _ in range(3):
            self._index_on(written, self._chance.choice(sorted(self.tables)))

    def _index_on(self, written: Written, table: str) -> None:
        name, column = self._next("ix"), self._chance.choice(list(self.tables[table]))
        self.indexes[name] = (table, column)
        written.add(*_made_and_dropped(name, table, column))

    def _drop(self, written: Written) -> None:
        for name in self._chance.sample(sorted(self.indexes), 3):
            table, column = self.indexes.pop(name)
            written.add(*reversed(_made_and_dropped(name, table, column)))

    def models(self) -> str:
        """The models at the head, as a module's source."""
        lines = [
            "from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table",
            "import sqlalchemy as sa",
        ]
        lines += ["", 'metadata = MetaData(schema="synth")']
        for name, columns in self.tables.items():
            parts = ['Column("id", sa.BigInteger(), primary_key=True)']
            parts += [f'Column("{column}", {type_})' for column, type_ in columns.items()]
            if name in self.references:
                target = f"synth.{self.references[name]}.id"
                parts.append('Column("other_id", sa.BigInteger())')
                parts.append(f'ForeignKeyConstraint(["other_id"], ["{target}"], name="fk_{name}_other")')
            parts += [f'Index("{index}", "{column}")' for index, (of, column) in self.indexes.items() if of == name]
            lines.append(f'Table("{name}", metadata, {", ".join(parts)})')
        return "\n".join(lines) + "\n"


def _made_and_dropped(name: str, table: str, column: str) -> tuple[str, str]:
    return (
        f'op.create_index("{name}", "{table}", ["{column}"], schema="synth")',
        f'op.drop_index("{name}", table_name="{table}", schema="synth")',
    )


def write_module(root: Path, revisions: int) -> int:
    """Write a module with that many revisions, all but the last released, into a folder.

    Returns:
        How many statements its upgrades send.
    """
    folder, synthetic, statements, down = root / PACKAGE, Synthetic(), 0, None
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    for number in range(1, revisions + 1):
        written, id = synthetic.revision(number), f"{number:012x}"
        statements += len(written.upgrade)
        bodies = {"upgrade": _body(written.upgrade), "downgrade": _body(written.downgrade)}
        text = _FILE.format(number=number, id=id, down=down, **bodies)
        (versions / f"2023-01-01-{id}-v0_{number}_0.py").write_text(text)
        down = id
    (folder / "__init__.py").write_text(
        f'_schema_id = "synt"\n_name = "synth"\n_migration = "{down}"\n__version__ = "0.{revisions}.0"\n'
    )
    (folder / "models.py").write_text(synthetic.models())
    (root / "pyproject.toml").write_text(f'[tool.lamin_migrate_kit]\npackage = "{PACKAGE}"\n')
    return statements


def _body(operations: list[str]) -> str:
    return indent("\n".join(operations) or "pass", "    ")


def written_statements(root: Path) -> Iterator[str]:
    """The SQL of all upgrades, as Alembic's offline mode writes it."""
    from lamin_migrate_kit.alembic_bridge import open_script, plan_steps
    from lamin_migrate_kit.schema_module import find_schema_module
    from lamin_migrate_kit.settings import Settings

    module = find_schema_module(Settings(root=root, package=PACKAGE))
    for step in plan_steps(module, open_script(module), None, "head"):
        yield from step.statements
