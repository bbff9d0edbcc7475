"""What can go wrong on the way: said with what mends it, and nothing is lost, half-written or left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from textwrap import dedent

import pytest

from lamin_migrate_kit.errors import MigrateKitError, MigrationError, RevisionError, SchemaModuleError, WriteError
from tests.authors import Author

MODELS = 'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True))\n'
MORE = MODELS.replace("))", '), sa.Column("title", sa.String))')


@pytest.fixture
def changed(author: Author) -> Author:
    """An author who has added a column."""
    author.models(MODELS)
    author.generate()
    author.models(MORE)
    return author


# The history and the id


def test_migration_that_is_not_the_head_is_refused(changed: Author) -> None:
    init = changed.module.init_file
    init.write_text(init.read_text().replace(changed.history.revisions[-1], "feedfeedfeed"))
    before = changed.files
    with pytest.raises(RevisionError) as refused:
        changed.generate()
    head = changed.history.revisions[-1]
    assert refused.value.what == f"_migration is 'feedfeedfeed', and the newest revision is '{head}'."
    assert refused.value.where == f"{changed.history.package}/__init__.py:5"
    assert refused.value.next_command == f'set _migration = "{head}" in {changed.history.package}/__init__.py'
    assert changed.files == before


def test_empty_revision_needs_order_too(changed: Author) -> None:
    init = changed.module.init_file
    init.write_text(init.read_text().replace(changed.history.revisions[-1], "feedfeedfeed"))
    with pytest.raises(RevisionError, match="and the newest revision is"):
        changed.generate(empty=True)


@pytest.mark.parametrize(
    "wanted", ["", "a-b", "a b", "../x", "a@b", "a+1", "é", "²", "head", "base", "a" * 33, "a\n", "x'", "a/b", "a.b"]
)
def test_id_with_odd_characters_is_refused(changed: Author, wanted: str) -> None:
    before = changed.files
    with pytest.raises(RevisionError, match="is no revision id"):
        changed.generate(revision_id=wanted)
    assert changed.files == before


def test_id_that_is_taken_is_refused(changed: Author) -> None:
    head = changed.history.revisions[-1]
    with pytest.raises(RevisionError, match=f"There is a revision {head} already") as refused:
        changed.generate(revision_id=head)
    assert refused.value.where is not None
    assert refused.value.where.endswith(f"-{head}-vx_x_x.py")


def test_id_that_begins_like_another_one_works(changed: Author) -> None:
    head = changed.history.revisions[-1]
    result = changed.generate(revision_id=head[:5])
    assert result.revision == head[:5]
    changed.models(MORE)
    assert changed.compare().empty


def test_empty_revision_is_written_without_a_comparison(changed: Author) -> None:
    result = changed.generate(empty=True, revision_id="abc", message="By hand")
    assert result.proofs == ()
    assert result.text.startswith('"""vX.X.X.\n\nBy hand\n"""\n')
    assert changed.body(result) == changed.body(result, "downgrade") == "pass"


def test_file_that_stands_there_is_not_overwritten(changed: Author) -> None:
    there = changed.history.versions / "2023-02-16-abc-vx_x_x.py"
    there.write_text("revision = 'other'\ndown_revision = None\n")
    before = changed.files
    with pytest.raises(MigrateKitError):
        changed.generate(revision_id="abc")
    assert changed.files == before


# What is missing on the server


def test_revision_that_takes_a_schema_for_granted_is_told_the_setting(author: Author) -> None:
    author.models('sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="core")')
    author.revise('op.create_table("note", sa.Column("id", sa.Integer, primary_key=True), schema="core")')
    with pytest.raises(MigrationError, match='schema "core" does not exist') as failed:
        author.generate()
    assert failed.value.next_command is not None
    assert 'schemas = ["core"]' in failed.value.next_command
    author.settings["schemas"] = ("core",)
    assert author.compare().empty


def test_revision_that_takes_an_extension_for_granted_is_told_the_setting(author: Author) -> None:
    models = 'sa.Table("note", metadata, sa.Column("name", pg.CITEXT, primary_key=True))'
    author.models(models)
    author.revise('op.execute("CREATE TABLE note (name citext PRIMARY KEY)")')
    with pytest.raises(MigrationError, match='type "citext" does not exist') as failed:
        author.generate()
    assert 'extensions = ["citext"]' in str(failed.value)
    author.settings["extensions"] = ("citext",)
    assert author.compare().empty


def test_models_that_need_an_extension_name_the_setting(author: Author) -> None:
    author.models('sa.Table("note", metadata, sa.Column("name", pg.CITEXT, primary_key=True))')
    before = author.files
    with pytest.raises(SchemaModuleError, match='type "citext" does not exist') as failed:
        author.generate()
    assert 'write into pyproject.toml:\n         [tool.lamin_migrate_kit]\n         extensions = ["citext"]' in str(
        failed.value
    )
    assert "failing statement:" in str(failed.value)
    assert author.files == before
    author.settings["extensions"] = ("citext",)
    author.generate()
    author.expect_equal()


def test_models_that_need_an_extension_which_the_server_lacks_name_another_server(author: Author) -> None:
    author.models("""
    sa.Table("note", metadata, sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("uuid_generate_v4()")))
    """)
    with pytest.raises(SchemaModuleError, match=r"function uuid_generate_v4\(\) does not exist") as failed:
        author.generate()
    assert "use a Postgres that has uuid-ossp" in str(failed.value)
    assert 'image = "..."' in str(failed.value)


def test_revision_that_creates_an_extension_which_the_server_lacks_names_another_server(author: Author) -> None:
    author.models(MODELS)
    author.revise('op.execute("CREATE EXTENSION postgis")')
    with pytest.raises(MigrationError, match='extension "postgis" is not available') as failed:
        author.generate()
    assert "use a Postgres that has postgis" in str(failed.value)


def test_models_that_the_server_refuses_are_told_with_the_statement(author: Author) -> None:
    author.models('sa.Table("note", metadata, sa.Column("a", sa.Integer, sa.CheckConstraint("b > 0")))')
    with pytest.raises(SchemaModuleError, match='column "b" does not exist') as failed:
        author.generate()
    assert "CREATE TABLE note" in str(failed.value)


# Disks and interrupts, in processes of their own

_GENERATE = """
import os, resource, sys
from pathlib import Path
from contextlib import ExitStack
from sqlalchemy import make_url
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.generation import GenerateOptions, generate_revision
from lamin_migrate_kit.interruption import termination_raises
from lamin_migrate_kit.schema_module import find_schema_module
from lamin_migrate_kit.servers.server import describe_server
from lamin_migrate_kit.settings import Settings
from lamin_migrate_kit.workbench import Workbench

