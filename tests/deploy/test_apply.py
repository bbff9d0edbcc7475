from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from lamin_migrate_kit.deploy import (
    DeploymentFailed,
    DeploymentRunning,
    Instance,
    InstanceChanged,
    Plan,
    Release,
    Terms,
    apply_plan,
    plan_deployment,
)
from lamin_migrate_kit.deploy.lock import deployment_lock
from tests.deploy.instances import (
    UNRENAME,
    changes,
    record_everything,
    release_rename,
    rows,
    run,
    shown_statements,
    strip_comments,
    value,
)
from tests.histories import History, words

FIRST, SECOND, THIRD = (f"{number:012d}" for number in (1, 2, 3))
FAILS = 'op.execute("ALTER TABLE small.notebook ADD COLUMN x integer")\nop.execute("SELECT 1/0")'
ADDS = 'op.execute("ALTER TABLE small.notebook ADD COLUMN added integer")'
CONCURRENT = """
with op.get_context().autocommit_block():
    op.execute("CREATE INDEX CONCURRENTLY ix ON small.notebook (id)")
"""


def plan_of(package: History, instance: Instance, **terms: float) -> Plan:
    return plan_deployment(instance, package.module, Terms(**terms))  # type: ignore[arg-type]


def columns(instance: Instance) -> set[object]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'small'"
    return {name for (name,) in rows(instance, f"{query} AND table_name = 'notebook'")}


def records(instance: Instance) -> list[tuple[object, ...]]:
    return rows(instance, "SELECT v, migration FROM version_smal ORDER BY id")


# What is reviewed is what runs


def test_the_sql_that_is_shown_is_the_sql_that_is_sent(behind: History, instance: Instance) -> None:
    behind.add(ADDS + CONCURRENT + "op.execute(\"COMMENT ON TABLE small.notebook IS '100 %'\")")
    plan = plan_of(behind, instance)
    sent: list[str] = []

    with record_everything(sent):
        apply_plan(plan)

    assert changes(sent) == shown_statements(plan)


def test_the_script_that_is_shown_works_in_psql(behind: History, instance: Instance) -> None:
    behind.add(ADDS + CONCURRENT)
    plan = plan_of(behind, instance)
    with instance.connect() as connection:
        cursor = connection.connection.cursor()
        connection.connection.dbapi_connection.autocommit = True
        for statement in plan.sql.split(";\n"):
            if strip_comments(statement).strip():
                cursor.execute(statement)
    assert columns(instance) == {"id", "version", "added"}
    assert plan_of(behind, instance).empty
    assert records(instance)[-1] == ("1.0.0", THIRD)


# The record


def test_a_deployment_is_recorded_with_who_and_when(behind: History, instance: Instance) -> None:
    run(instance, "TRUNCATE version_smal")
    apply_plan(plan_of(behind, instance))
    query = "SELECT v, migration, user_id = current_user, now() - created_at < interval '1 minute' FROM version_smal"
    assert rows(instance, query) == [("1.0.0", SECOND, True, True)]


def test_somebody_can_be_named_as_the_one_who_deployed(behind: History, instance: Instance) -> None:
    apply_plan(plan_deployment(instance, behind.module, Terms(user="O'Hara 5% :x \\")))
    assert rows(instance, "SELECT user_id FROM version_smal WHERE v = '1.0.0'") == [("O'Hara 5% :x \\",)]


def test_the_same_version_deployed_twice_is_kept_twice(behind: History, instance: Instance) -> None:
    apply_plan(plan_of(behind, instance))
    run(instance, f"ALTER TABLE small.notebook RENAME version TO v; UPDATE migration_smal SET version_num = '{FIRST}'")
    assert "RENAME" not in UNRENAME  # the downgrade is what the line above does
    apply_plan(plan_of(behind, instance))
    assert records(instance) == [("0.1.0", FIRST), ("1.0.0", SECOND), ("1.0.0", SECOND)]


