"""What each statement of the unreleased revisions locks, and whom that keeps waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement
from lamin_migrate_kit.proof.locks.modes import LockMode
from lamin_migrate_kit.proof.locks.trace import Traces
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.report.model import Finding, Measured, Status

if TYPE_CHECKING:
    from lamin_migrate_kit.workbench import Workbench


@proves("locks", "what the upgrade locks, rewrites and scans")
def prove_locks(bench: Workbench, traces: Callable[[], Traces]) -> Outcome:
    """Run the unreleased revisions statement by statement on tables with rows, and read from the server what they do.

    That something blocks is no failure: it is measured, and shown. What could not be traced is NOT PROVEN.

    Args:
        bench: The module at hand.
        traces: Gives the traces; called here, so that their time is this proof's.
    """
    if not bench.history.unreleased:
        return Outcome(Status.NOT_PROVEN, "no unreleased revision")
    found = traces()
    measured = tuple(row for trace in found.revisions for row in _measured(bench, trace))
    blocking = tuple(finding for trace in found.revisions for finding in _blocking(bench, trace))
    untraced = (*found.untraced, *(reason for trace in found.revisions for reason in _untraced(trace)))
    missing = tuple(Finding(f"Not traced: {reason}.") for reason in untraced)
    if untraced:
        return Outcome(Status.NOT_PROVEN, untraced[0], (*missing, *blocking), measured)
    summary = f"{counted(len(measured), 'statement')}, {_waiting(found)}"
    return Outcome(Status.PASSED, summary, blocking, measured)


def _measured(bench: Workbench, trace: RevisionTrace) -> Iterator[Measured]:
    for statement in trace.statements:
        yield Measured(
            revision=trace.revision,
            file=bench.module.shown(trace.path),
            line=statement.line,
            sql=statement.sql,
            seconds=round(statement.seconds, 6),
            locks=tuple((str(on), mode.value) for on, mode in statement.strongest.items()),
            blocks=blocks(statement),
            rewritten=tuple(map(str, statement.rewritten)),
            scanned=tuple((str(scan.table), scan.rows) for scan in statement.scanned),
            autocommit=statement.autocommit,
        )


def blocks(statement: TracedStatement) -> tuple[str, ...]:
    """Who has to wait for a statement's new locks: `reads`, `writes`, `other DDL`."""
    found = {who for mode in statement.strongest.values() for who in mode.blocks}
    return tuple(who for who in LockMode.ACCESS_EXCLUSIVE.blocks if who in found)


def _blocking(bench: Workbench, trace: RevisionTrace) -> Iterator[Finding]:
    """The statements that keep writers or readers waiting; other DDL may wait."""
    for statement in trace.statements:
        who = [one for one in blocks(statement) if one != "other DDL"]
        if who:
            yield Finding(
                f"{_locks(statement)}: {' and '.join(who)} wait{_work(statement)}.",
                trace.revision,
                bench.module.shown(trace.path),
                statement.line,
                details=statement.sql.strip(),
                severity="note",
            )


def _locks(statement: TracedStatement) -> str:
    locks = (f"{mode.value} on {on}" for on, mode in statement.strongest.items() if "writes" in mode.blocks)
    return ", ".join(locks)


def _work(statement: TracedStatement) -> str:
    parts = [f"{key} is written anew" for key in statement.rewritten if key.kind != "index"]
    parts += [f"{scan.table} is read in full" for scan in statement.scanned]
    return f" while {' and '.join(parts)}" if parts else ""


def _untraced(trace: RevisionTrace) -> Iterator[str]:
    if trace.failure:
        how = "was traced on empty tables: on rows it fails" if trace.failure.on_rows else "fails"
        yield f"{trace.revision} {how} ({trace.failure.message})"
    locked = {on for statement in trace.statements for on in statement.strongest}
    for table, reason in sorted(trace.not_filled.items()):
        if table in locked:
            yield f"{table} had no rows: {reason}"


def _waiting(found: Traces) -> str:
    statements = [statement for trace in found.revisions for statement in trace.statements]
    who = {one for statement in statements for one in blocks(statement)} - {"other DDL"}
    return f"{' and '.join(sorted(who))} wait" if who else "nobody waits"
