"""What is known of rows after the stairway: not enough to call it proven, and worth saying."""

from __future__ import annotations

from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.stairway import RowsSeen
from lamin_migrate_kit.report.model import Finding, Status


@proves("rows", "rows survive the upgrade")
def prove_rows(seen: RowsSeen) -> Outcome:
    """Values are followed up and down, and not accounted for in full: that is never called proven."""
    empty = [Finding(f"{table} had no rows: {reason}") for table, reason in sorted(seen.empty.items())]
    summary = f"{counted(seen.made, 'row')}, not accounted for"
    return Outcome(Status.NOT_PROVEN, summary, (*seen.remarks, *empty))