def test_a_record_table_that_allows_one_row_a_version_is_used_as_it_is(behind: History, instance: Instance) -> None:
    run(
        instance,
        "DROP TABLE version_smal; CREATE TABLE version_smal (v varchar PRIMARY KEY, migration varchar,"
        " user_id varchar, created_at timestamp);"
        f" INSERT INTO version_smal VALUES ('1.0.0', '{FIRST}', 'x', '2020-01-01')",
    )
    apply_plan(plan_of(behind, instance))
    assert rows(instance, "SELECT v, migration, user_id <> 'x' FROM version_smal") == [("1.0.0", SECOND, True)]


def test_a_record_table_with_fewer_columns_is_used_as_it_is(behind: History, instance: Instance) -> None:
    run(instance, "DROP TABLE version_smal; CREATE TABLE version_smal (v varchar, migration varchar)")
    apply_plan(plan_of(behind, instance))
    assert rows(instance, "SELECT v, migration FROM version_smal") == [("1.0.0", SECOND)]


def test_a_record_that_cannot_be_written_takes_the_migration_back(behind: History, instance: Instance) -> None:
    run(instance, "ALTER TABLE version_smal ADD COLUMN needed integer NOT NULL DEFAULT 1")
    run(instance, "ALTER TABLE version_smal ALTER needed DROP DEFAULT")
    with pytest.raises(DeploymentFailed, match='null value in column "needed"') as caught:
        apply_plan(plan_of(behind, instance))
    assert caught.value.instance_at == Release("0.1.0", FIRST)
    assert columns(instance) == {"id", "v"}


def test_names_that_need_quoting(package: History, instance: Instance) -> None:
    package.schema_id = 'Öl"x y'
    package.write_init()
    apply_plan(plan_of(package, instance))
    assert rows(instance, 'SELECT v FROM "version_Öl""x y"') == [("0.1.0",)]
    assert plan_of(package, instance).empty


# Failures


def test_a_failing_migration_takes_all_pending_revisions_back(behind: History, instance: Instance) -> None:
    behind.add(FAILS)
    with pytest.raises(DeploymentFailed) as caught:
        apply_plan(plan_of(behind, instance))
    error = caught.value
    assert error.revision == THIRD
    assert error.instance_at == Release("0.1.0", FIRST)
    assert error.where == f"{behind.path(THIRD)}:{behind.line_of(THIRD, '1/0')}"
    assert "division by zero" in error.what
    assert f"Everything was rolled back; the instance is at 0.1.0/{FIRST}, as before." in error.what
    assert "SELECT 1/0" in (error.details or "")
    assert f"pip install {behind.package}==0.1.0" in (error.next_command or "")
    assert columns(instance) == {"id", "v"}
    assert records(instance) == [("0.1.0", FIRST)]


