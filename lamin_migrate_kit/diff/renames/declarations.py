"""`renamed_from` in the models: which declarations still have something to rename, and which are stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lamin_migrate_kit.diff.renames.grammar import parse_names, render_names
from lamin_migrate_kit.diff.renames.model import Rename, part_rename, table_rename
from lamin_migrate_kit.diff.renames.shapes import SchemaShape, TableKey, stored_name

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a model says about a table or column of its.

    Attributes:
        table: The table as the models have it.
        column: The column as the models have it; empty when the declaration is the table's.
        renamed_from: The former name; of a table, with its schema when that has changed too.
    """

    table: TableKey
    column: str
    renamed_from: str

    def __str__(self) -> str:
        names = (self.table.schema, self.table.name, self.column)
        return render_names(tuple(name for name in names if name))


def declared_tables(
    declarations: Iterable[Declaration], current: SchemaShape, desired: SchemaShape, recorded: Sequence[Rename] = ()
) -> list[Rename]:
    """The renames of tables that are declared and still to do.

    Args:
        declarations: All of the models'.
        current: The current side.
        desired: The desired side.
        recorded: Renames that revisions have done already; only these tell a swap that was done from one to do.
    """
    edges = [(_former_table(d), d.table) for d in declarations if not d.column]
    done = [(r.table_key, r.desired_table_key) for r in recorded if r.kind == "table"]
    live = live_renames(edges, [t.key for t in current.tables], [t.key for t in desired.tables], done)
    return [table_rename(a, b) for a, b in live]


def declared_columns(
    declarations: Iterable[Declaration],
    tables: Iterable[tuple[TableKey, TableKey]],
    current: SchemaShape,
    desired: SchemaShape,
    recorded: Sequence[Rename] = (),
) -> list[Rename]:
    """The renames of columns that are declared and still to do.

    Args:
        declarations: All of the models'.
        tables: Tables on both sides, as they are called now and afterwards.
        current: The current side.
        desired: The desired side.
        recorded: Renames that revisions have done already.
    """
    by_table: dict[TableKey, list[tuple[str, str]]] = defaultdict(list)
    for declaration in declarations:
        if declaration.column:
            edge = (stored_name(declaration.renamed_from), stored_name(declaration.column))
            by_table[declaration.table].append(edge)
    found = []
    for ours, theirs in tables:
        sides = (current.table(ours), desired.table(theirs)) if theirs in by_table else (None, None)
        if sides[0] is None or sides[1] is None:
            continue
        names = [[column.name for column in side.columns] for side in sides if side]
        done = [(r.current, r.desired) for r in recorded if r.kind == "column" and r.desired_table_key == theirs]
        live = live_renames(by_table[theirs], names[0], names[1], done)
        found += [part_rename("column", ours, a, b, theirs) for a, b in live]
    return found


def live_renames(
    edges: Sequence[tuple[Name, Name]],
    current: Collection[Name],
    desired: Collection[Name],
    recorded: Collection[tuple[Name, Name]] = (),
) -> list[tuple[Name, Name]]:
    """The declared renames that are still to do.

    Those that hang together (a chain `a` to `b` to `c`, a swap) are done together: a chain is to do when one of its
    names is on one side only. A swap leaves no such trace; it is to do until a revision records it.

    Args:
        edges: Pairs (former name, name).
        current: Names on the current side.
        desired: Names on the desired side.
        recorded: Pairs that revisions have done.
    """
    possible = [(a, b) for a, b in edges if a != b and a in current and b in desired]
    return [edge for group in _chains(possible) if _to_do(group, current, desired, recorded) for edge in group]


def _to_do(
    group: Sequence[tuple[Name, Name]],
    current: Collection[Name],
    desired: Collection[Name],
    recorded: Collection[tuple[Name, Name]],
) -> bool:
    if any(a not in desired or b not in current for a, b in group):
        return True
    swap = {a for a, _ in group} == {b for _, b in group}
    return swap and not all(edge in recorded for edge in group)


def _chains(edges: Sequence[tuple[Name, Name]]) -> list[list[tuple[Name, Name]]]:
    """Edges grouped by the names that they share."""
    groups: list[list[tuple[Name, Name]]] = []
    for edge in edges:
        touching = [group for group in groups if any(set(edge) & set(other) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([*(other for group in touching for other in group), edge])
    return groups


def stale_declarations(
    declarations: Iterable[Declaration], renames: Iterable[Rename], current: SchemaShape, desired: SchemaShape
) -> tuple[str, ...]:
    """Sentences about declarations that have nothing to rename (any more).

    Args:
        declarations: All of the models'.
        renames: Those that were followed, by whatever was decided.
        current: The current side.
        desired: The desired side.
    """
    followed = {(r.desired_table_key, r.desired if r.kind == "column" else "") for r in renames}
    # Metadata may hold other packages' tables, which are none of ours to speak about.
    ours = [d for d in declarations if desired.table(d.table) is not None]
    left = [d for d in ours if (d.table, stored_name(d.column)) not in followed]
    return tuple(_why_stale(declaration, current) for declaration in left)


def _why_stale(declaration: Declaration, current: SchemaShape) -> str:
    said = f'{declaration} says renamed_from="{declaration.renamed_from}"'
    if _has(current, declaration.table, declaration.column):
        return f"{said}, and that is done: the declaration can go."
    former = (declaration.table, declaration.renamed_from) if declaration.column else (_former_table(declaration), "")
    if _has(current, *former):
        return f"{said}, but something else was decided about that name."
    return f"{said}, but the revisions make nothing of that name."


def _has(side: SchemaShape, key: TableKey, column: str) -> bool:
    table = side.table(key)
    return table is not None and (not column or table.column(stored_name(column)) is not None)


def _former_table(declaration: Declaration) -> TableKey:
    names = parse_names(declaration.renamed_from)
    schema = names[0] if len(names) > 1 else declaration.table.schema
    return TableKey(schema, names[-1])
