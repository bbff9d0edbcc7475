"""Quoting of names and literals as the server does it."""

from __future__ import annotations

import re

from lamin_migrate_kit.catalog.model import ObjectKey

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")

# Every keyword of Postgres 15 to 18 that is not "unreserved" (pg_get_keywords(), catcode R, T and C): those need quotes
# in some place, so they always get them, as the server's own quote_ident() does.
_KEYWORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast
    char character check coalesce collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable
    desc distinct do else end except exists extract false fetch float for foreign freeze from full grant greatest group
    grouping having ilike in initially inner inout int integer intersect interval into is isnull join json json_array
    json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    lateral leading least left like limit localtime localtimestamp merge_action national natural nchar none normalize
    not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision
    primary real references returning right row select session_user setof similar smallint some substring symmetric
    system_user table tablesample then time timestamp to trailing treat trim true union unique user using values
    varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest
    xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
    """.split()  # noqa: SIM905
)

MAX_NAME_BYTES = 63


def quote_name(name: str) -> str:
    """Quote an identifier when the server would need it."""
    if _PLAIN.match(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Quote a string literal; backslashes stay what they are (`standard_conforming_strings` is on)."""
    return "'" + text.replace("'", "''") + "'"


def qualified(key: ObjectKey) -> str:
    """The object's name with its schema: `core.notebook`; for parts of a table, the table's name."""
    if not key.schema:
        return quote_name(key.name)
    return f"{quote_name(key.schema)}.{quote_name(key.name)}"


def stored_name(name: str) -> str:
    """The name as the server keeps it: cut to 63 bytes, never within a character."""
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def stored_object_name(first: str, second: str, label: str) -> str:
    """The name that the server makes for an object of a table, as `makeObjectName` in indexcmds.c does.

    The longer of the two names is shortened first until all fits in 63 bytes.
    """
    if second and len(plain := f"{first}_{second}_{label}") <= MAX_NAME_BYTES and plain.isascii():
        return plain  # nearly always, and asked of every column
    one, two = first.encode(), second.encode()
    room = 63 - len(label) - 1 - (1 if second else 0)
    while len(one) + len(two) > room:
        if len(one) > len(two):
            one = one[:-1]
        else:
            two = two[:-1]
    parts = (one.decode(errors="ignore"), two.decode(errors="ignore"), label)
    return "_".join(part for part in parts if part)
