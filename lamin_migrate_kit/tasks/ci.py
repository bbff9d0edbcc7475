"""`invoke ci`: all proofs. Writes nothing, asks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.tasks.edge import current_settings, kit_task

if TYPE_CHECKING:
    from invoke.context import Context

_HELP = {
    "all": "Take every revision up and down, not only the unreleased ones.",
    "format": "text or json",
}


@kit_task("ci", help=_HELP)
def ci(c: Context, all: bool = False, format: str = "text") -> int:  # noqa: ARG001
    """Prove on a Postgres that models and revisions agree, and that every revision goes up and down.

    Writes nothing and asks nothing. What failed is explained at the bottom; operations that are missing in the
    newest revision are the very last lines, ready to be pasted. Exit code: 0 nothing failed, 1 something failed,
    2 could not run.
    """
    from lamin_migrate_kit.proof.run import prove_module
    from lamin_migrate_kit.tasks.reporting import progress_for, show_report

    report = prove_module(current_settings(), command="ci", every=all, progress=progress_for(format))
    show_report(report, format)
    return 0 if report.passed else 1
