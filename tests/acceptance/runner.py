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
        since: The lowest major that knows the syntax.
        rows: Statements that fill the current database; the tables keep these rows.
        answers: What was decided about changes that need more than DDL.
    """

    name: str
    current: str = ""
    desired: str = ""
    common: str = ""
    rebuilds: bool = False
    since: int = 15
    rows: str = ""
    answers: Answers = field(default=NOTHING_MATTERS)


def run_case(server: Server, case: Case) -> Plan:
    """Upgrade, compare, dump, compare again, downgrade, dump; in SQL, and in Python on a copy."""
    with _both_sides(server, case) as (current, desired):
        before, after = _catalog(current), _catalog(desired)
        dumps = dump_schema(current.url), dump_schema(desired.url)
        _execute(current, case.rows)
        upgrade = plan_operations(before, after, answers=case.answers, exact_names=True)
        downgrade = plan_operations(after, before, answers=_back(case), exact_names=True)
        assert not upgrade.questions, upgrade.questions
        assert (dumps[0] == dumps[1]) == (not upgrade.operations), (case.name, _statements(upgrade))
        with scratch_database(server, template=current, hint="python") as copy:
            _apply_lines(copy, upgrade)
            _expect(copy, after, upgrade)
            _apply_lines(copy, downgrade)
            _expect(copy, before, downgrade)
        identities, rows = _identities(current), _rows(current)
        _apply(current, upgrade)
        _expect(current, after, upgrade, dumps[1])
        if not case.rebuilds:
            assert _kept(identities, _identities(current)), "a table was made anew"
            _compare_rows(rows, _rows(current))
        _apply(current, downgrade)
        _expect(current, before, downgrade, dumps[0])
        return upgrade


@contextmanager
def _both_sides(server: Server, case: Case) -> Iterator[tuple[ScratchDatabase, ScratchDatabase]]:
    with (
        scratch_database(server, hint="current") as current,
        scratch_database(server, hint="desired") as desired,
    ):
        _execute(current, case.common, case.current)
        _execute(desired, case.common, case.desired)
        yield current, desired


def _back(case: Case) -> Answers:
    return Answers(neutral_backfills=True) if case.rows else NOTHING_MATTERS


def _catalog(database: ScratchDatabase) -> Catalog:
    with database.connect() as connection:
        return inspect_catalog(connection)


def _expect(database: ScratchDatabase, wanted: Catalog, plan: Plan, dump: str | None = None) -> None:
    left = diff_catalogs(_catalog(database), wanted, exact_names=True)
    assert left.empty, "\n".join([*left.describe(), *_statements(plan), *_lines(plan)])
    if dump is not None:
        assert dump_schema(database.url) == dump, "\n".join(_statements(plan))


def _execute(database: ScratchDatabase, *scripts: str) -> None:
    with database.connect() as connection:
        for script in scripts:
            if script.strip():
                connection.exec_driver_sql(script.replace("%", "%%"))
        connection.commit()


def _apply(database: ScratchDatabase, plan: Plan) -> None:
    with database.connect() as connection:
        for operation in plan.operations:
            for statement in operation.statements:
                try:
                    connection.exec_driver_sql(statement.replace("%", "%%"))
                except Exception as error:
                    error.add_note("\n".join(_statements(plan)))
                    raise
            if operation.autocommit:
                connection.commit()
        connection.commit()


def _apply_lines(database: ScratchDatabase, plan: Plan) -> None:
    """Run what a revision file would say."""
    with database.connect() as connection:
        context = MigrationContext.configure(connection)
        names: dict[str, Any] = {"op": Operations(context), "sa": sa, "sqm": sqm}
        code = compile("\n".join([*sorted(plan.imports), *_lines(plan)]), "<revision>", "exec")
        with context.begin_transaction():
            try:
                exec(code, names)
            except Exception as error:
                error.add_note("\n".join(_lines(plan)))
                raise


def _statements(plan: Plan) -> list[str]:
    return [statement for operation in plan.operations for statement in operation.statements]


def _lines(plan: Plan) -> list[str]:
    return [line for operation in plan.operations for line in operation.lines]


def _identities(database: ScratchDatabase) -> dict[str, int]:
    with database.connect() as connection:
        rows = connection.exec_driver_sql(
            "select oid::regclass::text, oid::int8 from pg_class where relkind in ('r', 'p') and oid >= 16384"
        )
        return {name: oid for name, oid in rows}


def _kept(before: dict[str, int], after: dict[str, int]) -> bool:
    return all(after[name] == oid for name, oid in before.items() if name in after)


def _rows(database: ScratchDatabase) -> dict[str, int]:
    with database.connect() as connection:
        names = connection.exec_driver_sql(
            "select oid::regclass::text from pg_class where relkind = 'r' and oid >= 16384"
        ).scalars()
        return {name: connection.exec_driver_sql(f"select count(*) from {name}").scalar_one() for name in names.all()}


def _compare_rows(before: dict[str, int], after: dict[str, int]) -> None:
    for table, count in before.items():
        assert after.get(table, count) == count, f"{table} lost rows"
