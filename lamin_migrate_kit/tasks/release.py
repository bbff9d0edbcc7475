"""`invoke release VERSION`: the unreleased revisions get a version, all of it or nothing."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lamin_migrate_kit.tasks.edge import current_settings, kit_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from lamin_migrate_kit.report.model import Report
    from lamin_migrate_kit.revisions.release import ReleasePlan

_HELP = {
    "version": "The version to release, such as 1.0.0.",
    "allow-dirty": "Release although the files to change have uncommitted changes.",
    "no-migration": "Release although there is no unreleased revision.",
    "dry-run": "Prove, and show the changes as a diff, without making them.",
    "format": "text or json",
}


@kit_task("release", help=_HELP, positional=["version"], interrupted="No file was changed.")
def release(
    c: Context,
    version: str,
    allow_dirty: bool = False,
    no_migration: bool = False,
    dry_run: bool = False,
    format: str = "text",
) -> int:
    """Put a version on all unreleased revisions and on the package, and record their checksums.

    Runs all proofs first. Either every file is changed or none.
    """
    from lamin_migrate_kit.proof.run import prove_module
    from lamin_migrate_kit.revisions.history import read_history
    from lamin_migrate_kit.revisions.release import apply_release, plan_release
    from lamin_migrate_kit.schema_module import find_schema_module
    from lamin_migrate_kit.tasks.reporting import progress_for

    settings = current_settings()
    module = find_schema_module(settings)
    plan = plan_release(
        module, read_history(module), version, no_migration=no_migration, allow_dirty=allow_dirty or dry_run
    )
    report = prove_module(settings, command="release", every=False, progress=progress_for(format))
    unwaived = [proof.name for proof in report.unwaived]
    if unwaived or not report.passed:
        return _refuse(report, plan, unwaived, format)
    planned = dry_run or c.config.run.dry
    if not planned:
        apply_release(plan)
    _show(report, plan, planned=planned, format=format)
    return 0


def _refuse(report: Report, plan: ReleasePlan, unwaived: Sequence[str], format: str) -> int:
    from lamin_migrate_kit.errors import ProofFailed
    from lamin_migrate_kit.report.json import error_fields, print_document, report_document
    from lamin_migrate_kit.report.terminal import print_report, verdict

    refusal = ProofFailed(f"{plan.version} was not released: {verdict(report)}.", next_command=_cure(report, unwaived))
    if format == "json":
        print_document(report_document(report, error=error_fields(refusal)))
        return refusal.exit_code
    print_report(report)
    raise refusal


def _cure(report: Report, unwaived: Sequence[str]) -> str:
    """What is FAILED is mended; what is only NOT PROVEN may be waived as well."""
    if not report.passed:
        return "invoke ci"
    lines = "\n".join(f'{name} = "why this release goes on without it"' for name in unwaived)
    table = "[tool.lamin_migrate_kit.waive]"
    return f"invoke ci, and mend what is NOT PROVEN; or write into pyproject.toml:\n{table}\n{lines}"


def _show(report: Report, plan: ReleasePlan, *, planned: bool, format: str) -> None:
    from lamin_migrate_kit.report.json import print_document, report_document
    from lamin_migrate_kit.report.terminal import print_diff, print_report, print_text

    if format == "json":
        files = [{"path": plan.module.shown(one.path), "target": plan.module.shown(one.target)} for one in plan.changes]
        shown = report_document(
            report, version=plan.version, revisions=list(plan.revisions), files=files, diff=plan.diff()
        )
        print_document({**shown, "status": "planned" if planned else "released"})
        return
    print_report(report)
    print_text()
    if planned:
        print_diff(plan.diff())
        print_text(f"would release {plan.module.package} {plan.version}; nothing was changed", "bold")
        return
    for change in plan.changes:
        print_text(f"  {plan.module.shown(change.target)}", "dim")
    print_text(f"released {plan.module.package} {plan.version}", "bold green")
    print_text(f"next: {_commit_command(plan)}")


def _commit_command(plan: ReleasePlan) -> str:
    """What to type next; files were renamed, so the folder is added with what is gone from it."""
    folder = plan.module.folder
    elsewhere = [change.target for change in plan.changes if not change.target.is_relative_to(folder)]
    paths = shlex.join(plan.module.shown(path) for path in (folder, *elsewhere))
    return f'git add --all {paths} && git commit -m "Release {plan.version}" && git tag v{plan.version}'
