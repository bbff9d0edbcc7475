"""A project that drops the kit keeps working with `alembic` alone. The kit cannot be imported in these processes."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from lamin_migrate_kit.revisions.history import read_history
from lamin_migrate_kit.revisions.naming import revision_filename
from lamin_migrate_kit.revisions.rendering import render_revision
from lamin_migrate_kit.revisions.writing import new_revision
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.servers.embedded import find_binaries
from lamin_migrate_kit.settings import Settings
from tests.dumps import dump_schema
from tests.example import (
    STORY_AFTER,
    STORY_BEFORE,
    STORY_OPERATION,
    change_models,
    copy_example,
    example_module,
    run_alembic,
)

HEAD = "8280855a5064"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_example(tmp_path / "a copy")


@pytest.fixture(scope="module")
def at_head(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchDatabase]:
    """A database that `alembic upgrade head` made."""
    with scratch_database(server, hint="head") as database:
        run_alembic(copy_example(tmp_path_factory.mktemp("head") / "copy"), database.url, "upgrade", "head")
        yield database


@pytest.fixture
def migrated(server: Server, at_head: ScratchDatabase) -> Iterator[ScratchDatabase]:
    """A copy of it."""
    with scratch_database(server, template=at_head, hint="plain") as database:
        yield database


def query(database: ScratchDatabase, sql: str) -> list[str]:
    with database.connect() as connection:
        return [str(row[0]) for row in connection.execute(sa.text(sql))]


def new_files(root: Path) -> list[Path]:
    return [one.path for one in read_history(example_module(root)).unreleased]


def test_upgrade_check_and_downgrade(root: Path, scratch: ScratchDatabase) -> None:
    run_alembic(root, scratch.url, "upgrade", "head")
    assert query(scratch, "SELECT version_num FROM public.migration_yvzi") == [HEAD]
    assert "No new upgrade operations detected" in run_alembic(root, scratch.url, "check").stdout
    assert HEAD in run_alembic(root, scratch.url, "current").stdout
    run_alembic(root, scratch.url, "downgrade", "base")
    assert query(scratch, "SELECT nspname FROM pg_namespace WHERE nspname = 'core'") == []
    assert query(scratch, "SELECT version_num FROM public.migration_yvzi") == []


def test_a_revision_is_named_and_written_as_the_kit_does(root: Path, migrated: ScratchDatabase) -> None:
    run_alembic(root, migrated.url, "revision", "-m", "x", "--rev-id", "dd2b4a9499f2")
    (path,) = new_files(root)
    today = datetime.date.today()
    dates = {(today - datetime.timedelta(days=days)).isoformat() for days in (0, 1)}  # past midnight
    assert path.name in {revision_filename(date, "dd2b4a9499f2", None) for date in dates}
    expected = render_revision(id="dd2b4a9499f2", down=HEAD, upgrade=[], downgrade=[], notes=["x"])
    assert path.read_text() == expected


def test_a_revision_without_a_message_is_byte_for_byte_the_kits(root: Path, migrated: ScratchDatabase) -> None:
    run_alembic(root, migrated.url, "revision", "--rev-id", "dd2b4a9499f2")
    (path,) = new_files(root)
    assert path.read_text() == render_revision(id="dd2b4a9499f2", down=HEAD, upgrade=[], downgrade=[])


def test_the_first_revision_of_all(root: Path, scratch: ScratchDatabase) -> None:
    for path in example_module(root).versions_folder.glob("*.py"):
        path.unlink()
    run_alembic(root, scratch.url, "revision", "--rev-id", "a1")
    (path,) = new_files(root)
    assert path.read_text() == render_revision(id="a1", down=None, upgrade=[], downgrade=[])


def test_autogenerate_writes_what_alembic_then_runs(root: Path, migrated: ScratchDatabase) -> None:
    change_models(root, "    hash: str | None = None\n", "    hash: str | None = None\n    note: str | None = None\n")
    assert run_alembic(root, migrated.url, "check", check=False).returncode != 0
    run_alembic(root, migrated.url, "revision", "--autogenerate", "-m", "Add dobject.note")
    (path,) = new_files(root)
    assert "sa.Column('note', sqm.sql.sqltypes.AutoString(), nullable=True)" in path.read_text()
    run_alembic(root, migrated.url, "upgrade", "head")
    run_alembic(root, migrated.url, "check")


def test_a_revision_of_the_kit_runs_without_the_kit(root: Path, migrated: ScratchDatabase) -> None:
    before = dump_schema(migrated.url)
    change_models(root, STORY_BEFORE, STORY_AFTER)
    assert run_alembic(root, migrated.url, "check", check=False).returncode != 0
    text = render_revision(
        id="dd2b4a9499f2",
        down=HEAD,
        upgrade=[STORY_OPERATION],
        downgrade=['op.alter_column("notebook", column_name="version", new_column_name="v", schema="core")'],
    )
    name = revision_filename("2023-02-16", "dd2b4a9499f2", None)
    new_revision(example_module(root), name, text, "dd2b4a9499f2").commit()
    run_alembic(root, migrated.url, "upgrade", "head")
    assert query(migrated, "SELECT version_num FROM migration_yvzi") == ["dd2b4a9499f2"]
    run_alembic(root, migrated.url, "check")
    run_alembic(root, migrated.url, "downgrade", "-1")
    assert dump_schema(migrated.url) == before


def test_what_others_have_in_the_database_is_left_alone(root: Path, migrated: ScratchDatabase) -> None:
    with migrated.connect() as connection:
        connection.execute(sa.text("CREATE SCHEMA bionty; CREATE TABLE bionty.gene (); CREATE TABLE public.mine ()"))
        connection.execute(sa.text("CREATE TABLE public.migration_zdno (version_num text)"))
        connection.commit()
    run_alembic(root, migrated.url, "check")


def test_the_sql_can_be_written_and_run_by_psql(
    root: Path, server: Server, scratch: ScratchDatabase, at_head: ScratchDatabase, settings: Settings
) -> None:
    done = run_alembic(root, None, "upgrade", "head", "--sql")
    psql = find_binaries(settings, 18).folder / "psql"
    url = scratch.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    run = subprocess.run(command, input=done.stdout, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert dump_schema(scratch.url) == dump_schema(at_head.url)


def test_without_a_url_it_says_what_to_give(root: Path) -> None:
    done = run_alembic(root, None, "upgrade", "head", check=False)
    assert done.returncode != 0
    assert "No database: give `alembic -x url=postgresql://…`, or set LNSCHEMA_CORE_URL." in done.stderr


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_the_ways_in_which_a_url_begins(root: Path, migrated: ScratchDatabase, scheme: str) -> None:
    assert HEAD in run_alembic(root, migrated.url.set(drivername=scheme), "current").stdout


def test_a_url_from_alembic_ini(root: Path, migrated: ScratchDatabase) -> None:
    ini = root / "alembic.ini"
    url = migrated.url.render_as_string(hide_password=False).replace("%", "%%")
    ini.write_text(
        ini.read_text().replace("# sqlalchemy.url = postgresql://user@localhost/database", f"sqlalchemy.url = {url}")
    )
    assert HEAD in run_alembic(root, None, "current").stdout
