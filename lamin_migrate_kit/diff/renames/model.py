"""The values that renames are spoken of in: a rename, a candidate, and what the source says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lamin_migrate_kit.diff.renames.shapes import TableKey

Kind = Literal["table", "enum", "column", "enum_value"]
Outcome = Literal["decided", "ask", "none"]
DecidedBy = Literal["", "flag", "declared", "evidence"]


@dataclass(frozen=True, slots=True, order=True)
class Rename:
    """That one object is the same as another, under a new name.

    Attributes:
        kind: `table`, `enum` (the type), `column` or `enum_value`.
        schema: The current schema of the table or enum type.
        table: The current name of the table or enum type.
        current: The current name; for tables and enum types the same as `table`.
        desired: The new name; empty in a refusal that refuses every name.
        desired_schema: The schema of the table or enum type afterwards.
        desired_table: The name of the table or enum type afterwards.
    """

    kind: Kind
    schema: str
    table: str
    current: str
    desired: str
    desired_schema: str
    desired_table: str

    @property
    def table_key(self) -> TableKey:
        """The table or enum type as it is called now."""
        return TableKey(self.schema, self.table)

    @property
    def desired_table_key(self) -> TableKey:
        """The table or enum type as it is called afterwards."""
        return TableKey(self.desired_schema, self.desired_table)

    @property
    def end(self) -> tuple[Kind, TableKey, str]:
        """What is renamed."""
        return self.kind, self.table_key, self.current

    @property
    def desired_end(self) -> tuple[Kind, TableKey, str]:
        """What it is renamed to."""
        return self.kind, self.desired_table_key, self.desired


def table_rename(current: TableKey, desired: TableKey, kind: Kind = "table") -> Rename:
    """A table (or enum type) under a new name, in a new schema, or both."""
    return Rename(kind, *current, current.name, desired.name, *desired)


def part_rename(
    kind: Kind, table: TableKey, current: str, desired: str, desired_table: TableKey | None = None
) -> Rename:
    """A column or enum value under a new name, in a table or type that may have a new name itself."""
    return Rename(kind, *table, current, desired, *(desired_table or table))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two objects that may be one, with what speaks for it.

    Attributes:
        rename: Which two.
        score: From 0 to 1; comparable between candidates of a kind.
        evidence: Sentences without commas, the weightiest first.
        outcome: `decided`; `ask` (the best guess, a person has to say); `none` (not thought to be a rename).
        decided_by: What decided, when it is decided.
        question: Candidates with the same question are answered together.
        depends_on: The question of the table that it belongs to, while that table's own rename is to ask.
    """

    rename: Rename
    score: float
    evidence: tuple[str, ...]
    outcome: Outcome
    decided_by: DecidedBy = ""
    question: str = ""
    depends_on: str = ""

    @property
    def kind(self) -> Kind:
        """As in `Rename`."""
        return self.rename.kind

    @property
    def schema(self) -> str:
        """The current schema."""
        return self.rename.schema

    @property
    def table(self) -> str:
        """The current name of the table or enum type."""
        return self.rename.table

    @property
    def current(self) -> str:
        """The current name; with its schema for a table that moves into another schema."""
        return self._shown(self.rename.current, self.rename.schema)

    @property
    def desired(self) -> str:
        """The new name; with its schema for a table that moves into another schema."""
        return self._shown(self.rename.desired, self.rename.desired_schema)

    def _shown(self, name: str, schema: str) -> str:
        moves = self.kind in ("table", "enum") and self.rename.schema != self.rename.desired_schema
        return f"{schema}.{name}" if moves else name

    def as_json(self) -> dict[str, object]:
        """The object that `migrate.diff --format json` lists under `renames`."""
        return {
            "kind": self.kind,
            "schema": self.schema,
            "table": self.table,
            "current": self.current,
            "desired": self.desired,
            "score": round(self.score, 4),
            "evidence": list(self.evidence),
            "outcome": self.outcome,
        }


@dataclass(frozen=True, slots=True)
class SourceChange:
    """What the models' source says about one pair of names, between a base commit and the working tree.

    Attributes:
        kind: `table` or `column`.
        table: The table as the class has it now; the schema is empty when the source does not say it.
        current: The name at the base commit.
        desired: The name now.
        same_line: The annotation and the `Field(...)` (for a table: all of the class's body) are unchanged.
        same_place: It stands between the same neighbours.
    """

    kind: Literal["table", "column"]
    table: TableKey
    current: str
    desired: str
    same_line: bool
    same_place: bool

    def is_of(self, table: TableKey) -> bool:
        """Whether it is about that table, as the models have it."""
        return self.table.name == table.name and self.table.schema in ("", table.schema)


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What a comparison of the models' source with a base commit gave.

    Attributes:
        base: The commit, shortened, for messages; empty when there was none.
        changes: Pairs that the source speaks about.
    """

    base: str = ""
    changes: tuple[SourceChange, ...] = ()

    def of_table(self, current: TableKey, desired: TableKey) -> SourceChange | None:
        """What it says about a pair of tables."""
        return next(
            (c for c in self.changes if c.kind == "table" and c.current == current.name and c.is_of(desired)), None
        )

    def of_column(self, table: TableKey, current: str, desired: str) -> SourceChange | None:
        """What it says about a pair of columns in a table, named as the models have it."""
        pair = (current, desired)
        same = (c for c in self.changes if c.kind == "column" and (c.current, c.desired) == pair)
        return next((c for c in same if c.is_of(table)), None)


NO_SOURCE = SourceEvidence()
