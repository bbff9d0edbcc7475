"""Tables: created, altered in place, dropped, and replaced by something else under the same name."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

T = "create table t (id int primary key, a int, b text);"
VIEW = "create view v as select id, a from t;"

CASES = [
    Case(
        "children with defaults of their own for inherited columns",
        "",
        "create table p (a int default 1, b int default 1, c int); create table q (x int) inherits (p); "
        "alter table q alter a set default 2, alter b drop default, alter c set default 3;",
    ),
    Case(
        "unlogged while a permanent table that refers to it goes",
        "create table t (id int primary key); create table u (t int references t); create table w (t int references t);",
        "create unlogged table t (id int primary key); create unlogged table w (t int references t);",
    ),
    Case("nothing at all"),
    Case("nothing but a table", common=T),
    Case("created", "", T),
    Case("created without columns", "", "create table t ();"),
    Case("created without columns but with a comment", "", "create table t (); comment on table t is '';"),
    Case(
        "created with everything that a table can have",
        "",
        """create table p (id int primary key);
        create table t (
            id bigint generated always as identity primary key,
            code varchar(8) not null default 'x' unique,
            amount numeric(10, 2) check (amount >= 0),
            parent int references p on delete cascade,
            tags text[] not null default '{}',
            doc jsonb,
            twice numeric generated always as (amount * 2) stored,
            span tstzrange,
            exclude using gist (span with &&)
        ) with (fillfactor = 80);
        create index on t (amount desc) where amount > 0;
        create index on t using gin (doc);
        comment on table t is 'T'; comment on column t.code is 'C'; comment on constraint t_code_key on t is 'K';""",
    ),
    Case(
        "names that need quotes",
        'create table "Plain" (id int);',
        'create schema "My Schema"; create table "My Schema"."Some.Table" ("select" int primary key, "a b" text,'
        ' "c""d" int check ("c""d" > 0), "50%" int default 5, "x:y" text default \'a:b %s %(x)s\');'
        'create index "An Index" on "My Schema"."Some.Table" ("a b", "c""d") where "50%" > 3;'
        'create view "A View" as select "a b" as "X Y" from "My Schema"."Some.Table";'
        'comment on table "My Schema"."Some.Table" is \'it\'\'s 100%: "x"\';'
        'comment on column "My Schema"."Some.Table"."50%" is \'\\ and %\';',
    ),
    Case(
        "names of the greatest length",
        "",
        f"create table {'t' * 63} ({'c' * 63} serial primary key, b int unique check (b > 0));"
        f"create index on {'t' * 63} (b, {'c' * 63}); create table {'é' * 31} (a int unique);",
    ),
    Case("the same name in two schemas", "create schema s;", "create schema s; create table s.t (a int);", common=T),
    Case("moved to another schema", T, "create schema s; create table s.t (id int primary key, a int, b text);"),
    Case("comment added", T, T + "comment on table t is 'x';"),
    Case("comment changed", T + "comment on table t is 'x';", T + "comment on table t is E'two\\nlines ''\"';"),
    Case("unlogged to logged", "create unlogged table t (a int);", "create table t (a int);"),
    Case(
        "unlogged and what references it",
        T + "create table u (a int primary key, t int references t);",
        "create unlogged table t (id int primary key, a int, b text);"
        "create unlogged table u (a int primary key, t int references t);",
    ),
    Case(
        "unlogged with a serial column",
        "create table t (a serial, b int generated always as identity);",
        "create unlogged table t (a serial, b int generated always as identity);",
    ),
    Case(
        "storage parameters changed and reset",
        "create table t (a int, b text) with (fillfactor = 70, autovacuum_enabled = off);",
        "create table t (a int, b text) with (fillfactor = 80, parallel_workers = 2);",
    ),
    Case(
        "storage parameters of a toast table that a column brings",
        "create table t (a int, b int); create table u (a int);",
        "create table t (a int, b text) with (toast.autovacuum_vacuum_threshold = 9, fillfactor = 50);"
        "create table u (a int, b text) with (toast.autovacuum_vacuum_threshold = 9);",
    ),
    Case(
        "storage parameters of the toast table",
        "create table t (a int, b text) with (toast.autovacuum_enabled = off);",
        "create table t (a int, b text) with (toast.autovacuum_vacuum_threshold = 9, fillfactor = 50);",
    ),
    Case("row-level security on", T, T + "alter table t enable row level security;"),
    Case(
        "row-level security forced",
        T + "alter table t enable row level security;",
        T + "alter table t force row level security;",
    ),
    Case(
        "row-level security from the start",
        "",
        T + "alter table t enable row level security, force row level security;",
    ),
    Case("replica identity full", T, T + "alter table t replica identity full;"),
    Case(
        "replica identity nothing to an index",
        T
        + "alter table t alter a set not null; create unique index i on t (a); alter table t replica identity nothing;",
        T + "alter table t alter a set not null; create unique index i on t (a);"
        "alter table t replica identity using index i;",
    ),
    Case(
        "replica identity by an index that changes",
        "alter table t alter b set not null; create unique index i on t (a); alter table t replica identity using index i;",
        "alter table t alter b set not null; create unique index i on t (a, b);"
        "alter table t replica identity using index i;",
        common=T + "alter table t alter a set not null;",
    ),
    Case(
        "replica identity by an index that goes",
        "create unique index i on t (a); alter table t replica identity using index i;",
        "",
        common=T + "alter table t alter a set not null;",
    ),
    Case(
        "replica identity by an index that is renamed",
        "create unique index i on t (a); alter table t replica identity using index i;",
        "create unique index j on t (a); alter table t replica identity using index j;",
        common=T + "alter table t alter a set not null;",
    ),
    Case(
        "replica identity by the primary key's index",
        T,
        T + "alter table t replica identity using index t_pkey;",
    ),
    Case(
        "replica identity by a unique constraint from the start",
        "",
        "create table t (a int not null constraint k unique); alter table t replica identity using index k;",
    ),
    Case(
        "clustered on an index",
        T + "create index i on t (a);",
        T + "create index i on t (a); alter table t cluster on i;",
    ),
    Case(
        "clustered on another index",
        "alter table t cluster on i;",
        "alter table t cluster on j;",
        common=T + "create index i on t (a); create index j on t (b);",
    ),
    Case("clustered no more", "alter table t cluster on t_pkey;", "", common=T),
    Case(
        "clustered from the primary key to an index that comes",
        "alter table t cluster on t_pkey;",
        "create index i on t (a); alter table t cluster on i;",
        common=T,
    ),
    # Inheritance
    Case(
        "inheritance begins",
        "create table p (a int, b text); create table c (a int, b text, x int);",
        "create table p (a int, b text); create table c (a int, b text, x int); alter table c inherit p;",
    ),
    Case(
        "inheritance ends and columns stay",
        "create table p (a int, b text); create table c (a int, b text, x int); alter table c inherit p;",
        "create table p (a int, b text); create table c (a int, b text, x int);",
    ),
    Case(
        "child of two parents",
        "",
        "create table p (a int, x int); create table q (a int, y int); create table c (z int) inherits (p, q);",
    ),
    Case(
        "column added to a parent",
        "create table p (a int); create table c (x int) inherits (p);",
        "create table p (a int, b text not null default 'x'); create table c (x int) inherits (p);",
    ),
    Case(
        "column of a parent changes its type",
        "create table p (a int); create table c (x int) inherits (p); create table d (y int) inherits (c);",
        "create table p (a bigint); create table c (x int) inherits (p); create table d (y int) inherits (c);",
    ),
    Case(
        "column of a parent becomes required",
        "create table p (a int); create table c (x int) inherits (p);",
        "create table p (a int not null); create table c (x int) inherits (p);",
    ),
    Case(
        "child's own default for an inherited column",
        "create table p (a int default 1); create table c (x int) inherits (p);",
        "create table p (a int default 1); create table c (x int) inherits (p); alter table c alter a set default 2;",
    ),
    Case(
        "default of a parent and its child",
        "create table p (a int default 1); create table c (x int) inherits (p);",
        "create table p (a int default 3); create table c (x int) inherits (p);",
    ),
    Case(
        "check of a parent",
        "create table p (a int); create table c (x int) inherits (p);",
        "create table p (a int, constraint k check (a > 0)); create table c (x int) inherits (p);",
    ),
    Case(
        "check of a parent with no inherit",
        "create table p (a int, constraint k check (a > 0)); create table c (x int) inherits (p);",
        "create table p (a int, constraint k check (a > 0) no inherit); create table c (x int) inherits (p);",
    ),
    Case(
        "created with a check that is inherited and one of its own",
        "",
        "create table p (a int, constraint k check (a > 0));"
        "create table c (x int, constraint l check (x > a)) inherits (p);",
    ),
    Case(
        "parent dropped and its child kept",
        "create table p (a int); create table c (x int) inherits (p);",
        "create table c (a int, x int);",
    ),
    Case(
        "child dropped and its parent kept",
        "create table p (a int, constraint k check (a > 0)); create table c (x int) inherits (p);",
        "create table p (a int, constraint k check (a > 0));",
    ),
    Case(
        "three generations dropped",
        "create table p (a int); create table c (x int) inherits (p); create table d (y int) inherits (c);",
        "",
    ),
    # The same name for something else
    Case("table becomes a view", "create table v (id int, a int);" + T, T + VIEW),
    Case("view becomes a table", T + VIEW, T + "create table v (id int primary key, a int);"),
    Case(
        "table becomes a materialized view",
        "create table v (a int);" + T,
        T + "create materialized view v as select a from t;",
    ),
    Case("table becomes a sequence", "create table v (a int);", "create sequence v;"),
    Case("table becomes an enum type", "create table v (a int);", "create type v as enum ('a');"),
    Case("table becomes an index", "create table v (a int);" + T, T + "create index v on t (a);"),
    Case(
        "table becomes partitioned",
        "create table t (a int, b text);",
        "create table t (a int, b text) partition by list (a);",
        rebuilds=True,
    ),
    Case(
        "table becomes partitioned, with what depends on it",
        "create table t (id int primary key, b text); create view v as select b from t; create index i on t (b);"
        "create table u (t int references t);",
        "create table t (id int primary key, b text) partition by range (id); create index i on t (b);"
        "create view v as select b from t; create table u (t int references t);"
        "create table t1 partition of t for values from (1) to (9);",
        rebuilds=True,
    ),
    # Depended on by something
    Case(
        "dropped with all that reads it",
        T + VIEW + "create materialized view m as select a from v; create rule r as on insert to t do also select 1;"
        "create function f() returns setof t language sql begin atomic select * from t; end;"
        "create table u (a int references t); create policy p on t using (a > 0);",
        "create table u (a int);",
    ),
    Case(
        "created with all that reads it",
        "",
        T + VIEW + "create function f() returns setof t language sql as 'select * from public.t';"
        "create function g(t) returns int language sql as 'select $1.a';"
        "create view w as select g(t) from t; create materialized view m as select * from f();",
    ),
    Case(
        "foreign keys in a circle of three, dropped",
        "create table a (id int primary key, x int); create table b (id int primary key, x int references a);"
        "create table c (id int primary key, x int references b); alter table a add foreign key (x) references c;",
        "",
    ),
    Case(
        "foreign key to itself",
        "",
        "create table t (id int primary key, parent int references t, unique (id, parent));",
    ),
    Case(
        "row type is the type of another table's column",
        "create table p (a int);",
        "create table p (a int); create table t (p p, l p[]);",
    ),
    Case(
        "row type is in use and the table gets a column",
        "create table p (a int); create table t (p p);",
        "create table p (a int, b int); create table t (p p);",
    ),
    Case(
        "all of many tables replaced",
        "create table a (id int primary key); create table b (id int primary key, a int references a);"
        "create view v as select * from b;",
        "create table c (id int primary key); create table d (id int primary key, a int references c);"
        "create view v as select * from d;",
    ),
]


def test_tables(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
