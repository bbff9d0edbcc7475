"""Functions, procedures and aggregates."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

F = "create function f(a int) returns int language sql as 'select a';"
ADD = "create function add(int, int) returns int immutable language sql as 'select $1 + $2';"

CASES = [
    Case("created", "", F),
    Case("dropped", F, ""),
    Case("body", F, "create function f(a int) returns int language sql as 'select a + 1';"),
    Case(
        "every attribute",
        F,
        "create function f(a int) returns int language sql immutable strict security definer leakproof parallel safe cost 5 set search_path = public, pg_temp set work_mem = '1MB' as 'select a';",
    ),
    Case(
        "every attribute back",
        "create function f(a int) returns setof int language sql stable strict parallel restricted rows 7 set search_path = '' as 'select a';",
        "create function f(a int) returns setof int language sql as 'select a';",
    ),
    Case("another language", F, "create function f(a int) returns int language plpgsql as 'begin return a; end';"),
    Case("result", F, "create function f(a int) returns bigint language sql as 'select a::bigint';"),
    Case(
        "result set",
        F,
        "create function f(a int) returns table (x int, y text) language sql as $$ select a, 'x%y:z' $$;",
    ),
    Case(
        "result's columns",
        "create function f() returns table (x int) language sql as 'select 1';",
        "create function f() returns table (x int, y int) language sql as 'select 1, 2';",
    ),
    Case(
        "out arguments",
        "create function f(a int, out b int) language sql as 'select 1';",
        "create function f(a int, out b int, out c text) language sql as $$ select 1, 'x' $$;",
    ),
    Case("name of an argument", F, "create function f(b int) returns int language sql as 'select b';"),
    Case("default of an argument", F, "create function f(a int default 5) returns int language sql as 'select a';"),
    Case(
        "default of an argument dropped",
        "create function f(a int default 5) returns int language sql as 'select a';",
        F,
    ),
    Case("argument added", F, "create function f(a int, b text default 'x') returns int language sql as 'select a';"),
    Case(
        "overloads",
        F,
        F
        + "create function f(a text) returns int language sql as 'select 1'; create function f() returns int language sql as 'select 1';",
    ),
    Case("one overload dropped", F + "create function f(a text) returns int language sql as 'select 1';", F),
    Case(
        "variadic, inout and arrays",
        "",
        "create function f(inout a int, variadic b int[]) language sql as 'select 1'; create function g(a anyelement, b anyarray) returns anyelement language sql as 'select a';",
    ),
    Case(
        "names that need quotes",
        "",
        'create schema "S"; create function "S"."F f"("A a" int, "select" text default \'x,y\') returns int language sql as \'select "A a"\'; comment on function "S"."F f" is \'F\';',
    ),
    Case("comment", F + "comment on function f is 'x';", F + "comment on function f is 'y';"),
    Case(
        "comment of one that is made anew",
        F + "comment on function f is 'x';",
        "create function f(a int) returns bigint language sql as 'select 1::bigint'; comment on function f is 'x';",
    ),
    Case("becomes a procedure", F, "create procedure f(a int) language sql as 'select a';"),
    Case(
        "body that the server understands",
        "create table t (a int);",
        "create table t (a int); create function f() returns bigint begin atomic select count(*) from t; end;",
    ),
    Case(
        "body that the server understands changes",
        "create table t (a int); create function f() returns bigint begin atomic select count(*) from t; end;",
        "create table t (a int); create function f() returns bigint begin atomic select count(*) from t where t.a > 0; end;",
    ),
    Case("body of one expression", "", "create function f(a int) returns int immutable return a + 1;"),
    Case(
        "body that the server understands, over a column that goes",
        "create table t (a int, b int); create function f() returns bigint begin atomic select sum(b) from t; end;",
        "create table t (a int); create function f() returns bigint begin atomic select sum(a) from t; end;",
    ),
    Case(
        "body that the server understands, over a table that goes",
        "create table t (a int); create function f() returns bigint begin atomic select sum(a) from t; end;",
        "create table u (a int); create function f() returns bigint begin atomic select sum(a) from u; end;",
    ),
    Case(
        "body over a table that comes",
        "",
        "create table t (a int); create function f() returns bigint language sql as 'select count(*) from t';",
    ),
    Case(
        "body over a table that comes and whose default needs the function",
        "",
        "create table u (a int); create function f() returns bigint language sql as 'select count(*) from u'; create table t (a bigint default f(), x int);",
    ),
    Case(
        "body over a view that comes",
        "",
        "create table t (a int); create view v as select a from t; create function f() returns bigint language sql as 'select count(*) from v';",
    ),
    Case(
        "bodies that call each other",
        "",
        "create function z(int) returns int language sql as 'select $1'; create function a(int) returns int language sql as 'select z($1)';",
    ),
    Case(
        "bodies that call each other, the later first",
        "",
        "create function a(int) returns int language sql as 'select $1'; create function b(int) returns int language sql as 'select a($1)'; create function z(int) returns int begin atomic select b($1); end;",
    ),
    Case(
        "body with a dollar quote, a backslash and a colon",
        "",
        "create function f() returns text language plpgsql as $x$ begin return '$function$' || E'\\n' || ':x %s %%' || $$a$$; end $x$;",
    ),
    Case(
        "result is a table's row",
        "create table t (a int);",
        "create table t (a int); create function f() returns t language sql as 'select * from t limit 1'; create function g() returns setof t stable language plpgsql as 'begin return query select * from t; end';",
    ),
    Case(
        "argument is an enum that comes",
        "",
        "create type e as enum ('a'); create function f(e default 'a') returns e[] language sql as 'select array[$1]';",
    ),
    Case(
        "argument of a type that goes",
        "create type e as enum ('a'); create function f(e) returns int language sql as 'select 1';",
        "create function f(int) returns int language sql as 'select 1';",
    ),
    Case(
        "used by a default, a check, an index, a generated column and a view, and made anew",
        "create function f(a int) returns int immutable language sql as 'select a'; create table t (a int default f(1) check (f(a) > 0), g int generated always as (f(a)) stored); create index i on t (f(a)); create view v as select f(a) as x from t;",
        "create function f(b int) returns int immutable language sql as 'select b'; create table t (a int default f(1) check (f(a) > 0), g int generated always as (f(a)) stored); create index i on t (f(a)); create view v as select f(a) as x from t;",
    ),
    Case(
        "used by a default, a check, an index and a view, and replaced in place",
        "create function f(a int) returns int immutable language sql as 'select a'; create table t (a int default f(1) check (f(a) > 0)); create index i on t (f(a)); create view v as select f(a) as x from t;",
        "create function f(a int) returns int immutable language sql as 'select a + 1'; create table t (a int default f(1) check (f(a) > 0)); create index i on t (f(a)); create view v as select f(a) as x from t;",
    ),
    Case(
        "used by a policy and a trigger, and made anew",
        "create table t (a int); create function f(a int) returns bool language sql as 'select true'; create policy p on t using (f(a)); create function g() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before update on t for each row when (f(new.a)) execute function g();",
        "create table t (a int); create function f(b int) returns bool language sql as 'select true'; create policy p on t using (f(a)); create function g() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before update on t for each row when (f(new.a)) execute function g();",
    ),
    Case(
        "trigger's function replaced by another",
        "create table t (a int); create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before update on t for each row execute function f();",
        "create table t (a int); create function g() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before update on t for each row execute function g();",
    ),
    Case("in another schema", F, "create schema s; create function s.f(a int) returns int language sql as 'select a';"),
    Case(
        "support of transforms and several settings",
        "",
        "create function f() returns int language plpgsql set search_path to 'a b', public set datestyle = 'iso, dmy' as 'begin return 1; end';",
    ),
    # Procedures
    Case(
        "procedure created",
        "",
        "create procedure p(a int, inout b text default 'x') language plpgsql as 'begin commit; end'; comment on procedure p is 'P';",
    ),
    Case("procedure dropped", "create procedure p(a int) language plpgsql as 'begin commit; end';", ""),
    Case(
        "procedure body",
        "create procedure p(a int) language plpgsql as 'begin commit; end';",
        "create procedure p(a int) language plpgsql security definer as 'begin rollback; end';",
    ),
    Case(
        "procedure arguments",
        "create procedure p(a int) language plpgsql as 'begin end';",
        "create procedure p(a text, out b int) language plpgsql as 'begin end';",
    ),
    Case(
        "procedure with a body that the server understands",
        "create table t (a int);",
        "create table t (a int); create procedure p(x int) begin atomic insert into t values (x); delete from t where a = x; end;",
    ),
    Case(
        "procedure over a table that goes",
        "create table t (a int); create procedure p(x int) begin atomic insert into t values (x); end;",
        "",
    ),
    # Aggregates
    Case(
        "aggregate created",
        "",
        ADD
        + "create aggregate total(int) (sfunc = add, stype = int, initcond = '0', combinefunc = add, parallel = safe); comment on aggregate total(int) is 'T';",
    ),
    Case(
        "aggregate changed",
        ADD + "create aggregate total(int) (sfunc = add, stype = int);",
        ADD + "create aggregate total(int) (sfunc = add, stype = int, initcond = '7');",
    ),
    Case("aggregate dropped with its function", ADD + "create aggregate total(int) (sfunc = add, stype = int);", ""),
    Case(
        "aggregate with a moving state",
        "",
        ADD
        + "create function sub(int, int) returns int immutable language sql as 'select $1 - $2'; create aggregate total(int) (sfunc = add, stype = int, msfunc = add, minvfunc = sub, mstype = int, minitcond = '0', sspace = 8);",
    ),
    Case(
        "aggregate over an ordered set",
        "",
        "create aggregate p(float8 order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);",
    ),
    Case("aggregate over everything", "", "create aggregate n(*) (sfunc = int8inc, stype = int8, initcond = '0');"),
    Case(
        "aggregate with a sort operator", "", "create aggregate m(int) (sfunc = int4larger, stype = int, sortop = >);"
    ),
    Case(
        "aggregate used by a view",
        ADD
        + "create aggregate total(int) (sfunc = add, stype = int); create table t (a int); create view v as select total(a) as x from t;",
        ADD
        + "create aggregate total(int) (sfunc = add, stype = int, initcond = '1'); create table t (a int); create view v as select total(a) as x from t;",
    ),
]


def test_routines(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
