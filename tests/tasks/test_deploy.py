"""`invoke deploy`, as it is typed: in a checkout, and as `lamin-migrate deploy` for an installed package."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.deploy import Instance, apply_plan, plan_deployment
from lamin_migrate_kit.scratch import ScratchDatabase
from tests.deploy.instances import MODELS, NOTEBOOK, release_rename, rows, run
from tests.histories import History

FIRST, SECOND = "000000000001", "000000000002"


@pytest.fixture
def checkout(tmp_path: Path, scratch: ScratchDatabase) -> Iterator[History]:
    """A project with the kit's tasks and one release. No two have the same name: SQLModel knows all classes by name."""
    history = History(tmp_path / "a project", package=f"lnschema_small_{scratch.name.split('_')[5]}")
    history.add(NOTEBOOK, released="0.1.0")
    history.write_models(MODELS)
    (history.root / "tasks.py").write_text("from lamin_migrate_kit.tasks import namespace\n")
    (history.root / "pyproject.toml").write_text('[tool.lamin_migrate_kit]\npackage = "' + history.package + '"\n')
    yield history
    for name in [name for name in sys.modules if name.partition(".")[0] == history.package]:
        del sys.modules[name]


@pytest.fixture
def instance(scratch: ScratchDatabase) -> Instance:
    """An empty database."""
    return Instance(scratch.url)


@pytest.fixture
def behind(checkout: History, instance: Instance) -> History:
    """The checkout has a second release that the instance lacks."""
    apply_plan(plan_deployment(instance, checkout.module))
    run(instance, "INSERT INTO small.notebook VALUES (1, '7')")
    release_rename(checkout)
    return checkout