root, package, url = sys.argv[1:4]
settings = Settings(root=Path(root), package=package)
{before}
with ExitStack() as stack:
    server = describe_server("embedded", make_url(url), own=True)
    bench = Workbench(settings, find_schema_module(settings), server, stack)
    {prepare}
    try:
        generate_revision(bench, GenerateOptions("2023-02-16", revision_id="abc"))
    except MigrateKitError as error:
        sys.exit(f"{{type(error).__name__}}: {{error}}")
"""


def start(author: Author, *, before: str = "", prepare: str = "pass") -> subprocess.Popen[str]:
    code = dedent(_GENERATE).format(before=before, prepare=prepare)
    arguments = [str(author.history.root), author.history.package]
    url = author.server.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments, url],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def finish(process: subprocess.Popen[str]) -> str:
    _, error = process.communicate(timeout=60)
    return error


def test_no_room_for_the_file_leaves_everything_as_it_was(changed: Author) -> None:
    before = changed.files
    # Every file that is longer than nothing is too long from here on, as on a full disk.
    process = start(
        changed,
        prepare="bench.sides; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))",
        before="import signal",
    )
    error = finish(process)
    assert process.returncode == 1, error
    assert "WriteError" in error
    assert "nothing was changed" in error
    assert changed.files == before
    assert changed.generate(revision_id="abc").path is not None


def test_no_room_left_when_the_proven_file_is_written(changed: Author) -> None:
    """The proofs have run in the folder for temporary files; the package's own folder is full."""
    before = changed.files
    process = start(
        changed,
        before=dedent("""
            import signal
            from lamin_migrate_kit.generation import generating
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            writing = generating.new_revision
            def on_a_full_disk(*arguments):
                resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
                return writing(*arguments)
            generating.new_revision = on_a_full_disk
        """),
    )
    error = finish(process)
    assert "WriteError: The files could not be written" in error
    assert changed.files == before
    assert changed.generate(revision_id="abc").path is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else for a moment")
def test_folder_that_may_not_be_written_leaves_everything_as_it_was(changed: Author) -> None:
    before = changed.files
    process = start(
        changed,
        before=dedent("""
            from lamin_migrate_kit.file_set import FileSet
            commit = FileSet.commit
            def commit_as_nobody(files):
                os.seteuid(65534)
                try:
                    commit(files)
                finally:
                    os.seteuid(0)
            FileSet.commit = commit_as_nobody
        """),
    )
    error = finish(process)
    assert "WriteError" in error
    assert "Permission denied" in error
    assert changed.files == before


def test_full_temporary_folder_is_told_as_such(changed: Author) -> None:
    before = changed.files
    with pytest.MonkeyPatch.context() as planted:
        planted.setattr(tempfile, "tempdir", "/dev/full")
        with pytest.raises(WriteError, match="could not be tried out"):
            changed.generate()
    assert changed.files == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [0.0, 0.15, 0.4, 0.7])
def test_interrupt_leaves_no_database_and_no_file(changed: Author, number: signal.Signals, moment: float) -> None:
    before = changed.files
    marker, temporary = changed.history.root / "began", changed.history.root / "temporary"
    temporary.mkdir()
    process = start(changed, prepare=f"Path({str(marker)!r}).touch(); os.environ['TMPDIR'] = {str(temporary)!r}")
    deadline = time.monotonic() + 30
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(moment)
    process.send_signal(number)
    finish(process)
    assert changed.scratch_databases(process.pid) == []
    # When the signal comes late, the files are there already: then all of them are.
    written = {name.rpartition("/")[2] for name in changed.files.keys() - before.keys()}
    if process.returncode == 0 or changed.files != before:
        assert written == {"2023-02-16-abc-vx_x_x.py"}
        assert b"_migration = 'abc'" in changed.files["__init__.py"]
    assert list(temporary.iterdir()) == []
