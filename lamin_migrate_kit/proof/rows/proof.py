"""Rows survive: every table is filled, every revision run, and every value accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.rows.findings import NOTE, account_of, find_losses
from lamin_migrate_kit.proof.rows.instance import Clone, InstanceError, InstanceRows
from lamin_migrate_kit.proof.rows.sources import MadeUpRows, Rows
from lamin_migrate_kit.proof.rows.walk import RowsWalk, Step
from lamin_migrate_kit.report.model import Finding, RowsAccount, Status

if TYPE_CHECKING:
    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench


@proves("rows", "rows survive the upgrade")
def prove_rows(bench: Workbench, *, every: bool = False, clone: Clone | None = None) -> Outcome:
    """Take revisions up, down and up again on tables with rows, and account for every value.

    A table that no rows could be made for is named, and then nothing is called proven.

    Args:
        bench: The module at hand, whose upgrade is proven to run from an empty database.
        every: All revisions; otherwise those that no release contains, and the newest one where there are none.
        clone: The instance whose rows are used; None for rows that are made up. Then the revisions above the
            instance's are taken.

    Raises:
        SettingsError: A column is masked that there is not.
    """
    if clone is not None:
        return _on_instance(bench, clone)
    history = bench.history
    revisions = history.revisions if every else history.unreleased or history.revisions[-1:]
    if not revisions:
        return Outcome(Status.NOT_PROVEN, "no revision")
    return _walked(bench, MadeUpRows(bench.module), revisions)


def _on_instance(bench: Workbench, clone: Clone) -> Outcome:
    try:
        rows = InstanceRows(bench, clone)
    except InstanceError as error:
        return Outcome(Status.NOT_PROVEN, error.what)
    with closing(rows):
        ids = [revision.id for revision in bench.history.revisions]
        above = bench.history.revisions[ids.index(rows.revision) + 1 :]
        if not above:
            return Outcome(Status.NOT_PROVEN, f"the instance is at the head already: {rows.revision}")
        if not rows.total:
            return Outcome(Status.NOT_PROVEN, "the instance has no rows")
        return _walked(bench, rows, above)


def _walked(bench: Workbench, rows: Rows, revisions: Sequence[Revision]) -> Outcome:
    with ExitStack() as stack:
        walk = RowsWalk(bench, rows, stack)
        steps = [walk.climb(revision) for revision in revisions]
    found = tuple(finding for step in steps for finding in find_losses(bench.module, step))
    accounts = tuple(account_of(bench.module, step) for step in steps if step.failure is None)
    return _outcome(found, accounts, _not_made(steps))


def _outcome(found: tuple[Finding, ...], accounts: tuple[RowsAccount, ...], empty: dict[ObjectKey, str]) -> Outcome:
    errors = [finding for finding in found if finding.severity != NOTE]
    unfilled = tuple(_ask_for_rows(table, reason) for table, reason in sorted(empty.items()))
    findings = (*errors, *unfilled, *(finding for finding in found if finding.severity == NOTE))
    if errors:
        return Outcome(Status.FAILED, counted(len(errors), "finding"), findings, accounts=accounts)
    if unfilled:
        tables = ", ".join(str(table) for table in sorted(empty))
        return Outcome(Status.NOT_PROVEN, f"no rows for {tables}", findings, accounts=accounts)
    return Outcome(Status.PASSED, _summary(accounts), findings, accounts=accounts)


def _not_made(steps: list[Step]) -> dict[ObjectKey, str]:
    """The tables that no rows could be made for, as they stood last."""
    found: dict[ObjectKey, str] = {}
    for step in steps:
        for table in step.filled.made:
            found.pop(table, None)
        found.update(step.filled.not_made)
    return found


def _ask_for_rows(table: ObjectKey, reason: str) -> Finding:
    return Finding(
        f"No rows could be made for {table}: {reason}.",
        next_command=f"write INSERT statements for it into migrations/rows/{table}.sql, then: invoke ci",
    )


def _summary(accounts: tuple[RowsAccount, ...]) -> str:
    """`24 rows, 48 columns kept` or `24 rows, 1 column renamed`."""
    rows = max((sum(count for _, count in account.rows) for account in accounts), default=0)
    fates = Counter(column.fate for account in accounts for column in account.columns)
    kept = sum(account.kept for account in accounts) + fates.pop("kept", 0)
    words = [f"{count} {fate}" for fate, count in sorted(fates.items())] or [f"{kept} kept"]
    number, word = words[0].split()
    return ", ".join([counted(rows, "row"), f"{counted(int(number), 'column')} {word}", *words[1:]])
