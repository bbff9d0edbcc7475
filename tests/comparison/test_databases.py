"""Any two databases: every difference is a fact, neither is written to, renames are tried on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.comparison import Comparison, compare_databases
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.settings import Settings
from tests.authors import decisions
from tests.dumps import dump_schema

NEVER_ASKS = Decisions(rename_mode="none", assume_empty=True)


@contextmanager
def two_databases(server: Server, current: str, desired: str) -> Iterator[tuple[ScratchDatabase, ScratchDatabase]]:
    with ExitStack() as stack:
        made = []
        for hint, script in (("current", current), ("desired", desired)):
            database = stack.enter_context(scratch_database(server, hint=hint))
            run(database, script)
            made.append(database)
        yield made[0], made[1]


def run(database: ScratchDatabase, script: str) -> None:
    with database.connect() as connection:
        connection.exec_driver_sql(script.replace("%", "%%") or "SELECT 1")
        connection.commit()


@contextmanager
def read_only(database: ScratchDatabase) -> Iterator[Connection]:
    """A connection that the server lets do nothing but read."""
    with database.connect() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        connection.commit()
        yield connection


@pytest.fixture
def given(server: Server, settings: Settings) -> Settings:
    """Settings with which the copies for renames are made on the tests' server."""
    return Settings(root=settings.root, provider="url", server_url=server.url.render_as_string(hide_password=False))


def compare(
    server: Server, settings: Settings, current: str, desired: str, decided: Decisions = NEVER_ASKS
) -> Comparison:
    """Compare; then run what was proposed, and expect the dump of the desired database."""
    with two_databases(server, current, desired) as (one, other):
        with read_only(one) as ours, read_only(other) as theirs:
            comparison = compare_databases(ours, theirs, decided, settings=settings)
        if not comparison.questions:
            with one.connect() as connection:
                for operation in comparison.upgrade:
                    for statement in operation.statements:
                        connection.exec_driver_sql(statement.replace("%", "%%"))
                    if operation.autocommit:
                        connection.commit()
                connection.commit()
            assert dump_schema(one.url) == dump_schema(other.url)
        return comparison


def statements(comparison: Comparison) -> list[str]:
    return [statement for operation in comparison.upgrade for statement in operation.statements]


def test_equal_databases_have_no_difference(server: Server, given: Settings) -> None:
    assert compare(server, given, "CREATE TABLE t (a int)", "CREATE TABLE t (a int)").empty


def test_names_that_the_server_chose_are_facts(server: Server, given: Settings) -> None:
    comparison = compare(
        server,
        given,
        "CREATE TABLE t (a int NOT NULL UNIQUE, b int GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE t (a int CONSTRAINT named NOT NULL, b int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME numbers));"
        " ALTER TABLE t ADD CONSTRAINT one UNIQUE (a)",
    )
    assert sorted(statements(comparison)) == [
        "ALTER SEQUENCE public.t_b_seq RENAME TO numbers",
        "ALTER TABLE public.t RENAME CONSTRAINT t_a_key TO one",
        "ALTER TABLE public.t RENAME CONSTRAINT t_a_not_null TO named",
    ]


def test_what_models_never_declare_is_a_difference_here(server: Server, given: Settings) -> None:
    table = "CREATE TABLE t (a int);"
    comparison = compare(server, given, table + "CREATE VIEW w AS SELECT a FROM t; CREATE INDEX i ON t (a)", table)
    assert sorted(statements(comparison)) == ["DROP INDEX public.i", "DROP VIEW public.w"]
    assert not [comment for operation in comparison.upgrade for comment in operation.comments]


