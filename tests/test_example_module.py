"""The example is a schema module as authors have them: its history leads to its models, and loses no row on the way."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from lamin_migrate_kit.alembic_bridge import downgrade, open_script, upgrade
from lamin_migrate_kit.proof.rows.proof import prove_rows
from lamin_migrate_kit.report.model import Status
from lamin_migrate_kit.revisions.checksums import verify_checksums
from lamin_migrate_kit.revisions.history import read_history
from lamin_migrate_kit.revisions.naming import parse_filename, revision_doc
from lamin_migrate_kit.revisions.rendering import render_revision
from lamin_migrate_kit.schema_module import SchemaModule
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.settings import Settings
from lamin_migrate_kit.workbench import Workbench
from tests.dumps import dump_schema
from tests.example import (
    SOURCE,
    STORY_AFTER,
    STORY_BEFORE,
    STORY_OPERATION,
    change_models,
    copy_example,
    create_from_models,
    example_module,
    run_python,
)

FIRST_ROWS = """
INSERT INTO core."user" (id, email, created_at) VALUES
    ('user0001', 'a@lab.org', '2022-08-20 10:00'), ('user0002', 'a@home.org', '2022-08-21 10:00');
INSERT INTO core.jupynb (id, v, name, user_id) VALUES
    ('notebook0001', '1', 'First', 'user0002'), ('notebook0001', '2', 'First', 'user0002');
INSERT INTO core.run (id, jupynb_id, jupynb_v) VALUES
    ('run1', 'notebook0001', '1'), ('run2', 'notebook0001', '2'), ('run3', NULL, NULL);
INSERT INTO core.dobject (id, name, suffix, source_id, created_at) VALUES
    ('dobject1', 'cells', '.h5ad', 'run1', '2022-08-22 10:00'), ('dobject2', NULL, NULL, 'run3', '2022-08-22 11:00');
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_example(tmp_path / "a copy")


@pytest.fixture
def module(root: Path) -> SchemaModule:
    return example_module(root)


@pytest.fixture
def other(server: Server) -> Iterator[ScratchDatabase]:
    with scratch_database(server, hint="other") as database:
        yield database


def migrate(module: SchemaModule, database: ScratchDatabase, target: str | None = None) -> None:
    with database.connect() as connection:
        upgrade(connection, module, open_script(module), target or "head")


