from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from lamin_migrate_kit.alembic_bridge import (
    Statement,
    downgrade,
    downgrade_sql,
    open_script,
    plan_steps,
    upgrade,
    upgrade_sql,
)
from lamin_migrate_kit.errors import RevisionError
from tests.histories import History, words

# Every kind of operation that a revision file holds, in two revisions and back.
UP_1 = r"""
op.execute("CREATE SCHEMA core")
op.create_table(
    "user",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sqm.sql.sqltypes.AutoString(), nullable=False, comment="100 % it's a name\\n"),
    sa.Column("state", sa.Enum("on", "off", name="state", schema="core"), server_default="on"),
    sa.UniqueConstraint("name", name="uq_user_name"),
    schema="core",
)
op.create_index("ix_lower", "user", [sa.text("lower(name)")], schema="core", postgresql_where=sa.text("id > 0"))
op.bulk_insert(
    sa.table("user", sa.column("id"), sa.column("name", sa.String()), schema="core"),
    [{"id": 1, "name": r"back\slash"}],
)
"""
DOWN_1 = """
op.drop_table("user", schema="core")
op.execute("DROP TYPE core.state")
op.execute("DROP SCHEMA core")
"""
UP_2 = """
op.alter_column("user", column_name="name", new_column_name="handle", schema="core")
op.alter_column("user", "handle", type_=sa.String(50), nullable=True, server_default="nobody", schema="core")
op.add_column("user", sa.Column("made", sa.DateTime(timezone=True), server_default=sa.text("now()")), schema="core")
op.create_check_constraint("ck_handle", "user", "handle NOT LIKE '%:x%'", schema="core")
op.execute("UPDATE core.user SET handle = 'a%b' WHERE handle ~ 'x\\\\d' OR id = 1::int")
op.execute(sa.text("UPDATE core.user SET handle = :handle").bindparams(handle="it's 5 %"))
op.get_bind().execute(sa.text("DELETE FROM core.user WHERE id > :id"), {"id": 10})
op.get_bind().exec_driver_sql("COMMENT ON TABLE core.user IS 'who'")
op.rename_table("user", "person", schema="core")
"""
DOWN_2 = """
op.rename_table("person", "user", schema="core")
op.drop_constraint("ck_handle", "user", schema="core")
op.drop_column("user", "made", schema="core")
op.alter_column("user", "handle", type_=sa.String(), nullable=False, server_default=None, schema="core")
op.alter_column("user", column_name="handle", new_column_name="name", schema="core")
"""


@pytest.fixture
def both(history: History) -> History:
    history.add(UP_1, DOWN_1)
    history.add(UP_2, DOWN_2)
    return history


def sent_by(statements: tuple[Statement, ...]) -> list[str]:
    """What changed something, in the order in which it was sent."""
    reads_version = "SELECT migration_smal.version_num"
    return [words(one.sql) for one in statements if not one.is_probe and not words(one.sql).startswith(reads_version)]


def test_what_is_shown_is_what_runs(connection: Connection, both: History) -> None:
    script = open_script(both.module)
    shown = plan_steps(both.module, script, None, "head")

    ran = upgrade(connection, both.module, script)

    assert [step.revision for step in shown] == both.revisions
    for planned, step in zip(shown, ran, strict=True):
        assert planned.unknown is None
        assert [words(one) for one in planned.statements] == sent_by(step.statements)


def test_what_is_shown_of_a_downgrade_is_what_runs(connection: Connection, both: History) -> None:
    script = open_script(both.module)
    upgrade(connection, both.module, script)
    shown = plan_steps(both.module, script, both.revisions[-1], "base", down=True)

    ran = downgrade(connection, both.module, script, "base")

    for planned, step in zip(shown, ran, strict=True):
        assert planned.unknown is None
        assert [words(one) for one in planned.statements] == sent_by(step.statements)


