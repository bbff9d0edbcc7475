"""The version table's UPDATE says what SQLAlchemy would say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, TextClause, literal_column
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from lamin_migrate_kit.alembic_bridge.version_table import VersionTable

DIALECT = PGDialect_psycopg2()


def table_called(name: str, schema: str | None = None) -> Table:
    return Table(name, MetaData(), Column("version_num", String(32)), schema=schema)


def update(table: Any, new: str, old: str) -> Any:
    """As Alembic writes it."""
    where = table.c.version_num == literal_column(f"'{old}'")
    return table.update().values(version_num=literal_column(f"'{new}'")).where(where)


@pytest.mark.parametrize("name", ["alembic_version", "migration_core", "Odd name", "hundred%", "select"])
@pytest.mark.parametrize("schema", [None, "core", "Odd"])
def test_it_is_what_sqlalchemy_compiles(name: str, schema: str | None) -> None:
    table = table_called(name, schema)
    ours = update(VersionTable(table, DIALECT), "dd2b4a9499f2", "8280855a5064")
    assert isinstance(ours, TextClause) is ("%" not in name)
    assert str(ours.compile(dialect=DIALECT)) == str(
        update(table, "dd2b4a9499f2", "8280855a5064").compile(dialect=DIALECT)
    )


def test_what_is_no_plain_id_is_left_to_sqlalchemy() -> None:
    table = table_called("alembic_version")
    ours = update(VersionTable(table, DIALECT), "a:b", "8280855a5064")
    assert not isinstance(ours, TextClause)
    assert str(ours.compile(dialect=DIALECT)) == str(update(table, "a:b", "8280855a5064").compile(dialect=DIALECT))


@pytest.mark.parametrize("written", [lambda id: id.in_(["a"]), lambda id: id != literal_column("'a'")])
def test_another_condition_is_left_to_sqlalchemy(written: Callable[[Any], Any]) -> None:
    table = VersionTable(table_called("alembic_version"), DIALECT)
    statement = table.update().values(version_num=literal_column("'b'")).where(written(table.c.version_num))
    assert not isinstance(statement, TextClause)