def test_a_failing_creation_leaves_the_database_empty(package: History, instance: Instance) -> None:
    package.add(FAILS)
    with pytest.raises(DeploymentFailed, match="the database is as it was"):
        apply_plan(plan_of(package, instance))
    assert rows(instance, "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


def test_what_an_autocommit_block_has_committed_stays_and_is_said(behind: History, instance: Instance) -> None:
    behind.add(ADDS + CONCURRENT + 'op.execute("SELECT 1/0")')
    with pytest.raises(DeploymentFailed) as caught:
        apply_plan(plan_of(behind, instance))
    error = caught.value
    assert str(error.instance_at) == f"1.0.0/{SECOND}"
    assert [words(one)[:20] for one in error.kept] == ["ALTER TABLE small.no", "CREATE INDEX CONCURR"]
    assert "had committed itself, and stays" in error.what
    assert "ADD COLUMN added" in (error.details or "")
    assert columns(instance) == {"id", "version", "added"}


def test_a_revision_that_has_committed_is_kept_with_its_version_when_a_later_one_fails(
    behind: History, instance: Instance
) -> None:
    commits = behind.add(CONCURRENT)
    behind.add(FAILS)
    with pytest.raises(DeploymentFailed) as caught:
        apply_plan(plan_of(behind, instance))
    assert str(caught.value.instance_at) == f"0.1.0/{commits}"
    assert "The revisions before it were committed" in caught.value.what
    assert "x" not in columns(instance)
    # The index is there, and so the next attempt must not build it again.
    behind.path(behind.revisions[-1]).write_text(
        behind.path(behind.revisions[-1]).read_text().replace("SELECT 1/0", "SELECT 1")
    )
    assert len(apply_plan(plan_of(behind, instance)).steps) == 1


def test_an_index_left_invalid_is_named(behind: History, instance: Instance) -> None:
    run(instance, "UPDATE small.notebook SET v = '1'")
    behind.add(
        """
        with op.get_context().autocommit_block():
            op.execute("CREATE UNIQUE INDEX CONCURRENTLY uq ON small.notebook (version)")
        """
    )
    with pytest.raises(DeploymentFailed) as caught:
        apply_plan(plan_of(behind, instance))
    assert "an invalid index is left: DROP INDEX CONCURRENTLY small.uq" in (caught.value.details or "")


def test_a_lost_connection_is_said_with_what_the_instance_is_at(behind: History, instance: Instance) -> None:
    behind.add(ADDS + '\nop.execute("SELECT pg_terminate_backend(pg_backend_pid())")')
    with pytest.raises(DeploymentFailed, match="connection to the server was lost") as caught:
        apply_plan(plan_of(behind, instance))
    assert caught.value.instance_at == Release("0.1.0", FIRST)
    assert columns(instance) == {"id", "v"}
    assert plan_of(behind, instance).current == Release("0.1.0", FIRST)


def test_a_check_that_fails_only_at_the_commit(behind: History, instance: Instance) -> None:
    behind.add(
        """
        op.execute("CREATE TABLE small.parent (id integer PRIMARY KEY)")
        op.execute(
            "CREATE TABLE small.child (id integer REFERENCES small.parent DEFERRABLE INITIALLY DEFERRED)"
        )
        op.execute("INSERT INTO small.child VALUES (1)")
        """
    )
    with pytest.raises(DeploymentFailed, match="violates foreign key constraint") as caught:
        apply_plan(plan_of(behind, instance))
    assert caught.value.instance_at == Release("0.1.0", FIRST)


def test_a_very_short_lock_timeout_is_not_none(behind: History, instance: Instance) -> None:
    assert plan_of(behind, instance, lock_timeout=0.0001).session == ("SET lock_timeout = '1ms'",)
    assert plan_of(behind, instance, lock_timeout=0).session == ("SET lock_timeout = '0ms'",)


def test_a_statement_gives_up_waiting_for_a_lock(behind: History, instance: Instance) -> None:
    with instance.connect() as other:
        other.execute(text("SELECT * FROM small.notebook"))
        began = time.monotonic()
        with pytest.raises(DeploymentFailed) as caught:
            apply_plan(plan_of(behind, instance, lock_timeout=0.3))
        assert 0.2 < time.monotonic() - began < 10
    assert "It waited 0.3 s for a lock that somebody else holds" in caught.value.what
    assert "open transaction: process" in (caught.value.details or "")
    assert "idle in transaction" in (caught.value.details or "")
    assert "--lock-timeout" in (caught.value.next_command or "")
    assert columns(instance) == {"id", "v"}
    apply_plan(plan_of(behind, instance))


# What needs a commit before it


def test_a_new_value_of_an_enum_type_may_be_used_by_the_next_revision(behind: History, instance: Instance) -> None:
    behind.add("op.execute(\"CREATE TYPE small.state AS ENUM ('on')\")")
    behind.add("op.execute(\"ALTER TYPE small.state ADD VALUE 'off'\")")
    apply_plan(plan_of(behind, instance))
    behind.add("op.execute(\"ALTER TYPE small.state ADD VALUE 'gone'\")")
    behind.add("op.execute(\"CREATE TABLE small.s AS SELECT 'gone'::small.state AS state\")")
    done = apply_plan(plan_of(behind, instance))
    assert done.committed_before == (behind.revisions[-1],)
    assert [step.revision for step in done.steps] == behind.revisions[-2:]
    assert rows(instance, "SELECT state::text FROM small.s") == [("gone",)]
    assert len(records(instance)) == 3


def test_every_revision_is_counted_once_however_many_commits_there_are(behind: History, instance: Instance) -> None:
    behind.add("op.execute(\"CREATE TYPE small.state AS ENUM ('on')\")" + CONCURRENT)
    behind.add("op.execute(\"ALTER TYPE small.state ADD VALUE 'off'\")")
    behind.add("op.execute(\"CREATE TABLE small.s AS SELECT 'off'::small.state AS state\")")
    behind.add("op.execute(\"ALTER TYPE small.state ADD VALUE 'gone'\")")
    behind.add("op.execute(\"INSERT INTO small.s SELECT 'gone'\")")
    done = apply_plan(plan_of(behind, instance))
    assert [step.revision for step in done.steps] == behind.revisions[1:]
    assert done.committed_before == (behind.revisions[4], behind.revisions[6])
    assert records(instance)[-1] == ("1.0.0", behind.revisions[-1])


def test_rows_that_wait_for_a_deferred_check_are_committed_before_their_table_is_altered(
    behind: History, instance: Instance
) -> None:
    behind.add(
        """
        op.execute("CREATE TABLE small.parent (id integer PRIMARY KEY)")
        op.execute("CREATE TABLE small.child (id integer REFERENCES small.parent DEFERRABLE INITIALLY DEFERRED)")
        """
    )
    apply_plan(plan_of(behind, instance))
    behind.add('op.execute("INSERT INTO small.parent VALUES (1)")\nop.execute("INSERT INTO small.child VALUES (1)")')
    behind.add('op.execute("ALTER TABLE small.child ADD COLUMN y integer")')
    done = apply_plan(plan_of(behind, instance))
    assert done.committed_before == (behind.revisions[-1],)
    assert rows(instance, "SELECT id, y FROM small.child") == [(1, None)]


def test_what_a_commit_would_not_mend_fails_as_it_should(behind: History, instance: Instance) -> None:
    behind.add(
        """
        op.execute("CREATE TABLE small.parent (id integer PRIMARY KEY)")
        op.execute("CREATE TABLE small.child (id integer REFERENCES small.parent DEFERRABLE INITIALLY DEFERRED)")
        """
    )
    apply_plan(plan_of(behind, instance))
    revision = behind.add(
        """
        op.execute("INSERT INTO small.parent VALUES (1)")
        op.execute("INSERT INTO small.child VALUES (1)")
        op.execute("ALTER TABLE small.child ADD COLUMN y integer")
        """
    )
    with pytest.raises(DeploymentFailed, match="pending trigger events") as caught:
        apply_plan(plan_of(behind, instance))
    assert caught.value.revision == revision
    assert rows(instance, "SELECT * FROM small.child") == []


# Two at once


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from sqlalchemy import make_url
from lamin_migrate_kit.deploy import Instance, apply_plan, plan_deployment
from lamin_migrate_kit.schema_module import installed_schema_module
plan = plan_deployment(Instance(make_url(sys.argv[2])), installed_schema_module(sys.argv[3]))
print("planned", len(plan.pending), flush=True)
sys.stdin.readline()
done = apply_plan(plan, on_wait=lambda holder: print("waiting for", holder, flush=True))
print("ran", len(done.steps), flush=True)
"""


def start(package: History, instance: Instance) -> subprocess.Popen[str]:
    url = instance.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(package.root), url, package.package],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_one_works_and_the_other_waits_and_finds_nothing_to_do(
    behind: History, instance: Instance
) -> None:
    # An index built concurrently waits for every snapshot: a waiter that held one would be a deadlock.
    behind.add('op.execute("SELECT pg_sleep(1.5)")' + CONCURRENT)
    processes = [start(behind, instance) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "planned 2\n"
    outputs = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        outputs.append(out)
    first, second = sorted(outputs, key=len)
    assert first == "ran 2\n"
    assert second.startswith("waiting for postgres, process ")
    assert second.endswith("ran 0\n")
    assert records(instance) == [("0.1.0", FIRST), ("1.0.0", THIRD)]


def test_threads_of_one_process_wait_for_each_other_too(behind: History, instance: Instance) -> None:
    behind.add('op.execute("SELECT pg_sleep(0.5)")')
    plans = [plan_of(behind, instance) for _ in range(3)]
    ran: list[int] = []
    threads = [threading.Thread(target=lambda plan=plan: ran.append(len(apply_plan(plan).steps))) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ran) == [0, 0, 2]


def test_whoever_waits_too_long_says_for_whom(behind: History, instance: Instance) -> None:
    plan = plan_of(behind, instance, wait=0.3)
    heard: list[str] = []
    with (
        instance.connect() as other,
        deployment_lock(other, behind.module, 1),
        pytest.raises(DeploymentRunning, match=r"did not end within 0\.3 s") as caught,
    ):
        apply_plan(plan, on_wait=heard.append)
    assert len(heard) == 1
    assert "process" in heard[0]
    assert heard[0] in (caught.value.details or "")
    assert columns(instance) == {"id", "v"}


def test_the_lock_is_given_back(behind: History, instance: Instance) -> None:
    apply_plan(plan_of(behind, instance))
    behind.add(FAILS)
    with pytest.raises(DeploymentFailed):
        apply_plan(plan_of(behind, instance))
    assert rows(instance, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM"
                          " pg_database WHERE datname = current_database())") == []  # fmt: skip


def test_modules_do_not_wait_for_each_other(behind: History, instance: Instance, tmp_path: Path) -> None:
    other = History(tmp_path / "other", package="lnschema_other", schema_id="othr")
    with instance.connect() as connection, deployment_lock(connection, other.module, 1):
        assert len(apply_plan(plan_of(behind, instance, wait=0)).steps) == 1


def test_an_instance_that_somebody_moved_elsewhere_is_left_alone(behind: History, instance: Instance) -> None:
    behind.add(ADDS)
    plan = plan_of(behind, instance)
    run(instance, f"ALTER TABLE small.notebook RENAME v TO version; UPDATE migration_smal SET version_num = '{SECOND}'")
    with pytest.raises(InstanceChanged, match=f"is at 1.0.0/{SECOND} now"):
        apply_plan(plan)
    assert columns(instance) == {"id", "version"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_deployment_that_is_stopped_half_way_leaves_the_instance_as_it_was(
    behind: History, instance: Instance, number: signal.Signals
) -> None:
    behind.add('op.execute("SELECT pg_sleep(20)")')
    process = start(behind, instance)
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    wait_until(instance, "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)' AND state = 'active'")
    began = time.monotonic()
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert time.monotonic() - began < 10
    run(instance, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)'")
    assert columns(instance) == {"id", "v"}
    # Nothing stands in the way of trying again.
    release_again = behind.path(THIRD)
    release_again.write_text(release_again.read_text().replace("pg_sleep(20)", "pg_sleep(0)"))
    assert len(apply_plan(plan_of(behind, instance, wait=10)).steps) == 2


def wait_until(instance: Instance, query: str) -> None:
    deadline = time.monotonic() + 30
    while not rows(instance, query):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_release_rename_is_what_these_tests_think_it_is(package: History, instance: Instance) -> None:
    apply_plan(plan_of(package, instance))
    assert release_rename(package) == SECOND
    assert value(instance, "SELECT version_num FROM migration_smal") == FIRST