def test_rename_is_a_question_and_by_flag_is_one(server: Server, given: Settings) -> None:
    current = "CREATE TABLE t (id serial PRIMARY KEY, title text UNIQUE)"
    desired = "CREATE TABLE t (id serial PRIMARY KEY, heading text UNIQUE)"
    with two_databases(server, current, desired) as (one, other), read_only(one) as ours, read_only(other) as theirs:
        undecided = compare_databases(ours, theirs, Decisions(), settings=given)
        assert [question.kind for question in undecided.questions] == ["rename"]
    decided = compare(server, given, current, desired, decisions("--rename public.t.title:heading"))
    assert statements(decided) == [
        "ALTER TABLE public.t RENAME COLUMN title TO heading",
        "ALTER TABLE public.t RENAME CONSTRAINT t_title_key TO t_heading_key",
    ]


EVERYTHING = """
CREATE EXTENSION citext;
CREATE SCHEMA core;
CREATE TYPE core.status AS ENUM ('a', 'b');
CREATE DOMAIN core.positive AS int CHECK (value > 0);
CREATE FUNCTION core.f(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a + missing(); END';
CREATE SEQUENCE core.numbers INCREMENT 5;
CREATE TABLE core.t (id serial PRIMARY KEY, title citext, s core.status DEFAULT 'a', p core.positive,
    twice int GENERATED ALWAYS AS (id * 2) STORED, CHECK (title IN ('x', 'y')));
CREATE INDEX ON core.t (lower(title)) WHERE title <> 'a%b';
CREATE VIEW core.w AS SELECT id, title FROM core.t WHERE title IN ('x', 'y');
CREATE FUNCTION core.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER tr BEFORE UPDATE OF title ON core.t FOR EACH ROW EXECUTE FUNCTION core.g();
CREATE TABLE core.part (at date NOT NULL, a int) PARTITION BY RANGE (at);
CREATE TABLE core.part_1 PARTITION OF core.part FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
"""


def test_renames_in_a_database_with_everything_in_it(server: Server, given: Settings) -> None:
    flags = "--rename core.t:u --rename core.t.title:heading"
    desired = EVERYTHING + "ALTER TABLE core.t RENAME TO u; ALTER TABLE core.u RENAME title TO heading"
    comparison = compare(server, given, EVERYTHING, desired, decisions(flags))
    assert statements(comparison) == [
        "ALTER TABLE core.t RENAME TO u",
        "ALTER TABLE core.u RENAME COLUMN title TO heading",
    ]


def test_nothing_but_a_scratch_database_is_written_to(server: Server, given: Settings) -> None:
    """The connections may only read; what the comparison needs is gone afterwards."""
    current, desired = "CREATE TABLE t (title text)", "CREATE TABLE t (heading text)"
    with two_databases(server, current, desired) as (one, other):
        before = databases(one)
        with read_only(one) as ours, read_only(other) as theirs:
            compare_databases(ours, theirs, decisions("--rename public.t.title:heading"), settings=given)
        assert databases(one) == before


def databases(database: ScratchDatabase) -> set[str]:
    with database.connect() as connection:
        names = connection.exec_driver_sql("SELECT datname FROM pg_database WHERE datname ~ 'renamed'").scalars()
        return set(names)


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        ("CREATE TABLE t (a int)", "CREATE TABLE t (a int, b text NOT NULL)"),
        ("CREATE TABLE t (a text)", "CREATE TABLE t (a int)"),
        ("CREATE TABLE t (a text)", "CREATE TABLE t (a int NOT NULL)"),
        ("CREATE TABLE t (a bigint)", "CREATE TABLE t (a smallint)"),
        ("CREATE TABLE t (title text)", "CREATE TABLE t (heading text)"),
        ("CREATE TABLE notebook (a int)", "CREATE TABLE notebooks (a int)"),
        (
            "CREATE TYPE s AS ENUM ('a', 'b'); CREATE TABLE t (s s)",
            "CREATE TYPE s AS ENUM ('b', 'c'); CREATE TABLE t (s s)",
        ),
        ("CREATE TABLE t (a date) PARTITION BY RANGE (a)", "CREATE TABLE t (a date) PARTITION BY LIST (a)"),
        ("CREATE TABLE t (a int); CREATE VIEW w AS SELECT a FROM t", "CREATE TABLE t (b int)"),
        ("CREATE TABLE t (a int); CREATE INDEX i ON t (a)", "CREATE TABLE t (a int)"),
        ("CREATE TABLE t (a jsonb)", "CREATE TABLE t (a uuid[])"),
        (EVERYTHING, ""),
        ("", EVERYTHING),
    ],
)
def test_without_renames_and_with_empty_tables_nothing_is_ever_asked(
    server: Server, given: Settings, current: str, desired: str
) -> None:
    comparison = compare(server, given, current, desired)
    assert (comparison.questions, comparison.candidates) == ((), ())


