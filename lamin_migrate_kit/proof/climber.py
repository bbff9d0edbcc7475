"""One way up a history: each revision up, down and up again, with a look at the catalog after each way."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.alembic_bridge import Runner, Step
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.sight import Sight, WholeSight
from lamin_migrate_kit.proof.source import finding_from, line_of
from lamin_migrate_kit.proof.standing import standing_at
from lamin_migrate_kit.report.model import Finding
from lamin_migrate_kit.revisions.ways import Way

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.catalog.model import Catalog
    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench


class _Stuck(Exception):
    """A way failed, or did not lead where it should; what is above it is reached from an empty database."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings


class Climber:
    """Climbs some revisions that follow each other, on a scratch database of its own.

    A revision's upgrade has run before, when the history was replayed. Where its statements were all there is to it,
    they are sent again instead (`Runner.repeat`): that is several times as fast, and nothing is called wrong before the
    revision itself has run.

    Args:
        bench: The module at hand.
        revisions: The first of them begins on what is below it.
        trusting: Whether statements may stand for a revision, and looks at what was touched for whole ones.
        following: The history is being replayed by another thread: wait for each revision to have run there, and end
            with the first finding, for somebody to look into it alone.

    Attributes:
        one_way: The revisions without a way back.
        deceived: Looking only at what a step touched has missed something; then only whole looks tell.
        below: What was there before the first revision; None while that was not reached.
        above: What is there after the last one; None where the climb did not get there.
    """

    def __init__(
        self, bench: Workbench, revisions: Sequence[Revision], *, trusting: bool = True, following: bool = False
    ) -> None:
        self.one_way: list[str] = []
        self.deceived = False
        self.below: Catalog | None = None
        self.above: Catalog | None = None
        self._bench = bench
        self._revisions = revisions
        self._trusting = trusting
        self._by_themselves = not trusting
        self._following = following
        self._stopped = False
        # What it has seen itself comes first.
        self._known: MutableMapping[str, Step] = ChainMap({}, bench.replay.sent)
        self._stack = ExitStack()
        # Between two ways it has no transaction open.
        self._connection: Connection | None = None
        self._runner: Runner | None = None
        self._sight: Sight | WholeSight | None = None
        self._at: str | None = None

    def climb(self) -> tuple[Finding, ...]:
        """Take all revisions up, down and up again; what is found with one does not stop the next.

        Raises:
            ServerGone: The server went away.
        """
        with self._stack:
            findings = tuple(self._find_all())
            # One whole look in the end: do all the partial ones together say the same?
            if self._connection is not None and not self._stopped:
                sight = self._stand_at(self._at)
                self.deceived |= not sight.check()
                self.above = sight.catalog
        return findings

    def stop(self) -> None:
        """End the climb soon, from another thread; again where it has just begun another statement."""
        self._stopped = True
        self._bench.replay.wake()
        if self._runner is not None:
            self._runner.cancel()

    def _find_all(self) -> Iterator[Finding]:
        for revision in self._revisions:
            found = list(self._find(revision))
            yield from found
            if found and self._following:
                self._stopped = True

    def _find(self, revision: Revision) -> Iterator[Finding]:
        if self._following:
            self._bench.replay.wait_for(revision.id, lambda: self._stopped)
        if self._stopped:
            return
        try:
            self._climb_as_known(revision)
        except _Stuck as stuck:
            yield from stuck.findings
            self._leave()

    def _climb_as_known(self, revision: Revision) -> None:
        """What statements alone or looks at parts are stuck with, the revision itself and whole looks have to show."""
        try:
            self._climb(revision)
        except _Stuck:
            if not self._trusting or self._stopped:
                raise
            self._trusting = False
            try:
                self._climb_doubting(revision)
            finally:
                self._trusting, self._sight = True, None

    def _climb_doubting(self, revision: Revision) -> None:
        """First from where statements lead, which is fast; what is wrong there has to be wrong where revisions lead."""
        self._leave()
        try:
            self._climb(revision)
        except _Stuck:
            if self._stopped:
                raise
            self._leave()
            self._by_themselves = True
            try:
                self._climb(revision)
            finally:
                self._by_themselves = False

    def _climb(self, revision: Revision) -> None:
        sight = self._stand_at(revision.down)
        before: Any = sight.mark()
        way = revision.way_back
        # What only defines does the same again when the downgrade has led back: then it is enough to look once.
        looking = way is not Way.WRITTEN or not self._only_defines(revision)
        self._ascend(revision, "run on the database below it", looking=looking)
        between: Any = sight.mark() if looking else None
        if way is Way.REFUSED or (way is Way.EMPTY and not sight.same(before)):
            self.one_way.append(revision.id)
        else:
            self._run(revision, "run after its upgrade", down=True)
            self._require_equal(revision, "downgrade", before)
            self._ascend(revision, "run again after its downgrade")
            if between is not None:
                self._require_equal(revision, "upgrade", between)
        sight.forget(before, between)

    def _stand_at(self, revision: str | None) -> Sight | WholeSight:
        """The database below the next step; a new one unless we stand there already."""
        bench, module = self._bench, self._bench.module
        if self._connection is None or self._at != revision:
            self._leave()
            known = {} if self._by_themselves else self._known
            standing = standing_at(bench, revision, "stairway", known, before_step=self._go_on)
            self._connection = self._stack.enter_context(standing)
            self._runner = self._stack.enter_context(Runner(self._connection, module, bench.script))
            self._at = revision
        if self._sight is None:
            records = (module.version_table, module.deployments_table)
            self._sight = (
                Sight(self._connection, bench.inspect_connection, records, privileges=bench.settings.privileges)
                if self._trusting
                else WholeSight(self._connection, bench.inspect_connection)
            )
            self.below = self.below or self._sight.catalog
        return self._sight

    def _go_on(self, runner: Runner) -> None:
        """Before each step; from now on this runner's statement is the one to cancel."""
        self._runner = runner
        if self._stopped:
            raise _Stuck

    def _leave(self) -> None:
        self._stack.close()
        self._connection = self._runner = self._sight = None

    def _known_step(self, revision: Revision) -> Step | None:
        return self._known.get(revision.id) if self._trusting else None

    def _only_defines(self, revision: Revision) -> bool:
        known = self._known_step(revision)
        return known is not None and known.only_defines

    def _ascend(self, revision: Revision, when: str, *, looking: bool = True) -> None:
        """The way up, by the statements alone where they are known."""
        assert self._runner is not None, "the climb has begun"
        known, sight = self._known_step(revision), self._sight
        if isinstance(sight, Sight) and known is not None:
            ask = sight.looking() if looking else sight.noting()
            if self._runner.repeat(known, ask):
                self._at = revision.id
                if looking:
                    sight.look()
                return
        self._known[revision.id] = self._run(revision, when)

    def _run(self, revision: Revision, when: str, *, down: bool = False) -> Step:
        """One way, and a look at what it did."""
        assert self._runner is not None, "the climb has begun"
        assert self._sight is not None
        self._go_on(self._runner)
        step = self._bench.script.step(revision.id, down=down)
        try:
            ran = self._runner.run(step, before_commit=self._sight.before_commit)
        except MigrationError as error:
            raise _Stuck(self._finding(error, revision, when)) from error
        self._at = revision.down if down else revision.id
        self._sight.look()
        return ran

    def _finding(self, error: MigrationError, revision: Revision, when: str) -> Finding:
        found = finding_from(error, self._bench.module, revision=revision.id)
        return Finding(f"{found.message} ({when})", found.revision, found.file, found.line, found.details)

    def _require_equal(self, revision: Revision, way: str, moment: Any) -> None:
        assert self._sight is not None
        if self._sight.same(moment):
            return
        if isinstance(self._sight, Sight):
            raise _Stuck  # nothing is called wrong without having seen all of it
        differences = self._sight.differences(moment)
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
