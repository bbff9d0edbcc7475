"""One runner for all acceptance rows: the proposed operations turn one real database into the other, and back."""

from __future__ import annotations

from dataclasses import dataclass

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.operations.lowering import plan_operations
from lamin_migrate_kit.operations.model import Answers, Plan
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from tests.dumps import dump_schema


@dataclass(frozen=True)
class Case:
    """One change.

    Attributes:
        name: What changes, in words.
        current: DDL that makes the database to start from.
        desired: DDL that makes the one to reach.
        common: DDL that both begin with.
        rebuilds: Whether Postgres has no other way than to make the table's column or the type anew.
        since: The lowest major that knows the syntax.
        rows: Statements that fill the current database; the tables keep these rows.
    """

    name: str
    current: str
    desired: str
    common: str = ""
    rebuilds: bool = False
    since: int = 15
    rows: str = ""


def run_case(server: Server, case: Case) -> Plan:
    """Upgrade, compare, dump, compare again, downgrade, dump."""
    with (
        scratch_database(server, hint="current") as current,
        scratch_database(server, hint="desired") as desired,
    ):
        _execute(current, case.common, case.current)
        _execute(desired, case.common, case.desired)
        before, after = _catalog(current), _catalog(desired)
        dumps = dump_schema(current.url), dump_schema(desired.url)
        _execute(current, case.rows)
        identities, rows = _identities(current), _rows(current)
        upgrade = plan_operations(before, after, answers=Answers(assume_empty=True), exact_names=True)
        if dumps[0] != dumps[1]:
            assert upgrade.operations, "the two databases differ and nothing was proposed"
        _apply(current, upgrade)
        reached = _catalog(current)
        left = diff_catalogs(reached, after, exact_names=True)
        assert left.empty, "\n".join([*left.describe(), *_statements(upgrade)])
        assert dump_schema(current.url) == dumps[1], "\n".join(_statements(upgrade))
        if not case.rebuilds:
            assert _kept(identities, _identities(current)), "a table was made anew"
        _compare_rows(rows, _rows(current))
        downgrade = plan_operations(after, before, answers=Answers(assume_empty=True), exact_names=True)
        _apply(current, downgrade)
        back = diff_catalogs(_catalog(current), before, exact_names=True)
        assert back.empty, "\n".join([*back.describe(), *_statements(downgrade)])
        assert dump_schema(current.url) == dumps[0], "\n".join(_statements(downgrade))
        return upgrade


def _catalog(database: ScratchDatabase) -> Catalog:
    with database.connect() as connection:
        return inspect_catalog(connection)


def _execute(database: ScratchDatabase, *scripts: str) -> None:
    with database.connect() as connection:
        for script in scripts:
            if script.strip():
                connection.exec_driver_sql(script.replace("%", "%%"))
        connection.commit()


def _apply(database: ScratchDatabase, plan: Plan) -> None:
    with database.connect() as connection:
        connection.exec_driver_sql("set check_function_bodies = off")
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


def _statements(plan: Plan) -> list[str]:
    return [statement for operation in plan.operations for statement in operation.statements]


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
