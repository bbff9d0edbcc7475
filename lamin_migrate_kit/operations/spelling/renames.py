"""Renames as operations: in an order in which no name is taken twice, and the way back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lamin_migrate_kit.catalog.model import Catalog, EnumType, ObjectKey, Schema, Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name, stored_object_name
from lamin_migrate_kit.diff.renames import Candidate, Rename, TableKey, part_rename, render_comment, table_rename
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.code import unchecked
from lamin_migrate_kit.operations.spelling.namespaces import create_schema, drop_schema
from lamin_migrate_kit.operations.words import render_call, render_schema, render_string

_WHOLE = ("table", "enum")
_PARTS = ("column", "enum_value")
_IN_A_SCHEMA = ("table", "view", "materialized_view", "sequence", "index", "enum", "domain", "composite", "range")

_Name = tuple[str, str]
"""Schema and name."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """The renames of one revision, both ways.

    Attributes:
        upgrade: In order.
        downgrade: In order.
        aside: What only steps aside, because another takes its name, and is dropped later.
    """

    upgrade: tuple[Operation, ...] = ()
    downgrade: tuple[Operation, ...] = ()
    aside: tuple[Rename, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    """One rename that the server does.

    Attributes:
        rename: Which one.
        comment: The comment that records the decision behind it.
        goes: What is renamed is in the way, and will be dropped.
    """

    rename: Rename
    comment: str | None = None
    goes: bool = False


def lower_renames(candidates: Sequence[Candidate], current: Catalog, desired: Catalog) -> Renaming:
    """The renames that were decided, each with the comment that records it, and what they need and take along.

    Tables and types come first, then columns and values, which know their table under its new name. For what follows
    them, see `following_operations`.

    Args:
        candidates: The renames; their evidence goes into the comment.
        current: The catalog before them.
        desired: The catalog that the whole revision leads to.
    """
    wanted = {one.rename: render_comment(one.rename, one.evidence).removeprefix("# ") for one in candidates}
    steps = _in_order(_without_inherited(wanted, current), current)
    schemas = _new_schemas(wanted, current, desired)
    taken = {(key.schema, key.name) for key in current.objects if key.kind in _IN_A_SCHEMA}
    taken |= {rename.desired_table_key for rename in wanted if rename.kind in _WHOLE}
    return Renaming(
        upgrade=(
            *(create_schema(schema) for schema in schemas),
            *(_operation(step, taken) for step in steps),
        ),
        downgrade=(
            *(_operation(_Step(_inverse(step.rename)), taken) for step in reversed(steps)),
            *(drop_schema(schema) for schema in reversed(schemas)),
        ),
        aside=tuple(step.rename for step in steps if step.goes),
    )


def _without_inherited(wanted: Mapping[Rename, str], current: Catalog) -> dict[Rename, str]:
    """Leave out columns that get their new name from a parent: of a partitioned table, or by inheritance."""
    columns = {(rename.table_key, rename.current, rename.desired) for rename in wanted if rename.kind == "column"}
    parents = {TableKey(table.key.schema, table.key.name): _parents(table) for table in current.of(Table)}
    return {
        rename: comment
        for rename, comment in wanted.items()
        if rename.kind != "column"
        or not any((parent, rename.current, rename.desired) in columns for parent in parents.get(rename.table_key, ()))
    }


def _parents(table: Table) -> list[TableKey]:
    keys = (*((table.partition_of,) if table.partition_of else ()), *table.inherits)
    return [TableKey(key.schema, key.name) for key in keys]


# The order


def _in_order(wanted: Mapping[Rename, str], current: Catalog) -> list[_Step]:
    """Whoever holds a name gives it up before another takes it; in a circle one steps aside first."""
    ordered: list[_Step] = []
    for kinds in (_WHOLE, _PARTS):
        waiting = sorted(rename for rename in wanted if rename.kind in kinds)
        ordered += [_Step(_aside(holder), goes=True) for holder in _in_the_way(waiting, current)]
        last: list[_Step] = []
        while waiting:
            taken = {_place(rename) for rename in waiting}
            free = [rename for rename in waiting if _goal(rename) not in taken]
            ordered += [_Step(rename, wanted[rename]) for rename in free]
            waiting = [rename for rename in waiting if rename not in free]
            if not free:
                first = waiting.pop(0)
                ordered.append(_Step(_aside(first), wanted[first]))
                last.append(_Step(_back(first)))
        ordered += last
    return ordered


def _in_the_way(waiting: Sequence[Rename], current: Catalog) -> Iterator[Rename]:
    """What has a name that another thing gets, and no new name itself: it is dropped later, and steps aside now."""
    places = {_place(rename) for rename in waiting}
    for rename in waiting:
        if _goal(rename) in places or not _is_taken(rename, current):
            continue
        if rename.kind in _WHOLE:
            yield table_rename(rename.desired_table_key, rename.desired_table_key, rename.kind)
        else:
            part, table = rename.desired, rename.desired_table_key
            yield part_rename(rename.kind, rename.table_key, part, part, table)


def _is_taken(rename: Rename, current: Catalog) -> bool:
    if rename.kind in _WHOLE:
        return ObjectKey(rename.kind, rename.desired_schema, rename.desired) in current.objects
    if rename.kind == "column":
        return ObjectKey("column", rename.schema, rename.table, rename.desired) in current.objects
    enum = current.objects.get(ObjectKey("enum", rename.schema, rename.table))
    return isinstance(enum, EnumType) and rename.desired in enum.values


def _place(rename: Rename) -> tuple[str, str, str, str]:
    """What is renamed, as it is called once its table has its new name."""
    if rename.kind in _WHOLE:
        return rename.kind, rename.schema, rename.table, ""
    return rename.kind, rename.desired_schema, rename.desired_table, rename.current


def _goal(rename: Rename) -> tuple[str, str, str, str]:
    if rename.kind in _WHOLE:
        return rename.kind, rename.desired_schema, rename.desired, ""
    return rename.kind, rename.desired_schema, rename.desired_table, rename.desired


def _aside(rename: Rename) -> Rename:
    """Out of the way, under a name that nobody has."""
    name = _aside_name(rename.current)
    if rename.kind in _WHOLE:
        return table_rename(rename.table_key, TableKey(rename.schema, name), rename.kind)
    return part_rename(rename.kind, rename.table_key, rename.current, name, rename.desired_table_key)


def _back(rename: Rename) -> Rename:
    """From there to its new name."""
    name = _aside_name(rename.current)
    if rename.kind in _WHOLE:
        return table_rename(TableKey(rename.schema, name), rename.desired_table_key, rename.kind)
    return part_rename(rename.kind, rename.table_key, name, rename.desired, rename.desired_table_key)


def _aside_name(name: str) -> str:
    return stored_object_name(name, "", "_renaming")


def _inverse(rename: Rename) -> Rename:
    if rename.kind in _WHOLE:
        return table_rename(rename.desired_table_key, rename.table_key, rename.kind)
    return part_rename(rename.kind, rename.desired_table_key, rename.desired, rename.current)


# What renames need and take along


def _new_schemas(wanted: Collection[Rename], current: Catalog, desired: Catalog) -> list[Schema]:
    """Schemas that tables move into and that are not there yet."""
    names = {rename.desired_schema for rename in wanted if rename.kind in _WHOLE}
    keys = sorted(ObjectKey("schema", "", name) for name in names)
    found = (desired.objects.get(key) for key in keys if key not in current.objects)
    return [schema for schema in found if isinstance(schema, Schema)]


# The words

_Built = tuple[tuple[str, ...], tuple[str, ...], ObjectKey]


def _operation(step: _Step, taken: Collection[_Name]) -> Operation:
    rename = step.rename
    if rename.kind in _WHOLE:
        statements, words, key = _whole(rename, taken)
    else:
        statements, words, key = _column(rename) if rename.kind == "column" else _value(rename)
    return Operation("rename", key, statements, words, comments=(step.comment,) if step.comment else ())


def _whole(rename: Rename, taken: Collection[_Name]) -> _Built:
    """A table or type: into another schema, to another name, or both, by a way on which no name is taken."""
    word = "TABLE" if rename.kind == "table" else "TYPE"
    here, goal = rename.table_key, rename.desired_table_key
    statements = []
    for stop in (*_ways(here, goal, taken), goal):
        head = f"ALTER {word} {qualified(ObjectKey(rename.kind, *here))}"
        moves = stop.schema != here.schema
        statements.append(
            f"{head} SET SCHEMA {quote_name(stop.schema)}" if moves else f"{head} RENAME TO {quote_name(stop.name)}"
        )
        here = stop
    return tuple(statements), _table_words(rename), ObjectKey(rename.kind, *goal)


def _ways(here: TableKey, goal: TableKey, taken: Collection[_Name]) -> tuple[TableKey, ...]:
    """The stops between two names: one statement changes the schema or the name, not both."""
    if here.schema == goal.schema or here.name == goal.name:
        return ()
    ways = [TableKey(goal.schema, here.name), TableKey(here.schema, goal.name)]
    aside = _aside_name(here.name)
    return next(
        ((way,) for way in ways if way not in taken), (TableKey(here.schema, aside), TableKey(goal.schema, aside))
    )


def _table_words(rename: Rename) -> tuple[str, ...]:
    if rename.kind != "table" or rename.schema != rename.desired_schema:
        return ()
    names = [render_string(rename.table), render_string(rename.desired)]
    return (render_call("op.rename_table", names, schema=render_schema(rename.schema)),)


def _column(rename: Rename) -> _Built:
    # The table has its new name by now.
    key = ObjectKey("column", rename.desired_schema, rename.desired_table, rename.desired)
    old, new = quote_name(rename.current), quote_name(rename.desired)
    words = render_call(
        "op.alter_column",
        [render_string(key.name)],
        column_name=render_string(rename.current),
        new_column_name=render_string(rename.desired),
        schema=render_schema(key.schema),
    )
    return (f"ALTER TABLE {qualified(key)} RENAME COLUMN {old} TO {new}",), (words,), key


def _value(rename: Rename) -> _Built:
    key = ObjectKey("enum", rename.desired_schema, rename.desired_table)
    old, new = quote_literal(rename.current), quote_literal(rename.desired)
    return (f"ALTER TYPE {qualified(key)} RENAME VALUE {old} TO {new}",), (), key


def unchecked_until_renamed(operations: Iterable[Operation], renames: Collection[Rename]) -> tuple[Operation, ...]:
    """Let functions that a downgrade makes name what gets its former name back only behind them."""
    former = {rename.current for rename in renames}
    return tuple(unchecked(operation) if _mentions(operation, former) else operation for operation in operations)


def _mentions(operation: Operation, names: Collection[str]) -> bool:
    if operation.key.kind not in ("function", "procedure") or operation.action == "drop":
        return False
    words = {word for statement in operation.statements for word in re.findall(r"\w+", statement)}
    return any(words.issuperset(re.findall(r"\w+", name)) for name in names)
