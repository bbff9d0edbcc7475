"""Schemas, extensions, and what is not compared."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

CASES = [
    Case("schema created", "", "create schema s; comment on schema s is 'S';"),
    Case("schema dropped", "create schema s;", ""),
    Case("schema with a name that needs quotes", "", 'create schema "My.Schema"; create schema "select";'),
    Case(
        "schema's comment",
        "create schema s; comment on schema s is 'x';",
        "create schema s; comment on schema s is 'y';",
    ),
    Case("schema public's comment", "", "comment on schema public is 'ours';"),
    Case("schema public's comment dropped", "", "comment on schema public is null;"),
    Case("schema public dropped", "", "drop schema public;", undumped=True),
    Case(
        "schema with everything in it",
        "",
        "create schema s; create type s.e as enum ('a'); create domain s.d as int; create sequence s.q; create table s.t (a s.d, b s.e default 'a', c int default nextval('s.q'), d serial primary key);"
        "create function s.f(s.t) returns s.e language sql as $$ select 'a'::s.e $$; create view s.v as select a, s.f(t) as f from s.t; create index on s.t (b);"
        "create function s.g() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before insert on s.t for each row execute function s.g();"
        "create statistics s.st on a, c from s.t; create policy p on s.t using (true); create materialized view s.m as select 1 as x; create type s.c as (a s.e);",
    ),
    Case(
        "everything from one schema to another",
        "create schema a; create type a.e as enum ('a'); create table a.t (x a.e, id serial primary key); create view a.v as select x from a.t; create function a.f() returns int language sql as 'select 1';",
        "create schema b; create type b.e as enum ('a'); create table b.t (x b.e, id serial primary key); create view b.v as select x from b.t; create function b.f() returns int language sql as 'select 1';",
    ),
    Case(
        "references across schemas",
        "create schema a; create schema b;",
        "create schema a; create schema b; create table a.p (id int primary key); create table b.c (p int references a.p); create view a.v as select p from b.c; create type b.e as enum ('x'); alter table a.p add e b.e;",
    ),
    Case("extension created and used", "", "create extension citext; create table t (a citext unique);"),
    Case(
        "extension dropped with what uses it",
        "create extension citext; create table t (a citext, b int);",
        "create table t (b int);",
    ),
    Case(
        "extension dropped and its column gets another type",
        "create extension citext; create table t (a citext default 'x');",
        "create table t (a text default 'x');",
    ),
    Case(
        "extension in a schema of its own",
        "",
        'create schema "Ext"; create extension citext schema "Ext"; create table t (a "Ext".citext);',
    ),
    Case(
        "extension moves to another schema",
        "create schema s; create extension citext;",
        "create schema s; create extension citext schema s;",
    ),
    Case(
        "extension moves to another schema with what uses it",
        "create schema s; create extension citext; create table t (a citext, b citext[]); create index i on t (a); create view v as select a from t;",
        "create schema s; create extension citext schema s; create table t (a s.citext, b s.citext[]); create index i on t (a); create view v as select a from t;",
    ),
    Case(
        "extension's comment",
        "create extension citext;",
        "create extension citext; comment on extension citext is 'x';",
    ),
    Case("extension created without its comment", "", "create extension citext; comment on extension citext is null;"),
    Case(
        "extension of an older version",
        "create extension citext version '1.4';",
        "create extension citext;",
        undumped=True,
    ),
    Case(
        "extension's functions in an index, a view and a default",
        "",
        "create extension citext; create table t (a text default citext_eq('a', 'b')::text); create index i on t ((a::citext)); create view v as select regexp_replace(a::citext, 'x', 'y') as x from t;",
    ),
]


def test_namespaces(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
