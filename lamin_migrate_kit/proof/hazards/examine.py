"""Traces -> hazards: every rule is asked about every revision, and every decision on record is honoured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.proof.hazards.model import Hit, Rule, Severity
from lamin_migrate_kit.proof.hazards.rules import RULES
from lamin_migrate_kit.proof.hazards.waivers import Decision, Decisions
from lamin_migrate_kit.proof.locks.model import RevisionTrace


@dataclass(frozen=True, slots=True)
class Hazard:
    """One hazard of one revision.

    Attributes:
        rule: The rule's id; of squawk's rules with `squawk/` before it.
        severity: How bad it is.
        line: Where, in the revision's file.
        what: What the revision does.
        effect: What happens then.
        safe: What to do instead.
        sql: The statement.
        decision: Why it is waived; None when it is not.
        also_says: The rules of squawk that say the same.
    """

    rule: str
    severity: Severity
    line: int | None
    what: str
    effect: str
    safe: str
    sql: str
    decision: Decision | None = None
    also_says: tuple[str, ...] = ()


def examine(trace: RevisionTrace, decisions: Decisions) -> tuple[Hazard, ...]:
    """Ask all rules about one revision.

    Args:
        trace: What it did.
        decisions: What it records.

    Returns:
        The hazards, worst first, then by line; waived ones as well.
    """
    origins = _origins(trace)
    found = [_hazard(trace, rule, hit, decisions, origins) for rule in RULES for hit in rule.find(trace)]
    return tuple(sorted(dict.fromkeys(found), key=lambda h: (h.severity.rank, h.line or 0, h.rule, h.what)))


def _hazard(
    trace: RevisionTrace,
    rule: Rule,
    hit: Hit,
    decisions: Decisions,
    origins: Mapping[int, Mapping[ObjectKey, ObjectKey]],
) -> Hazard:
    line, sql = _place(trace, hit)
    what = hit.what
    failure = trace.failure or trace.refused
    if failure and failure.on_rows and failure.line == line and (hit.severity or rule.severity) is not Severity.NOTE:
        what += f"; on the rows here it fails: {failure.message}"
    names = origins.get(id(hit.statement), {})
    subjects = (hit.subject, _origin(hit.subject, names))
    decision = decisions.allowed(rule.id, line) or decisions.decided(rule.decisions, subjects)
    return Hazard(rule.id, hit.severity or rule.severity, line, what, rule.effect, rule.safe, sql, decision)


def _place(trace: RevisionTrace, hit: Hit) -> tuple[int | None, str]:
    if hit.statement is not None:
        return hit.statement.line, hit.statement.sql
    return (trace.failure.line, trace.failure.sql) if trace.failure else (None, "")


def _origins(trace: RevisionTrace) -> dict[int, dict[ObjectKey, ObjectKey]]:
    """For each statement: what is called otherwise by then, and was called before the revision."""
    origins: dict[int, dict[ObjectKey, ObjectKey]] = {}
    former: dict[ObjectKey, ObjectKey] = {}
    for statement in trace.statements:
        origins[id(statement)] = dict(former)
        moved = {later: former.pop(earlier, earlier) for earlier, later in statement.renamed.items()}
        former.update(moved)
    return origins


def _origin(key: ObjectKey, names: Mapping[ObjectKey, ObjectKey]) -> ObjectKey:
    if key in names:
        return names[key]
    container = ObjectKey("enum", key.schema, key.name)
    if key.kind == "enum" and container in names:
        return names[container]._replace(part=key.part)
    return key


def merged(
    hazards: tuple[Hazard, ...], said: Iterator[tuple[str, int]], same: Mapping[str, frozenset[str]]
) -> tuple[tuple[Hazard, ...], list[tuple[str, int]]]:
    """Put what squawk says to what says the same.

    Args:
        hazards: Our own.
        said: (squawk's rule, line) of each finding.
        same: For a rule of squawk, the rules that say the same.

    Returns:
        The hazards with `also_says`, and what is left: findings that no rule of ours is about.
    """
    left: list[tuple[str, int]] = []
    for name, line in said:
        places = [i for i, hazard in enumerate(hazards) if hazard.line == line and hazard.rule in same.get(name, ())]
        for place in places:
            with_it = tuple(sorted({*hazards[place].also_says, name}))
            hazards = (*hazards[:place], replace(hazards[place], also_says=with_it), *hazards[place + 1 :])
        if name not in same:
            left.append((name, line))
    return hazards, left
