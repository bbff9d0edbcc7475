"""What the server's spelling of a type means: words for it in Python, and which conversions are safe."""

from __future__ import annotations

import re
from collections.abc import Callable

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    CompositeType,
    Domain,
    EnumType,
    RangeType,
)
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal
from lamin_migrate_kit.operations.words import render_call, render_optional, render_string

POSTGRESQL_IMPORT = "from sqlalchemy.dialects import postgresql"

TypeWords = Callable[[Column], "tuple[str, frozenset[str]] | None"]
"""An author's own spelling of a column's type, with the imports it needs; None where there is none."""

_SIMPLE = {
    "integer": "sa.Integer()",
    "bigint": "sa.BigInteger()",
    "smallint": "sa.SmallInteger()",
    "text": "sa.Text()",
    "boolean": "sa.Boolean()",
    "character varying": "sa.String()",
    "date": "sa.Date()",
    "timestamp without time zone": "sa.DateTime()",
    "timestamp with time zone": "sa.DateTime(timezone=True)",
    "time without time zone": "sa.Time()",
    "time with time zone": "sa.Time(timezone=True)",
    "numeric": "sa.Numeric()",
    "double precision": "sa.Double()",
    "real": "sa.REAL()",
    "bytea": "sa.LargeBinary()",
    "uuid": "sa.Uuid()",
    "json": "postgresql.JSON()",
    "jsonb": "postgresql.JSONB()",
    "interval": "postgresql.INTERVAL()",
    "inet": "postgresql.INET()",
    "cidr": "postgresql.CIDR()",
    "macaddr": "postgresql.MACADDR()",
    "money": "postgresql.MONEY()",
    "oid": "postgresql.OID()",
    "tsvector": "postgresql.TSVECTOR()",
    "tsquery": "postgresql.TSQUERY()",
    "int4range": "postgresql.INT4RANGE()",
    "int8range": "postgresql.INT8RANGE()",
    "numrange": "postgresql.NUMRANGE()",
    "daterange": "postgresql.DATERANGE()",
    "tsrange": "postgresql.TSRANGE()",
    "tstzrange": "postgresql.TSTZRANGE()",
}
_SIZED = (
    (re.compile(r"character varying\((\d+)\)"), "sa.String(length={0})"),
    (re.compile(r"character\((\d+)\)"), "sa.CHAR(length={0})"),
    (re.compile(r"numeric\((\d+),(-?\d+)\)"), "sa.Numeric(precision={0}, scale={1})"),
    (re.compile(r"timestamp\((\d)\) without time zone"), "postgresql.TIMESTAMP(precision={0})"),
    (re.compile(r"timestamp\((\d)\) with time zone"), "postgresql.TIMESTAMP(timezone=True, precision={0})"),
)


def type_words(spelling: str, catalog: Catalog) -> str | None:
    """Python for a type that the server spells so; None where SQLAlchemy has no words for it."""
    if spelling.endswith("[]"):
        item = type_words(spelling[:-2], catalog)
        return f"postgresql.ARRAY({item})" if item else None
    if spelling in _SIMPLE:
        return _SIMPLE[spelling]
    for pattern, words in _SIZED:
        if match := pattern.fullmatch(spelling):
            return words.format(*match.groups())
    return _enum_words(spelling, catalog) or _domain_words(spelling, catalog)


def needed_imports(words: str) -> frozenset[str]:
    """The import lines that type words need."""
    return frozenset({POSTGRESQL_IMPORT} if "postgresql." in words else ())


def _enum_words(spelling: str, catalog: Catalog) -> str | None:
    for enum in catalog.of(EnumType):
        if spelling == qualified(enum.key):
            # The type is made by a statement of its own; create_type=False keeps SQLAlchemy from making it again.
            return render_call(
                "postgresql.ENUM",
                [render_string(value) for value in enum.values],
                name=render_string(enum.key.name),
                schema=render_optional(None if enum.key.schema == "public" else enum.key.schema),
                create_type="False",
            )
    return None


