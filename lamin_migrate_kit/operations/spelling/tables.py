"""Tables: created whole, altered in place, dropped."""

from __future__ import annotations

from collections.abc import Sequence

from lamin_migrate_kit.catalog.model import Column, Constraint, ObjectKey, Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.columns import column_sql, column_words, extra_statements
from lamin_migrate_kit.operations.spelling.comments import comment_sql, comment_statements
from lamin_migrate_kit.operations.spelling.constraints import (
    constraint_extras,
    constraint_sql,
    inline_words,
    options_statements,
)
from lamin_migrate_kit.operations.spelling.context import Context
from lamin_migrate_kit.operations.words import (
    render_call,
    render_execute,
    render_optional,
    render_schema,
    render_string,
)


def create_table(
    table: Table,
    columns: Sequence[Column],
    constraints: Sequence[Constraint],
    serials: frozenset[ObjectKey],
    context: Context,
) -> Operation:
    """CREATE TABLE with its columns and those constraints that can stand in it.

    Args:
        table: The table.
        columns: Its columns in order; those that come from a parent are left out for INHERITS.
        constraints: Those that are made with the table.
        serials: Columns (by key) that are spelled SERIAL.
        context: See `Context`.
    """
    own = [column for column in columns if column.local]
    statement = _create_sql(table, own, constraints, serials, context)
    extras = [statement for column in own for statement in extra_statements(column, context)]
    unsaid = [statement for constraint in constraints for statement in constraint_extras(constraint)]
    settings = _settings(table)
    found = _create_words(table, own, constraints, serials, context)
    commented = comment_statements(table)
    words = (found[0], *map(render_execute, (*settings, *unsaid))) if found else ()
    return Operation(
        "create",
        table.key,
        (statement, *settings, *commented, *extras, *unsaid),
        words=words,
        imports=found[1] if found else frozenset(),
    )


def _create_sql(
    table: Table,
    columns: Sequence[Column],
    constraints: Sequence[Constraint],
    serials: frozenset[ObjectKey],
    context: Context,
) -> str:
    rows = [column_sql(column, context, serial=column.key in serials) for column in columns]
    rows += [constraint_sql(constraint) for constraint in constraints]
    unlogged = "UNLOGGED " if table.persistence == "u" else ""
    body = ",\n    ".join(rows)
    text = f"CREATE {unlogged}TABLE {qualified(table.key)} (\n    {body}\n)" if rows else None
    text = text or f"CREATE {unlogged}TABLE {qualified(table.key)} ()"
    if table.inherits:
        text += f"\nINHERITS ({', '.join(qualified(parent) for parent in table.inherits)})"
    if table.partition_key:
        text += f"\nPARTITION BY {table.partition_key}"
    if table.access_method != "heap" and not table.partition_key:
        text += f"\nUSING {quote_name(table.access_method)}"
    if table.options:
        text += f"\nWITH ({', '.join(table.options)})"
    return text


def _create_words(
    table: Table,
    columns: Sequence[Column],
    constraints: Sequence[Constraint],
    serials: frozenset[ObjectKey],
    context: Context,
) -> tuple[str, frozenset[str]] | None:
    if table.inherits or table.options or table.access_method != "heap" or not columns:
        return None
    keyed = {name for constraint in constraints if constraint.type == "p" for name in constraint.columns}
    arguments, imports = [render_string(table.key.name)], frozenset[str]()
    for column in columns:
        found = column_words(column, context, serial=column.key in serials, in_primary_key=column.key.part in keyed)
        if found is None:
            return None
        arguments.append(found[0])
        imports |= found[1]
    for constraint in constraints:
        words = inline_words(constraint)
        if words is None:
            return None
        arguments.append(words)
    call = render_call(
        "op.create_table",
        arguments,
        schema=render_schema(table.key.schema),
        comment=render_optional(table.comment),
        prefixes='["UNLOGGED"]' if table.persistence == "u" else None,
        postgresql_partition_by=render_optional(table.partition_key),
    )
    return call, imports


