"""Sequences: those that stand alone, and those that a column owns."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

CASES = [
    Case(
        "owned by a column that holds no numbers",
        "create table t (a text);",
        "create table t (a text); create sequence s owned by t.a;",
    ),
    Case(
        "created with everything",
        "",
        "create sequence q as int increment by -2 minvalue -100 maxvalue 50 start 10 cache 5 cycle; comment on sequence q is 'Q';",
    ),
    Case("dropped", "create sequence q;", ""),
    Case("type", "create sequence q as int;", "create sequence q as bigint;"),
    Case("narrower type", "create sequence q;", "create sequence q as smallint;"),
    Case(
        "type with limits of its own",
        "create sequence q as int maxvalue 100;",
        "create sequence q as smallint maxvalue 200;",
    ),
    Case("start", "create sequence q;", "create sequence q start 7;"),
    Case("limits", "create sequence q;", "create sequence q minvalue 10 maxvalue 20;"),
    Case("limits below the start", "create sequence q start 50;", "create sequence q minvalue 1 maxvalue 20 start 3;"),
    Case("direction", "create sequence q;", "create sequence q increment -1;"),
    Case("cache and cycle", "create sequence q cache 3;", "create sequence q cycle;"),
    Case("unlogged", "create sequence q;", "create unlogged sequence q;"),
    Case(
        "comment",
        "create sequence q; comment on sequence q is 'x';",
        "create sequence q; comment on sequence q is 'y';",
    ),
    Case("comment dropped", "create sequence q; comment on sequence q is 'x';", "create sequence q;"),
    Case(
        "name that needs quotes",
        "",
        'create schema "S"; create sequence "S"."My Seq"; create table t (a bigint default nextval(\'"S"."My Seq"\'));',
    ),
    Case(
        "used by a default",
        "create table t (a int);",
        "create sequence q; create table t (a int default nextval('q'));",
    ),
    Case(
        "used by a default no more",
        "create sequence q; create table t (a int default nextval('q'));",
        "create table t (a int);",
    ),
    Case(
        "used by another default",
        "create sequence q; create table t (a int default nextval('q'), b int);",
        "create sequence q; create table t (a int, b int default nextval('q'));",
    ),
    Case(
        "replaced under a default",
        "create sequence q; create table t (a int default nextval('q'));",
        "create sequence r; create table t (a int default nextval('r'));",
    ),
    Case(
        "used by a view",
        "create sequence q; create view v as select last_value from q;",
        "create sequence q increment 2; create view v as select last_value from q;",
    ),
    Case(
        "owned by a column",
        "create sequence q; create table t (a int);",
        "create sequence q; create table t (a int); alter sequence q owned by t.a;",
    ),
    Case(
        "owned by no column any more",
        "create table t (a int); create sequence q owned by t.a;",
        "create table t (a int); create sequence q;",
    ),
    Case(
        "owned by another column",
        "create table t (a int, b int); create sequence q owned by t.a;",
        "create table t (a int, b int); create sequence q owned by t.b;",
    ),
    Case(
        "owned by a column that goes, and stays",
        "create table t (a int, b int); create sequence q owned by t.a;",
        "create table t (b int); create sequence q;",
    ),
    Case(
        "owned by a column of another table",
        "create table t (a int); create table u (a int); create sequence q owned by t.a;",
        "create table t (a int); create table u (a int); create sequence q owned by u.a;",
    ),
    Case(
        "owned by a table that goes, and goes to a new one",
        "create table t (a int); create sequence q owned by t.a;",
        "create table u (a int); create sequence q owned by u.a;",
    ),
    Case("owned, but no default reads it", "", "create table t (a int); create sequence q owned by t.a increment 3;"),
    Case(
        "owned and read, in another schema than its table",
        "",
        "create schema s; create table t (a int); alter table t set schema s; create sequence s.q owned by s.t.a; alter table s.t alter a set default nextval('s.q');",
    ),
    Case(
        "owned with its column's type",
        "create table t (a int); create sequence q as int owned by t.a;",
        "create table t (a bigint); create sequence q owned by t.a;",
    ),
    Case(
        "dropped with the column that owns it",
        "create table t (a int, b int); create sequence q owned by t.b;",
        "create table t (a int);",
    ),
    Case("becomes a table", "create sequence q;", "create table q (a int);"),
    Case(
        "of a serial column renamed",
        "create table t (a serial);",
        "create table t (a serial); alter sequence t_a_seq rename to q;",
    ),
    Case(
        "of a table that is replaced under another name",
        "create table t (id serial primary key);",
        "create table u (id serial primary key);",
    ),
    Case(
        "of a serial column that another default reads",
        "create table t (a serial); create table u (a int default nextval('t_a_seq'));",
        "create table t (a int); create sequence t_a_seq; create table u (a int default nextval('t_a_seq'));",
    ),
]


def test_sequences(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
