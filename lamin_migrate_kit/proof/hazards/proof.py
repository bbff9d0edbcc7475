"""What is dangerous in the unreleased revisions, and was not decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import MigrationError, RevisionError
from lamin_migrate_kit.proof.hazards.examine import Hazard, examine, merged
from lamin_migrate_kit.proof.hazards.model import Severity
from lamin_migrate_kit.proof.hazards.rules import RULES_BY_ID
from lamin_migrate_kit.proof.hazards.squawk import SAME, NoSecondOpinion, Said, ask_squawk, find_squawk
from lamin_migrate_kit.proof.hazards.waivers import Decisions, read_decisions
from lamin_migrate_kit.proof.locks.model import RevisionTrace
from lamin_migrate_kit.proof.locks.trace import LOCK_TIMEOUT, Traces
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.report.model import Finding, Status

if TYPE_CHECKING:
    from lamin_migrate_kit.workbench import Workbench


@proves("hazards", "nothing dangerous that was not decided")
def prove_hazards(bench: Workbench, traces: Callable[[], Traces]) -> Outcome:
    """Ask every rule about what the unreleased revisions did; ask squawk about their SQL.

    An error (data is lost, or the upgrade fails) fails the proof, unless the revision records the decision. Warnings
    and notes are shown.

    Args:
        bench: The module at hand.
        traces: Gives the traces.
    """
    if not bench.history.unreleased:
        return Outcome(Status.NOT_PROVEN, "no unreleased revision")
    try:
        found = traces()
    except (MigrationError, RevisionError) as error:
        return Outcome(Status.NOT_PROVEN, f"what is below the unreleased revisions does not run: {error.what}")
    opinion = _Opinion.of(bench)
    findings = tuple(finding for trace in found.revisions for finding in _findings(bench, trace, opinion))
    counts = Counter(finding.severity for finding in findings)
    failed = [trace for trace in found.revisions if trace.failure or _is_unexplained(trace)]
    summary = "; ".join([_counted(counts), *opinion.remarks])
    if counts[Severity.ERROR.value]:
        return Outcome(Status.FAILED, summary, _worst_first(findings))
    if failed:
        reason = f"{failed[0].revision} could not be run on rows; {summary}"
        return Outcome(Status.NOT_PROVEN, reason, _worst_first(findings))
    return Outcome(Status.PASSED, summary, _worst_first(findings))


def _is_unexplained(trace: RevisionTrace) -> bool:
    """Whether it refused rows for a reason that no rule is about."""
    if trace.refused is None:
        return False
    return trace.refused.line not in {hazard.line for hazard in examine(trace, read_decisions(trace.path))}


@dataclass
class _Opinion:
    """squawk, or why it says nothing."""

    program: Path | None
    major: int
    remarks: list[str]

    @classmethod
    def of(cls, bench: Workbench) -> _Opinion:
        try:
            return cls(find_squawk(), bench.server.major, [])
        except NoSecondOpinion as reason:
            return cls(None, bench.server.major, [f"no second opinion: {reason}"])

    def of_revision(self, trace: RevisionTrace) -> tuple[Said, ...]:
        if self.program is None:
            return ()
        try:
            return ask_squawk(self.program, trace, self.major, LOCK_TIMEOUT)
        except NoSecondOpinion as reason:
            self.program = None
            self.remarks.append(f"no second opinion: {reason}")
            return ()


def _findings(bench: Workbench, trace: RevisionTrace, opinion: _Opinion) -> Iterator[Finding]:
    shown, decisions = bench.module.shown(trace.path), read_decisions(trace.path)
    said = opinion.of_revision(trace)
    hazards, left = merged(examine(trace, decisions), ((one.rule, one.line) for one in said), SAME)
    for hazard in (*hazards, *_of_squawk(said, left, decisions)):
        if hazard.decision is None:
            yield _finding(hazard, trace.revision, shown)
    for line, wrong in decisions.misunderstood(RULES_BY_ID):
        yield Finding(f"A waiver waives nothing: {wrong}.", trace.revision, shown, line, severity="warning")


def _of_squawk(said: Iterable[Said], left: list[tuple[str, int]], decisions: Decisions) -> Iterator[Hazard]:
    seen: set[tuple[str, int]] = set()
    for one in said:
        if (one.rule, one.line) in left and (one.rule, one.line) not in seen:
            seen.add((one.rule, one.line))
            rule = f"squawk/{one.rule}"
            decision = decisions.allowed(rule, one.line)
            yield Hazard(rule, Severity.NOTE, one.line, one.message, "", "", one.sql, decision)


def _finding(hazard: Hazard, revision: str, shown: str) -> Finding:
    same = f"squawk says the same: {', '.join(hazard.also_says)}" if hazard.also_says else ""
    safe = f"instead: {hazard.safe}" if hazard.safe else ""
    return Finding(
        f"{hazard.rule}: {hazard.what.rstrip('.')}.",
        revision,
        shown,
        hazard.line,
        details="\n".join(part for part in (hazard.sql.strip(), hazard.effect, safe, same) if part),
        next_command=f"# migrate-kit: allow={hazard.rule} because …   above line {hazard.line} of {shown}, or mend it"
        if hazard.severity is Severity.ERROR
        else None,
        rule=hazard.rule,
        severity=hazard.severity.value,
    )


def _worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: Severity(finding.severity).rank))


def _counted(counts: Counter[str | None]) -> str:
    parts = [counted(counts[severity.value], severity.value) for severity in Severity if counts[severity.value]]
    return ", ".join(parts) or "none"
