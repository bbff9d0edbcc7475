from __future__ import annotations

import logging
import threading

import alembic.op
import pytest
from sqlalchemy import Connection, text

from lamin_migrate_kit.alembic_bridge import (
    RevisionFailed,
    ServerLost,
    Statement,
    Step,
    current_revision,
    downgrade,
    open_script,
    upgrade,
)
from lamin_migrate_kit.errors import MigrationError, RevisionError, ServerError, ServerGone
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server
from tests.histories import History, words

TABLE_A = 'op.create_table("a", sa.Column("id", sa.Integer(), primary_key=True))'
TABLE_B = 'op.create_table("b", sa.Column("id", sa.Integer(), primary_key=True))'
ENUM_TABLE = """
op.create_table("e", sa.Column("state", sa.Enum("on", "off", name="state")))
"""
DROP_ENUM_TABLE = """
op.drop_table("e")
sa.Enum(name="state").drop(op.get_bind())
"""
AUTOCOMMIT = """
op.execute("CREATE INDEX before_block ON a (id)")
with op.get_context().autocommit_block():
    op.execute("CREATE INDEX CONCURRENTLY in_block ON a (id)")
"""


def relations(connection: Connection) -> set[str]:
    """The names of all tables and indexes of the public schema, seen from a transaction of their own."""
    connection.rollback()
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"
    found = set(connection.scalars(text(query)))
    connection.rollback()
    return found


# Up and down


