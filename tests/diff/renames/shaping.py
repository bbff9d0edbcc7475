"""Short ways to write down shapes and to read candidates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lamin_migrate_kit.diff.renames import (
    Candidate,
    ColumnShape,
    EnumShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
)


def key(name: str) -> TableKey:
    """`core.notebook`."""
    schema, _, table = name.rpartition(".")
    return TableKey(schema, table)


def column(name: str, type_: str | None = "text", **facts: Any) -> ColumnShape:
    """A column; `to="core.user"` is a foreign key to that table's id."""
    to = facts.pop("to", None)
    targets = (ForeignTarget(key(to), "id"),) if to else None
    return ColumnShape(name, type_, **{"nullable": True, "foreign_keys": targets, **facts})


def table(name: str, *columns: ColumnShape | str) -> TableShape:
    """A table; a column given as text is `name` or `name type`. Places are counted."""
    made = []
    for place, given in enumerate(columns, 1):
        if isinstance(given, str):
            given = column(*given.split(" ", 1))
        made.append(ColumnShape(**{**{f: getattr(given, f) for f in given.__slots__}, "position": place}))
    return TableShape(key(name), tuple(made))


def enum(name: str, *values: str) -> EnumShape:
    """An enum type."""
    return EnumShape(key(name), values)


def side(*shapes: TableShape | EnumShape) -> SchemaShape:
    """One side of a comparison."""
    return SchemaShape(
        tuple(shape for shape in shapes if isinstance(shape, TableShape)),
        tuple(shape for shape in shapes if isinstance(shape, EnumShape)),
    )


def shown(candidate: Candidate) -> str:
    """`core.notebook.v -> version`, or `core.notebook -> core.book`."""
    rename = candidate.rename
    if rename.kind in ("table", "enum"):
        return f"{rename.table_key} -> {rename.desired_table_key}"
    return f"{rename.table_key}.{rename.current} -> {rename.desired}"


def with_outcome(candidates: Iterable[Candidate], outcome: str) -> list[str]:
    """What has that outcome, as text."""
    return [shown(candidate) for candidate in candidates if candidate.outcome == outcome]


def decided(candidates: Iterable[Candidate]) -> list[str]:
    """What is decided, as text."""
    return with_outcome(candidates, "decided")


def asked(candidates: Iterable[Candidate]) -> list[str]:
    """What is to ask, as text."""
    return with_outcome(candidates, "ask")
