"""Enum types, domains, composite and range types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lamin_migrate_kit.catalog.model import Column, CompositeType, Domain, EnumType, RangeType
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name, stored_name, stored_object_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.diff.naming import render_key
from lamin_migrate_kit.diff.renames import render_names
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
        multirange = qualified(value.key._replace(name=value.multirange))
        return f"CREATE TYPE {name} AS RANGE ({value.definition}, MULTIRANGE_TYPE_NAME = {multirange})"
    if isinstance(value, CompositeType):
        return f"CREATE TYPE {name} AS ({', '.join(_attribute(*attribute) for attribute in value.attributes)})"
    parts = [f"CREATE DOMAIN {name} AS {value.type}"]
    if value.collation:
        parts.append(f"COLLATE {value.collation}")
    if value.default is not None:
        parts.append(f"DEFAULT {value.default}")
    if value.not_null:
        parts.append(_not_null(value))
    valid = (item for item in value.constraints if not item.definition.endswith(" NOT VALID"))
    parts += [f"CONSTRAINT {quote_name(item.name)} {replayable_expression(item.definition)}" for item in valid]
    return " ".join(parts)


def _not_null(value: Domain) -> str:
    return (f"CONSTRAINT {quote_name(value.not_null_name)} " if value.not_null_name else "") + "NOT NULL"


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
    return Operation("drop", value.key, (f"DROP {_word(value)} {qualified(value.key)}",))


def only_adds_values(change: Change) -> bool:
    """Whether an enum type keeps its values, in their order, and gets more."""
    current, desired = change.current, change.desired
    assert isinstance(current, EnumType)
    assert isinstance(desired, EnumType)
    return tuple(value for value in desired.values if value in current.values) == current.values


def alter_enum(change: Change) -> Operation:
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
    return Operation("alter", desired.key, tuple(statements))


def move_aside(value: UserType, mapping: Mapping[str, str]) -> Operation:
    """Give up the type's name to one that takes its place.

    Postgres cannot take a value from an enum, nor change what a range is made of: the current type steps aside, the
    new one is made, the columns are converted by their text, and the old type goes.

    Args:
        value: The type as it is.
        mapping: Enum values that are replaced by others, to be recorded.
    """
    renamed = f"ALTER {_word(value)} {qualified(value.key)} RENAME TO {quote_name(_aside(value.key.name))}"
    names = {old: f"{render_key(value.key)}.{render_names((old,))}" for old in mapping}
    comments = tuple(f"migrate-kit: enum-map {names[old]}={new}" for old, new in mapping.items())
    return Operation("alter", value.key, (renamed,), comments=comments)


def make_way(value: RangeType, columns: Iterable[Column]) -> Operation:
    """Drop a range type whose name another takes, its values kept as text: its constructors cannot step aside."""
    kept = (
        f"{alter_column(column.key)} TYPE {text} USING {quote_name(column.key.part)}::{text}"
        for column in columns
        for text in ("text[]" if column.type.endswith("[]") else "text",)
    )
    return Operation("alter", value.key, (*kept, f"DROP TYPE {qualified(value.key)}"))


def drop_aside(value: UserType) -> Operation | None:
    """Drop a type that stepped aside."""
    if isinstance(value, RangeType):
        return None
    aside = value.key._replace(name=_aside(value.key.name))
    return Operation("drop", value.key, (f"DROP {_word(value)} {qualified(aside)}",))


def _aside(name: str) -> str:
    return stored_name(name.encode()[:50].decode(errors="ignore") + "__replaced")


def _word(value: UserType) -> str:
    return "DOMAIN" if isinstance(value, Domain) else "TYPE"


def convert_values(name: str, current: str, type_: str, mapping: Mapping[str, str]) -> str:
    """The expression that gives a column's values to a new type of the same name, by their text.

    Args:
        name: The column's quoted name.
        current: The column's type, which may be an array.
        type_: As it should be.
        mapping: Enum values that are replaced by others.
    """
    if not (current.endswith("[]") and type_.endswith("[]")):
        cases = " ".join(f"WHEN {quote_literal(old)} THEN {quote_literal(new)}" for old, new in mapping.items())
        return f"(CASE {name}::text {cases} ELSE {name}::text END)::{type_}" if cases else f"{name}::text::{type_}"
    text = f"{name}::text[]"
    for old, new in mapping.items():
        text = f"array_replace({text}, {quote_literal(old)}, {quote_literal(new)})"
    return f"{text}::{type_}"


def can_alter_domain(change: Change) -> bool:
    """Whether a domain keeps its base type."""
    return not change.fields & {"type", "collation"}


def alter_domain(change: Change) -> Operation:
    """Default, NOT NULL, constraints, comment."""
    current, desired = change.current, change.desired
    assert isinstance(current, Domain)
    assert isinstance(desired, Domain)
    statements = (*_domain_default(current, desired), *_domain_not_null(change), *_domain_checks(current, desired))
    if "comment" in change.fields:
        statements += (comment_sql(desired.key, desired.comment),)
    return Operation("alter", desired.key, statements)


def _domain_default(current: Domain, desired: Domain) -> tuple[str, ...]:
    if current.default == desired.default:
        return ()
    wanted = "DROP DEFAULT" if desired.default is None else f"SET DEFAULT {desired.default}"
    return (f"ALTER DOMAIN {qualified(desired.key)} {wanted}",)


def _domain_not_null(change: Change) -> tuple[str, ...]:
    current, desired = change.current, change.desired
    assert isinstance(current, Domain)
    assert isinstance(desired, Domain)
    head = f"ALTER DOMAIN {qualified(desired.key)}"
    if "not_null" in change.fields:
        if desired.not_null and desired.not_null_name:
            return (f"{head} ADD {_not_null(desired)}",)
        return (f"{head} {'SET' if desired.not_null else 'DROP'} NOT NULL",)
    if "not_null_name" in change.fields:
        ours, theirs = (quote_name(_not_null_name(domain)) for domain in (current, desired))
        return (f"{head} RENAME CONSTRAINT {ours} TO {theirs}",)
    return ()


def _domain_checks(current: Domain, desired: Domain) -> tuple[str, ...]:
    head = f"ALTER DOMAIN {qualified(desired.key)}"
    ours = {item.name: item for item in current.constraints}
    theirs = {item.name: item for item in desired.constraints}
    kept = {name for name, item in theirs.items() if name in ours and ours[name].definition == item.definition}
    statements = [f"{head} DROP CONSTRAINT {quote_name(name)}" for name in ours if name not in kept]
    for name, item in theirs.items():
        if name not in kept:
            statements.append(f"{head} ADD {_domain_constraint(name, item.definition)}")
        if (ours[name].comment if name in kept else None) != item.comment:
            text = quote_literal(item.comment) if item.comment is not None else "NULL"
            statements.append(f"COMMENT ON CONSTRAINT {quote_name(name)} ON DOMAIN {qualified(desired.key)} IS {text}")
    return tuple(statements)


def _not_null_name(domain: Domain) -> str:
    return domain.not_null_name or stored_object_name(domain.key.name, "", "not_null")


def can_alter_composite(change: Change, *, in_use: bool) -> bool:
    """Whether a composite type's attributes keep their order and, where columns use it, their types."""
    current, desired = change.current, change.desired
    assert isinstance(current, CompositeType)
    assert isinstance(desired, CompositeType)
    theirs = [name for name, *_ in desired.attributes]
    kept = [attribute for attribute in current.attributes if attribute[0] in theirs]
    if in_use and not set(kept) <= set(desired.attributes):
        return False
    return theirs[: len(kept)] == [name for name, *_ in kept]


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
