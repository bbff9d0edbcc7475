"""`invoke db.*` as people type it, against a server that was really started."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.servers import Server

Invoke = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def invoke() -> Iterator[Invoke]:
    """Run a task in a project of its own, whose development server is stopped at the end."""
    project = Path(tempfile.mkdtemp(dir="/tmp", prefix="kit project "))
    project.chmod(0o755)
    (project / "tasks.py").write_text("from lamin_migrate_kit.tasks import namespace\n__all__ = ['namespace']\n")
    (project / "pyproject.toml").touch()
    variables = {"XDG_STATE_HOME": str(project / "state"), "LAMIN_MIGRATE_PROVIDER": "embedded"}

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "invoke", *arguments]
        environment = {**os.environ, **variables, **more}
        return subprocess.run(
            command, cwd=project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )

    yield run
    run("db.down")
    shutil.rmtree(project)


def test_the_life_of_a_development_server(invoke: Invoke) -> None:
    stopped = invoke("db.status")
    assert stopped.returncode == 1
    assert "does not run (start it with: invoke db.up)" in stopped.stdout

    started = invoke("db.up")
    assert started.returncode == 0, started.stderr
    assert "The development server runs: embedded Postgres 18." in started.stdout
    assert "starting Postgres 18" in started.stderr

    assert invoke("db.psql", "--command", "CREATE TABLE notebook AS SELECT 7 AS id").returncode == 0
    url = invoke("db.url").stdout.strip()
    assert url.startswith("postgresql://postgres@/postgres?host=")
    read = subprocess.run(["psql", "-At", url, "-c", "SELECT id FROM notebook"], capture_output=True, text=True)
    assert read.stdout.strip() == "7"

    down = invoke("db.down")
    assert down.returncode == 0
    assert "does not run" in down.stdout
    assert invoke("db.up").returncode == 0
    assert "7" in invoke("db.psql", "--command", "SELECT id FROM notebook").stdout

    refused = invoke("db.reset")
    assert refused.returncode == 2
    assert "invoke db.reset --yes" in refused.stderr
    assert "7" in invoke("db.psql", "--command", "SELECT id FROM notebook").stdout

    assert invoke("db.reset", "--yes").returncode == 0
    gone = invoke("db.psql", "--command", "SELECT id FROM notebook")
    assert gone.returncode != 0
    assert 'relation "notebook" does not exist' in gone.stderr


@pytest.mark.parametrize("typed", [b"n\n", b"\x04"], ids=["no", "Ctrl-D"])
def test_nothing_is_emptied_at_a_terminal_without_a_yes(tmp_path: Path, typed: bytes) -> None:
    (tmp_path / "tasks.py").write_text("from lamin_migrate_kit.tasks import namespace\n")
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "invoke", "db.reset"], cwd=tmp_path, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    os.write(leader, typed)
    assert done.wait(60) == 2
    shown = os.read(leader, 10000).decode()
    os.close(leader)
    assert "Nothing was emptied." in shown
    assert "Traceback" not in shown


def test_machines_read_the_status_as_json(invoke: Invoke) -> None:
    stopped = json.loads(invoke("db.status", "--format", "json").stdout)
    assert (stopped["status"], stopped["url"]) == ("stopped", None)
    running = json.loads(invoke("db.up", "--format", "json").stdout)
    assert running["status"] == "running"
    assert running["postgres"].startswith("18.")
    assert json.loads(invoke("db.url", "--format", "json").stdout)["url"] == running["url"]


@pytest.mark.parametrize("task", ["db.url", "db.psql"])
def test_what_needs_a_running_server_says_how_to_start_it(invoke: Invoke, task: str) -> None:
    done = invoke(task)
    assert done.returncode == 2
    assert "The development server does not run." in done.stderr
    assert "next:  invoke db.up" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("task", ["db.up", "db.down", "db.reset"])
def test_a_dry_run_starts_stops_and_empties_nothing(invoke: Invoke, task: str) -> None:
    done = invoke("--dry", task)
    assert (done.returncode, done.stdout[:6]) == (0, "Would ")
    assert invoke("db.status").returncode == 1


@pytest.mark.parametrize("task", ["db.up", "db.down", "db.status", "db.url", "db.psql", "db.reset"])
def test_help_runs_nothing(invoke: Invoke, task: str) -> None:
    assert "Usage:" in invoke(task, "--help").stdout
    assert invoke("db.status").returncode == 1


def test_a_given_server_is_shown_and_left_alone(invoke: Invoke, server: Server) -> None:
    url = server.url.set(password="hunter2").render_as_string(hide_password=False)
    given = {"LAMIN_MIGRATE_SERVER_URL": url, "LAMIN_MIGRATE_PROVIDER": ""}
    for task in ("db.up", "db.status", "db.down", "db.url", "db.reset --yes"):
        done = invoke(*task.split(), **given)
        assert "hunter2" not in done.stdout + done.stderr
        assert done.returncode == (2 if "reset" in task else 0), done.stderr
    # The password reaches psql by its environment, not by its arguments, which other users can list.
    shown = invoke("--dry", "db.psql", **given)
    assert shown.stdout.startswith("Would run ")
    assert "hunter2" not in shown.stdout


def test_a_server_that_cannot_be_reached_is_one_short_message(invoke: Invoke) -> None:
    unreachable = "postgresql://ada:hunter2@127.0.0.1:1/db"
    done = invoke("db.up", LAMIN_MIGRATE_SERVER_URL=unreachable, LAMIN_MIGRATE_PROVIDER="")
    assert done.returncode == 2
    assert "The server cannot be reached." in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
