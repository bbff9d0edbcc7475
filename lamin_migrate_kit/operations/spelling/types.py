"""Enum types, domains, composite and range types."""

from __future__ import annotations

from collections.abc import Mapping

from lamin_migrate_kit.catalog.model import Column, CompositeType, Domain, EnumType, ObjectKey, RangeType
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.columns import alter_column
from lamin_migrate_kit.operations.spelling.comments import comment_sql, comment_statements

UserType = EnumType | Domain | CompositeType | RangeType


def create_type(value: UserType) -> Operation:
    """CREATE TYPE or CREATE DOMAIN."""
    return Operation("create", value.key, (_create_sql(value), *comment_statements(value), *_part_comments(value)))


def _create_sql(value: UserType) -> str:
    name = qualified(value.key)
    if isinstance(value, EnumType):
        return f"CREATE TYPE {name} AS ENUM ({', '.join(quote_literal(item) for item in value.values)})"
    if isinstance(value, RangeType):
        return f"CREATE TYPE {name} AS RANGE ({value.definition})"
    if isinstance(value, CompositeType):
        return f"CREATE TYPE {name} AS ({', '.join(_attribute(*attribute) for attribute in value.attributes)})"
    parts = [f"CREATE DOMAIN {name} AS {value.type}"]
    if value.collation:
        parts.append(f"COLLATE {value.collation}")
    if value.default is not None:
        parts.append(f"DEFAULT {value.default}")
    if value.not_null:
        parts.append("NOT NULL")
    valid = (item for item in value.constraints if not item.definition.endswith(" NOT VALID"))
    parts += [f"CONSTRAINT {quote_name(item.name)} {replayable_expression(item.definition)}" for item in valid]
    return " ".join(parts)


def _attribute(name: str, type_: str, collation: str | None) -> str:
    return f"{quote_name(name)} {type_}" + (f" COLLATE {collation}" if collation else "")


def _part_comments(value: UserType) -> tuple[str, ...]:
    if isinstance(value, CompositeType):
        head = f"COMMENT ON COLUMN {qualified(value.key)}"
        return tuple(f"{head}.{quote_name(n)} IS {quote_literal(text)}" for n, text in value.attribute_comments)
    if isinstance(value, Domain):
        late = [item for item in value.constraints if item.definition.endswith(" NOT VALID")]
        added = (f"ALTER DOMAIN {qualified(value.key)} ADD {_domain_constraint(i.name, i.definition)}" for i in late)
        commented = ((item.name, item.comment) for item in value.constraints if item.comment is not None)
        name = qualified(value.key)
        return (
            *added,
            *(
                f"COMMENT ON CONSTRAINT {quote_name(n)} ON DOMAIN {name} IS {quote_literal(text)}"
                for n, text in commented
            ),
        )
    return ()


def _domain_constraint(name: str, definition: str) -> str:
    return f"CONSTRAINT {quote_name(name)} {replayable_expression(definition)}"


def drop_type(value: UserType) -> Operation:
    """DROP TYPE or DROP DOMAIN."""
    word = "DOMAIN" if isinstance(value, Domain) else "TYPE"
    return Operation("drop", value.key, (f"DROP {word} {qualified(value.key)}",))


def only_adds_values(change: Change) -> bool:
    """Whether an enum type keeps its values, in their order, and gets more."""
    current, desired = change.current, change.desired
    assert isinstance(current, EnumType)
    assert isinstance(desired, EnumType)
    return tuple(value for value in desired.values if value in current.values) == current.values


def alter_enum(change: Change, *, autocommit: bool) -> Operation:
    """ADD VALUE at its place, and the comment."""
    current, desired = change.current, change.desired
    assert isinstance(current, EnumType)
    assert isinstance(desired, EnumType)
    statements, values = [], list(current.values)
    for place, value in enumerate(desired.values):
        if value not in values:
            where = f" BEFORE {quote_literal(values[place])}" if place < len(values) else ""
            statements.append(f"ALTER TYPE {qualified(desired.key)} ADD VALUE {quote_literal(value)}{where}")
            values.insert(place, value)
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    return Operation("alter", desired.key, tuple(statements), autocommit=autocommit)


