"""The published schema is that of the result model, and real documents hold to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamin_migrate_kit.report.json import report_document, to_json
from lamin_migrate_kit.report.model import (
    Changes,
    ColumnAccount,
    Entity,
    Environment,
    Finding,
    Measured,
    Proof,
    Report,
    RevisionSql,
    RowsAccount,
    Status,
)
from lamin_migrate_kit.report.schema import report_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "report.schema.json"
ON = Environment(
    "0.1.0", "3.13.5", "2.1.9", "1.20.1", "system Postgres 18.6", "system", True, settings=(("fsync", "off"),)
)
FULL = Report(
    "ci",
    "lnschema_core",
    ON,
    (
        Proof(
            "locks",
            "what it locks",
            Status.PASSED,
            1.0,
            "1 statement",
            (Finding("It waits.", "bbbb", "a.py", 3, severity="note"),),
            (
                Measured(
                    "bbbb", "a.py", 3, "SELECT 1", 0.1, (("core.note", "SHARE"),), ("reads",), (), (("core.note", 3),)
                ),
            ),
            (RowsAccount("bbbb", "a.py", (("core.note", 3),), (), 1, (ColumnAccount("core.note.a", "kept"),)),),
            "for a reason",
        ),
    ),
    ("op.execute('x')",),
    (("view", "core.long"),),
    changes=Changes(
        "aaaa",
        "bbbb",
        (RevisionSql("bbbb", "a.py", "SELECT 1;", ""),),
        (Entity("core.note", "new", (("a", "text", ""),)),),
    ),
)


def test_published_schema_is_that_of_the_model() -> None:
    assert json.loads(PUBLISHED.read_text()) == report_schema()


@pytest.mark.parametrize("report", [FULL, Report("ci", "m", ON)])
def test_documents_hold_to_it(report: Report) -> None:
    assert wrong(json.loads(to_json(report_document(report))), report_schema(), "report") == []


@pytest.mark.parametrize("name", ["proofs", "environment", "format"])
def test_document_without_a_part_does_not_hold_to_it(name: str) -> None:
    document = json.loads(to_json(report_document(FULL)))
    del document[name]
    assert wrong(document, report_schema(), "report") == [f"report lacks {name}"]


def test_value_of_another_type_does_not_hold_to_it() -> None:
    document = json.loads(to_json(report_document(FULL)))
    document["proofs"][0]["status"] = "FINE"
    document["proofs"][0]["findings"][0]["line"] = "3"
    assert len(wrong(document, report_schema(), "report")) == 2


def wrong(value: Any, schema: dict[str, Any], place: str) -> list[str]:
    """What is wrong with a value, going by as much of JSON Schema as the published one uses."""
    if "anyOf" in schema:
        return [] if any(not wrong(value, one, place) for one in schema["anyOf"]) else [f"{place} is none of these"]
    if "enum" in schema or "const" in schema:
        return [] if value in schema.get("enum", [schema.get("const")]) else [f"{place} is {value}"]
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    kinds |= {"array": list, "object": dict}
    if not isinstance(value, kinds[schema["type"]]):  # type: ignore[arg-type]
        return [f"{place} is no {schema['type']}"]
    if isinstance(value, dict):
        lacking = [f"{place} lacks {name}" for name in schema.get("required", []) if name not in value]
        known = schema.get("properties", {})
        return lacking + [
            one for name in known.keys() & value for one in wrong(value[name], known[name], f"{place}.{name}")
        ]
    if isinstance(value, list):
        items = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        pairs = zip(value, items, strict=True)
        return [one for number, (item, of) in enumerate(pairs) for one in wrong(item, of, f"{place}[{number}]")]
    return []
