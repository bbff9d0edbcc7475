"""Schemas, extensions and sequences."""

from __future__ import annotations

import re

from lamin_migrate_kit.catalog.model import Extension, Schema, Sequence
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.columns import changed_options, default_options, keep_within, setval_sql
from lamin_migrate_kit.operations.spelling.comments import comment_sql, comment_statements


def create_schema(schema: Schema) -> Operation:
    """CREATE SCHEMA; one called `public` gets the comment that it has in every new database."""
    statement = f"CREATE SCHEMA {qualified(schema.key)}"
    standard = (comment_sql(schema.key, None),) if schema.key.name == "public" and schema.comment is None else ()
    return Operation("create", schema.key, (statement, *standard, *comment_statements(schema)))


def drop_schema(schema: Schema) -> Operation:
    """DROP SCHEMA, which fails when anything is left in it."""
    return Operation("drop", schema.key, (f"DROP SCHEMA {qualified(schema.key)}",))


def alter_comment(change: Change) -> Operation:
    """Only the comment."""
    desired = change.desired
    return Operation("alter", desired.key, (comment_sql(desired.key, desired.comment),))


def create_extension(extension: Extension) -> Operation:
    """CREATE EXTENSION with its schema and version."""
    schema = "" if extension.schema == "pg_catalog" else f" SCHEMA {quote_name(extension.schema)}"
    version = quote_literal(extension.version)
    statement = f"CREATE EXTENSION {quote_name(extension.key.name)}{schema} VERSION {version}"
    comment = () if extension.standard_comment else (comment_sql(extension.key, extension.comment),)
    return Operation("create", extension.key, (statement, *comment))


def drop_extension(extension: Extension) -> Operation:
    """DROP EXTENSION, which fails when anything uses it."""
    return Operation("drop", extension.key, (f"DROP EXTENSION {quote_name(extension.key.name)}",))


def can_alter_extension(change: Change) -> bool:
    """Whether an extension can be updated: there are scripts from a version to later ones."""
    current, desired = change.current, change.desired
    assert isinstance(current, Extension)
    assert isinstance(desired, Extension)
    return _numbers(current.version) <= _numbers(desired.version)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def alter_extension(change: Change) -> Operation:
    """SET SCHEMA, UPDATE, comment."""
    desired = change.desired
    assert isinstance(desired, Extension)
    head = f"ALTER EXTENSION {quote_name(desired.key.name)}"
    statements: tuple[str, ...] = ()
    if "schema" in change.fields:
        statements += (f"{head} SET SCHEMA {quote_name(desired.schema)}",)
    if "version" in change.fields:
        statements += (f"{head} UPDATE TO {quote_literal(desired.version)}",)
    if "comment" in change.fields:
        statements += (comment_sql(desired.key, desired.comment),)
    return Operation("alter", desired.key, statements)


def create_sequence(sequence: Sequence) -> Operation:
    """CREATE SEQUENCE; who owns it is said once the column is there."""
    unlogged = "UNLOGGED " if sequence.persistence == "u" else ""
    type_ = "" if sequence.options.type == "bigint" else f" AS {sequence.options.type}"
    clauses = "".join(f" {clause}" for clause in changed_options(sequence.options, default_options(sequence.options)))
    statement = f"CREATE {unlogged}SEQUENCE {qualified(sequence.key)}{type_}{clauses}"
    return Operation("create", sequence.key, (statement, *comment_statements(sequence)))


def own_sequence(sequence: Sequence, *, behind_values: bool) -> Operation:
    """OWNED BY; for a column that already has values the sequence goes on behind them."""
    assert sequence.owned_by is not None
    statements: tuple[str, ...] = (_owned_by(sequence),)
    if behind_values and sequence.key.schema == sequence.owned_by.schema:
        statements += (setval_sql(sequence.owned_by, sequence.key.name, sequence.options),)
    return Operation("alter", sequence.key, statements)


def disown_sequence(sequence: Sequence) -> Operation:
    """OWNED BY NONE, so that the sequence stays when its column goes."""
    return Operation("alter", sequence.key, (f"ALTER SEQUENCE {qualified(sequence.key)} OWNED BY NONE",))


def _owned_by(sequence: Sequence) -> str:
    owner = sequence.owned_by
    wanted = f"{qualified(owner)}.{quote_name(owner.part)}" if owner else "NONE"
    return f"ALTER SEQUENCE {qualified(sequence.key)} OWNED BY {wanted}"


def drop_sequence(sequence: Sequence) -> Operation:
    """DROP SEQUENCE."""
    return Operation("drop", sequence.key, (f"DROP SEQUENCE {qualified(sequence.key)}",))


def alter_sequence(change: Change) -> Operation | None:
    """RENAME, options, OWNED BY, persistence, comment."""
    current, desired = change.current, change.desired
    assert isinstance(current, Sequence)
    assert isinstance(desired, Sequence)
    head = f"ALTER SEQUENCE {qualified(desired.key)}"
    statements = []
    if "key" in change.fields:
        statements.append(f"ALTER SEQUENCE {qualified(current.key)} RENAME TO {quote_name(desired.key.name)}")
    if "options" in change.fields:
        type_ = f" AS {desired.options.type}" if current.options.type != desired.options.type else ""
        clauses = "".join(f" {clause}" for clause in changed_options(desired.options, current.options))
        within, restart = keep_within(qualified(desired.key), current.options, desired.options)
        statements += [*within, f"{head}{type_}{clauses}{restart}"]
    if "persistence" in change.fields:
        statements.append(f"{head} SET {'UNLOGGED' if desired.persistence == 'u' else 'LOGGED'}")
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    return Operation("alter", desired.key, tuple(statements)) if statements else None
