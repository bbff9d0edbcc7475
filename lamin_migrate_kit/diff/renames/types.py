"""How two types relate, as far as carrying a column's values over by renaming it goes."""

from __future__ import annotations

import re
from functools import lru_cache

_ALIASES = {
    "varchar": "character varying",
    "char": "character",
    "bpchar": "character",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "serial": "integer",
    "bigserial": "bigint",
    "bool": "boolean",
    "float": "double precision",
    "float8": "double precision",
    "float4": "real",
    "decimal": "numeric",
    "datetime": "timestamp without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
}

_FAMILIES = {
    "character varying": "text",
    "character": "text",
    "text": "text",
    "citext": "text",
    "name": "text",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "real": "number",
    "double precision": "number",
    "numeric": "number",
    "timestamp without time zone": "time",
    "timestamp with time zone": "time",
    "date": "time",
    "json": "json",
    "jsonb": "json",
}

COMMON_TYPES = frozenset(
    (
        "character varying",
        "text",
        "integer",
        "bigint",
        "boolean",
        "timestamp without time zone",
        "timestamp with time zone",
    )
)
"""Types that so many columns have that sharing one says little."""

_ARGUMENTS = re.compile(r"\([^()]*\)")


@lru_cache(maxsize=4096)
def normal_type(spelling: str) -> str:
    """A type as `format_type` spells it, in lower case, also from common other spellings.

    Args:
        spelling: Such as `VARCHAR(255)` or `timestamp without time zone`.
    """
    text = " ".join(spelling.split())
    arguments = "".join(_ARGUMENTS.findall(text)).lower().replace(" ", "")
    base, brackets, dimensions = _ARGUMENTS.sub("", text).partition("[")
    base = " ".join(base.split())
    known = _ALIASES.get(base.lower(), base.lower() if base.lower() in _FAMILIES else base)
    return known + arguments + brackets + dimensions


@lru_cache(maxsize=4096)
def family(spelling: str) -> str:
    """The family that a type belongs to: within it values are usually carried over; else the type itself."""
    base, brackets, _ = _ARGUMENTS.sub("", normal_type(spelling)).partition("[")
    return _FAMILIES.get(base, base) + brackets


def same_type(current: str | None, desired: str | None) -> bool | None:
    """Whether two types are the same; None when one is unknown."""
    if current is None or desired is None:
        return None
    return normal_type(current) == normal_type(desired)


def same_family(current: str | None, desired: str | None) -> bool | None:
    """Whether two types are of one family; None when one is unknown."""
    if current is None or desired is None:
        return None
    return family(current) == family(desired)
