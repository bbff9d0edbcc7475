"""The part of a `Catalog` that renames are found from."""

from __future__ import annotations

from collections import defaultdict

from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, EnumType, Index, ObjectKey, Table
from lamin_migrate_kit.diff.renames.shapes import (
    ColumnShape,
    EnumShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
)


def shapes_of(catalog: Catalog) -> SchemaShape:
    """A catalog's tables and enum types as shapes, in the order of their keys.

    Args:
        catalog: Either side of a comparison.
    """
    facts = _facts(catalog)
    tables = tuple(
        TableShape(
            key=_key(table.key),
            columns=tuple(_column(column, facts) for column in catalog.columns(table.key)),
            comment=table.comment or "",
        )
        for table in catalog.of(Table)
    )
    enums = tuple(EnumShape(_key(enum.key), enum.values) for enum in catalog.of(EnumType))
    return SchemaShape(tables, enums)


class _Facts:
    """What constraints and indexes say about columns, by (table, column)."""

    def __init__(self) -> None:
        self.primary: set[tuple[TableKey, str]] = set()
        self.unique: set[tuple[TableKey, str]] = set()
        self.indexed: set[tuple[TableKey, str]] = set()
        self.references: dict[tuple[TableKey, str], list[ForeignTarget]] = defaultdict(list)


def _facts(catalog: Catalog) -> _Facts:
    facts = _Facts()
    for constraint in catalog.of(Constraint):
        _note_constraint(facts, constraint)
    for index in catalog.of(Index):
        target = facts.unique if index.unique else facts.indexed
        target.update((_key(index.table), column) for column in index.columns)
    return facts


def _note_constraint(facts: _Facts, constraint: Constraint) -> None:
    table = TableKey(constraint.key.schema, constraint.key.name)
    members = [(table, column) for column in constraint.columns]
    if constraint.type == "p":
        facts.primary.update(members)
    elif constraint.type == "u":
        facts.unique.update(members)
    elif constraint.type == "f" and constraint.referenced is not None:
        target = _key(constraint.referenced)
        for member, referenced in zip(members, constraint.referenced_columns, strict=False):
            facts.references[member].append(ForeignTarget(target, referenced))


def _column(column: Column, facts: _Facts) -> ColumnShape:
    place = (TableKey(column.key.schema, column.key.name), column.key.part)
    return ColumnShape(
        name=column.key.part,
        type=column.type,
        nullable=not column.not_null,
        default=_default(column),
        foreign_keys=tuple(sorted(facts.references.get(place, []))),
        position=column.position or None,
        in_primary_key=place in facts.primary,
        in_unique=place in facts.unique,
        indexed=place in facts.indexed,
        comment=column.comment or "",
    )


def _default(column: Column) -> str:
    """Where the values come from, in one text; a serial's sequence carries the old name and is left out."""
    if column.serial is not None:
        return "serial"
    if column.identity:
        return f"identity {column.identity}"
    return f"generated {column.generated} {column.default}" if column.generated else column.default or ""


def _key(key: ObjectKey) -> TableKey:
    return TableKey(key.schema, key.name)
