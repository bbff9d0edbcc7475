"""Triggers, event triggers and row-level security policies."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

F = "create function f() returns trigger language plpgsql as 'begin return new; end';"
T = "create table t (id int primary key, a int, b text);" + F
E = "create function e() returns event_trigger language plpgsql as 'begin end';"
ROLES = (
    "do $$ begin if not exists (select from pg_roles where rolname = 'kit_reader') then create role kit_reader; end if;"
    " exception when duplicate_object or unique_violation then null; end $$;"
)


def trigger(name: str, current: str, desired: str) -> Case:
    return Case(name, current, desired, common=T)


def policy(name: str, current: str, desired: str) -> Case:
    current, desired = (f"create policy {text};" if text else "" for text in (current, desired))
    return Case(name, current, desired, common=ROLES + T + "alter table t enable row level security;")


CASES = [
    trigger("trigger created", "", "create trigger tr before insert on t for each row execute function f();"),
    trigger("trigger dropped", "create trigger tr before insert on t for each row execute function f();", ""),
    trigger(
        "trigger with another event",
        "create trigger tr before insert on t for each row execute function f();",
        "create trigger tr after insert or update or delete on t for each row execute function f();",
    ),
    trigger(
        "trigger for each statement",
        "create trigger tr after insert on t for each row execute function f();",
        "create trigger tr after insert or truncate on t execute function f();",
    ),
    trigger(
        "trigger of columns with a condition",
        "create trigger tr before update of a on t for each row execute function f();",
        "create trigger tr before update of a, b on t for each row when (old.a is distinct from new.a and new.b <> ':x%') execute function f();",
    ),
    trigger(
        "trigger with arguments",
        "create trigger tr before insert on t for each row execute function f('x');",
        "create trigger tr before insert on t for each row execute function f('x', 'it''s', '5');",
    ),
    trigger(
        "trigger with transition tables",
        "create trigger tr after update on t execute function f();",
        "create trigger tr after update on t referencing old table as o new table as n execute function f();",
    ),
    trigger(
        "constraint trigger",
        "",
        "create constraint trigger tr after insert on t deferrable initially deferred for each row execute function f();",
    ),
    trigger(
        "constraint trigger's deferral",
        "create constraint trigger tr after insert on t for each row execute function f();",
        "create constraint trigger tr after insert on t deferrable for each row execute function f();",
    ),
    trigger(
        "constraint trigger with another table",
        "create table u (a int);",
        "create table u (a int); create constraint trigger tr after insert on t from u for each row execute function f();",
    ),
    *(
        trigger(
            f"trigger {state}",
            "create trigger tr before insert on t for each row execute function f();",
            f"create trigger tr before insert on t for each row execute function f(); alter table t {state} trigger tr;",
        )
        for state in ("disable", "enable replica", "enable always")
    ),
    trigger(
        "trigger enabled",
        "create trigger tr before insert on t for each row execute function f(); alter table t disable trigger tr;",
        "create trigger tr before insert on t for each row execute function f();",
    ),
    trigger(
        "trigger that changes stays disabled",
        "create trigger tr before insert on t for each row execute function f(); alter table t disable trigger tr;",
        "create trigger tr after insert on t for each row execute function f(); alter table t disable trigger tr;",
    ),
    trigger(
        "trigger's comment",
        "create trigger tr before insert on t for each row execute function f(); comment on trigger tr on t is 'x';",
        "create trigger tr before insert on t for each row execute function f(); comment on trigger tr on t is 'y';",
    ),
    trigger(
        "trigger's name needs quotes",
        'create trigger "T r" before insert on t for each row execute function f();',
        'create trigger "T r" before insert on t for each row execute function f(); alter table t disable trigger "T r";',
    ),
    trigger(
        "trigger on another table",
        "create table u (a int); create trigger tr before insert on t for each row execute function f();",
        "create table u (a int); create trigger tr before insert on u for each row execute function f();",
    ),
    Case(
        "trigger and function and table together",
        "",
        T + "create trigger tr before insert on t for each row execute function f();",
    ),
    Case(
        "trigger and function and table go together",
        T + "create trigger tr before insert on t for each row execute function f();",
        "",
    ),
    Case(
        "trigger's function changes its body",
        T + "create trigger tr before insert on t for each row execute function f();",
        T.replace("return new", "return null")
        + "create trigger tr before insert on t for each row execute function f();",
    ),
    Case(
        "trigger's function moves to another schema",
        T + "create trigger tr before insert on t for each row execute function f();",
        "create schema s; create table t (id int primary key, a int, b text); create function s.f() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before insert on t for each row execute function s.f();",
    ),
    trigger(
        "trigger on a new column",
        "",
        "alter table t add n int; create trigger tr before update of n on t for each row execute function f();",
    ),
    trigger(
        "trigger on a column that goes",
        "alter table t add n int; create trigger tr before update of n on t for each row execute function f();",
        "create trigger tr before update of a on t for each row execute function f();",
    ),
    # Event triggers
    Case(
        "event trigger created",
        E,
        E
        + "create event trigger x on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function e(); comment on event trigger x is 'X';",
    ),
    Case(
        "event trigger dropped with its function",
        E + "create event trigger x on ddl_command_end execute function e();",
        "",
    ),
    Case(
        "event trigger changed",
        E + "create event trigger x on ddl_command_end execute function e();",
        E + "create event trigger x on sql_drop execute function e();",
    ),
    Case(
        "event trigger disabled",
        E + "create event trigger x on ddl_command_end execute function e();",
        E + "create event trigger x on ddl_command_end execute function e(); alter event trigger x disable;",
    ),
    Case(
        "event trigger enabled always",
        E + "create event trigger x on ddl_command_end execute function e(); alter event trigger x disable;",
        E + "create event trigger x on ddl_command_end execute function e(); alter event trigger x enable always;",
    ),
    Case(
        "event trigger's comment",
        E + "create event trigger x on ddl_command_end execute function e();",
        E + "create event trigger x on ddl_command_end execute function e(); comment on event trigger x is 'x';",
    ),
    # Policies
    policy("policy created", "", "p on t using (a > 0)"),
    policy("policy dropped", "p on t using (a > 0)", ""),
    policy(
        "policy with everything",
        "",
        "\"P p\" on t as restrictive for update to kit_reader, current_user using (a > 0) with check (b in ('x', 'y:%'))",
    ),
    *(
        policy(f"policy for {command}", f"p on t for {command} using (true)", "p on t for all using (true)")
        for command in ("select", "delete", "update")
    ),
    policy("policy for insert", "p on t for insert with check (a > 0)", "p on t for insert with check (a > 1)"),
    policy("policy's condition", "p on t using (a > 0)", "p on t using (a > 1)"),
    policy("policy's condition goes", "p on t using (a > 0) with check (a > 0)", "p on t with check (a > 0)"),
    policy("policy's check", "p on t using (a > 0)", "p on t using (a > 0) with check (a < 9)"),
    policy("policy's roles", "p on t to kit_reader using (true)", "p on t to public using (true)"),
    policy("policy restrictive", "p on t using (true)", "p on t as restrictive using (true)"),
    policy("policy renamed", "p on t using (true)", "q on t using (true)"),
    Case(
        "policy's comment",
        "comment on policy p on t is 'x';",
        "comment on policy p on t is 'y';",
        common=T + "create policy p on t using (true);",
    ),
    Case(
        "policy that reads another table",
        T,
        T + "create table u (id int); create policy p on t using (exists (select from u where u.id = t.a));",
    ),
    Case(
        "policy that reads a table that goes",
        T + "create table u (id int); create policy p on t using (exists (select from u where u.id = t.a));",
        T + "create policy p on t using (a > 0);",
    ),
    Case(
        "policy that reads a column that goes",
        T + "create policy p on t using (a > 0);",
        "create table t (id int primary key, b text);" + F + "create policy p on t using (id > 0);",
    ),
    Case(
        "policy that calls a function that goes",
        T + "create function ok(int) returns bool language sql as 'select true'; create policy p on t using (ok(a));",
        T + "create policy p on t using (a > 0);",
    ),
    Case(
        "policy comes with row-level security and its table",
        "",
        T
        + "alter table t enable row level security; create policy p on t using (a > 0); create policy q on t for insert with check (id > 0);",
    ),
    Case(
        "policies with the same name on two tables",
        T + "create table u (a int); create policy p on t using (a > 0);",
        T + "create table u (a int); create policy p on u using (a > 0);",
    ),
    Case("policy on a new column", T, T + "alter table t add n int; create policy p on t using (n > 0);"),
    Case(
        "policy under a column's new type",
        "create table t (a int); create policy p on t using (a > 0); comment on policy p on t is 'P';",
        "create table t (a bigint); create policy p on t using (a > 0); comment on policy p on t is 'P';",
    ),
]


def test_triggers_policies(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
