"""All proofs of a module, in order, each one only when those that it builds on hold."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.comparison import Comparison, compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.fingerprint import environment, versions_used
from lamin_migrate_kit.proof.changes import read_changes
from lamin_migrate_kit.proof.hazards.proof import prove_hazards
from lamin_migrate_kit.proof.history import prove_checksums, prove_history, prove_names
from lamin_migrate_kit.proof.locks.proof import prove_locks
from lamin_migrate_kit.proof.locks.trace import trace_unreleased
from lamin_migrate_kit.proof.majors import name_of, prove_on_major
from lamin_migrate_kit.proof.match import prove_alembic_check, prove_match
from lamin_migrate_kit.proof.old_code.proof import prove_old_code
from lamin_migrate_kit.proof.outcome import Prover
from lamin_migrate_kit.proof.repeatable import prove_repeatable
from lamin_migrate_kit.proof.rows.proof import prove_rows
from lamin_migrate_kit.proof.stairway import Stairway, prove_stairway
from lamin_migrate_kit.proof.upgrade import prove_upgrade
from lamin_migrate_kit.proof.waiving import check_waivers, idle_waivers, waived
from lamin_migrate_kit.report.model import Proof, Report, Status
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.revisions.history import read_history
from lamin_migrate_kit.schema_module import find_schema_module
from lamin_migrate_kit.workbench import open_workbench

if TYPE_CHECKING:
    from lamin_migrate_kit.proof.rows.instance import Clone
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.settings import Settings
    from lamin_migrate_kit.workbench import Workbench


PROVERS: tuple[Prover[Any], ...] = (
    *(prove_history, prove_names, prove_checksums, prove_repeatable),
    *(prove_upgrade, prove_match, prove_alembic_check, prove_stairway),
    *(prove_rows, prove_locks, prove_hazards, prove_old_code),
)
"""All proofs, in the order in which they run."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A proof, how to run it, and the names of the proofs without which it says nothing."""

    prover: Prover[Any]
    run: Callable[[], Proof]
    needs: tuple[str, ...] = ()


def prove_module(
    settings: Settings, *, command: str, every: bool, progress: Progress, clone: Clone | None = None
) -> Report:
    """Find the module that the settings name and run all its proofs. Writes nothing, asks nothing.

    Args:
        settings: Where the module is, and which server to use.
        command: As typed, for the report.
        every: Take every revision up and down, not only the unreleased ones.
        progress: Told of each proof as it is done.
        clone: The instance whose rows are used, instead of rows that are made up.

    Raises:
        SettingsError: A proof is waived that does not exist, or a column masked.
        SchemaModuleError: There is no module to prove, or its models cannot be imported.
        ServerError: There is no server, or it went away.
    """
    waive = dict(settings.waive)
    check_waivers(waive, [*(prover.name for prover in PROVERS), *map(name_of, settings.postgres)])
    module = find_schema_module(settings)
    module.metadata()  # what is wrong with the models is said before a server is started for them
    read = functools.cache(lambda: read_history(module))
    history = prove_history(module, read)
    if history.status is Status.FAILED:
        return _unreadable(module, command, history, progress, waive)
    with ExitStack() as stack:
        with progress.running("a Postgres to prove it on"):
            bench = stack.enter_context(open_workbench(settings))
        bench.history = read()
        progress.begin(versions_used(bench.server), _shown(module))
        progress.done(history)
        return _prove(bench, command, history, every, progress, waive, clone)


def _prove(
    bench: Workbench,
    command: str,
    history: Proof,
    every: bool,
    progress: Progress,
    waive: Mapping[str, str],
    clone: Clone | None,
) -> Report:
    comparison = functools.cache(lambda: compare_module(bench, Decisions()))
    proofs = [history]
    with Stairway(bench, every=every).begun() as stairway:
        for step in _steps(bench, comparison, stairway, every, clone):
            with progress.running(step.prover.title):
                proofs.append(waived(_run(step, proofs), waive))
            progress.done(proofs[-1])
    for major in bench.settings.postgres:
        if major != bench.server.major:
            proofs.append(waived(_on_major(bench, major, proofs, every, progress, clone), waive))
            progress.done(proofs[-1])
    notes = (*idle_waivers(proofs, waive), *_left_out(bench, every))
    report = Report(command, bench.module.package, environment(bench.server), tuple(proofs), notes=notes)
    if all(proof.status is Status.PASSED for proof in proofs if proof.name == prove_upgrade.name):
        report = replace(report, changes=read_changes(bench))
    matched = next(proof for proof in proofs if proof.name == prove_match.name)
    return report if _could_not_run(matched) else _with_comparison(report, comparison())


