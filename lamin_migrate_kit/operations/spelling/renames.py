"""Renames as operations: in an order in which no name is taken twice, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.diff.renames import Candidate, Rename, render_comment, table_rename
from lamin_migrate_kit.diff.renames.model import part_rename
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.words import render_call, render_schema, render_string

_ASIDE = "__renaming"


def rename_operations(candidates: Sequence[Candidate]) -> tuple[Operation, ...]:
    """The renames that were decided, tables and types first, each with the comment that records it."""
    evidence = {candidate.rename: candidate.evidence for candidate in candidates}
    return tuple(
        _operation(rename, render_comment(rename, evidence[rename]).removeprefix("# ") if rename in evidence else None)
        for rename in _in_order(list(evidence))
    )


def inverse_operations(candidates: Sequence[Candidate]) -> tuple[Operation, ...]:
    """The way back: the last rename first."""
    ordered = _in_order([candidate.rename for candidate in candidates])
    return tuple(_operation(_inverse(rename), None) for rename in reversed(ordered))


def _in_order(renames: list[Rename]) -> list[Rename]:
    """Whoever holds a name gives it up before another takes it; in a circle one steps aside first."""
    ordered: list[Rename] = []
    for kinds in (("table", "enum"), ("column", "enum_value")):
        waiting = sorted(rename for rename in renames if rename.kind in kinds)
        last: list[Rename] = []
        while waiting:
            taken = {_place(rename) for rename in waiting}
            free = [rename for rename in waiting if _goal(rename) not in taken]
            if free:
                ordered += free
                waiting = [rename for rename in waiting if rename not in free]
            else:
                first = waiting.pop(0)
                aside, back = _step_aside(first)
                ordered.append(aside)
                last.append(back)
        ordered += last
    return ordered


def _place(rename: Rename) -> tuple[str, str, str, str]:
    """What is renamed, as it is called once its table has its new name."""
    if rename.kind in ("table", "enum"):
        return rename.kind, rename.schema, rename.table, ""
    return rename.kind, rename.desired_schema, rename.desired_table, rename.current


def _goal(rename: Rename) -> tuple[str, str, str, str]:
    if rename.kind in ("table", "enum"):
        return rename.kind, rename.desired_schema, rename.desired, ""
    return rename.kind, rename.desired_schema, rename.desired_table, rename.desired


def _step_aside(rename: Rename) -> tuple[Rename, Rename]:
    name = f"{rename.current[:50]}{_ASIDE}"
    if rename.kind in ("table", "enum"):
        middle = type(rename.table_key)(rename.schema, name)
        return (
            table_rename(rename.table_key, middle, rename.kind),
            table_rename(middle, rename.desired_table_key, rename.kind),
        )
    table = rename.desired_table_key
    return (
        part_rename(rename.kind, rename.table_key, rename.current, name, table),
        part_rename(rename.kind, table, name, rename.desired),
    )


def _inverse(rename: Rename) -> Rename:
    if rename.kind in ("table", "enum"):
        return table_rename(rename.desired_table_key, rename.table_key, rename.kind)
    return part_rename(rename.kind, rename.desired_table_key, rename.desired, rename.current)


def _operation(rename: Rename, comment: str | None) -> Operation:
    build = {"table": _table, "enum": _enum, "column": _column, "enum_value": _value}[rename.kind]
    statements, words, key = build(rename)
    return Operation("rename", key, statements, words, comments=(comment,) if comment else ())


_Built = tuple[tuple[str, ...], tuple[str, ...], ObjectKey]


def _table(rename: Rename) -> _Built:
    current = ObjectKey("table", rename.schema, rename.table)
    desired = ObjectKey("table", rename.desired_schema, rename.desired)
    return _move(f"ALTER TABLE {qualified(current)}", current, desired, _table_words(rename))


def _enum(rename: Rename) -> _Built:
    current = ObjectKey("enum", rename.schema, rename.table)
    desired = ObjectKey("enum", rename.desired_schema, rename.desired)
    return _move(f"ALTER TYPE {qualified(current)}", current, desired, ())


def _move(head: str, current: ObjectKey, desired: ObjectKey, words: tuple[str, ...]) -> _Built:
    statements = []
    if current.schema != desired.schema:
        statements.append(f"{head} SET SCHEMA {quote_name(desired.schema)}")
        kind = head.split(" ")[1]
        head = f"ALTER {kind} {qualified(ObjectKey(current.kind, desired.schema, current.name))}"
    if current.name != desired.name:
        statements.append(f"{head} RENAME TO {quote_name(desired.name)}")
    return tuple(statements), words, desired


def _table_words(rename: Rename) -> tuple[str, ...]:
    if rename.schema != rename.desired_schema:
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
