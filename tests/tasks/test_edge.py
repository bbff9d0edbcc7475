"""What a task raises becomes text and an exit code; `--help` never runs a task."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

INVOKE = [sys.executable, "-m", "invoke"]

TASKS = '''
from invoke.collection import Collection
from invoke.exceptions import Exit
from lamin_migrate_kit.errors import ProofFailed, ServerError
from lamin_migrate_kit.tasks.edge import kit_task


@kit_task("play", help={"how": "What to do.", "also": "More.", "format": "text or json"}, iterable=["also"])
def play(c, how="", also=None, format="text"):
    """Play a part."""
    print("ran")
    if how == "fail":
        return 1
    if how == "stop":
        raise KeyboardInterrupt
    if how == "bug":
        raise ValueError("could not reach postgresql://ada:hunter2@host/db with password='hunter3'")
    if how == "refuse":
        raise ServerError("No server.", where="host:5432", next_command="invoke db.up")
    if how == "unproven":
        raise ProofFailed("It was not kept.")
    if how == "exit":
        raise Exit("Enough.", code=7)


@kit_task("launch", positional=["version"], help={"version": "Which."})
def launch(c, version):
    """Launch a version."""
    print("launched", version)


namespace = Collection(play, launch)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS)
    return tmp_path


def invoke(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*INVOKE, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_success_is_exit_0(folder: Path) -> None:
    assert invoke(folder, "play").returncode == 0


@pytest.mark.parametrize(("how", "code"), [("fail", 1), ("unproven", 1), ("refuse", 2), ("bug", 2), ("stop", 130)])
def test_exit_code_says_how_it_ended(folder: Path, how: str, code: int) -> None:
    assert invoke(folder, "play", "--how", how).returncode == code


def test_error_says_what_where_and_the_next_command(folder: Path) -> None:
    done = invoke(folder, "play", "--how", "refuse")
    assert done.stderr == "error: No server.\n  where: host:5432\n  next:  invoke db.up\n"


def test_error_in_json_mode_is_one_json_document_on_stdout(folder: Path) -> None:
    done = invoke(folder, "play", "--how", "refuse", "--format", "json")
    document = json.loads(done.stdout.removeprefix("ran\n"))
    assert document == {
        "format": 1,
        "command": "play",
        "status": "error",
        "error": {
            "kind": "ServerError",
            "what": "No server.",
            "where": "host:5432",
            "next": "invoke db.up",
            "details": None,
        },
    }
    assert (done.stderr, done.returncode) == ("", 2)


def test_ctrl_c_says_that_nothing_was_written(folder: Path) -> None:
    assert invoke(folder, "play", "--how", "stop").stderr == "error: Stopped by Ctrl-C. Nothing was written.\n"


def test_ctrl_c_in_json_mode_is_json_too(folder: Path) -> None:
    done = invoke(folder, "play", "--how", "stop", "--format", "json")
    assert json.loads(done.stdout.removeprefix("ran\n"))["error"]["kind"] == "Interrupted"
    assert (done.stderr, done.returncode) == ("", 130)


def test_reader_that_goes_away_is_no_surprise(folder: Path) -> None:
    (folder / "tasks.py").write_text(TASKS.replace('print("ran")', 'print("ran\\n" * 100_000)'))
    done = subprocess.run(
        f"{shlex.join(INVOKE)} play | head -1", shell=True, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("ran\n", "")


@pytest.mark.parametrize("how", ["", "refuse", "bug"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_is_no_surprise(folder: Path, how: str, closed: str) -> None:
    command = [*INVOKE, "play", "--how", how, "--format", "json"]
    done = subprocess.run(
        f"{shlex.join(command)} {closed}", shell=True, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (2 if how else 0, "")
    assert ">&-" in closed.replace("2>&-", "") or done.stdout


def test_invokes_own_way_to_end_is_left_alone(folder: Path) -> None:
    done = invoke(folder, "play", "--how", "exit")
    assert (done.returncode, done.stderr) == (7, "Enough.\n")


def test_surprise_shows_the_traceback_and_how_to_report_it(folder: Path) -> None:
    done = invoke(folder, "play", "--how", "bug")
    assert "ValueError" in done.stderr
    assert "tasks.py" in done.stderr
    assert "report it" in done.stderr


@pytest.mark.parametrize("mode", ["text", "json"])
def test_surprise_shows_no_password(folder: Path, mode: str) -> None:
    done = invoke(folder, "play", "--how", "bug", "--format", mode)
    assert "hunter" not in done.stdout + done.stderr


def test_nobody_sits_where_streams_are_closed() -> None:
    code = "from lamin_migrate_kit.report.terminal import at_a_terminal; exit(at_a_terminal())"
    command = shlex.join([sys.executable, "-c", code])
    assert subprocess.run(f"{command} <&- >&-", shell=True, timeout=60, check=False).returncode == 0


def test_unknown_format_is_refused_with_the_ones_there_are(folder: Path) -> None:
    done = invoke(folder, "play", "--format", "xml")
    assert "choose one of: text, json" in done.stderr
    assert "ran" not in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["play", "--help"],
        ["play", "-h"],
        ["--help", "play"],
        ["play", "--how", "--help"],
        ["play", "--also", "--help"],
        ["launch", "--help"],
        ["launch", "-h"],
    ],
)
def test_help_never_runs_the_task(folder: Path, arguments: list[str]) -> None:
    done = invoke(folder, *arguments)
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert "ran" not in done.stdout.split()
    assert "launched" not in done.stdout


def test_help_after_a_value_shows_each_option_with_its_text(folder: Path) -> None:
    shown = invoke(folder, "launch", "--help").stdout
    assert "Launch a version." in shown
    assert "Which." in shown
