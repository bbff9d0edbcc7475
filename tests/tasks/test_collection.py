"""What all tasks have in common: cheap to list, no surprises of Invoke's, the same as a program of its own."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.program import Program
from invoke.tasks import Task

from lamin_migrate_kit import __version__
from lamin_migrate_kit.tasks import namespace

TASKS = ("ci", "db.up", "deploy", "migrate.diff", "migrate.generate", "release")
PROGRAM = [sys.executable, "-c", "import sys; from lamin_migrate_kit.tasks import main; sys.argv[0] = 'x'; main()"]


def program(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


def run_here(*arguments: str) -> None:
    """Run the program in this process; Invoke uses up what a task knows of its options, so on a copy."""
    Program(namespace=copy.deepcopy(namespace)).run(["lamin-migrate", *arguments], exit=False)


def all_tasks() -> list[str]:
    return sorted(namespace.task_names)


def test_listing_tasks_imports_nothing_heavy() -> None:
    code = "import sys, lamin_migrate_kit.tasks; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"sqlalchemy", "alembic", "psycopg2", "rich", "libcst", "sqlmodel", "pydantic", "packaging", "tomlkit"}
    assert not heavy & {name.strip("[]' \n").partition(".")[0] for name in loaded.split(",")}


def test_every_task_is_there() -> None:
    assert set(TASKS) <= set(all_tasks())


@pytest.mark.parametrize("name", all_tasks())
def test_only_the_version_of_a_release_may_stand_without_a_flag(name: str) -> None:
    assert list(namespace[name].positional) == (["version"] if name == "release" else [])


@pytest.mark.parametrize("name", all_tasks())
def test_every_option_is_explained_and_has_one_spelling(name: str) -> None:
    task: Task[object] = namespace[name]
    for argument in Task(
        task.body, positional=task.positional, iterable=task.iterable, auto_shortflags=False, help=dict(task.help)
    ).get_arguments():
        assert argument.help, argument.names
        assert len(argument.names) == 1
        assert len(argument.names[0]) > 1


@pytest.mark.parametrize("name", all_tasks())
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_help_wherever_it_is_asked_for(capsys: pytest.CaptureFixture[str], name: str, flag: str) -> None:
    run_here(name, flag)
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--message", "--rename", "--revision-id"])
def test_help_in_place_of_a_value_runs_nothing(capsys: pytest.CaptureFixture[str], option: str) -> None:
    run_here("migrate.generate", option, "--help")
    shown = capsys.readouterr()
    assert "Usage:" in shown.out
    assert shown.err == ""


def test_program_says_its_version(tmp_path: Path) -> None:
    assert program(tmp_path, "--version").stdout.strip() == f"lamin-migrate {__version__}"


def test_program_lists_the_same_tasks(tmp_path: Path) -> None:
    listed = program(tmp_path, "--list").stdout
    assert all(name in listed for name in all_tasks())


def test_two_lines_are_enough_for_a_repository(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from lamin_migrate_kit.tasks import namespace\n\n__all__ = ['namespace']\n")
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "--list", "--list-format=json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = json.loads(done.stdout)
    assert {task["name"] for task in listed["tasks"]} >= {"ci", "release"}


def test_a_repository_may_add_tasks_of_its_own() -> None:
    assert isinstance(Collection.from_module(__import__("lamin_migrate_kit.tasks", fromlist=["x"])), Collection)


@pytest.mark.parametrize("task", ["ci", "migrate.generate", "migrate.diff", "release"])
def test_outside_of_a_module_a_task_says_so_and_could_not_run(tmp_path: Path, task: str) -> None:
    arguments = ["1.0.0"] if task == "release" else []
    done = program(tmp_path, task, *arguments, "--format", "json")
    shown = json.loads(done.stdout)
    assert done.returncode == 2
    assert (shown["status"], shown["error"]["kind"], shown["command"]) == ("error", "SchemaModuleError", task)
    assert shown["error"]["next"]


@pytest.mark.parametrize("side", ["--current", "--desired"])
def test_a_url_that_is_empty_is_no_url_left_out(tmp_path: Path, side: str) -> None:
    """A variable of the shell that is not set must not compare something else."""
    other = {"--current": "--desired", "--desired": "--current"}[side]
    done = program(tmp_path, "migrate.diff", other, "postgresql://h/d", side, "")
    assert (done.returncode, f"{side} is empty" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("task", "flag"),
    [("deploy", "--url"), ("deploy", "--package"), ("migrate.generate", "--revision-id"), ("ci", "--clone")],
)
def test_an_option_that_is_given_and_empty_is_no_option_left_out(tmp_path: Path, task: str, flag: str) -> None:
    done = program(tmp_path, task, flag, "", LAMIN_MIGRATE_INSTANCE_URL="postgresql://h/d")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"error: {flag} is empty.")
    assert f"{task} {flag} " in done.stderr


def test_one_database_without_the_other_is_refused(tmp_path: Path) -> None:
    done = program(tmp_path, "migrate.diff", "--desired", "postgresql://a:hunter2@h/d")
    assert done.returncode == 2
    assert "--desired goes with --current" in done.stderr
    assert "hunter2" not in done.stderr
