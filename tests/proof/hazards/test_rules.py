"""Every rule catches its bad example and not its good one, and a real server shows what the rule says happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.proof.hazards.docs import render_docs
from lamin_migrate_kit.proof.hazards.examine import examine
from lamin_migrate_kit.proof.hazards.model import (
    GIVEN,
    Answers,
    Evidence,
    Fails,
    Family,
    Rewrites,
    Rule,
    Scans,
    Severity,
    Takes,
    Traced,
    body_of,
)
from lamin_migrate_kit.proof.hazards.rules import RULES, RULES_BY_ID
from lamin_migrate_kit.proof.hazards.waivers import read_decisions
from lamin_migrate_kit.proof.locks.model import RevisionTrace
from lamin_migrate_kit.proof.locks.trace import trace_unreleased
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import Project

Bench = Callable[[], Workbench]
DOCS = Path(__file__).parents[3] / "docs" / "hazards.md"


def traced(project: Project, bench: Bench, rule: Rule, example: str) -> tuple[Workbench, RevisionTrace]:
    project.revision("aaaa", None, body_of(GIVEN + rule.given), version="0_1_0")
    project.revision("bbbb", "aaaa", body_of(example))
    opened = bench()
    (trace,) = trace_unreleased(opened).revisions
    return opened, trace


def caught(trace: RevisionTrace) -> set[str]:
    """The rules that hold and that no decision waives."""
    return {hazard.rule for hazard in examine(trace, read_decisions(trace.path)) if hazard.decision is None}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_bad_example_is_caught_and_the_server_shows_why(project: Project, bench: Bench, rule: Rule) -> None:
    opened, trace = traced(project, bench, rule, rule.bad)
    assert rule.id in caught(trace)
    for evidence in rule.shows:
        assert shown(opened, trace, evidence), f"the server does not show: {evidence}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_good_example_is_not_caught_and_has_no_such_effect(project: Project, bench: Bench, rule: Rule) -> None:
    opened, trace = traced(project, bench, rule, rule.good)
    assert trace.failure is None
    assert rule.id not in caught(trace)
    decided = "# migrate-kit:" in rule.good
    assert decided == (rule.id in {hazard.rule for hazard in examine(trace, read_decisions(trace.path))})
    if not decided:
        assert not all(shown(opened, trace, evidence) for evidence in rule.shows)


def shown(opened: Workbench, trace: RevisionTrace, evidence: Evidence) -> bool:
    if isinstance(evidence, Fails):
        return trace.failure is not None and trace.failure.sqlstate == evidence.sqlstate
    if isinstance(evidence, Traced):
        return evidence.holds(trace)
    if isinstance(evidence, Answers):
        database = opened.clone(opened.head_database, "answers")
        with database.connect() as connection:
            return evidence.answer in answer(connection, evidence.sql)
    return any(_shows(statement, evidence) for statement in trace.statements)


def _shows(statement: object, evidence: Takes | Rewrites | Scans) -> bool:
    if isinstance(evidence, Takes):
        taken = statement.taken  # type: ignore[attr-defined]
        return any(str(on) == evidence.relation and mode.strength >= evidence.mode.strength for on, mode in taken)
    if isinstance(evidence, Rewrites):
        return evidence.relation in map(str, statement.rewritten)  # type: ignore[attr-defined]
    return evidence.relation in (str(scan.table) for scan in statement.scanned)  # type: ignore[attr-defined]


def answer(connection: Connection, sql: str) -> str:
    try:
        row = connection.exec_driver_sql(sql.replace("%", "%%")).first()
    except DBAPIError as error:
        return str(getattr(error.orig, "pgcode", ""))
    return str(row[0]) if row else "nothing"


def test_every_rule_is_whole() -> None:
    assert len(RULES) == len(RULES_BY_ID)
    assert len(RULES) >= 50
    for rule in RULES:
        texts = (rule.condition, rule.effect, rule.safe, rule.bad, rule.good)
        assert all(texts), rule.id
        assert rule.shows, rule.id
        assert all(text.endswith((".", ".)", "`.")) for text in texts[:3]), rule.id


def test_every_family_has_rules_and_only_what_loses_or_fails_is_an_error() -> None:
    assert {rule.family for rule in RULES} == set(Family)
    errors = {rule.family for rule in RULES if rule.severity is Severity.ERROR}
    assert errors <= {Family.DATA_LOSS, Family.TRANSACTIONS}


def test_documentation_is_in_step_with_the_rules() -> None:
    assert DOCS.read_text(encoding="utf-8") == render_docs(), (
        "python -m lamin_migrate_kit.proof.hazards.docs > docs/hazards.md"
    )