def execute(database: ScratchDatabase, sql: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        result = connection.execute(sa.text(sql))
        rows = [tuple(row) for row in result] if result.returns_rows else []
        connection.commit()
        return rows


def dump_tables(database: ScratchDatabase) -> str:
    """The schema without Alembic's table, and without the names of 18's not-null constraints: a renamed column keeps
    the old one, and 15 cannot rename it."""
    execute(database, "DROP TABLE IF EXISTS migration_yvzi")
    return re.sub(r"CONSTRAINT \S+ NOT NULL", "NOT NULL", dump_schema(database.url))


def test_it_says_what_a_schema_module_says(module: SchemaModule) -> None:
    assert (module.package, module.name, module.schema_id) == ("lnschema_core", "core", "yvzi")
    assert (module.migration, module.version) == ("8280855a5064", "0.33.8")


def test_its_history_is_released_recorded_and_named_by_the_convention(module: SchemaModule) -> None:
    history = read_history(module)
    assert len(history.released) == len(history.revisions) == 9
    assert history.head is not None
    assert (history.head.id, history.head.version) == (module.migration, module.version)
    assert verify_checksums(module, history) == ()
    for revision in history.revisions:
        name = parse_filename(revision.path.name)
        assert name is not None
        assert (name.id, revision_doc(name.version)) == (revision.id, revision.doc)
    dates = [revision.date for revision in history.revisions]
    assert dates == sorted(dates)
    assert (dates[0][:7], dates[-1][:7]) == ("2022-08", "2023-02")


def test_the_revisions_lead_to_the_models(
    root: Path, module: SchemaModule, scratch: ScratchDatabase, other: ScratchDatabase
) -> None:
    migrate(module, scratch)
    create_from_models(root, other.url)
    assert dump_tables(scratch) == dump_tables(other)


def test_the_revisions_lead_to_the_models_on_the_oldest_major(
    root: Path, module: SchemaModule, server15: Server
) -> None:
    with scratch_database(server15, hint="a") as migrated, scratch_database(server15, hint="b") as built:
        empty = dump_tables(migrated)
        migrate(module, migrated)
        create_from_models(root, built.url)
        with migrated.connect() as connection:
            versions = connection.scalars(sa.text("TABLE migration_yvzi")).all()
        assert versions == ["8280855a5064"]
        assert dump_tables(migrated) == dump_tables(built) != empty


def test_the_storys_one_line_is_the_whole_migration(
    root: Path, module: SchemaModule, scratch: ScratchDatabase, other: ScratchDatabase
) -> None:
    text = render_revision(id="dd2b4a9499f2", down="8280855a5064", upgrade=[STORY_OPERATION], downgrade=[])
    (module.versions_folder / "2023-02-16-dd2b4a9499f2-vx_x_x.py").write_text(text)
    change_models(root, STORY_BEFORE, STORY_AFTER)
    migrate(module, scratch)
    create_from_models(root, other.url)
    assert dump_tables(scratch) == dump_tables(other)


def test_every_downgrade_restores_what_was_there_with_rows_in_the_tables(
    module: SchemaModule, scratch: ScratchDatabase
) -> None:
    script, revisions = open_script(module), read_history(module).revisions
    migrate(module, scratch, revisions[0].id)
    execute(scratch, FIRST_ROWS)
    for before, after in pairwise(revisions):
        dump = dump_schema(scratch.url)
        migrate(module, scratch, after.id)
        changed = dump_schema(scratch.url)
        assert changed != dump
        with scratch.connect() as connection:
            downgrade(connection, module, script, before.id)
        assert dump_schema(scratch.url) == dump, f"downgrade of {after.path.name}"
        migrate(module, scratch, after.id)
        assert dump_schema(scratch.url) == changed


def test_rows_survive_with_rows_in_every_table(root: Path, module: SchemaModule, server: Server) -> None:
    settings = Settings(root=root, package=module.package, provider="embedded")
    with ExitStack() as stack:
        stack.callback(_forget, module.package)
        bench = Workbench(settings, module, server, stack)
        newest, every = prove_rows(bench), prove_rows(bench, every=True)
    for proof, steps in ((newest, 1), (every, len(read_history(module).revisions))):
        assert proof.status is Status.PASSED, proof.findings
        assert len(proof.accounts) == steps
        held = [rows for account in proof.accounts for _, rows in account.rows]
        assert len(held) >= (7 if steps == 1 else 40)
        assert min(held) > 0


def _forget(package: str) -> None:
    """Other tests read the models of copies of their own in this process."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def test_the_first_downgrade_leaves_an_empty_database(module: SchemaModule, scratch: ScratchDatabase) -> None:
    empty = dump_tables(scratch)
    migrate(module, scratch)
    with scratch.connect() as connection:
        downgrade(connection, module, open_script(module), "base")
    assert dump_tables(scratch) == empty


def test_rows_of_the_first_release_are_there_in_the_last_one(module: SchemaModule, scratch: ScratchDatabase) -> None:
    migrate(module, scratch, "8c2f9d1e4a37")
    execute(scratch, FIRST_ROWS)
    before = execute(scratch, "SELECT id, jupynb_id, jupynb_v FROM core.run ORDER BY id")
    migrate(module, scratch)
    assert execute(scratch, 'SELECT id, handle FROM core."user" ORDER BY id') == [
        ("user0001", "a-user0001"),
        ("user0002", "a-user0002"),
    ]
    assert execute(scratch, "SELECT id, notebook_id, notebook_v, created_by, params FROM core.run ORDER BY id") == [
        ("run1", "notebook0001", "1", "user0002", {}),
        ("run2", "notebook0001", "2", "user0002", {}),
        ("run3", None, None, "user0001", {}),
    ]
    assert execute(scratch, "SELECT id, storage_id, created_at AT TIME ZONE 'UTC' FROM core.dobject ORDER BY id") == [
        ("dobject1", "default0", datetime(2022, 8, 22, 10)),
        ("dobject2", "default0", datetime(2022, 8, 22, 11)),
    ]
    with scratch.connect() as connection:
        downgrade(connection, module, open_script(module), "8c2f9d1e4a37")
    assert execute(scratch, "SELECT id, jupynb_id, jupynb_v FROM core.run ORDER BY id") == before


def test_times_are_read_as_utc_whatever_the_servers_time_zone(module: SchemaModule, scratch: ScratchDatabase) -> None:
    execute(scratch, f"ALTER DATABASE \"{scratch.name}\" SET timezone = 'America/New_York'")
    migrate(module, scratch, "8c2f9d1e4a37")
    execute(scratch, FIRST_ROWS)
    migrate(module, scratch)
    (row,) = execute(scratch, "SELECT created_at = '2022-08-20 10:00+00' FROM core.\"user\" WHERE id = 'user0001'")
    assert row == (True,)


def test_enum_values_that_an_old_release_does_not_know_find_a_place_in_it(
    module: SchemaModule, scratch: ScratchDatabase
) -> None:
    migrate(module, scratch)
    execute(
        scratch,
        """
        INSERT INTO core."user" (id, email, handle) VALUES ('u', 'u@lab.org', 'u');
        INSERT INTO core.storage (id, root) VALUES ('s', 's3://bucket');
        INSERT INTO core.run (id, created_by) VALUES ('r', 'u');
        INSERT INTO core.dobject (id, source_id, storage_id, size) VALUES ('d', 'r', 's', 12);
        INSERT INTO core.usage (type, user_id, dobject_id) VALUES
            ('link', 'u', 'd'), ('select', 'u', 'd'), ('load', 'u', 'd');
        """,
    )
    with scratch.connect() as connection:
        downgrade(connection, module, open_script(module), "b60d92e417fc")
    assert execute(scratch, "SELECT type::text FROM core.usage ORDER BY id") == [("load",), ("query",), ("load",)]


def test_the_models_read_and_write_what_the_revisions_made(
    root: Path, module: SchemaModule, scratch: ScratchDatabase
) -> None:
    migrate(module, scratch)
    code = """
import sys
import sqlalchemy as sa
from sqlmodel import Session, select
from lnschema_core import *
from lnschema_core import Project, Storage
engine = sa.create_engine(sys.argv[1])
with Session(engine) as session:
    user = User(email="a@lab.org", handle="a")
    session.add(user)
    session.flush()
    notebook = Notebook(name="First", created_by=user.id)
    storage = Storage(root="s3://bucket")
    session.add_all([notebook, storage])
    session.flush()
    first = Run(notebook_id=notebook.id, notebook_v=notebook.v, created_by=user.id)
    second = Run(created_by=user.id, params={"a": 1})
    session.add_all([first, second])
    session.flush()
    dobject = DObject(name="cells", source=first, storage_id=storage.id, targets=[second])
    session.add(dobject)
    session.flush()
    session.add(Usage(type=UsageType.link, user_id=user.id, dobject_id=dobject.id))
    session.commit()
with Session(engine) as session:
    run = session.exec(select(Run).where(Run.notebook_id == None)).one()
    print(run.inputs[0].name, run.inputs[0].source.notebook_v, run.params, run.created_at is not None)
    print(session.exec(select(Usage)).one().type, session.exec(select(Storage)).one().type)
"""
    done = run_python(root, code, scratch.url.render_as_string(hide_password=False))
    assert done.stdout == "cells 1 {'a': 1} True\nlink local\n"


def test_the_tasks_of_the_project_are_the_kits(root: Path) -> None:
    done = run_python(root, "import tasks, lamin_migrate_kit.tasks as kit; print(tasks.namespace is kit.namespace)")
    assert done.stdout == "True\n"


def test_the_wheel_carries_the_revisions(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = SOURCE / "lnschema_core"
    files = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path.relative_to(SOURCE).as_posix() for path in files} <= names
    assert wheel.name.startswith("lnschema_core-0.33.8-")
