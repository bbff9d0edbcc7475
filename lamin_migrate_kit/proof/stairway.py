"""Every revision up, down, up: each way must leave the catalog that was there before. Rows are another proof's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import quiet_process
from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.proof.climber import Climber
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.report.model import Finding, Status

if TYPE_CHECKING:
    from lamin_migrate_kit.catalog.model import Catalog
    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench

Findings = tuple[Finding, ...]

_MOST_PARTS, _LONG_ENOUGH = 4, 40
"""How many climb at once, and how many revisions make it worth one more: each first has to get to where it begins."""
_REPLAYED = 0.35
"""How long a replay takes for a revision, when a climb takes 1."""


class Stairway:
    """The climb of a history.

    A long one is climbed in parts. All but the last are climbed beside the replay, each as soon as the replay has come
    to where it begins: most of the time one of them waits for the server, and while it does not, revisions take turns
    (`alembic_bridge.turns`). What does not go well beside others is done again alone, and only that counts.

    Args:
        bench: The module at hand.
        every: All revisions; otherwise those that no release contains.
    """

    def __init__(self, bench: Workbench, *, every: bool) -> None:
        self.revisions = bench.history.revisions if every else bench.history.unreleased
        self._bench = bench
        self._parts: tuple[Sequence[Revision], ...] = (self.revisions,)
        self._climbers: list[Climber] = []
        self._waiting: list[Callable[[], Findings]] = []
        self._stack = ExitStack()

    @contextmanager
    def begun(self) -> Iterator[Stairway]:
        """Climb beside whatever this block does; it replays the history, and asks for no result before it has."""
        self._parts = tuple(_parts(self.revisions))
        self._bench.replay.stations = tuple(part[0].down for part in self._parts[1:] if part[0].down is not None)
        with self._stack:
            if len(self._parts) > 1:
                self._stack.enter_context(quiet_process())
            for part in self._parts[:-1]:
                climber = Climber(self._bench, part, following=True)
                self._waiting.append(self._stack.enter_context(beside(climber.climb, climber.stop)))
                self._climbers.append(climber)
            yield self

    def stop(self) -> bool:
        """End what is climbed beside others; whether there was any."""
        stopped = bool(self._climbers)
        self._stack.close()
        self._bench.replay.stations = ()  # from now on nobody begins there
        self._parts, self._climbers, self._waiting = (self.revisions,), [], []
        return stopped

    def climb(self) -> tuple[Findings, tuple[str, ...]]:
        """What is wrong, and the revisions without a way back.

        Raises:
            ServerGone: The server went away.
        """
        with quiet_process():
            climbers = [*self._climbers, Climber(self._bench, self._parts[-1])]
            last = climbers[-1].climb()
            found = [*(_unless_it_failed(wait) for wait in self._waiting), last]
            for number, part in enumerate(self._parts):
                if len(self._parts) > 1 and found[number] != ():
                    climbers[number] = Climber(self._bench, part)
                    found[number] = climbers[number].climb()
            above = [*(climber.below for climber in climbers[1:]), None if found[-1] else self._bench.head_catalog]
            # Of a part in which something is wrong, that is said, and not where it leads.
            above = [None if wrong else catalog for wrong, catalog in zip(found, above, strict=True)]
            for number, part in enumerate(self._parts):
                if climbers[number].deceived or _strayed(climbers[number], above[number]):
                    climbers[number] = Climber(self._bench, part, trusting=False)
                    found[number] = climbers[number].climb() + _strayed(climbers[number], above[number])
        findings = tuple(finding for part in found for finding in part or ())
        return findings, tuple(revision for climber in climbers for revision in climber.one_way)


@proves("stairway", "up, down and up again leaves the same catalog")
def prove_stairway(bench: Workbench, *, every: bool = False, stairway: Stairway | None = None) -> Outcome:
    """Climb the revisions one by one on scratch databases.

    A revision whose downgrade is empty, or refuses with NotImplementedError, cannot be proven; it is named.

    Args:
        bench: The module at hand.
        every: All revisions; otherwise those that no release contains.
        stairway: One that has begun, for the same revisions.
    """
    stairway = stairway or Stairway(bench, every=every)
    revisions = stairway.revisions
    if not revisions:
        return Outcome(Status.NOT_PROVEN, "no revision" if every else "no unreleased revision")
    findings, one_way = stairway.climb()
    if findings or not one_way:
        return Outcome.of(findings, counted(len(revisions), "revision"))
    return Outcome(Status.NOT_PROVEN, f"{', '.join(one_way)} cannot be taken back: downgrade() does nothing")


def _unless_it_failed(wait: Callable[[], Findings]) -> Findings | None:
    """What was found beside others; None where the climb itself failed, as it does alone if that means anything."""
    try:
        return wait()
    except Exception:
        return None


def _strayed(climber: Climber, straight: Catalog | None) -> Findings:
    """What is not as upgrades alone make it, in the end."""
    if climber.above is None or straight is None:
        return ()
    differences = diff_catalogs(climber.above, straight).describe()
    if not differences:
        return ()
    message = "After each revision went up, down and up again the database is not as upgrades alone make it."
    return (Finding(message, details="\n".join(differences)),)


def _parts(revisions: Sequence[Revision]) -> Iterator[Sequence[Revision]]:
    """Parts that end at the same time: each begins when the replay has come to it, the last when it is over."""
    count = max(1, min(_processors(), _MOST_PARTS, len(revisions) // _LONG_ENOUGH))
    shares = [(1 - _REPLAYED) ** number for number in range(count - 1)]
    first = (1 + _REPLAYED) / (1 + sum(shares)) if shares else 1.0
    ends = [0, *(round(len(revisions) * first * share) for share in accumulate(shares)), len(revisions)]
    return (revisions[begin:end] for begin, end in pairwise(ends))


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
