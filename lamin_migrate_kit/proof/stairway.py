"""Every revision up, down, up: each way must leave the catalog that was there before. Rows are another proof's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import downgrade, upgrade
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
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
    with ExitStack() as stack:
        walk = _Walk(bench, stack)
        findings = tuple(finding for revision in revisions for finding in walk.climb(revision))
    if findings or not walk.one_way:
        return Outcome.of(findings, counted(len(revisions), "revision"))
    return Outcome(Status.NOT_PROVEN, f"{', '.join(walk.one_way)} cannot be taken back: downgrade() is empty")


class _Stuck(Exception):
    """A way failed; what is above it is reached from an empty database."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings


class _Walk:
    """A scratch database on its way up. Between two ways the connection has no transaction open."""

    def __init__(self, bench: Workbench, stack: ExitStack) -> None:
        self.one_way: list[str] = []
        self._bench = bench
        self._stack = stack
        self._at: str | None = None
        self._connection: Connection | None = None
        self._catalog: Catalog | None = None

    def climb(self, revision: Revision) -> Iterator[Finding]:
        """Take one revision up, down and up again; what is found does not stop the next one."""
        try:
            self._climb(revision)
        except _Stuck as stuck:
            yield from stuck.findings
            self._catalog = None

    def _climb(self, revision: Revision) -> None:
        before = self._stand_at(revision.down)
        self._up(revision, "run on the database below it")
        between = self._look()
        way = way_of(revision.path, "downgrade")
        if way is Way.REFUSED or (way is Way.EMPTY and not diff_catalogs(between, before).empty):
            self.one_way.append(revision.id)
            return
        self._down(revision)
        self._require_equal(revision, "downgrade", self._look(), before)
        self._up(revision, "run again after its downgrade")
        self._require_equal(revision, "upgrade", self._look(), between)

    def _stand_at(self, revision: str | None) -> Catalog:
        """The catalog of the database below the next step; a new database unless we stand there already."""
        if self._catalog is None or self._at != revision:
            self._stack.close()
            self._connection = self._stack.enter_context(standing_at(self._bench, revision, "stairway"))
            self._at = revision
            return self._look()
        return self._catalog

    def _up(self, revision: Revision, when: str) -> None:
        try:
            upgrade(self._open, self._bench.module, self._bench.script, revision.id)
        except MigrationError as error:
            raise _Stuck(self._finding(error, revision, when)) from error
        self._at = revision.id

    def _down(self, revision: Revision) -> None:
        try:
            downgrade(self._open, self._bench.module, self._bench.script, revision.down)
        except MigrationError as error:
            raise _Stuck(self._finding(error, revision, "run after its upgrade")) from error
        self._at = revision.down

    def _finding(self, error: MigrationError, revision: Revision, when: str) -> Finding:
        found = finding_from(error, self._bench.module, revision=revision.id)
        return Finding(f"{found.message} ({when})", found.revision, found.file, found.line, found.details)

    def _require_equal(self, revision: Revision, way: str, is_: Catalog, should_be: Catalog) -> None:
        differences = diff_catalogs(is_, should_be).describe()
        if not differences:
            return
        shown = self._bench.module.shown(revision.path)
        moment = "before the upgrade" if way == "downgrade" else "after the first upgrade"
        finding = Finding(
            f"After {way}() of {revision.id} the database is not as it was {moment}.",
            revision.id,
            shown,
            line_of(revision.path, way),
            details="\n".join(differences),
            next_command=f"correct {way}() in {shown}, then: invoke ci",
        )
        raise _Stuck(finding)

    def _look(self) -> Catalog:
        self._catalog = self._bench.inspect_connection(self._open)
        self._open.rollback()
        return self._catalog

    @property
    def _open(self) -> Connection:
        assert self._connection is not None, "the walk has begun"
        return self._connection
