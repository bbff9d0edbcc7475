"""The JSON is sorted, the same under every locale, and says which shape it has."""

from __future__ import annotations

import json

from lamin_migrate_kit.report.json import report_document, to_json
from lamin_migrate_kit.report.model import Environment, Finding, Proof, Report, Status

ENVIRONMENT = Environment("0.1.0", "3.11.7", "2.1.9", "1.20.1", "embedded Postgres 18.6", "embedded", True)


def report(*proofs: Proof) -> Report:
    return Report("ci", "lnschema_core", ENVIRONMENT, proofs, not_compared=(("view", "core.größe"),))


def test_report_has_every_proof_with_its_findings() -> None:
    finding = Finding("It differs.", revision="dd2b4a9499f2", file="a.py", line=3)
    shown = report_document(report(Proof("match", "models match", Status.FAILED, 0.12345, "1 difference", (finding,))))
    assert shown["status"] == "failed"
    assert shown["proofs"] == [
        {
            "name": "match",
            "title": "models match",
            "status": "FAILED",
            "seconds": 0.123,
            "summary": "1 difference",
            "findings": (
                {
                    "message": "It differs.",
                    "revision": "dd2b4a9499f2",
                    "file": "a.py",
                    "line": 3,
                    "details": "",
                    "next_command": None,
                    "rule": None,
                    "severity": None,
                },
            ),
            "measured": (),
            "accounts": (),
            "waived": None,
        }
    ]


def test_not_proven_is_no_failure_and_is_shown_as_such() -> None:
    shown = report_document(report(Proof("rows", "rows survive", Status.NOT_PROVEN)))
    assert (shown["status"], shown["proofs"][0]["status"]) == ("passed", "NOT PROVEN")  # type: ignore[index]


def test_text_is_sorted_and_ascii() -> None:
    text = to_json(report_document(report()))
    assert text.isascii()
    assert list(json.loads(text)) == sorted(json.loads(text))