def _domain_words(spelling: str, catalog: Catalog) -> str | None:
    for domain in catalog.of(Domain):
        if spelling == qualified(domain.key) and (base := type_words(domain.type, catalog)):
            return render_call(
                "postgresql.DOMAIN",
                [render_string(domain.key.name), base],
                schema=render_optional(None if domain.key.schema == "public" else domain.key.schema),
                create_type="False",
            )
    return None


_INTEGERS = ("smallint", "integer", "bigint")
_LENGTH = re.compile(r"(character varying|character|bit varying|bit)(?:\((\d+)\))?")
_NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
_TIME = re.compile(r"(timestamp|time|interval)(?:\((\d)\))?((?: with(?:out)? time zone)?)")
_KEEPS_ALL = {
    ("smallint", "numeric"),
    ("integer", "numeric"),
    ("bigint", "numeric"),
    ("real", "double precision"),
    ("smallint", "real"),
    ("smallint", "double precision"),
    ("integer", "double precision"),
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("date", "timestamp without time zone"),
    ("date", "timestamp with time zone"),
    ("json", "jsonb"),
    ("jsonb", "json"),
    ("inet", "cidr"),
    ("cidr", "inet"),
    ("json", "text"),
    ("jsonb", "text"),
    ("uuid", "text"),
    ("uuid", "character varying"),
}


def same_family(current: str, desired: str) -> bool:
    """Whether values of the two types compare with each other, so that a foreign key may stay while one changes."""
    both = {current, desired}
    return both <= set(_INTEGERS) or all(_is_text(item) for item in both)


def keeps_values(current: str, desired: str) -> bool:
    """Whether every value of one type is a value of the other: the server converts by itself and nothing is lost."""
    if current.endswith("[]") and desired.endswith("[]"):
        return keeps_values(current[:-2], desired[:-2])
    if current in _INTEGERS and desired in _INTEGERS:
        return _INTEGERS.index(current) <= _INTEGERS.index(desired)
    return (current, desired) in _KEEPS_ALL or _wider_text(current, desired) or _wider_number(current, desired)


def needs_using(current: str, desired: str) -> bool:
    """Whether the server has no assignment cast between the two, so that ALTER TYPE fails without USING."""
    if current.endswith("[]") and desired.endswith("[]"):
        return needs_using(current[:-2], desired[:-2])
    if current == desired or same_family(current, desired) or _is_text(desired):
        return False
    numbers = (*_INTEGERS, "real", "double precision")
    is_number = [item in numbers or _NUMERIC.fullmatch(item) is not None for item in (current, desired)]
    times = (_kind_of_time(current), _kind_of_time(desired))
    return not (all(is_number) or times in _TIMES_CAST or {current, desired} == {"json", "jsonb"})


def _kind_of_time(spelling: str) -> str:
    """`timestamp with time zone` for `timestamp(3) with time zone`; what is no time as it is."""
    found = _TIME.fullmatch(spelling)
    return f"{found[1]}{found[3]}" if found else spelling


_TIMESTAMP, _TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
_TIMES_CAST = {
    ("date", _TIMESTAMP),
    ("date", _TIMESTAMPTZ),
    (_TIMESTAMP, _TIMESTAMPTZ),
    (_TIMESTAMP, "date"),
    (_TIMESTAMP, "time without time zone"),
    (_TIMESTAMPTZ, _TIMESTAMP),
    (_TIMESTAMPTZ, "date"),
    (_TIMESTAMPTZ, "time without time zone"),
    (_TIMESTAMPTZ, "time with time zone"),
    ("time without time zone", "time with time zone"),
    ("time without time zone", "interval"),
    ("time with time zone", "time without time zone"),
    ("interval", "time without time zone"),
}
"""Pairs with an assignment cast in `pg_cast`."""


def conversion(column: str, current: str, desired: str) -> str:
    """The expression that converts a column where ALTER TYPE alone does not.

    Args:
        column: The column's quoted name.
        current: Its type, in the server's spelling.
        desired: The type that it gets.
    """
    arrays = current.endswith("[]") and desired.endswith("[]")
    elements = {current.removesuffix("[]"), desired.removesuffix("[]")} if arrays else {current, desired}
    if _is_text(current) or elements == {"boolean", "integer"} or (arrays and not needs_using(current, desired)):
        return f"{column}::{desired}"
    return f"{column}::text{'[]' if arrays else ''}::{desired}"


