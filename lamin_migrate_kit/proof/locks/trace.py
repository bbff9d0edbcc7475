"""Runs the unreleased revisions on a scratch database with rows, and says what each statement did to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import RevisionFailed, upgrade
from lamin_migrate_kit.catalog.model import Catalog, Table
from lamin_migrate_kit.catalog.quoting import qualified
from lamin_migrate_kit.proof.locks.model import Failure, RevisionTrace
from lamin_migrate_kit.proof.locks.reading import read_session_settings
from lamin_migrate_kit.proof.locks.watcher import Watcher
from lamin_migrate_kit.proof.rows.fill import fill_tables
from lamin_migrate_kit.proof.rows.sources import MadeUpRows, rows_folder
from lamin_migrate_kit.proof.rows.walk import is_about_values
from lamin_migrate_kit.scratch import scratch_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.scratch import ScratchDatabase
    from lamin_migrate_kit.workbench import Workbench

LOCK_TIMEOUT = "5s"
"""What `invoke deploy` sets before it runs a revision, so that a trace sees what an instance would see."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What came of tracing.

    Attributes:
        revisions: The revisions that were traced, base first.
        untraced: Why something could not be traced, a sentence each.
    """

    revisions: tuple[RevisionTrace, ...] = ()
    untraced: tuple[str, ...] = ()


def trace_unreleased(bench: Workbench) -> Traces:
    """Run the upgrade of every unreleased revision on tables with rows, statement by statement.

    A revision that refuses values is traced on rows that fit what it leads to, and says so in `refused`; one that fails
    on these as well on empty tables, and says so in its `failure`.

    Args:
        bench: The module at hand, whose upgrade is proven to run from an empty database.
    """
    with ExitStack() as stack:
        tracer = _Tracer(bench, stack)
        revisions = tuple(tracer.trace(revision) for revision in bench.history.unreleased)
        return Traces(revisions, tuple(tracer.untraced))


class _Tracer:
    """A scratch database on its way up."""

    def __init__(self, bench: Workbench, stack: ExitStack) -> None:
        self.untraced: list[str] = []
        self._bench = bench
        self._stack = stack
        self._at: str | None = None
        self._database: ScratchDatabase | None = None
        self._connection: Connection | None = None

    def trace(self, revision: Revision) -> RevisionTrace:
        if self._connection is None or self._at != revision.down:
            self._begin(revision.down)
        before = self._look()
        filled = fill_tables(self._open, before, folder=rows_folder(self._bench.module))
        self._open.commit()
        self._at = revision.id
        try:
            traced = self._run(revision, before)
        except RevisionFailed as error:
            empty = self._trace_empty(revision, error)
            fits = is_about_values(error) and empty.failure is not None and empty.failure.on_rows
            return (self._trace_on_fitting_rows(revision, empty) or empty) if fits else empty
        return replace(traced, not_filled=filled.not_made)

    def _trace_on_fitting_rows(self, revision: Revision, empty: RevisionTrace) -> RevisionTrace | None:
        """On rows that fit the catalog which it leads to on empty tables; None when it fails on these, too."""
        rows = MadeUpRows(self._bench.module)
        for turn in count():
            self._begin(revision.down)
            before = self._look()
            filled = rows.fill_like(self._open, before, empty.after, turn)
            if filled is None:
                break
            self._open.commit()
            self._at = revision.id
            with suppress(RevisionFailed):
                traced = self._run(revision, before)
                return replace(traced, not_filled=filled.not_made, refused=empty.failure)
        self._connection = None
        return None

    def _trace_empty(self, revision: Revision, error: RevisionFailed) -> RevisionTrace:
        """On tables without rows, after the revision failed on some."""
        self._begin(revision.down)
        before = self._look()
        self._empty(before)
        self._at = revision.id
        try:
            return replace(self._run(revision, before), failure=_failure(error, on_rows=True))
        except RevisionFailed as without:
            self._connection = None
            failure = _failure(without, on_rows=False)
            return RevisionTrace(revision.id, revision.path, (), before, before, failure=failure)

    def _run(self, revision: Revision, before: Catalog) -> RevisionTrace:
        bench, connection = self._bench, self._open
        assert self._database is not None
        leave_out = (bench.module.version_table, bench.module.deployments_table)
        watcher = Watcher(self._database, connection, bench.inspect_connection, before, leave_out)
        settings = self._settings()
        with watcher.listening():
            upgrade(connection, bench.module, bench.script, revision.id, on_statement=watcher.on_statement)
        left = tuple(sorted(_changed(settings, self._settings())))
        self.untraced += watcher.unwatched
        return RevisionTrace(revision.id, revision.path, tuple(watcher.statements), before, watcher.catalog, left)

    def _begin(self, revision: str | None) -> None:
        """A new scratch database at a revision, without rows but those that revisions make."""
        self._stack.close()
        # Only unreleased revisions are traced, and all of them are above the released ones.
        database = scratch_database(self._bench.server, template=self._bench.released_database, hint="locks")
        self._database = self._stack.enter_context(database)
        self._connection = self._stack.enter_context(self._database.connect())
        if revision is not None:
            upgrade(self._connection, self._bench.module, self._bench.script, revision)
        self._open.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        self._open.commit()
        self._at = revision

    def _empty(self, catalog: Catalog) -> None:
        """Take away the rows that revisions have made as well."""
        tables = ", ".join(qualified(table.key) for table in catalog.of(Table))
        if tables:
            self._open.exec_driver_sql(f"TRUNCATE {tables}".replace("%", "%%"))
        self._open.commit()

    def _look(self) -> Catalog:
        catalog = self._bench.inspect_connection(self._open)
        self._open.rollback()
        return catalog

    def _settings(self) -> Mapping[str, str]:
        settings = read_session_settings(self._open)
        self._open.rollback()
        return settings

    @property
    def _open(self) -> Connection:
        assert self._connection is not None, "a scratch database is there"
        return self._connection


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in before.keys() | after.keys():
        # Alembic itself changes the isolation level for an `autocommit_block`, and SQLAlchemy changes it back.
        if before.get(name) != after.get(name) and not name.startswith("transaction_"):
            yield name


def _failure(error: RevisionFailed, *, on_rows: bool) -> Failure:
    _, _, line = (error.where or "").rpartition(":")
    return Failure(
        message=error.what,
        line=int(line) if line.isdigit() else None,
        sql=error.statement or "",
        sqlstate=error.sqlstate,
        on_rows=on_rows,
    )