def replace_type(
    current: UserType, desired: UserType, columns: tuple[tuple[Column, Column], ...], mapping: Mapping[str, str]
) -> Operation:
    """Make a type anew under its name and move every column over.

    Postgres cannot take a value from an enum, nor change what a range is made of: the old type steps aside, the new one
    is made, the columns are converted by their text, and the old type goes.

    Args:
        current: The type as it is.
        desired: The type as it should be.
        columns: The columns of that type, (current, desired).
        mapping: Enum values that are replaced by others.
    """
    aside = ObjectKey(current.key.kind, current.key.schema, f"{current.key.name[:50]}__replaced")
    word = "DOMAIN" if isinstance(current, Domain) else "TYPE"
    conversions = (_convert(column, desired, mapping) for _, column in columns)
    return Operation(
        "alter",
        desired.key,
        (
            f"ALTER {word} {qualified(current.key)} RENAME TO {quote_name(aside.name)}",
            *create_type(desired).statements,
            *conversions,
            f"DROP {word} {qualified(aside)}",
        ),
        comments=tuple(f"migrate-kit: enum-map {current.key}.{old}={new}" for old, new in mapping.items()),
    )


def _convert(column: Column, desired: UserType, mapping: Mapping[str, str]) -> str:
    name, array = quote_name(column.key.part), "[]" if column.type.endswith("[]") else ""
    text = f"{name}::text{array}"
    for old, new in mapping.items():
        if array:
            text = f"array_replace({text}, {quote_literal(old)}, {quote_literal(new)})"
    if mapping and not array:
        cases = " ".join(f"WHEN {quote_literal(old)} THEN {quote_literal(new)}" for old, new in mapping.items())
        text = f"(CASE {name}::text {cases} ELSE {name}::text END)"
    return f"{alter_column(column.key)} TYPE {column.type} USING {text}::{qualified(desired.key)}{array}"


def can_alter_domain(change: Change) -> bool:
    """Whether a domain keeps its base type."""
    return not change.fields & {"type", "collation"}


def alter_domain(change: Change) -> Operation:
    """Default, NOT NULL, constraints, comment."""
    current, desired = change.current, change.desired
    assert isinstance(current, Domain)
    assert isinstance(desired, Domain)
    head = f"ALTER DOMAIN {qualified(desired.key)}"
    statements = []
    if "default" in change.fields:
        statements.append(f"{head} SET DEFAULT {desired.default}" if desired.default else f"{head} DROP DEFAULT")
    if "not_null" in change.fields:
        statements.append(f"{head} {'SET' if desired.not_null else 'DROP'} NOT NULL")
    ours = {item.name: item for item in current.constraints}
    theirs = {item.name: item for item in desired.constraints}
    gone = [name for name, item in ours.items() if name not in theirs or theirs[name].definition != item.definition]
    new = [name for name, item in theirs.items() if name not in ours or ours[name].definition != item.definition]
    statements += [f"{head} DROP CONSTRAINT {quote_name(name)}" for name in gone]
    statements += [f"{head} ADD {_domain_constraint(name, theirs[name].definition)}" for name in new]
    for name, item in theirs.items():
        if (ours[name].comment if name in ours and name not in gone else None) != item.comment:
            text = quote_literal(item.comment) if item.comment is not None else "NULL"
            statements.append(f"COMMENT ON CONSTRAINT {quote_name(name)} ON DOMAIN {qualified(desired.key)} IS {text}")
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    return Operation("alter", desired.key, tuple(statements))


def can_alter_composite(change: Change) -> bool:
    """Whether a composite type's attributes keep their order, with new ones only at the end."""
    current, desired = change.current, change.desired
    assert isinstance(current, CompositeType)
    assert isinstance(desired, CompositeType)
    theirs = [name for name, *_ in desired.attributes]
    kept = [name for name, *_ in current.attributes if name in theirs]
    return theirs[: len(kept)] == kept


def alter_composite(change: Change) -> Operation:
    """ADD, ALTER and DROP ATTRIBUTE, comments."""
    current, desired = change.current, change.desired
    assert isinstance(current, CompositeType)
    assert isinstance(desired, CompositeType)
    head = f"ALTER TYPE {qualified(desired.key)}"
    ours = {name: (type_, collation) for name, type_, collation in current.attributes}
    theirs = {name: (type_, collation) for name, type_, collation in desired.attributes}
    statements = [f"{head} DROP ATTRIBUTE {quote_name(name)}" for name in ours if name not in theirs]
    for name, (type_, collation) in theirs.items():
        collate = f" COLLATE {collation}" if collation else ""
        if name not in ours:
            statements.append(f"{head} ADD ATTRIBUTE {_attribute(name, type_, collation)}")
        elif ours[name] != (type_, collation):
            statements.append(f"{head} ALTER ATTRIBUTE {quote_name(name)} SET DATA TYPE {type_}{collate}")
    if "attribute_comments" in change.fields:
        texts = {**{name: None for name, _ in current.attribute_comments}, **dict(desired.attribute_comments)}
        for name, text in texts.items():
            if name in theirs:
                literal = quote_literal(text) if text is not None else "NULL"
                statements.append(f"COMMENT ON COLUMN {qualified(desired.key)}.{quote_name(name)} IS {literal}")
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    return Operation("alter", desired.key, tuple(statements))