def test_the_script_brings_a_database_to_the_head_and_back(connection: Connection, both: History) -> None:
    script = open_script(both.module)
    # The driver's own cursor: no parameters, so per cent signs arrive as they are.
    cursor = connection.connection.cursor()
    cursor.execute(upgrade_sql(both.module, script))
    cursor.execute("SELECT id, handle FROM core.person")
    assert cursor.fetchall() == [(1, "it's 5 %")]
    cursor.execute("SELECT col_description('core.person'::regclass, 2)")
    assert cursor.fetchall() == [("100 % it's a name\\n",)]
    cursor.execute("SELECT version_num FROM migration_smal")
    assert cursor.fetchall() == [(both.revisions[-1],)]

    cursor.execute(downgrade_sql(both.module, script, both.revisions[-1]))
    cursor.execute("SELECT count(*) FROM migration_smal")
    assert cursor.fetchone() == (0,)
    cursor.execute("SELECT to_regclass('core.user')")
    assert cursor.fetchone() == (None,)


def test_only_what_is_pending_is_shown(both: History) -> None:
    script = open_script(both.module)
    sql = upgrade_sql(both.module, script, both.revisions[0])
    assert sql.startswith(f"-- revision {both.revisions[1]}\n")
    assert both.revisions[0] in sql  # UPDATE migration_smal … WHERE version_num = …
    assert "CREATE TABLE" not in sql
    assert upgrade_sql(both.module, script, both.revisions[1]) == ""
    assert upgrade_sql(both.module, script, None, both.revisions[0]).count("-- revision") == 1


def test_an_autocommit_block_shows_its_commit(connection: Connection, history: History) -> None:
    history.add(
        """
        op.execute("CREATE TABLE a (id integer)")
        with op.get_context().autocommit_block():
            op.execute("CREATE INDEX CONCURRENTLY i ON a (id)")
        op.execute("CREATE TABLE b (id integer)")
        """
    )
    (step,) = plan_steps(history.module, open_script(history.module), None, "head")
    assert step.unknown is None
    assert step.statements[1:6] == (
        "CREATE TABLE a (id integer)",
        "COMMIT",
        "CREATE INDEX CONCURRENTLY i ON a (id)",
        "BEGIN",
        "CREATE TABLE b (id integer)",
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("op.get_bind().execute(sa.text('SELECT 1')).scalar()", "it looks at a result"),
        ("for row in op.get_bind().execute(sa.text('SELECT 1')): pass", "it looks at the rows of a result"),
        ("op.get_bind().scalar(sa.text('SELECT 1'))", "it looks at a result"),
        ("op.get_bind().connection.cursor()", "it needs a connection"),
        ("op.get_bind().exec_driver_sql('SELECT %s', (1,))", "it leaves parameters to the driver"),
        ("sa.inspect(op.get_bind()).get_table_names()", "NoInspectionAvailable"),
        ("{}['missing']", "KeyError: 'missing'"),
    ],
)
def test_a_revision_that_needs_a_database_says_so_and_shows_what_comes_before(
    history: History, source: str, said: str
) -> None:
    history.add(f"op.execute('CREATE TABLE a ()')\n{source}\nop.execute('CREATE TABLE b ()')")
    history.add("op.execute('CREATE TABLE c ()')")
    script = open_script(history.module)

    reads, after = plan_steps(history.module, script, None, "head")

    assert reads.unknown is not None
    assert said in reads.unknown
    assert "CREATE TABLE a ()" in reads.statements
    assert not any("CREATE TABLE b" in one for one in reads.statements)
    assert after.unknown is None
    sql = upgrade_sql(history.module, script)
    assert f"-- from here on the revision cannot be written down without a database: {reads.unknown}" in sql


def test_a_start_that_is_not_there_is_said(both: History) -> None:
    with pytest.raises(RevisionError, match="ffffffffffff"):
        upgrade_sql(both.module, open_script(both.module), "ffffffffffff")


def test_planning_touches_no_server(both: History) -> None:
    # Nothing to assert but that it works without a connection, twice with the same outcome.
    script = open_script(both.module)
    assert upgrade_sql(both.module, script) == upgrade_sql(both.module, script)


def test_text_with_a_colon_stays_as_it_is(connection: Connection, history: History) -> None:
    history.add('op.execute("CREATE TABLE a AS SELECT 1::int AS x")')
    script = open_script(history.module)
    (planned,) = plan_steps(history.module, script, None, "head")
    assert "CREATE TABLE a AS SELECT 1::int AS x" in planned.statements
    upgrade(connection, history.module, script)
    assert connection.execute(text("SELECT x FROM a")).scalar() == 1
