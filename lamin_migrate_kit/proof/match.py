"""The models are what the revisions make: by the two catalogs, and by Alembic's own comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import SecondOpinionUnavailable, compare
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.source import line_of
from lamin_migrate_kit.report.model import Finding, Status

if TYPE_CHECKING:
    from lamin_migrate_kit.comparison import Comparison
    from lamin_migrate_kit.workbench import Workbench


@proves("match", "models match the migrated database")
def prove_match(bench: Workbench, comparison: Callable[[], Comparison]) -> Outcome:
    """Nothing differs between the catalog of the models and the catalog of the migrated database.

    Args:
        bench: The module at hand.
        comparison: Gives the comparison; called here, so that its time is this proof's.
    """
    found = comparison()
    differences = found.diff.describe()
    if not differences and found.empty:
        return Outcome.of((), "catalogs are equal")
    missing = f"{counted(len(found.upgrade), 'operation')} missing"
    return Outcome(Status.FAILED, missing, (_differs(bench, differences),))


@proves("alembic-check", "Alembic's own comparison finds nothing")
def prove_alembic_check(bench: Workbench, comparison: Callable[[], Comparison]) -> Outcome:
    """A second opinion: what `alembic check` would say. Where Alembic crashes there is none."""
    keep = (*bench.settings.keep, *comparison().kept)
    try:
        with bench.head_database.connect() as connection:
            lines = compare(connection, bench.module, keep=keep)
    except SecondOpinionUnavailable as error:
        return Outcome(Status.NOT_PROVEN, error.what)
    if not lines:
        return Outcome.of((), "empty")
    finding = Finding("Alembic would write:", details="\n".join(lines))
    return Outcome(Status.FAILED, counted(len(lines), "operation"), (finding,))


def _differs(bench: Workbench, differences: tuple[str, ...]) -> Finding:
    """One finding for all differences, at the place that they are mended at."""
    head = bench.history.head
    details = "\n".join(differences)
    if head is None or head.version is not None:
        return Finding(
            "The models and the revisions have come apart.",
            file=bench.module.shown(bench.module.init_file),
            details=details,
            next_command="invoke migrate.generate",
        )
    shown = bench.module.shown(head.path)
    return Finding(
        f"Revision {head.id} does not yet do everything that the models ask for.",
        revision=head.id,
        file=shown,
        line=line_of(head.path, "upgrade"),
        details=details,
        next_command=f"put the operations below into upgrade() of {shown}, then: invoke ci",
    )
