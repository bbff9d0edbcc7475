from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time

import pytest
from sqlalchemy import Engine, text

import lamin_migrate_kit
from lamin_migrate_kit.deploy import (
    DeploymentDeclined,
    Instance,
    InstanceAhead,
    InstanceUnreadable,
    InstanceUnversioned,
    NobodyToAsk,
    apply_plan,
    load,
    plan_deployment,
)
from lamin_migrate_kit.errors import DeployError, SchemaModuleError
from tests.deploy.instances import MODELS, No, Yes, release_rename, rows, run, value
from tests.histories import History

FIRST, SECOND = "000000000001", "000000000002"


def url_of(instance: Instance) -> str:
    return instance.url.render_as_string(hide_password=False)


def columns(instance: Instance) -> set[object]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'small.notebook'::regclass AND attnum > 0"
    return {name for (name,) in rows(instance, query)}


# An instance that is up to date


def test_an_instance_that_is_up_to_date_is_loaded_without_a_question(package: History, instance: Instance) -> None:
    load(instance.url, package.package, ask=Yes()).dispose()
    yes = Yes()

    engine = load(url_of(instance), package.package, ask=yes)

    assert yes.asked == []
    assert isinstance(engine, Engine)
    assert engine.dialect.driver == "psycopg2"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM small.notebook")).scalar() == 0
    engine.dispose()


