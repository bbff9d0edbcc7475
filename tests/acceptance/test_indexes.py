"""Indexes: everything that can be said of one, on tables and materialized views; those of partitions have a file of their own."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

T = "create table t (id int primary key, a int, b text, c text, j jsonb, p point, l int[], v tsvector);"


def index(name: str, current: str, desired: str, since: int = 15) -> Case:
    return Case(name, _create(current), _create(desired), common=T, since=since)


def _create(text: str) -> str:
    return f"create {text};" if text else ""


CASES = [
    index("created", "", "index i on t (a)"),
    index("created without a name", "", "index on t (a, b)"),
    index("dropped", "unique index i on t (a)", ""),
    index("renamed", "index i on t (a)", "index j on t (a)"),
    index("renamed and changed", "index i on t (a)", "index j on t (a, b)"),
    index("unique no more", "unique index i on t (a)", "index i on t (a)"),
    index("columns in another order", "index i on t (a, b)", "index i on t (b, a)"),
    index("nulls not distinct", "unique index i on t (a)", "unique index i on t (a) nulls not distinct"),
    index("collation", "index i on t (b)", 'index i on t (b collate "C")'),
    index(
        "collation and operator class of an expression", "", 'index i on t (lower(b) collate "C" text_pattern_ops desc)'
    ),
    index("nulls first", "index i on t (a)", "index i on t (a nulls first)"),
    index("ascending and descending", "index i on t (a, b desc)", "index i on t (a desc, b)"),
    index("expression of several columns", "index i on t ((a + id))", "index i on t ((a - id), b)"),
    index("expression with quotes, colons and percent", "", "index i on t ((b || ':x%y''z'), (j ->> 'k'), (j::text))"),
    index("condition changed", "index i on t (a) where a > 0", "index i on t (a) where a > 1"),
    index("condition dropped", "index i on t (a) where b is not null", "index i on t (a)"),
    index("condition with in on text", "", "index i on t (a) where b in ('x', 'y')"),
    index("condition in parentheses", "", "index i on t (a) where (a > 0) or (b = '(')"),
    index("include changed", "index i on t (a) include (b)", "index i on t (a) include (c)"),
    index("method gin with options", "", "index i on t using gin (j jsonb_path_ops) with (fastupdate = off)"),
    index("method gist with options", "", "index i on t using gist (p) with (fillfactor = 60, buffering = on)"),
    index("method spgist", "", "index i on t using spgist (p)"),
    index("method brin", "index i on t using brin (a)", "index i on t using brin (a) with (pages_per_range = 8)"),
    index("method hash", "index i on t using hash (a)", "index i on t using btree (a)"),
    index(
        "options of an operator class",
        "index i on t using gist (v tsvector_ops(siglen = 64))",
        "index i on t using gist (v tsvector_ops(siglen = 32))",
    ),
    index("storage dropped", "index i on t (a) with (fillfactor = 70)", "index i on t (a)"),
    index("several of the same kind", "index on t (a)", "index on t (a); create index on t (a); create index on t (b)"),
    Case(
        "name that needs quotes",
        "",
        'create index "My Index" on t (a); create unique index "select" on t (b);',
        common=T,
    ),
    Case(
        "name that needs quotes renamed",
        'create index "My Index" on t (a);',
        'create index "Your Index" on t (a);',
        common=T,
    ),
    Case(
        "names exchanged",
        "create index i on t (a); create index j on t (b);",
        "create index i on t (b); create index j on t (a);",
        common=T,
    ),
    Case(
        "the same name on another table",
        "create index i on t (a);",
        "create index i on u (a);",
        common=T + "create table u (a int);",
    ),
    Case(
        "the same name on a new table",
        T + "create index i on t (a);",
        T + "create table u (a int); create index i on u (a);",
    ),
    Case(
        "the same name in another schema",
        "create index i on t (a);",
        "create index i on s.t (a);",
        common=T + "create schema s; create table s.t (a int);",
    ),
    Case(
        "comment",
        "create index i on t (a); comment on index i is 'x';",
        "create index i on t (a); comment on index i is 'y';",
        common=T,
    ),
    Case(
        "comment dropped", "create index i on t (a); comment on index i is 'x';", "create index i on t (a);", common=T
    ),
    Case(
        "comment of one that changes",
        "create index i on t (a); comment on index i is 'x';",
        "create index i on t (b); comment on index i is 'x';",
        common=T,
    ),
    Case(
        "statistics target of an expression",
        "create index i on t ((a + 1));",
        "create index i on t ((a + 1)); alter index i alter column 1 set statistics 99;",
        common=T,
    ),
    Case(
        "statistics target of an expression goes",
        "create index i on t ((a + 1)); alter index i alter column 1 set statistics 99;",
        "create index i on t ((a + 1));",
        common=T,
    ),
    Case(
        "on a new column",
        T + "create index i on t (a);",
        T + "alter table t add n int; create index i on t (a, n); create index j on t (n) where n > 0;",
    ),
    Case(
        "on a column that goes",
        T + "alter table t add n int; create index i on t (a, n); create index j on t (a) where n > 0;",
        T + "create index i on t (a);",
    ),
    Case(
        "by a function that is new",
        "create table t (a int);",
        "create function f(int) returns int immutable language sql as 'select $1'; create table t (a int); create index i on t (f(a));",
    ),
    Case(
        "by a function that is made anew",
        "create function f(int) returns int immutable language sql as 'select $1'; create table t (a int); create index i on t (f(a)) where f(a) > 0;",
        "create function f(int) returns bigint immutable language sql as 'select $1::bigint'; create table t (a int); create index i on t (f(a)) where f(a) > 0;",
    ),
    Case(
        "on an enum with a condition",
        "create type e as enum ('a'); create table t (e e);",
        "create type e as enum ('a', 'b'); create table t (e e); create index i on t (e) where e = 'b';",
    ),
    Case(
        "with an extension's operator class",
        "create table t (a citext);",
        "create table t (a citext); create index i on t (a citext_pattern_ops);",
        common="create extension citext;",
    ),
    Case(
        "on a materialized view",
        "create materialized view m as select 1 as a, 2 as b;",
        "create materialized view m as select 1 as a, 2 as b; create unique index i on m (a); create index j on m (b) include (a); comment on index j is 'J';",
    ),
    Case(
        "on a materialized view that changes",
        "create materialized view m as select 1 as a; create unique index i on m (a) with (fillfactor = 50); comment on index i is 'I'; alter table m cluster on i;",
        "create materialized view m as select 2 as a; create unique index i on m (a) with (fillfactor = 50); comment on index i is 'I'; alter table m cluster on i;",
    ),
    Case(
        "on a materialized view in another schema with quotes",
        "",
        'create schema "S"; create materialized view "S"."M v" as select 1 as "a b"; create index "i i" on "S"."M v" ("a b");',
    ),
    Case(
        "on an unlogged table",
        "",
        "create unlogged table t (a int, b int); create unique index i on t (a) where b > 0;",
    ),
    Case(
        "on an expression that reads no column",
        "create table t (a int);",
        "create table t (a int); create index i on t ((1 + 1)); create unique index j on t ((true)) where a > 0;",
    ),
    Case(
        "with deduplication off",
        "create table t (a int); create index i on t (a);",
        "create table t (a int); create index i on t (a) with (deduplicate_items = off);",
    ),
]


def test_indexes(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
