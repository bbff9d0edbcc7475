"""Enum types, domains, composite and range types, and all that is made of them."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

AB = "create type e as enum ('a', 'b');"
USES = (
    "create table t (x e default 'a', l e[] default '{b}', v e check (v <> 'b'));"
    "create index i on t (x) where x = 'a'; create view w as select x, x = 'b' as is_b from t;"
    "create materialized view m as select l from t;"
    "create function f(e) returns e language sql as 'select $1';"
    "create function g(y e default 'a') returns int language sql as 'select 1';"
    "create policy p on t using (x = 'a'); create table u (y int generated always as (case when x = 'a' then 1 else 0 end) stored, x e);"
)


def enum(name: str, current: str, desired: str, uses: str = "") -> Case:
    return Case(name, f"create type e as enum ({current});" + uses, f"create type e as enum ({desired});" + uses)


CASES = [
    Case(
        "required columns of one's own types go, and come back where there are rows",
        "create domain d as int check (value <> 5); create domain f as text default 'x' check (value <> ''); create type c as (x int, y text); create type r as range (subtype = float8);"
        "create table t (a int, b d not null, e f not null, g c not null, h r not null, i bit varying not null);",
        "create domain d as int check (value <> 5); create domain f as text default 'x' check (value <> ''); create type c as (x int, y text); create type r as range (subtype = float8);"
        "create table t (a int);",
        rows="insert into t values (1, 7, 'y', '(1,b)', '[1,2]', '01');",
    ),
    Case(
        "composite type becomes a table of the same name",
        "create type c as (x int); create table t (a c, b c[]); create function f(c) returns int language sql as 'select 1';",
        "create table c (x int); create table t (a c, b c[]); create function f(c) returns int language sql as 'select 1';",
    ),
    Case(
        "table becomes an enum of the same name",
        "create table c (x int); create table t (a c, d c[]); create view v as select a from t;",
        "create type c as enum ('a'); create table t (a c, d c[]); create view v as select a from t;",
    ),
    Case(
        "domain that a new table's columns have",
        "create domain d as int check (value > 0); create table t (a d);",
        "create domain d as int check (value > 0); create table t (a d); create table u (a d[], b d not null);",
    ),
    # Enums
    enum("enum without values", "", "'a'"),
    enum("enum value at the start", "'b'", "'a', 'b'"),
    enum("enum value in the middle", "'a', 'c'", "'a', 'b', 'c'"),
    enum("several enum values everywhere", "'b', 'd'", "'a', 'b', 'b1', 'c', 'd', 'e', 'f'"),
    enum("enum values with quotes", "'a'", "'a', 'it''s', 'x y', 'ß', '50%', 'a:b'"),
    enum("enum values in another order", "'a', 'b'", "'b', 'a'", USES),
    enum("enum value removed from the middle", "'a', 'x', 'b'", "'a', 'b'", USES),
    enum("enum value removed and others added", "'a', 'x', 'b'", "'z', 'a', 'y', 'b'", USES),
    enum("enum value added under everything", "'a', 'b'", "'a', 'b', 'c'", USES),
    enum("enum value renamed", "'a', 'b', 'c'", "'a', 'b', 'd'", USES),
    Case(
        "text with a value becomes the enum that gets it",
        "create type e as enum ('a'); create table t (x text, y text[]);",
        "create type e as enum ('a', 'b'); create table t (x e, y e[]);",
        rows="insert into t values ('b', '{a,b}');",
        holds="(select x = 'b' and y = '{a,b}' from t)",
    ),
    Case(
        "columns leave an enum that is made anew, and become arrays or are no longer",
        "create type e as enum ('x', 'y'); create table t (a e, b e[], c int[], d e);",
        "create type e as enum ('y', 'x'); create table t (a int[], b int, c e, d e);",
    ),
    enum("enum with all other values", "'a', 'b'", "'a', 'b', 'c'", "create table t (x e);"),
    Case("enum created and used", "", AB + USES),
    Case(
        "enum in another schema",
        AB + "create table t (x e);",
        "create schema s; create type s.e as enum ('a', 'b'); create table t (x s.e);",
    ),
    Case("enum comment", AB + "comment on type e is 'x';", AB + "comment on type e is 'y';"),
    Case(
        "enum with a name that needs quotes",
        "create type \"My Enum\" as enum ('a'); create table t (x \"My Enum\" default 'a');",
        "create type \"My Enum\" as enum ('b'); create table t (x \"My Enum\" default 'b');",
    ),
    Case("enum to text", AB + "create table t (x e default 'a');", "create table t (x text default 'a');"),
    Case(
        "text to enum",
        "create table t (x text default 'a' not null);",
        AB + "create table t (x e default 'a' not null);",
    ),
    Case(
        "enum to another enum",
        AB + "create table t (x e default 'a');",
        "create type f as enum ('a', 'c'); create table t (x f default 'c');",
    ),
    Case(
        "enum array to text array",
        AB + "create table t (x e[] default '{a}');",
        "create table t (x text[] default '{a}');",
    ),
    Case("enum to its array", AB + "create table t (x e default 'a');", AB + "create table t (x e[] default '{a}');"),
    Case(
        "enum value added and used in a check and an index",
        AB + "create table t (x e);",
        "create type e as enum ('a', 'b', 'c'); create table t (x e check (x <> 'c')); create index i on t (x) where x = 'c';",
    ),
    Case(
        "enum value removed from a default, a view and a function",
        "create type e as enum ('a', 'b', 'c'); create table t (x e default 'c'); create view v as select x from t where x = 'c';"
        "create function f(x e default 'c') returns int language sql as 'select 1';",
        AB + "create table t (x e default 'a'); create view v as select x from t where x = 'b';"
        "create function f(x e default 'b') returns int language sql as 'select 1';",
    ),
    Case(
        "enum dropped with its column and its view",
        AB + "create table t (a int, x e); create view v as select x from t;",
        "create table t (a int);",
    ),
    Case(
        "enum becomes a domain",
        AB + "create table t (x e);",
        "create domain e as text check (value in ('a', 'b')); create table t (x e);",
    ),
    Case("enum becomes a table", AB, "create table e (a int);"),
    Case(
        "enum in a composite type, a domain and a range",
        AB
        + "create type c as (x e, y e[]); create domain d as e default 'a'; create type r as range (subtype = e); create table t (c c, d d, r r);",
        "create type e as enum ('a', 'b', 'c'); create type c as (x e, y e[]); create domain d as e default 'a'; create type r as range (subtype = e); create table t (c c, d d, r r);",
    ),
    Case(
        "enum value removed under a composite type and a domain",
        "create type e as enum ('a', 'b', 'c'); create type c as (x e, y e[]); create domain d as e default 'a'; create table t (c c, d d);",
        AB + "create type c as (x e, y e[]); create domain d as e default 'a'; create table t (c c, d d);",
    ),
    Case(
        "enum as a partition key",
        AB + "create table t (x e) partition by list (x); create table t1 partition of t for values in ('a');",
        "create type e as enum ('a', 'b', 'c'); create table t (x e) partition by list (x); create table t1 partition of t for values in ('a'); create table t2 partition of t for values in ('c');",
    ),
    Case(
        "enum value removed under a foreign key and a unique",
        "create type e as enum ('a', 'b', 'c'); create table p (x e primary key); create table c (x e references p unique);",
        AB + "create table p (x e primary key); create table c (x e references p unique);",
    ),
    Case(
        "enum value removed under a trigger and a rule",
        "create type e as enum ('a', 'b', 'c'); create table t (x e); create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger tr before update of x on t for each row when (new.x = 'a') execute function f(); create rule r as on delete to t where old.x = 'b' do instead nothing;",
        AB + "create table t (x e); create function f() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger tr before update of x on t for each row when (new.x = 'a') execute function f(); create rule r as on delete to t where old.x = 'b' do instead nothing;",
    ),
    # Domains
    Case(
        "domain created with everything",
        "",
        "create domain d as varchar(9) collate \"C\" default 'x' not null constraint k check (value <> '') check (length(value) > 2); comment on domain d is 'D'; comment on constraint k on domain d is 'K';",
    ),
    Case(
        "domain default", "create domain d as int default 1;", "create domain d as int default 2; create table t (d d);"
    ),
    Case(
        "domain default dropped",
        "create domain d as int default 1; create table t (d d);",
        "create domain d as int; create table t (d d);",
    ),
    Case(
        "domain required",
        "create domain d as int; create table t (d d);",
        "create domain d as int not null; create table t (d d);",
    ),
    Case("domain required no more", "create domain d as int not null;", "create domain d as int;"),
    Case(
        "domain required by a name",
        "create domain d as int;",
        "create domain d as int constraint n not null;",
        since=18,
    ),
    Case(
        "domain check changed",
        "create domain d as int constraint k check (value > 0); create table t (d d);",
        "create domain d as int constraint k check (value > 1); create table t (d d);",
    ),
    Case(
        "domain check renamed",
        "create domain d as int constraint k check (value > 0); create table t (d d);",
        "create domain d as int constraint l check (value > 0); create table t (d d);",
    ),
    Case(
        "domain check not valid",
        "create domain d as int;",
        "create domain d as int; alter domain d add constraint k check (value > 0) not valid;",
    ),
    Case(
        "domain check becomes valid",
        "create domain d as int; alter domain d add constraint k check (value > 0) not valid;",
        "create domain d as int constraint k check (value > 0);",
    ),
    Case(
        "domain check comment",
        "create domain d as int constraint k check (value > 0);",
        "create domain d as int constraint k check (value > 0); comment on constraint k on domain d is 'K';",
    ),
    Case("domain check with in", "create domain d as text;", "create domain d as text check (value in ('x', 'y'));"),
    Case(
        "domain check on varchar with in",
        "create domain d as varchar(5);",
        "create domain d as varchar(5) check (value in ('x', 'y'));",
    ),
    Case(
        "domain base type",
        "create domain d as int default 1 check (value > 0); create table t (d d default 2, l d[]); create view v as select d from t; create index i on t (d);",
        "create domain d as bigint default 1 check (value > 0); create table t (d d default 2, l d[]); create view v as select d from t; create index i on t (d);",
    ),
    Case(
        "domain over a domain",
        "create domain d as int; create domain f as d check (value > 0); create table t (f f);",
        "create domain d as int check (value < 9); create domain f as d check (value > 1); create table t (f f);",
    ),
    Case(
        "domain over a domain with another base",
        "create domain d as int; create domain f as d check (value > 0); create table t (f f);",
        "create domain d as bigint; create domain f as d check (value > 0); create table t (f f);",
    ),
    Case(
        "domain by a function",
        "",
        "create function ok(int) returns bool immutable language sql as 'select $1 > 0'; create domain d as int check (ok(value));",
    ),
    Case(
        "domain dropped and its column stays",
        "create domain d as int default 5; create table t (a d);",
        "create table t (a int);",
    ),
    Case(
        "domain arrives at a column",
        "create table t (a int);",
        "create domain d as int check (value > 0); create table t (a d);",
    ),
    Case(
        "domain of an array",
        "create domain d as int[];",
        "create domain d as text[] check (array_length(value, 1) < 3);",
    ),
    Case(
        "domain with a name that needs quotes",
        "",
        'create schema "S"; create domain "S"."D d" as int constraint "K k" check (value > 0);',
    ),
    # Composite types
    Case(
        "composite created and used",
        "",
        "create type c as (a int, b text collate \"C\", \"x y\" numeric(3, 1)); comment on type c is 'C'; comment on column c.a is 'A'; create table t (c c, l c[]); create function f(c) returns int language sql as 'select $1.a';",
    ),
    Case(
        "composite gets an attribute",
        "create type c as (a int); create table t (c c); create view v as select c from t;",
        "create type c as (a int, b text); create table t (c c); create view v as select c from t;",
    ),
    Case(
        "composite loses an attribute",
        "create type c as (a int, b text); create table t (c c);",
        "create type c as (b text); create table t (c c);",
    ),
    Case("composite attribute's type", "create type c as (a int, b text);", "create type c as (a text, b text);"),
    Case(
        "composite attribute's type while in use",
        "create type c as (a int, b text); create table t (x int, c c, l c[]); create view v as select c from t; create function f(c) returns int language sql as 'select 1';",
        "create type c as (a text, b text); create table t (x int, c c, l c[]); create view v as select c from t; create function f(c) returns int language sql as 'select 1';",
    ),
    Case(
        "composite attributes in another order",
        "create type c as (a int, b text); create table t (x int, c c);",
        "create type c as (b text, a int); create table t (x int, c c);",
    ),
    Case("composite attribute's collation", "create type c as (a text);", 'create type c as (a text collate "C");'),
    Case(
        "composite comments",
        "create type c as (a int); comment on type c is 'x'; comment on column c.a is 'x';",
        "create type c as (a int); comment on type c is 'y';",
    ),
    Case(
        "composite of composite",
        "create type c as (a int); create type d as (c c, x int); create table t (d d);",
        "create type c as (a int, b int); create type d as (c c, x int, y int); create table t (d d);",
    ),
    Case(
        "composite under a typed table is not compared", "create type c as (a int);", "create type c as (a int, b int);"
    ),
    Case("composite without attributes", "", "create type c as ();"),
    Case("composite becomes a table", "create type c as (a int);", "create table c (a int);"),
    # Ranges
    Case(
        "range created and used",
        "",
        "create type r as range (subtype = float8, subtype_diff = float8mi, multirange_type_name = mr); comment on type r is 'R'; create table t (r r, m mr, l r[], exclude using gist (r with &&));",
    ),
    Case(
        "range of text with a collation",
        "",
        'create type r as range (subtype = text, collation = "C", subtype_opclass = text_pattern_ops);',
    ),
    Case(
        "range changes under a column",
        "create type r as range (subtype = int4); create table t (r r);",
        "create type r as range (subtype = int8); create table t (r r);",
    ),
    Case(
        "range dropped with its column",
        "create type r as range (subtype = date); create table t (a int, r r);",
        "create table t (a int);",
    ),
    Case(
        "range by a function of one's own",
        "",
        "create function d(int, int) returns float8 immutable language sql as 'select 1.0::float8'; create type r as range (subtype = int4, subtype_diff = d);",
    ),
]


def test_types(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
