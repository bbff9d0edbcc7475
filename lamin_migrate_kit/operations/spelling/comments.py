"""COMMENT ON, for every kind."""

from __future__ import annotations

from lamin_migrate_kit.catalog.model import STANDARD_COMMENT, CatalogObject, ObjectKey
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name

_SIMPLE = {
    "schema": "SCHEMA",
    "extension": "EXTENSION",
    "table": "TABLE",
    "index": "INDEX",
    "view": "VIEW",
    "materialized_view": "MATERIALIZED VIEW",
    "sequence": "SEQUENCE",
    "enum": "TYPE",
    "composite": "TYPE",
    "range": "TYPE",
    "domain": "DOMAIN",
    "statistics": "STATISTICS",
    "event_trigger": "EVENT TRIGGER",
}
_ON_TABLE = {"constraint": "CONSTRAINT", "trigger": "TRIGGER", "policy": "POLICY", "rule": "RULE"}
_ROUTINES = {"function": "FUNCTION", "procedure": "PROCEDURE", "aggregate": "AGGREGATE"}


def target(key: ObjectKey) -> str:
    """How an object is named in COMMENT ON and in DROP: `TABLE core.notebook`, `TRIGGER t ON core.notebook`."""
    if key.kind in _SIMPLE:
        return f"{_SIMPLE[key.kind]} {qualified(key)}"
    if key.kind == "column":
        return f"COLUMN {qualified(key)}.{quote_name(key.part)}"
    if key.kind in _ON_TABLE:
        return f"{_ON_TABLE[key.kind]} {quote_name(key.part)} ON {qualified(key)}"
    return f"{_ROUTINES[key.kind]} {qualified(key)}({key.part or ('*' if key.kind == 'aggregate' else '')})"


def comment_sql(key: ObjectKey, comment: str | None) -> str:
    """The statement that sets or removes a comment."""
    if comment is None and key == ObjectKey("schema", "", "public"):
        comment = STANDARD_COMMENT
    return f"COMMENT ON {target(key)} IS {quote_literal(comment) if comment is not None else 'NULL'}"


def comment_statements(value: CatalogObject) -> tuple[str, ...]:
    """The statement for a new object's comment, if it has one."""
    return (comment_sql(value.key, value.comment),) if value.comment is not None else ()
