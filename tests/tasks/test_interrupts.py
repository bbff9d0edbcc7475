"""Ctrl-C and SIGTERM at a moment when much is open: nothing is left and nothing was written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.servers.server import open_engine
from tests.tasks.stage import Stage

pytestmark = pytest.mark.slow


def databases_of(server: Server, pid: int) -> list[str]:
    query = f"SELECT datname FROM pg_database WHERE datname LIKE 'lamin%%\\_{pid}\\_%%'"
    with open_engine(server.url).connect() as connection:
        return list(connection.exec_driver_sql(query).scalars())


def interrupted(stage: Stage, *arguments: str, number: int, after: str) -> tuple[int, str, int]:
    """Run a task and send a signal once a line with these words was printed; exit code, stderr, and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=stage.root,
        env=stage.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    for line in process.stdout:
        if after in line:
            break
    else:
        pytest.fail(f"{after!r} was never printed")
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said, process.pid


@pytest.mark.parametrize("after", ["upgrades from an empty database", "Alembic's own comparison"])
def test_ctrl_c_during_ci_leaves_nothing(stage: Stage, server: Server, after: str) -> None:
    before = stage.files()
    code, said, pid = interrupted(stage, "ci", "--all", number=signal.SIGINT, after=after)
    assert (code, said) == (130, "error: Stopped by Ctrl-C. Nothing was written.\n")
    assert databases_of(server, pid) == []
    assert stage.files() == before


def test_sigterm_during_ci_leaves_nothing(stage: Stage, server: Server) -> None:
    code, said, pid = interrupted(stage, "ci", "--all", number=signal.SIGTERM, after="models match")
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in said
    assert databases_of(server, pid) == []


def test_ctrl_c_during_generate_writes_nothing(stage: Stage, server: Server) -> None:
    stage.rename_v()
    before = stage.files()
    code, said, pid = interrupted(stage, "migrate.generate", number=signal.SIGINT, after="lamin_migrate_kit")
    assert (code, said) == (130, "error: Stopped by Ctrl-C. Nothing was written.\n")
    assert databases_of(server, pid) == []
    assert stage.files() == before