def _settings(table: Table) -> tuple[str, ...]:
    head = f"ALTER TABLE {qualified(table.key)}"
    statements = []
    if table.row_security:
        statements.append(f"{head} ENABLE ROW LEVEL SECURITY")
    if table.force_row_security:
        statements.append(f"{head} FORCE ROW LEVEL SECURITY")
    if table.replica_identity in "fn":
        statements.append(_replica_identity(table))
    return tuple(statements)


def _replica_identity(table: Table) -> str:
    kinds = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL"}
    kind = table.replica_identity
    wanted = kinds[kind] if kind in kinds else f"USING INDEX {quote_name(kind.removeprefix('i:'))}"
    return f"ALTER TABLE {qualified(table.key)} REPLICA IDENTITY {wanted}"


def replica_identity_index(table: Table) -> Operation:
    """REPLICA IDENTITY USING INDEX, once the index is there."""
    return Operation("alter", table.key, (_replica_identity(table),))


def attach(table: Table) -> Operation:
    """ATTACH PARTITION or INHERIT."""
    if table.partition_of is None:
        statements = (f"ALTER TABLE {qualified(table.key)} INHERIT {qualified(parent)}" for parent in table.inherits)
        return Operation("alter", table.key, tuple(statements))
    statement = f"ALTER TABLE {qualified(table.partition_of)} ATTACH PARTITION {qualified(table.key)}"
    return Operation("alter", table.key, (f"{statement} {table.partition_bound}",))


def detach(table: Table) -> Operation:
    """DETACH PARTITION or NO INHERIT."""
    if table.partition_of is None:
        statements = (f"ALTER TABLE {qualified(table.key)} NO INHERIT {qualified(parent)}" for parent in table.inherits)
        return Operation("alter", table.key, tuple(statements))
    statement = f"ALTER TABLE {qualified(table.partition_of)} DETACH PARTITION {qualified(table.key)}"
    return Operation("alter", table.key, (statement,))


def drop_table(table: Table) -> Operation:
    """DROP TABLE."""
    words = render_call("op.drop_table", [render_string(table.key.name)], schema=render_schema(table.key.schema))
    return Operation(
        "drop", table.key, (f"DROP TABLE {qualified(table.key)}",), words=(words,), loses=f"the rows of {table.key}"
    )


def alter_table_operation(change: Change) -> Operation | None:
    """Everything about a table that is altered in place, but partitions and a replica identity by index."""
    current, desired = change.current, change.desired
    assert isinstance(current, Table)
    assert isinstance(desired, Table)
    head = f"ALTER TABLE {qualified(desired.key)}"
    statements: list[str] = []
    if current.persistence != desired.persistence:
        statements.append(f"{head} SET {'UNLOGGED' if desired.persistence == 'u' else 'LOGGED'}")
    statements += options_statements(head, current.options, desired.options)
    if current.access_method != desired.access_method:
        statements.append(f"{head} SET ACCESS METHOD {quote_name(desired.access_method)}")
    if current.row_security != desired.row_security:
        statements.append(f"{head} {'ENABLE' if desired.row_security else 'DISABLE'} ROW LEVEL SECURITY")
    if current.force_row_security != desired.force_row_security:
        statements.append(f"{head} {'FORCE' if desired.force_row_security else 'NO FORCE'} ROW LEVEL SECURITY")
    if current.replica_identity != desired.replica_identity and not desired.replica_identity.startswith("i:"):
        statements.append(_replica_identity(desired))
    words = tuple(map(render_execute, statements))
    if current.comment != desired.comment:
        statements.append(comment_sql(desired.key, desired.comment))
        words = (*words, _comment_words(current, desired))
    return Operation("alter", desired.key, tuple(statements), words=words) if statements else None


def _comment_words(current: Table, desired: Table) -> str:
    name, schema = render_string(desired.key.name), render_schema(desired.key.schema)
    existing = render_optional(current.comment)
    if desired.comment is None:
        return render_call("op.drop_table_comment", [name], existing_comment=existing, schema=schema)
    return render_call(
        "op.create_table_comment", [name, render_string(desired.comment)], existing_comment=existing, schema=schema
    )
