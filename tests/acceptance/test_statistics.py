"""Extended statistics."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

T = "create table t (a int, b int, c text);"


def statistics(name: str, current: str, desired: str) -> Case:
    return Case(name, current, desired, common=T)


CASES = [
    statistics("created", "", "create statistics s on a, b from t; comment on statistics s is 'S';"),
    statistics("dropped", "create statistics s on a, b from t;", ""),
    statistics("kinds", "create statistics s on a, b from t;", "create statistics s (ndistinct, mcv) on a, b from t;"),
    statistics("columns", "create statistics s on a, b from t;", "create statistics s on a, b, c from t;"),
    statistics(
        "expressions", "", "create statistics s on (a + b), lower(c) from t; create statistics r on (a % 7) from t;"
    ),
    statistics(
        "target",
        "create statistics s on a, b from t;",
        "create statistics s on a, b from t; alter statistics s set statistics 50;",
    ),
    statistics(
        "target gone",
        "create statistics s on a, b from t; alter statistics s set statistics 50;",
        "create statistics s on a, b from t;",
    ),
    statistics(
        "comment",
        "create statistics s on a, b from t; comment on statistics s is 'x';",
        "create statistics s on a, b from t; comment on statistics s is 'y';",
    ),
    statistics(
        "on another table",
        "create table u (a int, b int); create statistics s on a, b from t;",
        "create table u (a int, b int); create statistics s on a, b from u;",
    ),
    statistics(
        "in another schema",
        "create schema x; create statistics s on a, b from t;",
        "create schema x; create statistics x.s on a, b from t;",
    ),
    statistics("name that needs quotes", "", 'create statistics "S s" on a, b from t;'),
    Case("created with its table", "", T + "create statistics s on a, b from t;"),
    Case("dropped with its table", T + "create statistics s on a, b from t;", ""),
    Case("on a column that goes", T + "create statistics s on a, b from t;", "create table t (a int, c text);"),
    Case(
        "on a column that changes its type",
        T + "create statistics s on a, b from t; comment on statistics s is 'S';",
        "create table t (a text, b int, c text); create statistics s on a, b from t; comment on statistics s is 'S';",
    ),
    Case(
        "on an expression whose column changes its type",
        T + "create statistics s on (a + 1), b from t;",
        "create table t (a bigint, b int, c text); create statistics s on (a + 1), b from t;",
    ),
    Case("on a new column", T, "create table t (a int, b int, c text, d int); create statistics s on a, d from t;"),
    Case(
        "on a partitioned table",
        "create table m (a int, b int) partition by list (a);",
        "create table m (a int, b int) partition by list (a); create statistics s on a, b from m; create table m1 partition of m default; create statistics s1 on a, b from m1;",
    ),
    Case(
        "on a materialized view",
        "create materialized view m as select 1 as a, 2 as b;",
        "create materialized view m as select 1 as a, 2 as b; create statistics s on a, b from m;",
    ),
]


def test_statistics(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