def invoke(
    package: History, instance: Instance | None, *arguments: str, password: str = "geheim"
) -> subprocess.CompletedProcess[str]:
    """Run `invoke deploy` in the checkout, with the instance named in the environment."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LAMIN_MIGRATE_")}
    if instance:
        url = instance.url.set(password=password).render_as_string(hide_password=False)
        environ["LAMIN_MIGRATE_INSTANCE_URL"] = url
    return subprocess.run(
        [sys.executable, "-m", "invoke", "deploy", *arguments],
        cwd=package.root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def notebook_columns(instance: Instance) -> list[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'notebook' ORDER BY 1"
    return [str(name) for (name,) in rows(instance, query)]


def test_yes_deploys_and_says_where_the_instance_is_now(behind: History, instance: Instance) -> None:
    done = invoke(behind, instance, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"small is at 0.1.0/{FIRST}; {behind.package} 1.0.0 needs 1.0.0/{SECOND}." in done.stdout
    assert f"small is at 1.0.0/{SECOND} now: 1 revision(s) in " in done.stdout
    assert rows(instance, "SELECT id, version FROM small.notebook") == [(1, "7")]

    again = invoke(behind, instance, "--yes")
    assert again.returncode == 0
    assert f"small is at 1.0.0/{SECOND}, as {behind.package} 1.0.0 needs it." in again.stdout


def test_an_empty_database_is_created(checkout: History, instance: Instance) -> None:
    done = invoke(checkout, instance, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "small is not in this database yet" in done.stdout
    assert notebook_columns(instance) == ["id", "v"]


@pytest.mark.parametrize("dry", [("--dry-run",), ("--dry-run", "--yes")])
def test_a_dry_run_shows_the_sql_and_changes_nothing(behind: History, instance: Instance, dry: tuple[str, ...]) -> None:
    done = invoke(behind, instance, *dry)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ALTER TABLE small.notebook RENAME v TO version;" in done.stdout
    assert "INSERT INTO version_smal" in done.stdout
    assert notebook_columns(instance) == ["id", "v"]
    assert rows(instance, "SELECT count(*) FROM version_smal") == [(1,)]


def test_invokes_own_dry_switch_counts(behind: History, instance: Instance) -> None:
    url = instance.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "invoke", "--dry", "deploy", "--yes", "--url", url]
    done = subprocess.run(command, cwd=behind.root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert notebook_columns(instance) == ["id", "v"]


def test_without_a_terminal_and_without_yes_nothing_happens(behind: History, instance: Instance) -> None:
    done = invoke(behind, instance)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"pip install {behind.package}==0.1.0" in done.stderr
    assert "invoke deploy --yes" in done.stderr
    assert notebook_columns(instance) == ["id", "v"]


def test_the_way_out_repeats_the_url_that_was_typed_without_its_password(behind: History, instance: Instance) -> None:
    url = instance.url.set(password="geheim").render_as_string(hide_password=False)
    done = invoke(behind, None, "--url", url)
    assert done.returncode == 2
    assert f"invoke deploy --url '{instance.url.set(password='x', drivername='postgresql')}' --yes" in done.stderr
    assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [("--yes",), ("--dry-run",), (), ("--format", "json"), ("--dry-run", "--format", "json")]
)
def test_the_password_is_never_printed(behind: History, instance: Instance, arguments: tuple[str, ...]) -> None:
    done = invoke(behind, instance, *arguments)
    assert "geheim" not in done.stdout + done.stderr


def test_json_of_a_dry_run_and_of_a_deployment(behind: History, instance: Instance) -> None:
    planned = json.loads(invoke(behind, instance, "--dry-run", "--format", "json").stdout)
    assert planned["status"] == "planned"
    assert planned["current"] == {"migration": FIRST, "version": "0.1.0"}
    assert planned["desired"] == {"migration": SECOND, "version": "1.0.0"}
    assert planned["pending"][0]["statements"][0] == "ALTER TABLE small.notebook RENAME v TO version"
    assert planned["environment"]["postgres"].startswith("instance Postgres 18.")
    assert planned["environment"]["settings"]["server_encoding"] == "UTF8"

    refused = invoke(behind, instance, "--format", "json")
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["kind"] == "NobodyToAsk"

    deployed = json.loads(invoke(behind, instance, "--yes", "--format", "json").stdout)
    assert (deployed["status"], deployed["committed_before"]) == ("deployed", [])
    assert deployed["environment"] == planned["environment"]
    assert json.loads(invoke(behind, instance, "--format", "json").stdout)["status"] == "up-to-date"


def test_a_failing_migration_is_exit_2_with_its_line(behind: History, instance: Instance) -> None:
    revision = behind.add('op.execute("SELECT 1/0")')
    done = invoke(behind, instance, "--yes")
    assert done.returncode == 2
    assert f"{behind.path(revision).name}:{behind.line_of(revision, '1/0')}" in done.stderr
    assert "division by zero" in done.stderr
    assert "Traceback" not in done.stderr
    assert notebook_columns(instance) == ["id", "v"]


def test_no_instance_named(checkout: History) -> None:
    done = invoke(checkout, None)
    assert done.returncode == 2
    assert "No instance is named." in done.stderr
    assert "LAMIN_MIGRATE_INSTANCE_URL" in done.stderr


@pytest.mark.parametrize("value", ["soon", "-1", "nan", ""])
def test_a_time_that_is_none(checkout: History, instance: Instance, value: str) -> None:
    done = invoke(checkout, instance, f"--lock-timeout={value}")
    assert done.returncode == 2
    assert "is no number of seconds" in done.stderr


def test_an_installed_package_outside_of_any_repository(behind: History, instance: Instance, tmp_path: Path) -> None:
    url = instance.url.render_as_string(hide_password=False)
    environ = {**os.environ, "PYTHONPATH": str(behind.root)}
    program = [sys.executable, "-c", "from lamin_migrate_kit.tasks import main; main()"]
    (tmp_path / "elsewhere").mkdir()
    done = subprocess.run(
        [*program, "deploy", "--package", behind.package, "--url", url, "--user", "ada", "--yes"],
        cwd=tmp_path / "elsewhere",
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(instance, "SELECT v, user_id FROM version_smal WHERE v = '1.0.0'") == [("1.0.0", "ada")]


@pytest.mark.parametrize(("answer", "code", "columns"), [("y", 0, ["id", "version"]), ("n", 1, ["id", "v"])])
def test_at_a_terminal_it_asks(behind: History, instance: Instance, answer: str, code: int, columns: list[str]) -> None:
    terminal, side = pty.openpty()
    url = instance.url.render_as_string(hide_password=False)
    # Typed ahead: the terminal keeps it until it is asked for.
    os.write(terminal, f"{answer}\n".encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "invoke", "deploy", "--url", url],
        cwd=behind.root,
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    seen = b""
    while True:
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            break
    os.close(terminal)
    assert process.wait(timeout=60) == code, seen.decode()
    assert f"Do you want to migrate small from 0.1.0/{FIRST} to 1.0.0/{SECOND} (y/n)?" in seen.decode()
    assert notebook_columns(instance) == columns
