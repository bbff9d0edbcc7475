"""`migrate.diff`: of the module, and of any two databases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.servers.psql import psql_command
from lamin_migrate_kit.servers.server import libpq_url
from lamin_migrate_kit.settings import Settings
from tests.tasks.stage import RENAME, Stage

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-c", "from lamin_migrate_kit.tasks import main; main()", "migrate.diff"]

CURRENT = """
    CREATE SCHEMA core;
    CREATE TABLE core.note (id int PRIMARY KEY, "select" text, ratio numeric(4, 2) DEFAULT 0);
    INSERT INTO core.note VALUES (1, 'a:b', 1.5);
"""
DESIRED = """
    CREATE SCHEMA core;
    CREATE TYPE core.kind AS ENUM ('it''s', 'b');
    CREATE TABLE core.note (id int PRIMARY KEY, "select" text NOT NULL DEFAULT '50%', kind core.kind);
    CREATE INDEX "ix % :x" ON core.note (lower("select")) WHERE "select" <> ':x';
    COMMENT ON TABLE core.note IS 'ends with --';
"""


@pytest.fixture
def databases(server: Server) -> Iterator[tuple[ScratchDatabase, ScratchDatabase]]:
    with scratch_database(server, hint="one") as one, scratch_database(server, hint="two") as two:
        for database, ddl in ((one, CURRENT), (two, DESIRED)):
            with database.connect() as connection:
                connection.exec_driver_sql(ddl.replace("%", "%%"))
                connection.commit()
        yield one, two


def diff(folder: Path, server: Server, one: ScratchDatabase, two: ScratchDatabase, *more: str) -> tuple[int, str]:
    """Run the program outside any repository."""
    arguments = [
        "--current",
        libpq_url(one.url),
        "--desired",
        libpq_url(two.url),
        "--no-renames",
        "--assume-empty",
        *more,
    ]
    done = subprocess.run([*PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


def test_equal_module_is_empty_and_exit_0(stage: Stage) -> None:
    done = stage.invoke("migrate.diff")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing differs" in done.stderr


def test_changed_model_is_its_operation_and_exit_1(stage: Stage) -> None:
    stage.rename_v()
    before = stage.files()
    done = stage.invoke("migrate.diff")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == RENAME
    assert stage.files() == before


def test_sql_of_a_changed_model(stage: Stage) -> None:
    stage.rename_v()
    done = stage.invoke("migrate.diff", "--format", "sql")
    assert done.returncode == 1
    assert "ALTER TABLE core.notebook RENAME COLUMN v TO version;" in done.stdout.splitlines()


def test_json_lists_rename_candidates_and_never_stops(stage: Stage) -> None:
    stage.edit(stage.models, "    v: str = Field(", "    language: str = Field(")
    code, shown = stage.json("migrate.diff")
    assert (code, shown["status"]) == (1, "different")
    (candidate,) = (one for one in shown["renames"] if one["current"] == "v")
    assert {**candidate, "score": 0, "evidence": []} == {
        "kind": "column",
        "schema": "core",
        "table": "notebook",
        "current": "v",
        "desired": "language",
        "score": 0,
        "evidence": [],
        "outcome": "ask",
    }


def test_what_revisions_and_models_print_is_not_in_the_document(stage: Stage) -> None:
    newest = sorted(stage.versions.glob("*.py"))[-1]
    stage.edit(newest, "def upgrade() -> None:\n", "def upgrade() -> None:\n    print('upgrading')\n")
    stage.edit(stage.models, "NOW = ", "print('models')\nNOW = ")
    done = stage.invoke("migrate.diff", "--format", "json")
    assert json.loads(done.stdout)["status"] == "equal"
    assert {"models", "upgrading"} <= set(done.stderr.split())


def test_json_of_equal_sides(stage: Stage) -> None:
    code, shown = stage.json("migrate.diff")
    assert (code, shown["status"], shown["operations"], shown["renames"]) == (0, "equal", [], [])
    assert shown["environment"]["provider"] == "url"
    assert shown["environment"]["packages"]
    assert shown["desired_environment"] is None


def test_undecided_script_is_refused_with_the_flags(stage: Stage) -> None:
    stage.edit(stage.models, "    v: str = Field(", "    language: str = Field(")
    done = stage.invoke("migrate.diff", "--format", "sql")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--rename core.notebook.v:language" in done.stderr


def test_script_turns_one_database_into_the_other(
    tmp_path: Path, settings: Settings, server: Server, databases: tuple[ScratchDatabase, ScratchDatabase]
) -> None:
    code, script = diff(tmp_path, server, *databases, "--format", "sql")
    assert code == 1
    psql = psql_command(server, settings).arguments[0]
    arguments = [psql, "-v", "ON_ERROR_STOP=1", "-q", libpq_url(databases[0].url)]
    subprocess.run(arguments, input=script, text=True, check=True, timeout=60)
    assert diff(tmp_path, server, *databases, "--format", "json")[0] == 0


def test_given_databases_are_only_read(
    tmp_path: Path, server: Server, databases: tuple[ScratchDatabase, ScratchDatabase]
) -> None:
    def rows() -> object:
        with databases[0].connect() as connection:
            return connection.exec_driver_sql("SELECT xmin::text, * FROM core.note").all()

    before = rows()
    assert diff(tmp_path, server, *databases)[0] == 1
    assert rows() == before


def test_document_of_two_databases(
    tmp_path: Path, server: Server, databases: tuple[ScratchDatabase, ScratchDatabase]
) -> None:
    code, text = diff(tmp_path, server, *databases, "--format", "json")
    shown = json.loads(text)
    assert (code, shown["status"]) == (1, "different")
    assert any("core.kind" in difference for difference in shown["differences"])
    assert shown["sql"]
    for side in ("environment", "desired_environment"):
        assert shown[side]["postgres"].endswith(f" Postgres {server.version}")
        assert shown[side]["settings"]["server_version_num"] == str(server.version_num)


def test_a_database_is_compared_with_the_models_and_only_read(stage: Stage, server: Server) -> None:
    with scratch_database(server, hint="instance") as instance:
        url = libpq_url(instance.url)
        script = stage.invoke("migrate.diff", "--current", url, "--format", "sql")
        assert script.returncode == 1, script.stderr
        assert "CREATE TABLE core.notebook" in script.stdout
        with instance.connect() as connection:
            assert connection.exec_driver_sql("SELECT to_regnamespace('core')").scalar() is None
            connection.exec_driver_sql(script.stdout.replace("%", "%%"))
        done = stage.invoke("migrate.diff", "--current", url)
        assert (done.returncode, done.stdout) == (0, "")
        stage.rename_v()
        done = stage.invoke("migrate.diff", "--current", url, "--rename", "core.notebook.v:version")
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == RENAME


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mysql://a:hunter2@h/d", "--current is for 'mysql'"),
        ("nonsense", "--current cannot be read as a URL"),
        ("postgresql://a:hunter2@127.0.0.1:1/d", "cannot be reached"),
    ],
)
def test_url_that_cannot_be_used_is_said_by_its_flag_without_the_password(
    tmp_path: Path, given: str, said: str
) -> None:
    arguments = ["--current", given, "--desired", given]
    done = subprocess.run([*PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "LAMIN_MIGRATE_SERVER_URL" not in done.stderr
