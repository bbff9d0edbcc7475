"""The published JSON Schema of a report, made of the result model: `docs/report.schema.json`.

    python -m lamin_migrate_kit.report.schema > docs/report.schema.json

Fields are only ever added while `format` stays the same; a reader passes over those that it does not know.
"""

from __future__ import annotations

import json
import types
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from lamin_migrate_kit.report.json import FORMAT
from lamin_migrate_kit.report.model import Changes, Environment, Proof, Status

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def report_schema() -> dict[str, Any]:
    """The schema of what `invoke ci --format json`, `invoke release --format json` and `--report` give."""
    texts: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    named = {"type": "object", "required": ["kind", "name"]}
    named["properties"] = {"kind": {"type": "string"}, "name": {"type": "string"}}  # type: ignore[assignment]
    properties: dict[str, Any] = {
        "format": {"const": FORMAT},
        "command": {"type": "string"},
        "status": {"type": "string"},
        "module": {"type": "string"},
        "environment": _of_environment(),
        "proofs": {"type": "array", "items": _schema_of(Proof)},
        "missing": texts,
        "not_compared": {"type": "array", "items": named},
        "kept": texts,
        "notes": texts,
        "changes": _schema_of(Changes | None),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A report of lamin_migrate_kit",
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
    }


def _of_environment() -> dict[str, Any]:
    schema = _schema_of(Environment)
    schema["properties"]["settings"] = {"type": "object", "additionalProperties": {"type": "string"}}
    return schema


def _schema_of(kind: Any) -> dict[str, Any]:
    if kind is Status:
        return {"enum": [status.value for status in Status]}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        found = {field.name: _schema_of(hints[field.name]) for field in fields(kind)}
        return {"type": "object", "properties": found, "required": sorted(found)}
    return _schema_of_many(get_origin(kind), get_args(kind))


def _schema_of_many(origin: Any, parts: tuple[Any, ...]) -> dict[str, Any]:
    if origin is types.UnionType:
        return {"anyOf": [_schema_of(part) for part in parts]}
    if parts[1:] == (...,):
        return {"type": "array", "items": _schema_of(parts[0])}
    return {"type": "array", "prefixItems": [_schema_of(part) for part in parts], "minItems": len(parts)}


def main() -> None:
    """Print the schema."""
    print(json.dumps(report_schema(), indent=2, sort_keys=True))  # what --report writes is sorted as well


if __name__ == "__main__":
    main()
