"""Every revision up, down, up: each way must leave the catalog that was there before. Rows are another proof's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import run_revision
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.sight import Moment, Sight
from lamin_migrate_kit.proof.source import Way, finding_from, line_of, way_of
from lamin_migrate_kit.proof.standing import standing_at
from lamin_migrate_kit.report.model import Finding, Status

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench


@proves("stairway", "up, down and up again leaves the same catalog")
def prove_stairway(bench: Workbench, *, every: bool = False) -> Outcome:
    """Climb the revisions one by one on a scratch database.

    A revision whose downgrade is empty, or refuses with NotImplementedError, cannot be proven; it is named.

    Args:
        bench: The module at hand.
        every: All revisions; otherwise those that no release contains.
    """
    revisions = bench.history.revisions if every else bench.history.unreleased
    if not revisions:
        return Outcome.of((), "no revision" if every else "no unreleased revision")
    walk, findings = _climb(bench, revisions)
    if walk.deceived:
        walk, findings = _climb(bench, revisions, only_whole=True)
    if findings or not walk.one_way:
        return Outcome.of(findings, counted(len(revisions), "revision"))
    return Outcome(Status.NOT_PROVEN, f"{', '.join(walk.one_way)} cannot be taken back: downgrade() is empty")


def _climb(
    bench: Workbench, revisions: Sequence[Revision], *, only_whole: bool = False
) -> tuple[_Walk, tuple[Finding, ...]]:
    with ExitStack() as stack:
        walk = _Walk(bench, stack, only_whole)
        findings = tuple(finding for revision in revisions for finding in walk.climb(revision))
        walk.look_back()
    return walk, findings


class _Stuck(Exception):
    """A way failed; what is above it is reached from an empty database."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings


class _Walk:
    """A scratch database on its way up. Between two ways the connection has no transaction open.

    Attributes:
        one_way: The revisions without a way back.
        deceived: Looking only at what a step touched has missed something; then only whole looks tell.
    """

    def __init__(self, bench: Workbench, stack: ExitStack, only_whole: bool) -> None:
        self.one_way: list[str] = []
        self.deceived = False
        self._bench = bench
        self._stack = stack
        self._only_whole = only_whole
        self._at: str | None = None
        self._connection: Connection | None = None
        self._sight: Sight | None = None

    def climb(self, revision: Revision) -> Iterator[Finding]:
        """Take one revision up, down and up again; what is found does not stop the next one."""
        try:
            self._climb(revision)
        except _Stuck as stuck:
            yield from stuck.findings
            self._sight = None

    def look_back(self) -> None:
        """One whole look in the end: do all the partial ones together say the same?"""
        if self._sight is not None:
            self.deceived |= not self._sight.check()

    def _climb(self, revision: Revision) -> None:
        sight = self._stand_at(revision.down)
        before = sight.mark()
        self._run(revision, "run on the database below it")
        between = sight.mark()
        way = way_of(revision.path, "downgrade")
        if way is Way.REFUSED or (way is Way.EMPTY and not sight.since(before).empty):
            self.one_way.append(revision.id)
        else:
            self._run(revision, "run after its upgrade", down=True)
            self._require_equal(revision, "downgrade", before)
            self._run(revision, "run again after its downgrade")
            self._require_equal(revision, "upgrade", between)
        sight.forget(before, between)

    def _stand_at(self, revision: str | None) -> Sight:
        """The database below the next step; a new one unless we stand there already."""
        if self._sight is None or self._at != revision:
            self._stack.close()
            bench, module = self._bench, self._bench.module
            self._connection = self._stack.enter_context(standing_at(bench, revision, "stairway"))
            self._at = revision
            ignored = (module.version_table, module.deployments_table)
            self._sight = Sight(self._connection, bench.inspect_connection, ignored, only_whole=self._only_whole)
        return self._sight

    def _run(self, revision: Revision, when: str, *, down: bool = False) -> None:
        """One way, and a look at what it did."""
        bench, sight = self._bench, self._sight
        assert self._connection is not None, "the walk has begun"
        assert sight is not None
        try:
            run_revision(
                self._connection, bench.module, bench.script, revision.id, down=down, before_commit=sight.before_commit
            )
        except MigrationError as error:
            raise _Stuck(self._finding(error, revision, when)) from error
        self._at = revision.down if down else revision.id
        sight.look()

    def _finding(self, error: MigrationError, revision: Revision, when: str) -> Finding:
        found = finding_from(error, self._bench.module, revision=revision.id)
        return Finding(f"{found.message} ({when})", found.revision, found.file, found.line, found.details)

    def _require_equal(self, revision: Revision, way: str, moment: Moment) -> None:
        assert self._sight is not None
        if self._sight.since(moment).empty:
            return
        # Nothing is called wrong without having seen all of it.
        self.deceived |= not self._sight.check()
        differences = self._sight.since(moment).describe()
        if not differences:
            return
        shown = self._bench.module.shown(revision.path)
        when = "before the upgrade" if way == "downgrade" else "after the first upgrade"
        finding = Finding(
            f"After {way}() of {revision.id} the database is not as it was {when}.",
            revision.id,
            shown,
            line_of(revision.path, way),
            details="\n".join(differences),
            next_command=f"correct {way}() in {shown}, then: invoke ci",
        )
        raise _Stuck(finding)
