"""A database is read with a fixed number of queries, completely, and without leaving a trace."""

from __future__ import annotations

from typing import Any

import psycopg2.extensions
import pytest
from sqlalchemy import Connection, event

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import KINDS, Index, ObjectKey, Table
from lamin_migrate_kit.scratch import ScratchDatabase

EVERYTHING = """
create schema s; create extension citext; create type e as enum ('a'); create domain d as int; create type c as (x int);
create type r as range (subtype = int4); create sequence q; create table t (a int primary key, b text);
create function f() returns trigger language plpgsql as 'begin return new; end'; create procedure p() begin atomic end;
create aggregate g(int) (sfunc = int4pl, stype = int); create index i on t (b); create statistics st on a, b from t;
create view v as select a from t; create materialized view m as select a from t;
create rule u as on delete to t do instead nothing;
create trigger tr before insert on t for each row execute function f();
create policy po on t using (true); create function ev() returns event_trigger language plpgsql as 'begin end';
create event trigger et on sql_drop execute function ev();
"""


class _Counting(psycopg2.extensions.cursor):
    sent = 0

    def execute(self, *arguments: Any) -> None:
        type(self).sent += 1
        super().execute(*arguments)


def count_queries(connection: Connection) -> int:
    """How many statements one inspection sends."""
    driver: Any = connection.connection.driver_connection
    _Counting.sent = 0
    driver.cursor_factory = _Counting
    inspect_catalog(connection, privileges=True)
    driver.cursor_factory = None
    return _Counting.sent


def test_a_database_is_read_with_at_most_20_queries_whatever_its_size(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        empty = count_queries(connection)
        connection.exec_driver_sql(EVERYTHING)
        small = count_queries(connection)
        for number in range(100):
            connection.exec_driver_sql(f"create table t{number} (id serial primary key, a int unique check (a > 0))")
        large = count_queries(connection)
    assert empty == small == large
    assert 0 < large <= 20


def test_every_kind_is_found(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql(EVERYTHING)
        found = inspect_catalog(connection)
    assert {key.kind for key in found.objects} == set(KINDS)
    assert list(found.objects) == sorted(found.objects)


def test_the_search_path_of_the_caller_is_left_as_it_was(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql('create schema "My S"; set search_path = "My S", public')
        before = connection.exec_driver_sql("show search_path").scalar()
        connection.exec_driver_sql("create table t (a int)")
        found = inspect_catalog(connection)
        assert connection.exec_driver_sql("show search_path").scalar() == before
    assert ObjectKey("table", "My S", "t") in found.objects


def test_the_transaction_of_the_caller_goes_on(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql("create table t (a int)")
        inspect_catalog(connection)
        connection.rollback()
        assert not list(inspect_catalog(connection).of(Table))


def test_the_caller_is_told_of_statements_by_nobody(scratch: ScratchDatabase) -> None:
    """Inspection goes past SQLAlchemy's events, so that a trace of a migration shows only the migration."""
    with scratch.connect() as connection:
        seen: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
        inspect_catalog(connection)
    assert not seen


def test_ignored_tables_are_left_out_with_all_that_belongs_to_them(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql(
            "create table migration_x (id serial primary key, b text unique, check (id > 0));"
            "create index on migration_x (b);"
            "create statistics on id, b from migration_x; create policy p on migration_x using (true)"
        )
        found = inspect_catalog(connection, ignore=("migration_x",))
    assert {key.kind for key in found.objects} == {"schema"}
    assert {key.kind for pair in found.dependencies for key in pair} <= {"schema"}


@pytest.mark.parametrize(
    ("ddl", "named"),
    [
        ("create foreign data wrapper w", ("foreign data wrapper", "w")),
        (
            "create foreign data wrapper w; create server s foreign data wrapper w;"
            "create foreign table f (a int) server s",
            ("foreign table", "public.f"),
        ),
        ("create publication p", ("publication", "p")),
        ("create collation \"C c\" (locale = 'C')", ("collation", 'public."C c"')),
        ("create operator <-> (leftarg = int, rightarg = int, function = int4pl)", ("operator", "public.<->")),
        ("create type c as (a int); create table t of c", ("typed table", "public.t")),
        ("create text search dictionary d (template = simple)", ("text search dictionary", "public.d")),
        ("create text search configuration c (copy = simple)", ("text search configuration", "public.c")),
        ("create operator class o for type int using btree as operator 1 <", ("operator class", "public.o")),
        ("create conversion c for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8", ("conversion", "public.c")),
        ("create access method a type table handler heap_tableam_handler", ("access method", "a")),
    ],
)
def test_kinds_that_are_not_compared_are_named(scratch: ScratchDatabase, ddl: str, named: tuple[str, str]) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql(ddl)
        assert named in inspect_catalog(connection).not_compared


def test_an_invalid_index_is_known_as_such(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql("create table t (a int); insert into t values (1), (1)")
        connection.commit()
    with scratch.connect() as connection:
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(Exception, match="could not create unique index"):
            outside.exec_driver_sql("create unique index concurrently i on t (a)")
    with scratch.connect() as connection:
        (index,) = inspect_catalog(connection).of(Index)
    assert not index.valid
