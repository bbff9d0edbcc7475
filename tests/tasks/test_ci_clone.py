"""`invoke ci --clone`: what is typed wrong is said, no password is shown, and an instance's rows are proven on."""

from __future__ import annotations

import json

import pytest

from lamin_migrate_kit.scratch import ScratchDatabase
from tests.tasks.stage import Stage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "10"], "--rows is about the rows of --clone"),
        (["--clone", "postgresql://a:hunter2@127.0.0.1:1/d", "--rows", "many"], "--rows many is no number of rows"),
        (["--clone", "postgresql://a:hunter2@127.0.0.1:1/d", "--rows", "0"], "--rows 0 is no number of rows"),
        (["--clone", "postgresql://a:hunter2@127.0.0.1:1/d"], "cannot be reached"),
        (["--clone", "mysql://a:hunter2@h/d"], "--clone is for 'mysql'"),
        (["--clone", "-"], "--clone - needs LAMIN_MIGRATE_INSTANCE_URL"),
    ],
)
def test_what_cannot_be_used_is_said_without_the_password(stage: Stage, arguments: list[str], said: str) -> None:
    done = stage.invoke("ci", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.slow
def test_rows_of_an_instance_are_proven_on(stage: Stage, scratch: ScratchDatabase) -> None:
    url = scratch.url.set(drivername="postgresql").render_as_string(hide_password=False)
    deployed = stage.invoke("deploy", "--url", url, "--yes")
    assert deployed.returncode == 0, deployed.stderr
    with scratch.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO core.\"user\" (id, email, handle, name) SELECT 'u' || n, n || '@secret.org', 'h' || n, 'N'"
            " FROM generate_series(1, 7) n"
        )
        connection.commit()
    stage.rename_v()
    assert stage.invoke("migrate.generate").returncode == 0
    done = stage.invoke("ci", "--clone", "-", "--format", "json", LAMIN_MIGRATE_INSTANCE_URL=url)
    assert done.returncode == 0, done.stdout
    (rows,) = (proof for proof in json.loads(done.stdout)["proofs"] if proof["name"] == "rows")
    assert rows["status"] == "PASSED"
    assert dict(rows["accounts"][0]["rows"])["core.user"] >= 7
    assert "secret" not in done.stdout
