"""Every revision up, down, up: each way must leave the catalog that was there before. Rows are another proof's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import silent_loggers
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.interruption import statement_cancelled_by_interrupt
from lamin_migrate_kit.proof.climber import Climber
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.report.model import Finding, Status

if TYPE_CHECKING:
    from lamin_migrate_kit.catalog.model import Catalog
    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench

_MOST_PARTS, _LONG_ENOUGH = 4, 40
"""How many climb at once, and how many revisions make it worth one more: each first has to get to where it begins."""


@proves("stairway", "up, down and up again leaves the same catalog")
def prove_stairway(bench: Workbench, *, every: bool = False) -> Outcome:
    """Climb the revisions one by one on scratch databases; long histories in parts, side by side.

    A revision whose downgrade is empty, or refuses with NotImplementedError, cannot be proven; it is named.

    Args:
        bench: The module at hand.
        every: All revisions; otherwise those that no release contains.
    """
    revisions = bench.history.revisions if every else bench.history.unreleased
    if not revisions:
        return Outcome(Status.NOT_PROVEN, "no revision" if every else "no unreleased revision")
    findings, one_way = _climb(bench, revisions)
    if findings or not one_way:
        return Outcome.of(findings, counted(len(revisions), "revision"))
    return Outcome(Status.NOT_PROVEN, f"{', '.join(one_way)} cannot be taken back: downgrade() does nothing")


def _climb(bench: Workbench, revisions: Sequence[Revision]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What is wrong, and the revisions without a way back."""
    parts = tuple(_parts(revisions))
    climbers = [Climber(bench, part) for part in parts]
    with silent_loggers():
        found = _climb_side_by_side(climbers)
    above = [*(climber.below for climber in climbers[1:]), bench.head_catalog if not any(found) else None]
    for number, climber in enumerate(climbers):
        if climber.deceived or _strayed(climber, above[number]):
            climbers[number] = Climber(bench, parts[number], trusting=False)
            found[number] = climbers[number].climb()
            found[number] += _strayed(climbers[number], above[number])
    findings = tuple(finding for part in found for finding in part)
    return findings, tuple(revision for climber in climbers for revision in climber.one_way)


def _strayed(climber: Climber, straight: Catalog | None) -> tuple[Finding, ...]:
    """What is not as upgrades alone make it, in the end."""
    if climber.above is None or straight is None:
        return ()
    differences = diff_catalogs(climber.above, straight).describe()
    if not differences:
        return ()
    message = "After each revision went up, down and up again the database is not as upgrades alone make it."
    return (Finding(message, details="\n".join(differences)),)


def _climb_side_by_side(climbers: Sequence[Climber]) -> list[tuple[Finding, ...]]:
    """Each in a thread of its own: most of the time one of them waits for the server."""
    if len(climbers) == 1:
        return [climbers[0].climb()]
    with ThreadPoolExecutor(len(climbers), "stairway") as threads, ExitStack() as stack:
        for climber in climbers:
            stack.enter_context(statement_cancelled_by_interrupt(climber.stop))
        try:
            return [climbing.result() for climbing in [threads.submit(climber.climb) for climber in climbers]]
        except BaseException:
            for climber in climbers:
                climber.stop()
            raise


def beginnings(revisions: Sequence[Revision]) -> tuple[str, ...]:
    """The revisions on which the parts of a long climb begin, but for the first one's: a replay may leave copies there.

    Args:
        revisions: All that are climbed.
    """
    _, *others = _parts(revisions)
    return tuple(part[0].down for part in others if part[0].down is not None)


def _parts(revisions: Sequence[Revision]) -> Iterator[Sequence[Revision]]:
    """Parts of the same length, one after the other."""
    count = max(1, min(_processors(), _MOST_PARTS, len(revisions) // _LONG_ENOUGH))
    ends = [round(len(revisions) * number / count) for number in range(count + 1)]
    return (revisions[begin:end] for begin, end in pairwise(ends))


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
