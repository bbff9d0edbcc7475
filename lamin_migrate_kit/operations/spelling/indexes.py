"""Indexes and extended statistics."""

from __future__ import annotations

import re

from lamin_migrate_kit.catalog.model import CatalogObject, Constraint, Index, ObjectKey, Statistics
from lamin_migrate_kit.catalog.quoting import qualified, quote_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.comments import comment_sql, comment_statements
from lamin_migrate_kit.operations.words import render_call, render_list, render_schema, render_string, render_text


def create_index(index: Index, *, only: bool = False) -> Operation:
    """CREATE INDEX in the server's spelling.

    Args:
        index: The index.
        only: Whether partitions are left out, whose own are attached one by one.
    """
    definition = replayable_expression(index.definition)
    if only:
        named = f" INDEX {quote_name(index.key.name)} ON "
        definition = definition.replace(named, f"{named}ONLY ", 1)
    words = None if only else _create_words(index)
    statements = (definition, *_extras(index), *comment_statements(index))
    only_words = len(statements) == 1
    return Operation("create", index.key, statements, words=(words,) if words and only_words else ())


def attach_piece(value: CatalogObject) -> Operation:
    """ATTACH PARTITION for a partition's index, also for the one behind a key."""
    assert isinstance(value, Index | Constraint)
    assert value.partition_of is not None
    whole, part = (_index_key(key) for key in (value.partition_of, value.key))
    return Operation("alter", value.key, (f"ALTER INDEX {qualified(whole)} ATTACH PARTITION {qualified(part)}",))


def _index_key(key: ObjectKey) -> ObjectKey:
    return key if key.kind == "index" else ObjectKey("index", key.schema, key.part)


def _extras(index: Index) -> list[str]:
    head = f"ALTER INDEX {qualified(index.key)}"
    statements = [f"{head} ALTER COLUMN {number} SET STATISTICS {target}" for number, target in index.statistics]
    if index.clustered:
        statements.append(f"ALTER TABLE {qualified(index.table)} CLUSTER ON {quote_name(index.key.name)}")
    return statements


_SIMPLE = re.compile(
    r"CREATE (UNIQUE )?INDEX \S+ ON \S+ USING (\w+) \(([^()]*)\)( INCLUDE \(([^()]*)\))?( WHERE .*)?", re.S
)


def _create_words(index: Index) -> str | None:
    """`op.create_index` for indexes on plain columns."""
    match = _SIMPLE.fullmatch(index.definition)
    if match is None or index.expressions or index.table.kind != "table" or '"' in index.definition:
        return None
    columns = [part.strip() for part in match[3].split(",")]
    included = [part.strip() for part in (match[5] or "").split(",") if part.strip()]
    if [*columns, *included] != list(index.columns):
        return None  # an operator class, a collation or an ordering stands with a column
    where = match[6].removeprefix(" WHERE ") if match[6] else None
    return render_call(
        "op.create_index",
        [
            render_string(index.key.name),
            render_string(index.table.name),
            render_list(render_string(column) for column in columns),
        ],
        unique="True" if match[1] else "False",
        schema=render_schema(index.key.schema),
        postgresql_using=render_string(match[2]) if match[2] != "btree" else None,
        postgresql_include=render_list(render_string(column) for column in included) if included else None,
        postgresql_where=_where_words(where),
    )


def _where_words(where: str | None) -> str | None:
    if where is None:
        return None
    return render_text(replayable_expression(where).removeprefix("(").removesuffix(")"))


def drop_index(index: Index) -> Operation:
    """DROP INDEX."""
    words: tuple[str, ...] = ()
    if index.table.kind == "table":
        name, table = render_string(index.key.name), render_string(index.table.name)
        call = render_call("op.drop_index", [name], table_name=table, schema=render_schema(index.key.schema))
        words = (call,)
    return Operation("drop", index.key, (f"DROP INDEX {qualified(index.key)}",), words=words)


def drop_with_constraints(index: Index) -> Operation:
    """DROP INDEX of a whole table's index with the keys of partitions that are its parts."""
    return Operation("drop", index.key, (f"DROP INDEX {qualified(index.key)} CASCADE",))


def can_alter(change: Change) -> bool:
    """Whether an index can stay and only be altered."""
    return not change.fields & {"definition", "table", "valid", "statistics", "unique", "columns", "predicate"}


def alter_index(change: Change) -> Operation | None:
    """RENAME, CLUSTER ON, comment."""
    current, desired = change.current, change.desired
    assert isinstance(current, Index)
    assert isinstance(desired, Index)
    statements = []
    if "key" in change.fields:
        statements.append(f"ALTER INDEX {qualified(current.key)} RENAME TO {quote_name(desired.key.name)}")
    if "clustered" in change.fields:
        wanted = f"CLUSTER ON {quote_name(desired.key.name)}" if desired.clustered else "SET WITHOUT CLUSTER"
        statements.append(f"ALTER TABLE {qualified(desired.table)} {wanted}")
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    action = "rename" if change.fields == {"key"} else "alter"
    return Operation(action, desired.key, tuple(statements)) if statements else None


def create_statistics(statistics: Statistics) -> Operation:
    """CREATE STATISTICS."""
    target = _target(statistics.key, statistics.target) if statistics.target is not None else ()
    return Operation("create", statistics.key, (statistics.definition, *target, *comment_statements(statistics)))


def _target(key: ObjectKey, target: int | None) -> tuple[str, ...]:
    return (f"ALTER STATISTICS {qualified(key)} SET STATISTICS {-1 if target is None else target}",)


def drop_statistics(statistics: Statistics) -> Operation:
    """DROP STATISTICS."""
    return Operation("drop", statistics.key, (f"DROP STATISTICS {qualified(statistics.key)}",))


def alter_statistics(change: Change) -> Operation:
    """The statistics target and the comment."""
    desired = change.desired
    assert isinstance(desired, Statistics)
    statements: tuple[str, ...] = ()
    if "target" in change.fields:
        statements += _target(desired.key, desired.target)
    if "comment" in change.fields:
        statements += (comment_sql(desired.key, desired.comment),)
    return Operation("alter", desired.key, statements)
