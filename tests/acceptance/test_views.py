"""Views, materialized views and rules."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

T = "create table t (id int primary key, a int, b text);"


def view(name: str, current: str, desired: str, since: int = 15) -> Case:
    return Case(name, current, desired, common=T, since=since)


CASES = [
    view("created", "", "create view v as select id, a from t where a > 0;"),
    view("dropped", "create view v as select id, a from t where a > 0;", ""),
    view("column added at the end", "create view v as select id from t;", "create view v as select id, a from t;"),
    view(
        "column added in the middle",
        "create view v as select id, b from t;",
        "create view v as select id, a, b from t;",
    ),
    view("column dropped", "create view v as select id, a from t;", "create view v as select id from t;"),
    view("column renamed", "create view v as select id, a from t;", "create view v as select id, a as x from t;"),
    view("column of another type", "create view v as select a from t;", "create view v as select a::text from t;"),
    view(
        "condition",
        "create view v as select id from t where a > 0;",
        "create view v as select id from t where a > 1 and b in ('x', 'y');",
    ),
    view(
        "options added",
        "create view v as select id from t;",
        "create view v with (security_barrier, security_invoker = true) as select id from t;",
    ),
    view(
        "options dropped",
        "create view v with (security_barrier) as select id from t;",
        "create view v as select id from t;",
    ),
    view(
        "options changed with the definition",
        "create view v with (security_barrier) as select id from t;",
        "create view v with (security_invoker) as select id, a from t;",
    ),
    view(
        "check option",
        "create view v as select id from t where a > 0;",
        "create view v as select id from t where a > 0 with local check option;",
    ),
    view(
        "check option cascaded to none",
        "create view v as select id from t where a > 0 with cascaded check option;",
        "create view v as select id from t where a > 0;",
    ),
    view(
        "comment",
        "create view v as select id from t; comment on view v is 'x';",
        "create view v as select id from t; comment on view v is 'y';",
    ),
    view(
        "comment of a column",
        "create view v as select id, a from t; comment on column v.id is 'x';",
        "create view v as select id, a from t; comment on column v.a is 'y';",
    ),
    view(
        "comment of one that is replaced",
        "create view v as select id from t; comment on view v is 'x'; comment on column v.id is 'x';",
        "create view v as select id, a from t; comment on view v is 'x'; comment on column v.id is 'x';",
    ),
    view(
        "defaults of columns",
        "create view v as select id, a from t; alter view v alter id set default 1;",
        "create view v as select id, a from t; alter view v alter a set default 2;",
    ),
    view(
        "names that need quotes",
        "",
        'create schema "S S"; create view "S S"."V.v" ("x y", "select") as select a, b from t; comment on column "S S"."V.v"."x y" is \'c\';',
    ),
    view(
        "views upon views created",
        "",
        "create view a as select id, a from t; create view c as select * from a; create view b as select * from c join a using (id, a);",
    ),
    view(
        "views upon views dropped",
        "create view a as select id, a from t; create view c as select * from a; create view b as select * from c join a using (id, a);",
        "",
    ),
    view(
        "the lowest of views upon views loses a column",
        "create view a as select id, a, b from t; create view b as select id from a; create view c as select id from b; comment on view c is 'C';",
        "create view a as select id, a from t; create view b as select id from a; create view c as select id from b; comment on view c is 'C';",
    ),
    view(
        "dependency turned round",
        "create view a as select 1 as x; create view b as select x from a;",
        "create view b as select 1 as x; create view a as select x from b;",
    ),
    view(
        "recursive and with ordinality",
        "",
        "create recursive view v (n) as values (1) union all select n + 1 from v where n < 9; create view w as select * from unnest(array[1]) with ordinality as u (x, o);",
    ),
    view(
        "window, grouping sets, lateral and filter",
        "",
        "create view v as select a, count(*) filter (where id > 0) as n, rank() over (partition by a order by max(id)) as r from t group by grouping sets ((a), ()); create view w as select t.id, l.x from t, lateral (select t.a + 1 as x) l where t.b like '%:x%';",
    ),
    view(
        "of another table",
        "create table u (id int, a int); create view v as select id, a from t;",
        "create table u (id int, a int); create view v as select id, a from u;",
    ),
    view(
        "of a table that is replaced",
        "create table u (x int); create view v as select x from u;",
        "create table w (x int); create view v as select x from w;",
    ),
    view(
        "reads a new column",
        "create view v as select id from t;",
        "alter table t add n int; create view v as select id, n from t;",
    ),
    view(
        "reads a column no more, and the column goes",
        "alter table t add n int; create view v as select id, n from t;",
        "create view v as select id from t;",
    ),
    view(
        "reads a column no more at its end, and the column goes",
        "alter table t add n int; create view v as select id, a + n as s from t;",
        "create view v as select id, a as s from t;",
    ),
    view(
        "calls a function that is new",
        "create view v as select id from t;",
        "create function f(int) returns int language sql as 'select $1'; create view v as select f(id) as id from t;",
    ),
    view(
        "calls a function that goes",
        "create function f(int) returns int language sql as 'select $1'; create view v as select f(id) as id from t;",
        "create view v as select id from t;",
    ),
    view(
        "calls a function whose result changes",
        "create function f(int) returns int language sql as 'select $1'; create view v as select f(id) as id from t;",
        "create function f(int) returns bigint language sql as 'select $1::bigint'; create view v as select f(id) as id from t;",
    ),
    view(
        "primary key that a view groups by",
        "create view v as select id, a, count(*) as n from t group by id;",
        "alter table t drop constraint t_pkey, add primary key (id, a); create view v as select id, count(*) as n from t group by id;",
    ),
    view(
        "with a trigger instead of insert",
        "create view v as select id from t;",
        "create view v as select id from t; create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger tr instead of insert on v for each row execute function f(); comment on trigger tr on v is 'T';",
    ),
    view(
        "becomes materialized",
        "create view v as select id from t; create view w as select id from v;",
        "create materialized view v as select id from t; create view w as select id from v;",
    ),
    view(
        "materialized becomes a plain one",
        "create materialized view v as select id from t; create index i on v (id);",
        "create view v as select id from t;",
    ),
    view(
        "materialized created with everything",
        "",
        "create materialized view m with (fillfactor = 60) as select id, a from t with no data; comment on materialized view m is 'M'; comment on column m.a is 'A'; create unique index on m (id);",
    ),
    view(
        "materialized options",
        "create materialized view m with (fillfactor = 60) as select id from t;",
        "create materialized view m with (autovacuum_enabled = off) as select id from t;",
    ),
    view(
        "materialized columns",
        "create materialized view m as select id, a from t; alter materialized view m alter a set statistics 7;",
        "create materialized view m as select id from t; create view w as select id from m;",
    ),
    view(
        "materialized with statistics, storage and clustering",
        "create materialized view m as select id, b from t;",
        "create materialized view m as select id, b from t; alter materialized view m alter b set statistics 50; alter materialized view m alter b set storage external; create index i on m (id); alter materialized view m cluster on i;",
    ),
    view(
        "materialized upon materialized",
        "create materialized view m as select id, a from t; create materialized view n as select id from m; create index i on n (id); create view w as select * from n;",
        "create materialized view m as select id, a + 1 as a from t; create materialized view n as select id from m; create index i on n (id); create view w as select * from n;",
    ),
    view(
        "materialized comment",
        "create materialized view m as select id from t; comment on materialized view m is 'x';",
        "create materialized view m as select id from t; comment on column m.id is 'y';",
    ),
    view(
        "in another schema",
        "create view v as select id from t;",
        "create schema s; create view s.v as select id from t;",
    ),
    # Rules
    view(
        "rule created",
        "",
        "create rule r as on insert to t do also notify x; create rule q as on delete to t do instead nothing; comment on rule r on t is 'R';",
    ),
    view(
        "rule changed",
        "create rule r as on update to t where new.a > 0 do instead nothing;",
        "create rule r as on update to t where new.a > 1 do instead nothing;",
    ),
    view(
        "rule disabled",
        "create rule r as on update to t do instead nothing;",
        "create rule r as on update to t do instead nothing; alter table t disable rule r;",
    ),
    view(
        "rule's comment",
        "create rule r as on update to t do instead nothing; comment on rule r on t is 'x';",
        "create rule r as on update to t do instead nothing; comment on rule r on t is 'y';",
    ),
    view(
        "rule always",
        "create rule r as on update to t do instead nothing; alter table t disable rule r;",
        "create rule r as on update to t do instead nothing; alter table t enable always rule r;",
    ),
    view(
        "rule on a view",
        "create view v as select id from t;",
        "create view v as select id from t; create rule r as on insert to v do instead (insert into t (id) values (new.id); insert into t (id) values (new.id + 1));",
    ),
    view(
        "rule that writes to a new table",
        "",
        "create table log (id int); create rule r as on insert to t do also insert into log values (new.id);",
    ),
    view(
        "rule that writes to a table that goes",
        "create table log (id int); create rule r as on insert to t do also insert into log values (new.id);",
        "",
    ),
]


def test_views(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
