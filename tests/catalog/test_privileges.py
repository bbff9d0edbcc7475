"""Privileges are compared where the settings ask for it: granted, changed, revoked, and kept by what is made anew."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, Privilege
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.operations.lowering import plan_operations
from lamin_migrate_kit.operations.model import Answers
from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Database, open_database
from tests.authors import Author

MADE = (
    "create schema s; create table s.t (a int); create view s.v as select a from s.t; create sequence s.q;"
    "create function s.f(int, text) returns int language sql as 'select 1'; create procedure s.p() language sql as '';"
    "create type s.e as enum ('a'); create domain s.d as int; create type s.c as (x int);"
    "create materialized view s.m as select a from s.t; create aggregate s.g(int) (sfunc = int4pl, stype = int);"
)
GRANTED = [
    ("table", "", "grant select, insert on s.t to pg_monitor;"),
    ("more", "grant select on s.t to pg_monitor;", "grant select, update on s.t to pg_monitor;"),
    ("less", "grant select, update on s.t to pg_monitor;", "grant select on s.t to pg_monitor;"),
    ("grant option", "grant select on s.t to pg_monitor;", "grant select on s.t to pg_monitor with grant option;"),
    ("others", "grant select on s.t to pg_monitor;", "grant select on s.t to pg_read_all_data, public;"),
    ("schema", "", "grant usage, create on schema s to pg_monitor;"),
    ("sequence", "", "grant usage on s.q to pg_monitor;"),
    ("view", "", "grant select on s.v, s.m to pg_monitor;"),
    ("routines", "", "grant execute on function s.f(int, text), s.g(int) to pg_monitor;"),
    ("procedure", "", "grant execute on procedure s.p() to pg_monitor;"),
    (
        "not for everybody",
        "",
        "revoke execute on function s.f(int, text) from public; revoke usage on type s.e from public;",
    ),
    ("types", "", "grant usage on type s.e, s.d, s.c to pg_monitor;"),
    (
        "view that is made anew",
        "grant select on s.v to pg_monitor;",
        "drop view s.v; create view s.v as select 1 as b, a from s.t; grant select on s.v to pg_monitor;",
    ),
    ("with the object", "", "create table s.n (a int); grant select on s.n to pg_monitor;"),
]


def read(database: Database) -> Catalog:
    catalog = inspect_catalog(database.connection, privileges=True)
    database.connection.rollback()
    return catalog


@pytest.mark.parametrize("major", ["server", pytest.param("server15", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("current", "desired"), [row[1:] for row in GRANTED], ids=[row[0] for row in GRANTED])
def test_privileges_are_granted_and_revoked(
    request: pytest.FixtureRequest, major: str, current: str, desired: str
) -> None:
    server: Server = request.getfixturevalue(major)
    with open_database(server, "one", MADE, current) as one, open_database(server, "two", MADE, desired) as two:
        before, after = read(one), read(two)
        assert not diff_catalogs(before, after).empty
        for wanted in (after, before, after):
            plan = plan_operations(read(one), wanted, answers=Answers(assume_empty=True), exact_names=True)
            one.apply(plan)
            assert diff_catalogs(read(one), wanted, exact_names=True).describe() == ()


def test_privileges_are_no_objects_unless_somebody_asks(server: Server) -> None:
    with open_database(server, "one", MADE, GRANTED[0][2]) as one:
        assert not list(one.catalog().of(Privilege))
        assert [str(value.grantee) for value in read(one).of(Privilege)] == ["pg_monitor"]


def test_setting_makes_generate_propose_them(author: Author) -> None:
    table = 'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="core")\n'
    event = 'sa.event.listen(metadata, "after_create", sa.DDL("GRANT SELECT ON core.note TO pg_monitor"))\n'
    author.models(table)
    author.generate()
    author.models(table + event)
    assert author.compare().empty
    author.settings.update(privileges=True)
    author.models(table + event)
    result = author.generate()
    assert author.body(result) == 'op.execute("GRANT SELECT ON TABLE core.note TO pg_monitor")'
    assert author.body(result, "downgrade") == 'op.execute("REVOKE SELECT ON TABLE core.note FROM pg_monitor")'