# Bookkeeping

ALEMBIC = "CREATE TABLE migration_yvzi (version_num varchar(32) NOT NULL PRIMARY KEY);"
DEPLOYED = (
    "CREATE TABLE version_yvzi (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, migration text, "
    "user_id text, created_at timestamptz); CREATE INDEX ON version_yvzi (v);"
)


@pytest.mark.parametrize(
    "script",
    [ALEMBIC, ALEMBIC + DEPLOYED, "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"],
)
def test_bookkeeping_is_no_difference(server: Server, given: Settings, script: str) -> None:
    with two_databases(server, script, "") as (one, other), read_only(one) as ours, read_only(other) as theirs:
        assert compare_databases(ours, theirs, NEVER_ASKS, settings=given).empty
        assert compare_databases(theirs, ours, NEVER_ASKS, settings=given).empty


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE release (version_num varchar(32))",
        "CREATE TABLE migration_log (version_num varchar(32), at date)",
        "CREATE TABLE alembic_version (version_num int, more int)",
        "CREATE TABLE version_yvzi (v text, migration text, user_id text, created_at timestamptz)",
        "CREATE TABLE version_yvzi (a int); CREATE TABLE other (version_num text)",
    ],
)
def test_tables_that_only_look_like_bookkeeping_are_compared(server: Server, given: Settings, script: str) -> None:
    assert statements(compare(server, given, script, ""))


def test_table_beside_alembics_that_records_no_deployments_is_compared(server: Server, given: Settings) -> None:
    with two_databases(server, ALEMBIC + "CREATE TABLE version_yvzi (a int)", "") as (one, other):
        with read_only(one) as ours, read_only(other) as theirs:
            comparison = compare_databases(ours, theirs, NEVER_ASKS, settings=given)
        assert statements(comparison) == ["DROP TABLE public.version_yvzi"]


def test_what_is_not_compared_is_named(server: Server, given: Settings) -> None:
    script = "CREATE PUBLICATION news; CREATE TABLE t (a int)"
    with two_databases(server, script, "CREATE TABLE t (a int)") as (one, other):
        with read_only(one) as ours, read_only(other) as theirs:
            comparison = compare_databases(ours, theirs, NEVER_ASKS, settings=given)
        assert comparison.not_compared == (("publication", "news"),)


def test_flag_that_names_nothing_is_refused(server: Server, given: Settings) -> None:
    with pytest.raises(SettingsError, match="there is nothing of that name"):
        compare(server, given, "CREATE TABLE t (a int)", "", decisions("--drop public.x"))


def test_two_majors_spell_alike_what_is_alike(server: Server, server15: Server, given: Settings) -> None:
    script = "CREATE TABLE t (id serial PRIMARY KEY, a text NOT NULL, CHECK (a IN ('x', 'y')))"
    with scratch_database(server15, hint="old") as old, scratch_database(server, hint="new") as new:
        run(old, script)
        run(new, script + "; ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME CONSTRAINT t_a_check TO t_b_check")
        with read_only(old) as ours, read_only(new) as theirs:
            comparison = compare_databases(ours, theirs, decisions("--rename public.t.a:b"), settings=given)
        assert statements(comparison) == [
            "ALTER TABLE public.t RENAME COLUMN a TO b",
            "ALTER TABLE public.t RENAME CONSTRAINT t_a_check TO t_b_check",
        ]
