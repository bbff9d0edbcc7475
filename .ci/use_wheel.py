"""Uses the installed kit once, as somebody who has only the wheel: `.ci/run` calls it with the folder of programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import open_server
from lamin_migrate_kit.settings import Settings

CURRENT = "CREATE TABLE notebook (id integer PRIMARY KEY, v text NOT NULL)"
DESIRED = "CREATE TABLE notebook (id integer PRIMARY KEY, v text NOT NULL, title varchar(80))"


def run(*command: str, expect: int) -> str:
    """What a program prints; it must end with the expected exit code."""
    environment = {**os.environ, "LAMIN_MIGRATE_PROVIDER": "embedded"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    print(f"$ {' '.join([Path(command[0]).name, *command[1:2]])}\n{result.stdout}{result.stderr}", end="")
    if result.returncode != expect:
        raise SystemExit(f"ended with exit code {result.returncode}, not {expect}")
    return result.stdout


def build(database: ScratchDatabase, sql: str) -> str:
    """Execute SQL on a database; returns its URL."""
    with database.connect() as connection:
        connection.exec_driver_sql(sql)
        connection.commit()
    return database.url.render_as_string(hide_password=False)


def main() -> None:
    """List the tasks, then let a real comparison find the one column that differs."""
    program = str(Path(sys.argv[1]) / "lamin-migrate")
    assert "migrate.diff" in run(program, "--list", expect=0)
    settings = Settings(root=Path.cwd(), provider="embedded")
    with (
        open_server(settings) as server,
        scratch_database(server, hint="current") as current,
        scratch_database(server, hint="desired") as desired,
    ):
        urls = ("--current", build(current, CURRENT), "--desired", build(desired, DESIRED))
        sql = run(program, "migrate.diff", *urls, "--format", "sql", expect=1)
        assert "ADD COLUMN" in sql, sql
        assert "title" in sql, sql
        build(current, sql)
        run(program, "migrate.diff", *urls, expect=0)


main()
