"""Revisions up, down and up again on tables that hold rows, every value followed."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import downgrade, upgrade
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.rows.account import Moment, TableFate, account_for
from lamin_migrate_kit.proof.rows.asking import Asking
from lamin_migrate_kit.proof.rows.decided import Decided
from lamin_migrate_kit.proof.rows.fill import Filled, merge
from lamin_migrate_kit.proof.rows.relations import read_labels, read_relations
from lamin_migrate_kit.proof.rows.saved import SavedRows
from lamin_migrate_kit.proof.rows.sources import Rows
from lamin_migrate_kit.proof.standing import standing_at
from lamin_migrate_kit.revisions.ways import Way

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.workbench import Workbench

_BEFORE, _BETWEEN, _AFTER = range(3)


@dataclass(frozen=True, slots=True)
class Failure:
    """That a revision could not be run on tables with rows, and can be on empty ones.

    Attributes:
        error: What it raised.
        when: On which way: `upgrade`, `downgrade` or `upgrade again`.
    """

    error: MigrationError
    when: str


@dataclass(frozen=True, slots=True)
class Step:
    """What became of rows when one revision ran.

    Attributes:
        revision: The revision.
        decided: What its file records.
        current: The catalog before it.
        desired: The catalog after it; None when it did not get there.
        filled: What came of filling the tables before it, and those that it made.
        up: What became of every table when it was taken up.
        back: The same when it was taken back, from before the upgrade to after the downgrade; None without a way back.
        failure: What could not be run.
        refused: What the upgrade raised on some rows, while it went well on rows that fit what it leads to.
        private: The rows are somebody's: no value of theirs is shown.
    """

    revision: Revision
    decided: Decided
    current: Catalog
    desired: Catalog | None = None
    filled: Filled = field(default_factory=Filled)
    up: tuple[TableFate, ...] = ()
    back: tuple[TableFate, ...] | None = None
    failure: Failure | None = None
    refused: MigrationError | None = None
    private: bool = False


class RowsWalk:
    """A scratch database on its way up, on whose rows every revision is tried.

    Args:
        bench: The module at hand.
        rows: Where rows come from.
        stack: Keeps the scratch database.
    """

    def __init__(self, bench: Workbench, rows: Rows, stack: ExitStack) -> None:
        self._bench = bench
        self._rows = rows
        self._stack = stack
        self._at: str | None = None
        self._connection: Connection | None = None
        self._second: Connection | None = None
        self._catalog: Catalog | None = None

    def climb(self, revision: Revision) -> Step:
        """Take one revision up, down and up again; a revision that fails does not stop the next one."""
        current = self._stand_at(revision.down)
        filled = self._fill(current)
        decided = Decided(revision.path)
        before = self._save(_BEFORE)
        went, failure = self._run("upgrade", revision)
        refused = failure.error if failure else None
        if failure and is_about_values(failure.error):
            # Nothing was lost: the server refused. Rows that it does not refuse may still lose something.
            again = self._on_fitting_rows(revision, current)
            went, filled, before = again or (False, filled, before)
        if not went:
            return Step(revision, decided, current, filled=filled, failure=failure, private=self._rows.private)
        between = self._save(_BETWEEN)
        up = self._account(before, between, decided)
        desired = self._look()
        filled = merge([filled, self._fill(desired)])
        back, failure = self._back(revision, before)
        return Step(revision, decided, current, desired, filled, up, back, failure, refused, private=self._rows.private)

    def _on_fitting_rows(self, revision: Revision, current: Catalog) -> tuple[bool, Filled, Moment] | None:
        """Run an upgrade on rows that fit what it leads to, after it refused others; None when it refuses these too.

        The database stands above the revision, without rows.
        """
        desired = self._look()
        for turn in count():
            self._begin(revision.down)
            filled = self._rows.fill_like(self._own, current, desired, turn)
            self._own.commit()
            if filled is None:
                break
            before = self._save(_BEFORE)
            with suppress(MigrationError):
                self._move("upgrade", revision)
                return True, filled, before
        self._catalog = None
        return None

    def _back(self, revision: Revision, before: Moment) -> tuple[tuple[TableFate, ...] | None, Failure | None]:
        if revision.way_back is not Way.WRITTEN:
            return None, None
        went, failure = self._run("downgrade", revision)
        if not went:
            return None, failure
        back = self._account(before, self._save(_AFTER), Decided(revision.path))
        return back, self._run("upgrade again", revision)[1]

    def _account(self, before: Moment, after: Moment, decided: Decided) -> tuple[TableFate, ...]:
        fates = account_for(SavedRows(Asking(self._own)), before, after, decided.renames, decided.enum_maps)
        self._own.commit()
        return fates

    def _save(self, number: int) -> Moment:
        asking = Asking(self._own)
        asking.spell_values_plainly()
        leave_out = (self._bench.module.version_table, self._bench.module.deployments_table)
        relations = read_relations(asking, leave_out)
        moment = Moment(number, relations, SavedRows(asking).save(number, relations), read_labels(asking))
        self._own.commit()
        return moment

    def _fill(self, catalog: Catalog) -> Filled:
        filled = self._rows.fill(self._own, catalog, self._at)
        self._own.commit()
        return filled

    def _run(self, when: str, revision: Revision) -> tuple[bool, Failure | None]:
        """Run a revision one way; what fails without rows as well is another proof's to say."""
        begin_at = revision.id if when == "downgrade" else revision.down
        try:
            self._move(when, revision)
            return True, None
        except MigrationError as error:
            failed = error
        try:
            self._begin(begin_at)
            self._move(when, revision)
        except MigrationError:
            return False, None
        finally:
            self._catalog = None
        blames_rows = when != "upgrade again" or is_about_values(failed)
        return False, Failure(failed, when) if blames_rows else None

    def _move(self, when: str, revision: Revision) -> None:
        if when == "downgrade":
            downgrade(self._open, self._bench.module, self._bench.script, revision.down)
            self._at = revision.down
        else:
            upgrade(self._open, self._bench.module, self._bench.script, revision.id)
            self._at = revision.id

    def _stand_at(self, revision: str | None) -> Catalog:
        """The catalog of the database below the next step; a new database unless we stand there already."""
        if self._catalog is None or self._at != revision:
            self._begin(revision)
            return self._look()
        return self._catalog

    def _begin(self, revision: str | None) -> None:
        self._stack.close()
        self._connection = self._stack.enter_context(standing_at(self._bench, revision, "rows"))
        self._connection.commit()
        # A session of our own: what a revision does to its session does not change what is seen, or forget it.
        self._second = self._stack.enter_context(self._connection.engine.connect())
        self._at = revision

    def _look(self) -> Catalog:
        self._catalog = self._bench.inspect_connection(self._own)
        self._own.rollback()
        return self._catalog

    @property
    def _own(self) -> Connection:
        assert self._second is not None, "the walk has begun"
        return self._second

    @property
    def _open(self) -> Connection:
        assert self._connection is not None, "the walk has begun"
        return self._connection


def is_about_values(error: MigrationError) -> bool:
    """Whether the server refused values, and not the statement itself; a missing value is never what rows are like."""
    return getattr(error, "about_values", False)
