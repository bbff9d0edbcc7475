"""Primary keys, uniques, foreign keys, checks and exclusion constraints."""

from __future__ import annotations

from lamin_migrate_kit.servers import Server
from tests.acceptance.runner import Case, run_case

T = "create table t (id int primary key, a int, b text, r int4range, s timestamp, e timestamp);"
P = "create table p (id int primary key, x int, y int, unique (x, y));"
BOTH = P + "create table c (id int, x int, y int);"


def on_t(name: str, current: str, desired: str, since: int = 15) -> Case:
    return Case(
        name,
        "".join(f"alter table t {part};" for part in current.split(";") if part.strip()),
        "".join(f"alter table t {part};" for part in desired.split(";") if part.strip()),
        common=T,
        since=since,
    )


def reference(name: str, current: str, desired: str, since: int = 15) -> Case:
    return Case(
        name,
        f"alter table c add {current};" if current else "",
        f"alter table c add {desired};" if desired else "",
        common=BOTH,
        since=since,
    )


CASES = [
    Case(
        "check and index of a list of words, under a longer type",
        "create table t (s varchar(10), k int, constraint c check (s in ('a', 'b') or k > 1)); create index i on t (k) where s in ('a', 'b');",
        "create table t (s varchar(20), k bigint, constraint c check (s in ('a', 'b') or k > 1)); create index i on t (k) where s in ('a', 'b');",
    ),
    Case(
        "not null gets the name that the primary key had",
        "create table t (a int constraint a_nn not null, c int constraint c_nn primary key);",
        "create table t (a int constraint b_nn not null, c int constraint c_pk primary key constraint c_nn not null);",
        since=18,
    ),
    Case(
        "unique goes with a column that it includes, and with a table that refers to its columns",
        "create table t (id serial primary key, a int, constraint u unique (id) include (a)); create table c (t int references t);",
        "create table t (id serial primary key);",
    ),
    Case(
        "comments on the indexes behind constraints",
        "create table t (a int primary key, b int unique);",
        "create table t (a int primary key, b int unique); comment on index t_pkey is 'x'; comment on index t_b_key is 'y'; comment on constraint t_b_key on t is 'z';",
    ),
    Case(
        "comment on the index behind a new constraint",
        "create table t (a int);",
        "create table t (a int primary key); comment on index t_pkey is 'x'; create table u (a int unique); comment on index u_a_key is 'y';",
    ),
    Case(
        "primary key of another name and other columns",
        "create table t (a int not null, b int not null, constraint z primary key (a, b));",
        "create table t (a int not null, b int not null, constraint k primary key (a));",
    ),
    Case(
        "foreign key that may rest on several keys",
        "create table t (id int unique, a int); create table u (t int references t (id));",
        "create table t (id int primary key, a int, constraint c unique (id) include (a)); create unique index i on t (id); "
        "create table u (t int references t (id), v int references t (id));",
    ),
    Case(
        "table with uniques that are alike",
        "",
        "create table t (a int primary key, b int unique); alter table t add constraint u unique (b), "
        "add constraint v unique (a), add constraint w unique (b) deferrable;",
    ),
    # Primary keys
    on_t("primary key dropped", "", "drop constraint t_pkey"),
    on_t("primary key with another name", "", "rename constraint t_pkey to other"),
    on_t("primary key of two columns", "", "drop constraint t_pkey; add primary key (a, id)"),
    on_t("primary key including a column", "", "drop constraint t_pkey; add primary key (id) include (b)"),
    on_t("primary key deferrable", "", "drop constraint t_pkey; add primary key (id) deferrable initially deferred"),
    on_t("primary key with storage", "", "drop constraint t_pkey; add primary key (id) with (fillfactor = 60)"),
    Case(
        "primary key moves to a new column while a foreign key stays on the old",
        "create table p (id int primary key); create table c (p int references p);",
        "create table p (id int constraint k unique not null, new uuid primary key); create table c (p int references p (id));",
    ),
    Case(
        "primary key by an index's name",
        T.replace(" primary key", "") + "create unique index i on t (a);",
        T.replace(" primary key", "") + "create unique index i on t (a); alter table t add primary key using index i;",
    ),
    # Uniques
    on_t("unique dropped", "add unique (a)", ""),
    on_t("unique columns in another order", "add constraint u unique (a, b)", "add constraint u unique (b, a)"),
    on_t("unique renamed", "add constraint u unique (a)", "add constraint v unique (a)"),
    on_t("unique including a column", "add constraint u unique (a)", "add constraint u unique (a) include (b, r)"),
    on_t(
        "unique with storage that changes",
        "add constraint u unique (a) with (fillfactor = 60)",
        "add constraint u unique (a) with (fillfactor = 70)",
    ),
    on_t(
        "unique with storage that goes",
        "add constraint u unique (a) with (fillfactor = 60)",
        "add constraint u unique (a)",
    ),
    on_t(
        "unique deferrable to initially deferred",
        "add constraint u unique (a) deferrable",
        "add constraint u unique (a) deferrable initially deferred",
    ),
    on_t("unique nulls not distinct with include", "", "add constraint u unique nulls not distinct (a) include (b)"),
    on_t(
        "two uniques alike", "add constraint u unique (a)", "add constraint u unique (a); add constraint v unique (a)"
    ),
    on_t(
        "names of two uniques exchanged",
        "add constraint u unique (a); add constraint v unique (b)",
        "add constraint u unique (b); add constraint v unique (a)",
    ),
    on_t(
        "names of two checks exchanged",
        "add constraint u check (a > 0); add constraint v check (a < 9)",
        "add constraint u check (a < 9); add constraint v check (a > 0)",
    ),
    Case(
        "unique becomes an index of the same name",
        "alter table t add constraint u unique (a);",
        "create unique index u on t (a);",
        common=T,
    ),
    Case(
        "index becomes a unique constraint of the same name",
        "create unique index u on t (a);",
        "alter table t add constraint u unique (a);",
        common=T,
    ),
    Case(
        "unique that a foreign key needs",
        "create table p (a int); create table c (a int);",
        "create table p (a int constraint u unique); create table c (a int references p (a));",
    ),
    Case(
        "unique changes under a foreign key",
        "create table p (a int constraint u unique); create table c (a int references p (a));",
        "create table p (a int constraint u unique nulls not distinct); create table c (a int references p (a));",
    ),
    Case(
        "constraint's comment with its name in quotes",
        'create table t (a int constraint "A B" unique); comment on constraint "A B" on t is \'x\';',
        'create table t (a int constraint "A B" unique); comment on constraint "A B" on t is \'y\';',
    ),
    Case(
        "the same constraint on another table",
        "alter table t add constraint u unique (a);",
        "alter table v add constraint u unique (a);",
        common=T + "create table v (a int);",
    ),
    Case(
        "the same check on another table",
        "alter table t add constraint u check (a > 0);",
        "alter table v add constraint u check (a > 0);",
        common=T + "create table v (a int);",
    ),
    # Foreign keys
    reference("foreign key added", "", "foreign key (id) references p"),
    reference("foreign key dropped", "constraint f foreign key (id) references p", ""),
    reference(
        "foreign key renamed",
        "constraint f foreign key (id) references p",
        "constraint g foreign key (id) references p",
    ),
    reference("foreign key of two columns", "", "constraint f foreign key (x, y) references p (x, y)"),
    reference(
        "foreign key to other columns",
        "constraint f foreign key (x, y) references p (x, y)",
        "constraint f foreign key (y, x) references p (x, y)",
    ),
    *(
        reference(
            f"foreign key on {event} {action}",
            f"constraint f foreign key (id) references p on {event} restrict",
            f"constraint f foreign key (id) references p on {event} {action}",
        )
        for event in ("delete", "update")
        for action in ("cascade", "set null", "set default", "no action")
    ),
    reference(
        "foreign key on delete set null for one column",
        "",
        "constraint f foreign key (x, y) references p (x, y) on delete set null (y)",
    ),
    reference(
        "foreign key match full",
        "constraint f foreign key (x, y) references p (x, y)",
        "constraint f foreign key (x, y) references p (x, y) match full",
    ),
    reference(
        "foreign key initially deferred",
        "constraint f foreign key (id) references p deferrable",
        "constraint f foreign key (id) references p deferrable initially deferred",
    ),
    reference(
        "foreign key deferrable no more",
        "constraint f foreign key (id) references p deferrable initially deferred",
        "constraint f foreign key (id) references p",
    ),
    reference("foreign key not valid", "", "constraint f foreign key (id) references p not valid"),
    reference(
        "foreign key becomes valid",
        "constraint f foreign key (id) references p not valid",
        "constraint f foreign key (id) references p",
    ),
    reference(
        "foreign key becomes valid and deferrable",
        "constraint f foreign key (id) references p not valid",
        "constraint f foreign key (id) references p deferrable",
    ),
    reference(
        "foreign key not enforced",
        "constraint f foreign key (id) references p",
        "constraint f foreign key (id) references p not enforced",
        since=18,
    ),
    reference(
        "foreign key not enforced from the start",
        "",
        "constraint f foreign key (id) references p not enforced",
        since=18,
    ),
    Case(
        "foreign key to another table",
        "create table c (a int constraint f references p);",
        "create table c (a int constraint f references q);",
        common="create table p (id int primary key); create table q (id int primary key);",
    ),
    Case(
        "foreign key to a table that is replaced",
        "create table p (id int primary key); create table c (a int constraint f references p);",
        "create table q (id int primary key); create table c (a int constraint f references q);",
    ),
    Case(
        "foreign key across schemas with names that need quotes",
        "",
        'create schema "S S"; create table "S S"."P.P" ("I D" int primary key);'
        'create table c ("A" int references "S S"."P.P" on delete cascade);',
    ),
    Case(
        "foreign keys between tables that are there, in a circle",
        "create table a (id int primary key, b int); create table b (id int primary key, a int);",
        "create table a (id int primary key, b int); create table b (id int primary key, a int references a);"
        "alter table a add foreign key (b) references b;",
    ),
    Case(
        "foreign key between unlogged tables and a comment",
        "",
        "create unlogged table p (id int primary key); create unlogged table c (p int constraint f references p); comment on constraint f on c is 'F';",
    ),
    Case(
        "foreign key to a unique index without a constraint",
        "create table p (a int); create table c (a int);",
        "create table p (a int); create unique index u on p (a); create table c (a int references p (a));",
    ),
    Case(
        "unique index under a foreign key changes",
        "create table p (a int, b int); create unique index u on p (a); create table c (a int references p (a));",
        "create table p (a int, b int); create unique index u on p (a) include (b); create table c (a int references p (a));",
    ),
    # Checks
    on_t("check dropped", "add constraint k check (a > 0)", ""),
    on_t("check renamed", "add constraint k check (a > 0)", "add constraint l check (a > 0)"),
    on_t("check no inherit", "add constraint k check (a > 0)", "add constraint k check (a > 0) no inherit"),
    on_t("check not valid", "", "add constraint k check (a > 0) not valid"),
    on_t("check becomes valid", "add constraint k check (a > 0) not valid", "add constraint k check (a > 0)"),
    on_t("check no inherit and not valid", "", "add constraint k check (a > 0) no inherit not valid"),
    on_t(
        "check not enforced", "add constraint k check (a > 0)", "add constraint k check (a > 0) not enforced", since=18
    ),
    on_t("check not enforced from the start", "", "add constraint k check (a > 0) not enforced", since=18),
    on_t(
        "check of several columns with text functions",
        "",
        "add check (a > 0 and lower(b) <> 'x:y%' or b ~ '^[a-z]{1,3}$' or b like 'a%' or b is null)",
    ),
    on_t(
        "check with a case and a cast",
        "",
        "add check (case when a > 0 then b::date > '2000-01-01' else (id::numeric / 3) < 9.5 end)",
    ),
    on_t(
        "check with any, not in, between and json",
        "",
        "add check (a = any (array[1, 2]) and b not in ('x', 'y') and id between 1 and 9 and (b::jsonb ->> 'k') is not null)",
    ),
    on_t(
        "check of the same text on another column", "add constraint k check (a > 0)", "add constraint k check (id > 0)"
    ),
    on_t(
        "checks without names in another order",
        "add check (a > 0); add check (a < 9)",
        "add check (a < 9); add check (a > 0)",
    ),
    on_t(
        "comment on a check",
        "add constraint k check (a > 0)",
        "add constraint k check (a > 0); add constraint l check (a > 1)",
    ),
    Case(
        "comment on a check changes",
        "comment on constraint k on t is 'x';",
        "comment on constraint k on t is 'y';",
        common=T + "alter table t add constraint k check (a > 0);",
    ),
    Case(
        "check by a function that is new",
        "create table t (a int);",
        "create function ok(int) returns bool immutable language sql as 'select $1 > 0'; create table t (a int constraint k check (ok(a)));",
    ),
    Case(
        "check by a function that changes its arguments",
        "create function ok(int) returns bool immutable language sql as 'select $1 > 0'; create table t (a int constraint k check (ok(a)));",
        "create function ok(a int, b int default 0) returns bool immutable language sql as 'select $1 > 0'; create table t (a int constraint k check (ok(a)));",
    ),
    Case(
        "check of a whole row",
        "create table t (a int);",
        "create table t (a int); create function ok(t) returns bool immutable language sql as 'select true'; alter table t add check (ok(t));",
    ),
    Case("check and column come together", "create table t (a int);", "create table t (a int, b int, check (b > a));"),
    Case("check and column go together", "create table t (a int, b int, check (b > a));", "create table t (a int);"),
    # Exclusion
    on_t("exclusion dropped", "add constraint x exclude using gist (r with &&)", ""),
    on_t(
        "exclusion with an expression and a condition",
        "",
        "add constraint x exclude using gist (tsrange(s, e) with &&) where (a > 0)",
    ),
    on_t(
        "exclusion operator",
        "add constraint x exclude using gist (r with &&)",
        "add constraint x exclude using gist (r with -|-)",
    ),
    on_t(
        "exclusion deferrable",
        "add constraint x exclude using gist (r with &&)",
        "add constraint x exclude using gist (r with &&) deferrable initially deferred",
    ),
    on_t(
        "exclusion renamed",
        "add constraint x exclude using gist (r with &&)",
        "add constraint y exclude using gist (r with &&)",
    ),
    on_t("exclusion by hash", "", "add constraint x exclude using hash (b with =)"),
    on_t(
        "exclusion by btree including a column",
        "",
        "add constraint x exclude (a with =) include (b) with (fillfactor = 80)",
    ),
    Case(
        "without overlaps",
        "create table t (id int4range, v tsrange);",
        "create table t (id int4range, v tsrange, constraint k primary key (id, v without overlaps));",
        since=18,
    ),
    Case(
        "without overlaps on a unique",
        "create table t (id int4range, v tsrange, constraint k unique (id, v));",
        "create table t (id int4range, v tsrange, constraint k unique (id, v without overlaps));",
        since=18,
    ),
    Case(
        "foreign key of a period",
        "",
        "create table t (id int4range, v tsrange, constraint k primary key (id, v without overlaps));"
        "create table c (t int4range, v tsrange, foreign key (t, period v) references t (id, period v));",
        since=18,
    ),
]


def test_constraints(postgres: Server, case: Case) -> None:
    run_case(postgres, case, thorough=postgres.major < 18)
