from __future__ import annotations

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.alembic_bridge import Runner, Step, current_revision, open_script, upgrade
from tests.alembic_bridge.test_running import AUTOCOMMIT, DROP_ENUM_TABLE, ENUM_TABLE, TABLE_A, relations
from tests.histories import History

DROP_A = 'op.drop_table("a")'


def ran(connection: Connection, history: History) -> Step:
    """The newest revision's step, after everything was upgraded."""
    return upgrade(connection, history.module, open_script(history.module))[-1]


def below(connection: Connection, history: History) -> Runner:
    """A runner on the database below the newest revision."""
    runner = Runner(connection, history.module, open_script(history.module))
    with runner:
        runner.run(open_script(history.module).step(history.revisions[-1], down=True))
    return runner


def test_statements_of_a_revision_do_again_what_it_did(connection: Connection, history: History) -> None:
    history.add("pass")
    history.add(TABLE_A, DROP_A)
    step = ran(connection, history)
    with below(connection, history) as runner:
        assert runner.repeat(step)
    assert "a" in relations(connection)
    assert current_revision(connection, history.module) == step.revision


def test_statements_that_the_server_refuses_leave_nothing(connection: Connection, history: History) -> None:
    history.add("pass")
    history.add(f'op.execute("CREATE TABLE first ()")\n{TABLE_A}', 'op.drop_table("a")\nop.drop_table("first")')
    step = ran(connection, history)
    with below(connection, history) as runner:
        connection.exec_driver_sql("CREATE TABLE a ()")
        connection.commit()
        assert not runner.repeat(step)
    assert "first" not in relations(connection)


def test_statements_are_not_sent_to_a_database_that_stands_elsewhere(connection: Connection, history: History) -> None:
    history.add("pass")
    history.add('op.execute("CREATE TABLE IF NOT EXISTS log ()")', "pass")
    step = ran(connection, history)
    with Runner(connection, history.module, open_script(history.module)) as runner:
        assert not runner.repeat(step)
    assert current_revision(connection, history.module) == step.revision


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('op.get_bind().exec_driver_sql("SELECT 1").all()', id="asks the server"),
        pytest.param('op.get_bind().connection.cursor().execute("SELECT 1")', id="uses the driver"),
        pytest.param(f"{TABLE_A}{AUTOCOMMIT}", id="commits something"),
        pytest.param('sa.Enum("on", name="state").create(op.get_bind(), checkfirst=True)', id="looks for a type"),
    ],
)
def test_revision_with_more_to_it_than_its_statements_is_told(
    connection: Connection, history: History, body: str
) -> None:
    history.add("pass")
    history.add(body)
    step = ran(connection, history)
    assert not step.told_all
    with Runner(connection, history.module, open_script(history.module)) as runner:
        assert not runner.repeat(step)


@pytest.mark.parametrize(
    ("body", "only"),
    [
        (TABLE_A, True),
        ('op.execute("CREATE TABLE b ()")\nop.execute("COMMENT ON TABLE b IS \'last; not least\'")', False),
        ('op.execute("CREATE TABLE b ();")', True),
        ("op.execute(\"DO 'begin null; end'\")", False),
        ('op.execute("CREATE TABLE b (c int)")\nop.execute("INSERT INTO b VALUES (1)")', False),
        ('op.execute("CREATE TABLE b AS SELECT 1 AS c")', False),
    ],
)
def test_revision_that_only_defines_is_told_from_one_that_may_depend_on_rows(
    connection: Connection, history: History, body: str, only: bool
) -> None:
    history.add("pass")
    history.add(body)
    assert ran(connection, history).only_defines is only


def test_enum_types_are_made_again_by_the_same_runner(connection: Connection, history: History) -> None:
    history.add("pass")
    history.add(ENUM_TABLE, DROP_ENUM_TABLE)
    script = open_script(history.module)
    upgrade(connection, history.module, script)
    with Runner(connection, history.module, script) as runner:
        for down in (True, False, True, False):
            runner.run(script.step(history.revisions[-1], down=down))
    assert "e" in relations(connection)