def test_loading_what_is_up_to_date_needs_only_the_right_to_read(package: History, instance: Instance) -> None:
    load(instance.url, package.package, ask=Yes()).dispose()
    role = f"reader_{instance.url.database}"[:63]
    run(instance, f'CREATE ROLE "{role}" LOGIN; GRANT SELECT ON migration_smal TO "{role}"')
    try:
        load(instance.url.set(username=role), package.package, ask=None).dispose()
    finally:
        run(instance, f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_load_is_at_the_front_door() -> None:
    assert lamin_migrate_kit.load is load


# An instance that is behind


def test_the_question_says_from_which_release_to_which(behind: History, instance: Instance) -> None:
    yes = Yes()
    load(instance.url, behind.package, ask=yes).dispose()
    (plan,) = yes.asked
    assert plan.question == f"Do you want to migrate small from 0.1.0/{FIRST} to 1.0.0/{SECOND} (y/n)?"
    assert "ALTER TABLE small.notebook RENAME v TO version;" in plan.sql
    assert f"  {SECOND}  1.0.0  2023-01-02-{SECOND}-v1_0_0.py" in plan.summary


def test_the_plan_says_what_is_not_one_transaction_and_what_cannot_be_shown(
    behind: History, instance: Instance
) -> None:
    commits = behind.add("with op.get_context().autocommit_block():\n    op.execute('SELECT 1')")
    reads = behind.add("op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    yes = Yes()
    load(instance.url, behind.package, ask=yes).dispose()
    assert f"{commits} commits what stands before it" in yes.asked[0].summary
    assert f"{reads} cannot be shown in full: it looks at a result" in yes.asked[0].summary
    assert SECOND + " commits" not in yes.asked[0].summary


def test_yes_migrates_and_keeps_the_rows(behind: History, instance: Instance) -> None:
    engine = load(instance.url, behind.package, ask=Yes())
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id, version FROM small.notebook ORDER BY id")).all()
    engine.dispose()
    assert [tuple(row) for row in found] == [(1, "1"), (2, "7")]
    assert value(instance, "SELECT version_num FROM migration_smal") == SECOND
    assert rows(instance, "SELECT v, migration FROM version_smal ORDER BY id") == [("0.1.0", FIRST), ("1.0.0", SECOND)]


def test_no_changes_nothing_and_names_two_ways_out(behind: History, instance: Instance) -> None:
    with pytest.raises(DeploymentDeclined) as caught:
        load(instance.url, behind.package, ask=No())
    error = caught.value
    assert isinstance(error, DeployError)
    assert (str(error.current), str(error.desired)) == (f"0.1.0/{FIRST}", f"1.0.0/{SECOND}")
    assert f"pip install {behind.package}==0.1.0" in (error.next_command or "")
    assert f"lamin-migrate deploy --package {behind.package} --url 'postgresql://" in (error.next_command or "")
    assert columns(instance) == {"id", "v"}
    assert value(instance, "SELECT count(*) FROM version_smal") == 1


def test_without_a_terminal_nobody_is_asked_and_nothing_changes(
    behind: History, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    with pytest.raises(NobodyToAsk) as caught, sys.stdin:
        load(instance.url, behind.package)
    assert f"pip install {behind.package}==0.1.0" in (caught.value.next_command or "")
    assert caught.value.exit_code == 2
    assert columns(instance) == {"id", "v"}


def test_the_password_is_in_no_message(behind: History, instance: Instance) -> None:
    # The server trusts everybody, so any password will do.
    for url in (
        instance.url.set(password="geheim/@:%"),
        instance.url.update_query_dict({"password": "geheim/@:%", "sslpassword": "geheim/@:%"}),
    ):
        with pytest.raises(DeploymentDeclined) as caught:
            load(url, behind.package, ask=No())
        assert "geheim" not in str(caught.value)
        no = No()
        with pytest.raises(DeploymentDeclined):
            load(url, behind.package, ask=no)
        assert "geheim" not in no.asked[0].summary + no.asked[0].sql + repr(no.asked[0])


def test_an_instance_that_plain_alembic_deployed_knows_its_release_from_the_files(
    behind: History, instance: Instance
) -> None:
    run(instance, "DROP TABLE version_smal")
    yes = Yes()
    load(instance.url, behind.package, ask=yes).dispose()
    assert str(yes.asked[0].current) == f"0.1.0/{FIRST}"
    assert rows(instance, "SELECT v, migration FROM version_smal") == [("1.0.0", SECOND)]


def test_several_releases_with_one_migration_are_told_apart_by_the_record(behind: History, instance: Instance) -> None:
    run(
        instance,
        f"INSERT INTO version_smal (v, migration, user_id, created_at) VALUES ('0.1.3', '{FIRST}', 'x', now())",
    )
    no = No()
    with pytest.raises(DeploymentDeclined, match=r"==0\.1\.3"):
        load(instance.url, behind.package, ask=no)


# An instance that is ahead


def test_an_instance_that_is_ahead_names_the_version_to_install(behind: History, instance: Instance) -> None:
    load(instance.url, behind.package, ask=Yes()).dispose()
    older(behind)
    yes = Yes()
    with pytest.raises(InstanceAhead) as caught:
        load(instance.url, behind.package, ask=yes)
    assert caught.value.next_command == f"pip install {behind.package}==1.0.0"
    assert f"{behind.package} 0.1.0 does not know" in caught.value.what
    assert yes.asked == []


def test_an_instance_that_is_ahead_without_a_record_says_what_is_known(behind: History, instance: Instance) -> None:
    load(instance.url, behind.package, ask=Yes()).dispose()
    run(instance, "DROP TABLE version_smal")
    older(behind)
    with pytest.raises(InstanceAhead, match="no record") as caught:
        load(instance.url, behind.package, ask=Yes())
    assert caught.value.next_command == f"pip install --upgrade {behind.package}"


def test_an_instance_of_an_unreleased_checkout_says_so(behind: History, instance: Instance) -> None:
    unrelease(behind)
    yes = Yes()
    load(instance.url, behind.package, ask=yes).dispose()
    assert str(yes.asked[0].desired) == f"0.1.0+unreleased/{SECOND}"
    assert "not released yet" in yes.asked[0].summary
    older(behind)
    with pytest.raises(InstanceAhead, match="from a checkout"):
        load(instance.url, behind.package, ask=Yes())


def older(package: History) -> None:
    """Put the release back that came before."""
    package.path(package.revisions.pop()).unlink()
    package.version = "0.1.0"
    package.write_init()


def unrelease(package: History) -> None:
    """Make the last revision one that no release contains."""
    path = package.path(package.revisions[-1])
    path.rename(path.with_name(path.name.replace("v1_0_0", "vx_x_x")))
    package.version = "0.1.0"
    package.write_init()


# An empty database, and one that only looks so


def test_an_empty_database_is_created_from_the_revisions(package: History, instance: Instance) -> None:
    release_rename(package)
    # What the models would make besides shows that they are not used.
    package.write_models((package.folder / "models.py").read_text() + "    only_in_the_models: str = ''\n")
    yes = Yes()

    load(instance.url, package.package, ask=yes).dispose()

    assert yes.asked[0].question == f"Do you want to create small 1.0.0/{SECOND} in this database (y/n)?"
    assert columns(instance) == {"id", "version"}
    assert rows(instance, "SELECT v, migration FROM version_smal") == [("1.0.0", SECOND)]


def test_an_empty_database_is_not_filled_without_a_word(
    package: History, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    with pytest.raises(NobodyToAsk) as caught, sys.stdin:
        load(instance.url, package.package)
    assert "pip install" not in (caught.value.next_command or "")
    assert value(instance, "SELECT to_regclass('migration_smal')") is None


def test_other_peoples_tables_do_not_count(package: History, instance: Instance) -> None:
    run(instance, "CREATE TABLE notebook (); CREATE TABLE migration_othr ()")
    load(instance.url, package.package, ask=Yes()).dispose()
    assert columns(instance) == {"id", "v"}


def test_tables_without_a_revision_are_refused_with_the_command_to_stamp(package: History, instance: Instance) -> None:
    run(instance, "CREATE SCHEMA small; CREATE TABLE small.notebook (id integer)")
    with pytest.raises(InstanceUnversioned) as caught:
        load(instance.url, package.package, ask=Yes())
    assert "alembic stamp" in (caught.value.next_command or "")
    assert f"{FIRST}  0.1.0" in (caught.value.details or "")
    assert value(instance, "SELECT to_regclass('migration_smal')") is None


def test_a_version_table_that_was_emptied_is_refused_too(behind: History, instance: Instance) -> None:
    run(instance, "DELETE FROM migration_smal")
    with pytest.raises(InstanceUnversioned, match="names no revision"):
        load(instance.url, behind.package, ask=Yes())


def test_a_database_that_was_downgraded_to_the_base_is_created_again(package: History, instance: Instance) -> None:
    load(instance.url, package.package, ask=Yes()).dispose()
    run(instance, "DROP SCHEMA small CASCADE; DELETE FROM migration_smal")
    load(instance.url, package.package, ask=Yes()).dispose()
    assert columns(instance) == {"id", "v"}
    assert value(instance, "SELECT count(*) FROM version_smal") == 2


def test_two_modules_share_a_database(package: History, instance: Instance) -> None:
    load(instance.url, package.package, ask=Yes()).dispose()
    other = History(package.root / "other", package=package.package + "_two", schema_id="othr")
    other.add('op.execute("CREATE TABLE two (id integer)")')
    other.write_models(MODELS.replace("small", "other"))
    apply_plan(plan_deployment(instance, other.module))
    assert value(instance, "SELECT version_num FROM migration_othr") == FIRST
    load(instance.url, package.package, ask=No()).dispose()


# What cannot be loaded


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("geheim", "cannot be read as a URL"),
        ("mysql://u:geheim@h/d", "is for mysql, not for Postgres"),
        ("postgresql://u:geheim@h", "names no database"),
        ("postgresql://u:ge@heim@h/d", "unquoted"),
    ],
)
def test_a_url_that_is_none_is_not_repeated(package: History, url: str, said: str) -> None:
    with pytest.raises(InstanceUnreadable, match=said) as caught:
        load(url, package.package)
    assert "heim" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_a_url_may_name_any_driver(package: History, instance: Instance, scheme: str) -> None:
    given = url_of(instance).replace("postgresql+psycopg2", scheme, 1)
    load(given, package.package, ask=Yes()).dispose()
    assert columns(instance) == {"id", "v"}


def test_a_server_that_does_not_answer(package: History) -> None:
    with pytest.raises(InstanceUnreadable, match="cannot be connected to") as caught:
        load("postgresql://me:geheim@127.0.0.1:1/d", package.package)
    assert "Connection refused" in (caught.value.details or "")
    assert "geheim" not in str(caught.value)


def test_a_database_that_does_not_exist(package: History, instance: Instance) -> None:
    with pytest.raises(InstanceUnreadable) as caught:
        load(instance.url.set(database="no_such_database"), package.package)
    assert 'database "no_such_database" does not exist' in (caught.value.details or "")


def test_a_version_table_that_may_not_be_read(package: History, instance: Instance) -> None:
    load(instance.url, package.package, ask=Yes()).dispose()
    role = f"stranger_{instance.url.database}"[:63]
    run(instance, f'CREATE ROLE "{role}" LOGIN')
    try:
        with pytest.raises(InstanceUnreadable) as caught:
            load(instance.url.set(username=role), package.package)
        assert "permission denied for table migration_smal" in (caught.value.details or "")
    finally:
        run(instance, f'DROP ROLE "{role}"')


def test_an_instance_with_two_revisions(behind: History, instance: Instance) -> None:
    run(instance, "INSERT INTO migration_smal VALUES ('ffffffffffff')")
    with pytest.raises(InstanceUnreadable, match="more than one row"):
        load(instance.url, behind.package, ask=Yes())


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(SchemaModuleError, match="lnschema_nowhere"):
        load("postgresql://h/d", "lnschema_nowhere")


def test_a_package_that_contradicts_itself(behind: History, instance: Instance) -> None:
    init = behind.folder / "__init__.py"
    init.write_text(init.read_text().replace(SECOND, FIRST))
    with pytest.raises(SchemaModuleError, match=f"its migration is {FIRST}, and its newest revision file is {SECOND}"):
        load(instance.url, behind.package, ask=Yes())


# At a real terminal


def at_terminal(package: History, instance: Instance, answers: list[str]) -> tuple[int, str]:
    """Load an instance in a process that has a terminal, and type the answers as they are asked for."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from lamin_migrate_kit import load\n"
        "from lamin_migrate_kit.errors import MigrateKitError\n"
        "try:\n    print('LOADED', load(sys.argv[2], sys.argv[3]).url.database)\n"
        "except MigrateKitError as error:\n    print(type(error).__name__); sys.exit(error.exit_code)\n"
    )
    terminal, side = pty.openpty()
    arguments = [sys.executable, "-c", program, str(package.root), url_of(instance), package.package]
    process = subprocess.Popen(arguments, stdin=side, stdout=side, stderr=side, start_new_session=True)
    os.close(side)
    seen = ""
    waiting = list(answers)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            seen += os.read(terminal, 4096).decode()
        except OSError:  # the other side is closed
            break
        if waiting and seen.rstrip().endswith(("(y/n)?", "y or n.")):
            os.write(terminal, waiting.pop(0).encode())
    os.close(terminal)
    return process.wait(timeout=60), seen


def test_at_a_terminal_the_plan_is_shown_and_yes_deploys(behind: History, instance: Instance) -> None:
    code, seen = at_terminal(behind, instance, ["what\n", "Y\n"])
    assert code == 0, seen
    assert "ALTER TABLE small.notebook RENAME v TO version;" in seen
    assert seen.count(f"Do you want to migrate small from 0.1.0/{FIRST} to 1.0.0/{SECOND} (y/n)?") == 2
    assert f"LOADED {instance.url.database}" in seen
    assert columns(instance) == {"id", "version"}


@pytest.mark.parametrize("answer", ["n\n", "\x04"])
def test_at_a_terminal_no_and_the_end_of_the_input_decline(behind: History, instance: Instance, answer: str) -> None:
    code, seen = at_terminal(behind, instance, [answer])
    assert code == 1, seen
    assert "DeploymentDeclined" in seen
    assert columns(instance) == {"id", "v"}
