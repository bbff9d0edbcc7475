"""`invoke migrate.generate` and `invoke migrate.diff`: from a changed model to a proven revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection

from lamin_migrate_kit.tasks.decisions import DECISION_FLAGS, DECISION_HELP, Flags, read_decisions
from lamin_migrate_kit.tasks.edge import UsageError, current_settings, kit_task, require_text

if TYPE_CHECKING:
    from invoke.context import Context


_GENERATE_HELP = {
    **DECISION_HELP,
    "message": "What the revision is for; stands in its docstring.",
    "empty": "Write an empty revision, to be filled by hand.",
    "revision-id": "The revision's id, instead of a new random one.",
    "no-input": "Ask nothing: stop where a decision is needed, with the flags to pass.",
    "format": "text or json",
}
_DIFF_HELP = {
    **DECISION_HELP,
    "current": "The URL of a database to compare from, instead of the module's revisions.",
    "desired": "The URL of a database to compare with, instead of the module's models; goes with --current.",
    "no-renames": "Take nothing for a rename: what is gone is dropped, what is new is created.",
    "assume-empty": "The tables hold nothing that matters: ask nothing about values.",
    "format": "ops, sql or json",
}

_REBASE_HELP = {
    "dry-run": "Prove, and say what would change, without changing it.",
    "format": "text or json",
}


@kit_task("migrate.generate", help=_GENERATE_HELP, iterable=DECISION_FLAGS)
def generate(
    c: Context,
    rename: Flags = None,
    no_rename: Flags = None,
    drop: Flags = None,
    keep: Flags = None,
    backfill: Flags = None,
    enum_map: Flags = None,
    using: Flags = None,
    message: str = "",
    empty: bool = False,
    revision_id: str | None = None,
    no_input: bool = False,
    format: str = "text",
) -> int:
    """Write the revision that brings the database to the models, proven before it is kept.

    Compares what the revisions make with what the models make, decides renames (asking at a terminal), and writes
    upgrade and downgrade into a new file. Nothing to do: writes nothing. Exit code: 0 done, 1 the revision did not
    hold its proofs and was not kept, 2 could not run or a decision is needed.
    """
    from datetime import date

    from lamin_migrate_kit.generation import GenerateOptions
    from lamin_migrate_kit.tasks import generating

    require_text("invoke migrate.generate", "revision-id", revision_id, "dd2b4a9499f2")
    options = GenerateOptions(
        today=date.today().isoformat(),
        revision_id=revision_id,
        message=message or None,
        empty=empty,
        decisions=read_decisions(rename, no_rename, drop, keep, backfill, enum_map, using),
    )
    if c.config.run.dry:
        return generating.plan(current_settings(), options, format=format)
    return generating.generate(current_settings(), options, no_input=no_input, format=format)


@kit_task("migrate.diff", help=_DIFF_HELP, iterable=DECISION_FLAGS, formats=("ops", "sql", "json"))
def diff(
    c: Context,  # noqa: ARG001
    rename: Flags = None,
    no_rename: Flags = None,
    drop: Flags = None,
    keep: Flags = None,
    backfill: Flags = None,
    enum_map: Flags = None,
    using: Flags = None,
    current: str | None = None,
    desired: str | None = None,
    no_renames: bool = False,
    assume_empty: bool = False,
    format: str = "ops",
) -> int:
    """Show what differs between revisions (or a database) and models, or between two databases. Writes nothing.

    Exit code: 0 nothing differs, 1 something does, 2 could not run.
    """
    decisions = read_decisions(
        rename, no_rename, drop, keep, backfill, enum_map, using, no_renames=no_renames, assume_empty=assume_empty
    )
    for side, url in (("current", current), ("desired", desired)):
        require_text("lamin-migrate migrate.diff", side, url, "postgresql://…")
    if desired and not current:
        raise UsageError(
            "--desired goes with --current.",
            next_command="lamin-migrate migrate.diff --current postgresql://… --desired postgresql://…",
        )
    from lamin_migrate_kit.tasks.differing import compare_given, compare_instance, compare_own, show

    settings, located = current_settings(), format == "json"
    if current and desired:
        return show(compare_given(settings, current, desired, decisions, located=located), format)
    if current:
        return show(compare_instance(settings, current, decisions, located=located), format)
    return show(compare_own(settings, decisions, located=located), format)


@kit_task("migrate.rebase", help=_REBASE_HELP)
def rebase(c: Context, dry_run: bool = False, format: str = "text") -> int:
    """Let the unreleased one of two heads follow the other one, when both orders make the same database.

    Two branches that each added a revision leave two heads. Both orders are run on scratch databases; when they give
    the same catalog, `down_revision` of the unreleased one and `_migration` are set. Exit code: 0 done, or there is
    one head; 1 the order matters, and it is said why; 2 could not run.
    """
    from lamin_migrate_kit.tasks.rebasing import rebase_history

    return rebase_history(current_settings(), dry_run=dry_run or c.config.run.dry, format=format)


namespace = Collection("migrate", generate, diff, rebase)