_NEUTRAL = {
    "smallint": "0",
    "integer": "0",
    "bigint": "0",
    "real": "0",
    "double precision": "0",
    "numeric": "0",
    "money": "0",
    "boolean": "false",
    "text": "''",
    "character varying": "''",
    "character": "''",
    "bytea": "''",
    "bit varying": "''",
    "date": "'epoch'",
    "timestamp without time zone": "'epoch'",
    "timestamp with time zone": "'epoch'",
    "time without time zone": "'00:00'",
    "interval": "'0'",
    "json": "'{}'",
    "jsonb": "'{}'",
    "uuid": "'00000000-0000-0000-0000-000000000000'",
    "time with time zone": "'00:00+00'",
    "tsvector": "''",
    "tsquery": "''",
    "xml": "''",
    "inet": "'0.0.0.0'",
    "cidr": "'0.0.0.0/0'",
    "macaddr": "'00:00:00:00:00:00'",
    **dict.fromkeys(("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"), "'empty'"),
}


def neutral_value(spelling: str, catalog: Catalog) -> str | None:
    """An SQL literal that stands for "nothing known" in a type; None where there is none."""
    if spelling.endswith("[]"):
        return "'{}'"
    bare = re.sub(r"\(\d+(,-?\d+)?\)", "", spelling)
    if bare in _NEUTRAL:
        return _NEUTRAL[bare]
    found = (value for value in catalog.objects.values() if value.key.kind in _NEUTRAL_KINDS)
    return next((_neutral_value_of(value, catalog) for value in found if spelling == qualified(value.key)), None)


_NEUTRAL_KINDS = ("enum", "domain", "composite", "range")


def _neutral_value_of(type_: CatalogObject, catalog: Catalog) -> str | None:
    match type_:
        case EnumType():
            return quote_literal(type_.values[0]) if type_.values else None
        case Domain():
            return type_.default or neutral_value(type_.type, catalog)
        case CompositeType():
            return quote_literal(f"({',' * (len(type_.attributes) - 1)})")
        case RangeType():
            return "'empty'"
    return None


def accepts_any_value(spelling: str, catalog: Catalog) -> bool:
    """Whether a type is no domain that refuses some values of what it is made of."""
    domains = (domain for domain in catalog.of(Domain) if spelling == qualified(domain.key))
    return not any(domain.constraints for domain in domains)


def _is_text(spelling: str) -> bool:
    is_text = spelling == "text" or spelling.startswith(("character varying", "character("))
    return is_text and not spelling.endswith("[]")


def _wider_text(current: str, desired: str) -> bool:
    ours, theirs = _LENGTH.fullmatch(current), _LENGTH.fullmatch(desired)
    if desired == "text":
        return ours is not None and ours[1] in ("character varying", "character")
    if current == "text":
        return desired == "character varying"
    if ours is None or theirs is None or (ours[1] != theirs[1] and theirs[1] != "character varying"):
        return False
    return theirs[2] is None or (ours[2] is not None and int(ours[2]) <= int(theirs[2]))


def _wider_number(current: str, desired: str) -> bool:
    ours, theirs = _NUMERIC.fullmatch(current), _NUMERIC.fullmatch(desired)
    if ours is None or theirs is None:
        return _wider_time(current, desired)
    if theirs[1] is None:
        return True
    if ours[1] is None:
        return False
    whole, scale = (int(ours[1]) - int(ours[2]), int(ours[2]))
    return int(theirs[1]) - int(theirs[2]) >= whole and int(theirs[2]) >= scale


def _wider_time(current: str, desired: str) -> bool:
    ours, theirs = _TIME.fullmatch(current), _TIME.fullmatch(desired)
    if ours is None or theirs is None or (ours[1], ours[3]) != (theirs[1], theirs[3]):
        return False
    return int(theirs[2] or 6) >= int(ours[2] or 6)
