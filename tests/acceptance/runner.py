"""One runner for all acceptance rows: the proposed operations turn one real database into the other, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import sqlmodel as sqm
from alembic.migration import MigrationContext
from alembic.operations import Operations

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.operations.lowering import plan_operations
from lamin_migrate_kit.operations.model import Answers, Plan
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from tests.dumps import dump_schema

NOTHING_MATTERS = Answers(assume_empty=True)


@dataclass(frozen=True)
class Case:
    """One change.

    Attributes:
        name: What changes, in words.
        current: DDL that makes the database to start from.
        desired: DDL that makes the one to reach.
        common: DDL that both begin with.
        rebuilds: Whether Postgres has no other way than to make a table anew.
        undumped: Whether `pg_dump` does not show the difference.
        since: The lowest major that knows the syntax.
        rows: Statements that fill the current database; the tables keep these rows.
        answers: What was decided about changes that need more than DDL.
        holds: A condition in SQL that is true of the rows after the upgrade.
    """

    name: str
    current: str = ""
    desired: str = ""
    common: str = ""
    rebuilds: bool = False
    undumped: bool = False
    since: int = 15
    rows: str = ""
    answers: Answers = field(default=NOTHING_MATTERS)
    holds: str = ""


class Database:
    """A scratch database with one connection that stays open."""

    def __init__(self, scratch: ScratchDatabase, connection: sa.Connection, *scripts: str) -> None:
        self.scratch = scratch
        self.connection = connection
        for script in scripts:
            self.execute(script)

    def execute(self, script: str) -> None:
        """Run statements and commit them."""
        if script.strip():
            self.connection.exec_driver_sql(script.replace("%", "%%"))
        self.connection.commit()

    def catalog(self) -> Catalog:
        """What is in it."""
        catalog = inspect_catalog(self.connection)
        self.connection.commit()
        return catalog

    def dump(self) -> str:
        """What `pg_dump` says."""
        return dump_schema(self.scratch.url)

    def apply(self, plan: Plan) -> None:
        """Run the statements of a plan."""
        for operation in plan.operations:
            for statement in operation.statements:
                try:
                    self.connection.exec_driver_sql(statement.replace("%", "%%"))
                except Exception as error:
                    error.add_note("\n".join(_statements(plan)))
                    raise
            if operation.autocommit:
                self.connection.commit()
        self.connection.commit()

    def apply_lines(self, plan: Plan) -> None:
        """Run what a revision file would say."""
        context = MigrationContext.configure(self.connection)
        names: dict[str, Any] = {"op": Operations(context), "sa": sa, "sqm": sqm}
        code = compile("\n".join([*sorted(plan.imports), *_lines(plan)]), "<revision>", "exec")
        with context.begin_transaction():
            try:
                exec(code, names)
            except Exception as error:
                error.add_note("\n".join(_lines(plan)))
                raise

    def expect(self, wanted: Catalog, plan: Plan) -> None:
        """Compare, after a plan was applied."""
        left = diff_catalogs(self.catalog(), wanted, exact_names=True)
        assert left.empty, "\n".join([*left.describe(), *_statements(plan), *_lines(plan)])

    def check(self, condition: str) -> None:
        """Ask whether a condition in SQL is true."""
        if condition:
            assert self.connection.exec_driver_sql(f"select {condition}").scalar_one(), condition
            self.connection.commit()

    def identities(self) -> dict[str, int]:
        """The oid of every table."""
        rows = self.connection.exec_driver_sql(
            "select oid::regclass::text, oid::int8 from pg_class where relkind in ('r', 'p') and oid >= 16384"
        ).all()
        self.connection.commit()
        return {str(name): int(oid) for name, oid in rows}

    def counts(self) -> dict[str, int]:
        """The number of rows of every table."""
        tables = self.identities()
        found = {name: self.connection.exec_driver_sql(f"select count(*) from {name}").scalar_one() for name in tables}
        self.connection.commit()
        return found


@contextmanager
def open_database(server: Server, hint: str, *scripts: str) -> Iterator[Database]:
    """A new database in which these scripts were run."""
    with scratch_database(server, hint=hint) as scratch, scratch.connect() as connection:
        yield Database(scratch, connection, *scripts)


def run_case(server: Server, case: Case, *, thorough: bool = True) -> Plan:
    """Upgrade and downgrade both databases, one with the statements first, the other with the Python lines first.

    Args:
        server: Where.
        case: The row.
        thorough: Whether `pg_dump` looks at the way back too; half of a row's time is its.
    """
    with (
        open_database(server, "current", case.common, case.current) as current,
        open_database(server, "desired", case.common, case.desired) as desired,
    ):
        before, after = current.catalog(), desired.catalog()
        dumps = current.dump() if thorough else None, desired.dump()
        upgrade = plan_operations(before, after, answers=case.answers, exact_names=True)
        downgrade = plan_operations(after, before, answers=_back(case), exact_names=True)
        assert not upgrade.questions, upgrade.questions
        if thorough and not case.undumped:
            assert (dumps[0] == dumps[1]) == (not upgrade.operations), (case.name, _statements(upgrade))
        current.execute(case.rows)
        identities, rows = current.identities(), current.counts()
        current.apply(upgrade)
        current.expect(after, upgrade)
        assert current.dump() == dumps[1], "\n".join(_statements(upgrade))
        current.check(case.holds)
        if not case.rebuilds:
            _compare(identities, current.identities(), "was made anew")
            _compare(rows, current.counts(), "lost rows")
        current.apply_lines(downgrade)
        current.expect(before, downgrade)
        assert not thorough or current.dump() == dumps[0], "\n".join(_statements(downgrade))
        desired.apply(downgrade)
        desired.expect(before, downgrade)
        desired.apply_lines(upgrade)
        desired.expect(after, upgrade)
        return upgrade


def _back(case: Case) -> Answers:
    return Answers(neutral_backfills=True) if case.rows else NOTHING_MATTERS


def _statements(plan: Plan) -> list[str]:
    return [statement for operation in plan.operations for statement in operation.statements]


def _lines(plan: Plan) -> list[str]:
    return [line for operation in plan.operations for line in operation.lines]


def _compare(before: dict[str, int], after: dict[str, int], what: str) -> None:
    for table, number in before.items():
        assert after.get(table, number) == number, f"{table} {what}"
