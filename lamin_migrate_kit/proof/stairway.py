"""Every revision up, down, up, on tables with a few rows: each way must leave the catalog that was there before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import downgrade, upgrade
from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.rows.account import Contents, Loss, losses, read_contents
from lamin_migrate_kit.proof.rows.fill import fill_tables
from lamin_migrate_kit.proof.source import Way, finding_from, line_of, way_of
from lamin_migrate_kit.report.model import Finding, Status
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench


@dataclass
class RowsSeen:
    """What the stairway saw of rows on its way, for the proof that is about rows.

    Attributes:
        made: How many rows it made in all.
        empty: Why a table had no rows.
        remarks: Values that an upgrade removed, and released revisions that fail on rows.
    """

    made: int = 0
    empty: dict[ObjectKey, str] = field(default_factory=dict)
    remarks: list[Finding] = field(default_factory=list)


@proves("stairway", "up, down and up again leaves the same catalog")
def prove_stairway(bench: Workbench, seen: RowsSeen, *, every: bool = False) -> Outcome:
    """Climb the revisions one by one on a scratch database whose tables hold a few rows.

    A revision whose downgrade is empty, or refuses with NotImplementedError, cannot be proven; it is named.

    Args:
        bench: The module at hand.
        seen: Filled in with what became of rows.
        every: All revisions; otherwise those that no release contains.
    """
    revisions = bench.history.revisions if every else bench.history.unreleased
    if not revisions:
        return Outcome.of((), "no revision" if every else "no unreleased revision")
    with ExitStack() as stack:
        walk = _Walk(bench, seen, stack)
        findings = tuple(finding for revision in revisions for finding in walk.climb(revision))
    if findings or not walk.one_way:
        return Outcome.of(findings, f"{counted(len(revisions), 'revision')}, {counted(seen.made, 'row')}")
    return Outcome(Status.NOT_PROVEN, f"{', '.join(walk.one_way)} cannot be taken back: downgrade() is empty")


class _Stuck(Exception):
    """A way failed; what is above it is reached from an empty database."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings


class _Walk:
    """A scratch database on its way up. Between two ways the connection has no transaction open."""

    def __init__(self, bench: Workbench, seen: RowsSeen, stack: ExitStack) -> None:
        self.one_way: list[str] = []
        self._bench = bench
        self._seen = seen
        self._stack = stack
        self._at: str | None = None
        self._connection: Connection | None = None
        self._catalog: Catalog | None = None

    def climb(self, revision: Revision) -> Iterator[Finding]:
        """Take one revision up, down and up again; what is found does not stop the next one."""
        try:
            yield from self._climb(revision)
        except _Stuck as stuck:
            yield from stuck.findings
            self._catalog = None

    def _climb(self, revision: Revision) -> Iterator[Finding]:
        before = self._stand_at(revision.down)
        rows = self._fill(before)
        self._up(revision)
        between, held = self._look(), self._contents()
        way = way_of(revision.path, "downgrade")
        if way is Way.REFUSED or (way is Way.EMPTY and not diff_catalogs(between, before).empty):
            self.one_way.append(revision.id)
            return
        self._down(revision)
        after = self._look()
        self._require_equal(revision, "downgrade", after, before)
        yield from self._lost(revision, losses(rows, held, self._contents()))
        self._up(revision, again=True)
        self._require_equal(revision, "upgrade", self._look(), between)

    def _stand_at(self, revision: str | None) -> Catalog:
        """The catalog of the database below the next step; a new database unless we stand there already."""
        if self._catalog is None or self._at != revision:
            self._begin(revision)
            return self._look()
        return self._catalog

    def _begin(self, revision: str | None) -> None:
        """A new scratch database at a revision, without rows but those that revisions make."""
        self._stack.close()
        database = self._stack.enter_context(self._below(revision))
        self._connection = self._stack.enter_context(database.connect())
        if revision is not None:
            upgrade(self._connection, self._bench.module, self._bench.script, revision)
        self._at = revision

    def _below(self, revision: str | None) -> AbstractContextManager[ScratchDatabase]:
        """A database from which the revision is reached by upgrades alone, with as few of them as may be."""
        unreleased = self._bench.history.unreleased
        if revision is None or revision not in {one for rev in unreleased for one in (rev.down, rev.id)}:
            return self._bench.prepared("stairway")
        return scratch_database(self._bench.server, template=self._bench.released_database, hint="stairway")

    def _up(self, revision: Revision, *, again: bool = False) -> None:
        try:
            upgrade(self._open, self._bench.module, self._bench.script, revision.id)
        except MigrationError as error:
            if again:
                raise _Stuck(self._finding(error, revision, "run again after its downgrade")) from error
            self._up_without_rows(revision, error)
        self._at = revision.id

    def _up_without_rows(self, revision: Revision, error: MigrationError) -> None:
        """After an upgrade failed: was it the rows, or does it fail as it is?"""
        self._begin(revision.down)
        try:
            upgrade(self._open, self._bench.module, self._bench.script, revision.id)
        except MigrationError as without:
            raise _Stuck(self._finding(without, revision, "run on the database below it")) from without
        raise _Stuck(*self._on_rows(revision, error))

    def _down(self, revision: Revision) -> None:
        try:
            downgrade(self._open, self._bench.module, self._bench.script, revision.down)
        except MigrationError as error:
            self._begin(revision.id)
            try:
                downgrade(self._open, self._bench.module, self._bench.script, revision.down)
            except MigrationError as without:
                raise _Stuck(self._finding(without, revision, "run after its upgrade")) from without
            raise _Stuck(*self._on_rows(revision, error)) from error
        self._at = revision.down

    def _on_rows(self, revision: Revision, error: MigrationError) -> tuple[Finding, ...]:
        """A revision that works on empty tables alone. What is released cannot be mended any more: a remark."""
        finding = self._finding(error, revision, "run on tables with rows; it works on empty ones")
        if revision.version is None:
            return (finding,)
        self._seen.remarks.append(finding)
        return ()

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

    def _lost(self, revision: Revision, found: Iterable[Loss]) -> Iterator[Finding]:
        """Values that are gone: destroyed by the downgrade, which fails; or removed by the upgrade, a remark."""
        shown = self._bench.module.shown(revision.path)
        tables: dict[tuple[ObjectKey, bool], list[Loss]] = defaultdict(list)
        for loss in found:
            tables[loss.column.table, loss.kept_until is not None].append(loss)
        for (table, by_downgrade), some in tables.items():
            way = "downgrade" if by_downgrade else "upgrade"
            finding = Finding(
                f"{way}() of {revision.id} destroys values of {table}.",
                revision.id,
                shown,
                line_of(revision.path, way),
                details="\n".join(_in_words(loss) for loss in some),
            )
            if by_downgrade:
                yield finding
            else:
                self._seen.remarks.append(finding)

    def _fill(self, catalog: Catalog) -> Contents:
        filled = fill_tables(self._open, catalog)
        self._open.commit()
        self._seen.made += sum(filled.made.values())
        self._seen.empty.update(filled.not_made)
        for table in filled.made:
            self._seen.empty.pop(table, None)
        self._catalog = catalog
        return self._contents()

    def _look(self) -> Catalog:
        self._catalog = self._bench.inspect_connection(self._open)
        self._open.rollback()
        return self._catalog

    def _contents(self) -> Contents:
        assert self._catalog is not None
        contents = read_contents(self._open, self._catalog)
        self._open.rollback()
        return contents

    @property
    def _open(self) -> Connection:
        assert self._connection is not None, "the walk has begun"
        return self._connection


def _in_words(loss: Loss) -> str:
    until = f", still there in {loss.kept_until} after the upgrade" if loss.kept_until else ""
    return f"{loss.column}: {counted(loss.count, 'value')} gone{until}"