def _on_major(
    bench: Workbench, major: int, here: list[Proof], every: bool, progress: Progress, clone: Clone | None
) -> Proof:
    """All proofs that need a server once more, on another major; without old code, which is the same everywhere."""
    left_out = (prove_names.name, prove_checksums.name, prove_repeatable.name, prove_old_code.name)

    def run(there: Workbench) -> list[Proof]:
        proofs: list[Proof] = []
        comparison = functools.cache(lambda: compare_module(there, Decisions()))
        with Stairway(there, every=every).begun() as stairway:
            for step in _steps(there, comparison, stairway, every, clone):
                if step.prover.name not in left_out:
                    proofs.append(_run(step, proofs))
        return proofs

    with progress.running(f"all of it on Postgres {major}"):
        return prove_on_major(bench.settings, major, run, here)


def _steps(
    bench: Workbench, comparison: Callable[[], Comparison], stairway: Stairway, every: bool, clone: Clone | None
) -> tuple[_Step, ...]:
    module, history = bench.module, bench.history
    traces = functools.cache(lambda: trace_unreleased(bench))
    upgraded = (prove_upgrade.name,)
    climbed = _Step(prove_stairway, lambda: prove_stairway(bench, every=every, stairway=stairway), upgraded)
    rows = _Step(prove_rows, lambda: prove_rows(bench, every=every, clone=clone), upgraded)
    traced = (
        _Step(prove_locks, lambda: prove_locks(bench, traces), upgraded),
        _Step(prove_hazards, lambda: prove_hazards(bench, traces)),
    )
    old_code = _Step(prove_old_code, lambda: prove_old_code(bench), upgraded)
    # What there is nothing to run for is left out: neither a revision, nor a previous release that it could break.
    asked = (
        *((climbed,) if history.unreleased or (every and history.revisions) else ()),
        *((rows,) if history.revisions else ()),
        *(traced if history.unreleased else ()),
        *((old_code,) if history.unreleased and history.released else ()),
    )
    return (
        _Step(prove_names, lambda: prove_names(module, history)),
        _Step(prove_checksums, lambda: prove_checksums(module, history)),
        _Step(prove_repeatable, lambda: prove_repeatable(module, history)),
        _Step(prove_upgrade, lambda: _upgrade_alone_if_need_be(bench, stairway)),
        _Step(prove_match, lambda: prove_match(bench, comparison), upgraded),
        _Step(prove_alembic_check, lambda: prove_alembic_check(bench, comparison), (prove_match.name,)),
        *asked,
    )


def _upgrade_alone_if_need_be(bench: Workbench, stairway: Stairway) -> Proof:
    """What fails while something climbs beside it counts only when it fails alone as well."""
    proof = prove_upgrade(bench)
    if proof.status is not Status.PASSED and stairway.stop():
        return prove_upgrade(bench)
    return proof


def _left_out(bench: Workbench, every: bool) -> tuple[str, ...]:
    """What was asked of no revision, because all are released, said once."""
    if bench.history.unreleased or not bench.history.revisions:
        return ()
    names = [*([] if every else [prove_stairway.name]), prove_locks.name, prove_hazards.name, prove_old_code.name]
    return (f"No revision is unreleased, so that there was none to ask for {', '.join(names)}.",)


def _run(step: _Step, before: list[Proof]) -> Proof:
    """Run a proof, unless one that it builds on did not pass."""
    for proof in before:
        if proof.name in step.needs and proof.status is not Status.PASSED:
            return step.prover.not_proven(f"{proof.name} comes first, and did not pass")
    return step.run()


def _could_not_run(proof: Proof) -> bool:
    return proof.status is Status.NOT_PROVEN


def _with_comparison(report: Report, comparison: Comparison) -> Report:
    return replace(
        report,
        missing=comparison.missing_lines(),
        not_compared=comparison.not_compared,
        kept=comparison.kept,
        notes=(*report.notes, *comparison.notes),
    )


def _unreadable(
    module: SchemaModule, command: str, history: Proof, progress: Progress, waive: Mapping[str, str]
) -> Report:
    """The report when the history cannot be read: nothing else can be proven, and no server is needed to say so."""
    reason = f"{history.name} comes first, and did not pass"
    others = [prover.not_proven(reason) for prover in PROVERS if prover.name != history.name]
    proofs = (history, *(waived(proof, waive) for proof in others))
    progress.begin(versions_used(None), _shown(module))
    for proof in proofs:
        progress.done(proof)
    return Report(command, module.package, environment(None), proofs)


def _shown(module: SchemaModule) -> str:
    return f"{module.package} {module.version}"
