"""`invoke ci`: all proofs. Writes nothing, asks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.tasks.edge import UsageError, current_settings, kit_task, require_text

if TYPE_CHECKING:
    from invoke.context import Context

    from lamin_migrate_kit.proof.rows.instance import Clone
    from lamin_migrate_kit.settings import Settings

_ROWS = 10_000

_HELP = {
    "all": "Take every revision up and down, not only the unreleased ones.",
    "clone": "An instance whose rows are used instead of rows that are made up; it is only read. "
    "`-` is the one that LAMIN_MIGRATE_INSTANCE_URL names.",
    "rows": "With --clone: how many rows of each table to begin with (10000); what they reference comes too.",
    "report": "A folder to write the report into as well, as ci.json and ci.md.",
    "format": "text or json",
}


@kit_task("ci", help=_HELP)
def ci(
    c: Context,  # noqa: ARG001
    all: bool = False,
    clone: str | None = None,
    rows: str = "",
    report: str = "",
    format: str = "text",
) -> int:
    """Prove on a Postgres that models and revisions agree, and that every revision goes up and down.

    Writes nothing but the report, where one is asked for, and asks nothing. What failed is explained at the bottom;
    operations that are missing in the newest revision are the very last lines, ready to be pasted. Exit code:
    0 nothing failed, 1 something failed, 2 could not run.
    """
    from lamin_migrate_kit.proof.run import prove_module
    from lamin_migrate_kit.tasks.reporting import annotate, keep_report, progress_for, show_report

    require_text("invoke ci", "clone", clone, "postgresql://…")
    settings = current_settings()
    with _opened(settings, clone, rows) as instance:
        result = prove_module(settings, command="ci", every=all, progress=progress_for(format), clone=instance)
    if report:
        keep_report(result, report)
    show_report(result, format)
    if settings.github_actions and format == "text":
        annotate(result, settings.root)
    return 0 if result.passed else 1


@contextmanager
def _opened(settings: Settings, clone: str | None, rows: str) -> Iterator[Clone | None]:
    """The instance that `--clone` names."""
    number = _number(clone, rows)
    if not clone:
        yield None
        return
    from lamin_migrate_kit.proof.rows.instance import Clone
    from lamin_migrate_kit.tasks.given import open_given

    url = clone if clone != "-" else settings.instance_url
    if not url:
        raise UsageError(
            "--clone - needs LAMIN_MIGRATE_INSTANCE_URL.", next_command="export LAMIN_MIGRATE_INSTANCE_URL=…"
        )
    with open_given("--clone", url) as connection:
        yield Clone(connection, number)


def _number(clone: str | None, rows: str) -> int:
    # Not left to Invoke: it answers a word where a number should be with a traceback.
    if rows and not clone:
        raise UsageError("--rows is about the rows of --clone.", next_command="invoke ci --clone URL --rows 10000")
    if rows and (not rows.isascii() or not rows.isdigit() or not int(rows)):
        raise UsageError(f"--rows {rows} is no number of rows.", next_command="invoke ci --clone URL --rows 10000")
    return int(rows or _ROWS)