def test_revisions_run_in_order_and_the_version_table_says_where(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(TABLE_B)
    script = open_script(history.module)
    assert current_revision(connection, history.module) is None

    steps = upgrade(connection, history.module, script)

    assert [step.revision for step in steps] == history.revisions
    assert current_revision(connection, history.module) == history.revisions[-1]
    assert {"a", "b", "migration_smal"} <= relations(connection)
    assert upgrade(connection, history.module, script) == ()


def test_one_at_a_time_and_back_to_the_base(connection: Connection, history: History) -> None:
    history.add(TABLE_A, 'op.drop_table("a")')
    history.add(TABLE_B, 'op.drop_table("b")')
    script = open_script(history.module)

    upgrade(connection, history.module, script, history.revisions[0])
    assert {"a", "b"} & relations(connection) == {"a"}
    upgrade(connection, history.module, script, "+1")
    assert {"a", "b"} & relations(connection) == {"a", "b"}
    downgrade(connection, history.module, script, "-1")
    assert current_revision(connection, history.module) == history.revisions[0]
    upgrade(connection, history.module, script)
    steps = downgrade(connection, history.module, script, "base")

    assert [step.revision for step in steps] == history.revisions[::-1]
    assert current_revision(connection, history.module) is None
    assert not {"a", "b"} & relations(connection)
    assert downgrade(connection, history.module, script, None) == ()


def test_an_enum_made_dropped_and_made_again_within_one_run(connection: Connection, history: History) -> None:
    history.add(ENUM_TABLE, DROP_ENUM_TABLE)
    history.add(DROP_ENUM_TABLE, ENUM_TABLE)
    history.add(ENUM_TABLE, DROP_ENUM_TABLE)
    script = open_script(history.module)
    for one_transaction in (False, True):
        upgrade(connection, history.module, script, one_transaction=one_transaction)
        downgrade(connection, history.module, script, "base", one_transaction=one_transaction)
        upgrade(connection, history.module, script, one_transaction=one_transaction)
        downgrade(connection, history.module, script, "base", one_transaction=one_transaction)
        connection.commit()


def test_a_revision_may_use_alembics_context(connection: Connection, history: History) -> None:
    history.add(
        """
        from alembic import context
        assert not context.is_offline_mode()
        assert context.get_context().config is not None
        """
    )
    assert len(upgrade(connection, history.module, open_script(history.module))) == 1


def test_a_package_without_a_schema_id_uses_alembics_own_table(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    init = history.folder / "__init__.py"
    init.write_text(init.read_text().replace("_schema_id = 'smal'\n", ""))
    upgrade(connection, history.module, open_script(history.module))
    assert "alembic_version" in relations(connection)


# Transactions


def test_each_step_is_committed_on_its_own(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(TABLE_B + '\nop.execute("SELECT 1/0")')
    with pytest.raises(MigrationError):
        upgrade(connection, history.module, open_script(history.module))
    assert {"a", "b"} & relations(connection) == {"a"}
    assert current_revision(connection, history.module) == history.revisions[0]


def test_in_one_transaction_a_failure_takes_everything_back(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(TABLE_B + '\nop.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert relations(connection) == set()
    assert caught.value.done == (history.revisions[0],)
    assert caught.value.kept == ()
    assert caught.value.next_command == "mend upgrade() there; then, on a scratch database: invoke ci"


def test_what_a_revision_prints_stays_out_of_stdout(
    connection: Connection, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.add(f"print('upgrading')\n{TABLE_A}")
    history.path(history.revisions[0]).write_text(
        history.path(history.revisions[0]).read_text() + "\n\nprint('loaded')\n"
    )
    upgrade(connection, history.module, open_script(history.module))
    assert capsys.readouterr() == ("", "loaded\nupgrading\n")


def test_in_one_transaction_the_caller_commits(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(TABLE_B)
    script = open_script(history.module)
    upgrade(connection, history.module, script, one_transaction=True)
    assert relations(connection) == set()
    upgrade(connection, history.module, script, one_transaction=True)
    connection.commit()
    assert {"a", "b", "migration_smal"} <= relations(connection)


def test_an_open_transaction_becomes_that_of_the_first_step(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    connection.execute(text("CREATE TABLE mine ()"))
    upgrade(connection, history.module, open_script(history.module))
    assert {"a", "mine"} <= relations(connection)


@pytest.mark.parametrize("one_transaction", [False, True])
def test_an_autocommit_block_runs_outside_of_transactions(
    connection: Connection, history: History, one_transaction: bool
) -> None:
    history.add(TABLE_A)
    history.add(AUTOCOMMIT + '\nop.execute("CREATE INDEX after_block ON a (id)")')
    history.add(TABLE_B)
    upgrade(connection, history.module, open_script(history.module), one_transaction=one_transaction)
    connection.commit()
    assert {"a", "b", "before_block", "in_block", "after_block"} <= relations(connection)
    assert connection.get_isolation_level() == "READ COMMITTED"


def test_what_an_autocommit_block_has_committed_is_said(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(AUTOCOMMIT + '\nop.execute("CREATE INDEX after_block ON a (id)")\nop.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert [sql.split()[-4] for sql in caught.value.kept] == ["before_block", "in_block"]
    assert {"a", "before_block", "in_block", "after_block"} & relations(connection) == {
        "a",
        "before_block",
        "in_block",
    }
    assert current_revision(connection, history.module) == history.revisions[0]


def test_a_revision_that_commits_is_committed_whole(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(AUTOCOMMIT)
    history.add('op.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed):
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert current_revision(connection, history.module) == history.revisions[1]


def test_a_block_without_statements_commits_too(connection: Connection, history: History) -> None:
    history.add("with op.get_context().autocommit_block():\n    pass")
    history.add('op.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed):
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert current_revision(connection, history.module) == history.revisions[0]


def test_a_statement_that_fails_within_an_autocommit_block(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(AUTOCOMMIT + '    op.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert len(caught.value.kept) == 2
    assert connection.get_isolation_level() == "READ COMMITTED"
    assert current_revision(connection, history.module) == history.revisions[0]


def test_a_commit_by_hand_is_noticed(connection: Connection, history: History) -> None:
    history.add(TABLE_A + '\nop.execute("COMMIT")\n' + TABLE_B + '\nop.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert [words(sql)[:14] for sql in caught.value.kept] == ["CREATE TABLE a", "COMMIT", "CREATE TABLE b"]


def test_after_a_commit_by_hand_the_next_revision_has_a_transaction_again(
    connection: Connection, history: History
) -> None:
    history.add(TABLE_A + '\nop.execute("COMMIT")')
    history.add(TABLE_B + '\nop.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module), one_transaction=True)
    assert caught.value.kept == ()
    assert {"a", "b"} & relations(connection) == {"a"}


# What is watched


def test_statements_are_recorded_as_sent_with_their_lines(connection: Connection, history: History) -> None:
    revision = history.add(
        """
        op.create_table("a", sa.Column("name", sa.String()))
        op.bulk_insert(sa.table("a", sa.column("name", sa.String())), [{"name": "100 %"}, {"name": "it's"}])
        op.execute("UPDATE a SET name = '50 %' WHERE name LIKE '%0%'")
        op.get_bind().execute(sa.text("DELETE FROM a WHERE name = :name"), {"name": "x"})
        """
    )
    (step,) = upgrade(connection, history.module, open_script(history.module))
    sent = [(words(one.sql), one.line) for one in step.statements if one.line]
    assert sent == [
        ("CREATE TABLE a ( name VARCHAR )", history.line_of(revision, "create_table")),
        ("INSERT INTO a (name) VALUES ('100 %'), ('it''s')", history.line_of(revision, "bulk_insert")),
        ("UPDATE a SET name = '50 %' WHERE name LIKE '%0%'", history.line_of(revision, "UPDATE")),
        ("DELETE FROM a WHERE name = 'x'", history.line_of(revision, "DELETE")),
    ]
    assert step.seconds >= sum(one.seconds for one in step.statements) > 0


def test_every_set_of_parameters_is_recorded(connection: Connection, history: History) -> None:
    history.add(
        """
        op.create_table("a", sa.Column("id", sa.Integer()))
        op.get_bind().execute(sa.text("UPDATE a SET id = :id"), [{"id": 1}, {"id": 2}])
        """
    )
    (step,) = upgrade(connection, history.module, open_script(history.module))
    assert "UPDATE a SET id = 1;\nUPDATE a SET id = 2" in [one.sql for one in step.statements]


def test_callers_hear_of_each_statement_and_each_step_as_they_run(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    history.add(TABLE_B)
    heard: list[str] = []

    def on_statement(statement: Statement) -> None:
        # What a listener asks on the same connection is not taken for the revision's.
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        if statement.line:
            heard.append(words(statement.sql).split()[2])

    def on_step(step: Step) -> None:
        heard.append(step.revision)

    steps = upgrade(connection, history.module, open_script(history.module), on_step=on_step, on_statement=on_statement)
    assert heard == ["a", history.revisions[0], "b", history.revisions[1]]
    assert not any("SELECT 1" in one.sql for step in steps for one in step.statements)


def test_questions_to_the_catalogs_are_told_from_changes(connection: Connection, history: History) -> None:
    history.add("op.execute('CREATE SEQUENCE s')" + ENUM_TABLE + "op.execute(\"SELECT pg_catalog.setval('s', 9)\")")
    (step,) = upgrade(connection, history.module, open_script(history.module))
    changes = [words(one.sql)[:30] for one in step.statements if one.line and not one.is_probe]
    assert changes == [
        "CREATE SEQUENCE s",
        "CREATE TYPE state AS ENUM ('on",
        "CREATE TABLE e ( state state )",
        "SELECT pg_catalog.setval('s', ",
    ]


# Failures


def test_a_failing_statement_is_shown_with_file_and_line(connection: Connection, history: History) -> None:
    revision = history.add('op.execute("ALTER TABLE missing ADD COLUMN x integer")')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module))
    error = caught.value
    assert error.where == f"{history.path(revision)}:{history.line_of(revision, 'missing')}"
    assert error.what == f'Revision {revision} failed in upgrade(): relation "missing" does not exist'
    assert "ALTER TABLE missing ADD COLUMN x integer" in str(error)
    assert error.statement == "ALTER TABLE missing ADD COLUMN x integer"
    assert error.sqlstate == "42P01"


def test_the_servers_detail_is_shown(connection: Connection, history: History) -> None:
    history.add(
        'op.execute("CREATE TABLE a AS SELECT 1 AS x UNION ALL SELECT 1")\nop.create_unique_constraint("u", "a", ["x"])'
    )
    with pytest.raises(
        RevisionFailed, match=r"could not create unique index \"u\"; detail: Key \(x\)=\(1\) is duplicated"
    ):
        upgrade(connection, history.module, open_script(history.module))


def test_a_failure_in_a_function_of_the_revision_gives_the_innermost_line(
    connection: Connection, history: History
) -> None:
    revision = history.add("inner()")
    path = history.path(revision)
    path.write_text(path.read_text() + '\n\ndef inner():\n    op.execute("SELECT 1/0")\n')
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module))
    assert caught.value.where == f"{path}:{history.line_of(revision, '1/0')}"


def test_a_failure_that_is_no_statement(connection: Connection, history: History) -> None:
    revision = history.add("{}['missing']", "pass")
    with pytest.raises(RevisionFailed) as caught:
        upgrade(connection, history.module, open_script(history.module))
    assert caught.value.what == f"Revision {revision} failed in upgrade(): KeyError: 'missing'"
    assert caught.value.statement is None
    assert caught.value.where == f"{history.path(revision)}:{history.line_of(revision, 'missing')}"


def test_a_failing_downgrade_says_so(connection: Connection, history: History) -> None:
    history.add(TABLE_A, 'op.execute("SELECT 1/0")')
    script = open_script(history.module)
    upgrade(connection, history.module, script)
    with pytest.raises(RevisionFailed, match=r"failed in downgrade\(\): division by zero"):
        downgrade(connection, history.module, script, "base")
    assert "a" in relations(connection)


def test_a_revision_that_exits_has_failed(connection: Connection, history: History) -> None:
    history.add("import sys\nsys.exit(3)")
    with pytest.raises(RevisionFailed, match="SystemExit: 3"):
        upgrade(connection, history.module, open_script(history.module))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_goes_through_and_rolls_back(
    connection: Connection, history: History, kind: type[BaseException]
) -> None:
    history.add(TABLE_A + '\nop.execute("SELECT 1")')

    def interrupt(statement: Statement) -> None:
        if statement.sql == "SELECT 1":
            raise kind

    with pytest.raises(kind):
        upgrade(connection, history.module, open_script(history.module), on_statement=interrupt)
    assert relations(connection) == set()


def test_a_lost_connection_is_told_from_a_failing_revision(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    revision = history.add('op.execute("SELECT pg_terminate_backend(pg_backend_pid())")')
    with pytest.raises(ServerLost) as caught:
        upgrade(connection, history.module, open_script(history.module))
    assert isinstance(caught.value, ServerGone)
    assert caught.value.revision == revision
    assert caught.value.done == (history.revisions[0],)


def test_the_driver_may_be_used_past_sqlalchemy(connection: Connection, history: History) -> None:
    history.add('op.get_bind().connection.cursor().execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed, match="division by zero"):
        upgrade(connection, history.module, open_script(history.module))


def test_the_proxy_of_a_failed_revision_is_not_left_behind(connection: Connection, history: History) -> None:
    history.add('op.execute("SELECT 1/0")')
    with pytest.raises(RevisionFailed):
        upgrade(connection, history.module, open_script(history.module))
    assert alembic.op._proxy is None


def test_a_database_at_a_revision_that_nobody_knows(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    upgrade(connection, history.module, open_script(history.module))
    connection.execute(text("UPDATE migration_smal SET version_num = 'ffffffffffff'"))
    connection.commit()
    with pytest.raises(RevisionError, match="ffffffffffff"):
        upgrade(connection, history.module, open_script(history.module))


def test_a_version_table_with_two_rows(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    upgrade(connection, history.module, open_script(history.module))
    connection.execute(text("INSERT INTO migration_smal VALUES ('ffffffffffff')"))
    with pytest.raises(RevisionError, match="migration_smal has more than one row"):
        current_revision(connection, history.module)


def test_asking_for_the_revision_leaves_no_transaction_open(connection: Connection, history: History) -> None:
    current_revision(connection, history.module)
    assert not connection.in_transaction()
    connection.execute(text("SELECT 1"))
    current_revision(connection, history.module)
    assert connection.in_transaction()


def test_a_version_table_that_may_not_be_read(connection: Connection, history: History) -> None:
    history.add(TABLE_A)
    upgrade(connection, history.module, open_script(history.module))
    connection.execute(text("CREATE ROLE lamin_migrate_reader_test"))
    try:
        connection.execute(text("SET LOCAL ROLE lamin_migrate_reader_test"))
        with pytest.raises(ServerError, match="permission denied for table migration_smal"):
            current_revision(connection, history.module)
    finally:
        connection.rollback()


# Quiet, and one at a time


def test_nothing_is_logged_and_nothing_is_warned(
    connection: Connection, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    history.add(TABLE_A + '\nop.create_index("i", "a", [sa.text("abs(id)")])')
    history.add("sa.inspect(op.get_bind()).get_indexes('a')\nfrom alembic.util import warn\nimport logging")
    caplog.set_level(logging.DEBUG)
    upgrade(connection, history.module, open_script(history.module))
    assert [record for record in caplog.records if record.name.startswith("alembic")] == []
    assert logging.getLogger("alembic").level == logging.NOTSET


def test_two_threads_migrate_two_databases_at_once(server: Server, history: History) -> None:
    for number in range(8):
        history.add(f'op.create_table("t{number}", sa.Column("id", sa.Integer()))\nimport time\ntime.sleep(0.01)')
    module, script = history.module, open_script(history.module)
    ran: list[int] = []

    def migrate(connection: Connection) -> None:
        ran.append(len(upgrade(connection, module, script)))

    with scratch_database(server) as one, scratch_database(server) as two, one.connect() as c1, two.connect() as c2:
        threads = [threading.Thread(target=migrate, args=(connection,)) for connection in (c1, c2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ran == [8, 8]
        tables = {f"t{number}" for number in range(8)}
        assert tables <= relations(c1)
        assert tables <= relations(c2)
