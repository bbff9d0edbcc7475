"""`invoke ci`: all proofs. Writes nothing, asks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.tasks.edge import current_settings, kit_task

if TYPE_CHECKING:
    from invoke.context import Context

_HELP = {
    "all": "Take every revision up and down, not only the unreleased ones.",
    "report": "A folder to write the report into as well, as ci.json and ci.md.",
    "format": "text or json",
}


@kit_task("ci", help=_HELP)
def ci(c: Context, all: bool = False, report: str = "", format: str = "text") -> int:  # noqa: ARG001
    """Prove on a Postgres that models and revisions agree, and that every revision goes up and down.

    Writes nothing but the report, where one is asked for, and asks nothing. What failed is explained at the bottom;
    operations that are missing in the newest revision are the very last lines, ready to be pasted. Exit code:
    0 nothing failed, 1 something failed, 2 could not run.
    """
    from lamin_migrate_kit.proof.run import prove_module
    from lamin_migrate_kit.tasks.reporting import annotate, keep_report, progress_for, show_report

    settings = current_settings()
    result = prove_module(settings, command="ci", every=all, progress=progress_for(format))
    if report:
        keep_report(result, report)
    show_report(result, format)
    if settings.github_actions and format == "text":
        annotate(result, settings.root)
    return 0 if result.passed else 1
