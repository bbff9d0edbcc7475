"""Questions that several rules ask of a trace."""

from __future__ import annotations

from collections.abc import Callable

from lamin_migrate_kit.catalog.model import Catalog, Constraint, EnumType, Index, ObjectKey
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement
from lamin_migrate_kit.proof.locks.modes import LockMode


def statement_that(trace: RevisionTrace, holds: Callable[[TracedStatement], bool]) -> TracedStatement | None:
    """The first statement of which something holds."""
    return next((statement for statement in trace.statements if holds(statement)), None)


def statement_changing(trace: RevisionTrace, key: ObjectKey) -> TracedStatement | None:
    """The first statement that made, changed or dropped an object."""
    return statement_that(trace, lambda one: one.before.objects.get(key) != one.after.objects.get(key))


def scanned(statement: TracedStatement, table: ObjectKey) -> bool:
    """Whether it read a table in full that existed before the revision."""
    return any(scan.table == table for scan in statement.scanned)


def renamed_values(trace: RevisionTrace, enum: ObjectKey) -> set[str]:
    """Values of an enum type that a statement gave another name."""
    return {old for statement in trace.statements for key, old, _ in value_renames(statement) if key == enum}


def value_renames(statement: TracedStatement) -> list[tuple[ObjectKey, str, str]]:
    """(enum type, former value, new value): the type is the same one, and only some values are called otherwise."""
    return [
        (before.key, old, new)
        for before, after in statement.changed(EnumType)
        if len(before.values) == len(after.values)
        for old, new in zip(before.values, after.values, strict=True)
        if old not in after.values and new not in before.values
    ]


def table_of(statement: TracedStatement, key: ObjectKey) -> ObjectKey:
    """A table under its name before the statement."""
    return next((former for former, later in statement.renamed.items() if later == key), key)


def is_online(statement: TracedStatement, table: ObjectKey) -> bool:
    """Whether reads and writes of a table could go on."""
    return not statement.locks(table, LockMode.SHARE)


def indexed_columns(catalog: Catalog, table: ObjectKey) -> list[tuple[str, ...]]:
    """The leading columns of every whole, valid index of a table, those behind constraints as well."""
    indexes = [i.columns for i in catalog.of(Index) if i.table == table and i.valid and not i.predicate]
    constraints = [c.columns for c in catalog.of(Constraint) if c.key.table == table and c.type in "pux"]
    return [*indexes, *constraints]


def exclusive(statement: TracedStatement) -> set[ObjectKey]:
    """The tables that nobody else could even read after the statement."""
    return {on for on, mode in statement.held if mode is LockMode.ACCESS_EXCLUSIVE and on.kind == "table"}


def scanned_exclusively(trace: RevisionTrace) -> bool:
    """Whether a table was read in full while nobody else could read it."""
    return any(scanned(statement, table) for statement in trace.statements for table in exclusive(statement))
