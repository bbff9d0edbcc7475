"""A generated revision: its file and `_migration`, both or neither."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.errors import SchemaModuleError, WriteError
from lamin_migrate_kit.revisions.naming import revision_filename
from lamin_migrate_kit.revisions.rendering import render_revision
from lamin_migrate_kit.revisions.writing import new_revision
from tests.revisions.conftest import Project

NAME = revision_filename("2023-02-16", "dd2b4a9499f2", None)
TEXT = render_revision(id="dd2b4a9499f2", down="b2", upgrade=["# ümlaut"], downgrade=[])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'\xef\xbb\xbf_migration = "b2"\r\n', b'\xef\xbb\xbf_migration = "dd2b4a9499f2"\r\n'),
        (b"_migration = 'b2'", b"_migration = 'dd2b4a9499f2'"),
        (b"_migration = None # yet\n", b'_migration = "dd2b4a9499f2" # yet\n'),
    ],
)
def test_the_file_and_the_migration_are_written(project: Project, before: bytes, after: bytes) -> None:
    project.init_file.write_bytes(before)
    files = new_revision(project.module(), NAME, TEXT, "dd2b4a9499f2")
    assert project.init_file.read_bytes() == before
    files.commit()
    assert project.init_file.read_bytes() == after
    assert (project.versions / NAME).read_bytes() == TEXT.encode()


def test_the_folder_of_the_first_revision_is_made(project: Project) -> None:
    project.versions.rmdir()
    project.versions.parent.rmdir()
    new_revision(project.module(), NAME, TEXT, "dd2b4a9499f2").commit()
    assert (project.versions / NAME).is_file()


def test_a_package_with_alembic_alone_only_gets_the_file(project: Project) -> None:
    project.init_file.write_bytes(b"# nothing\n")
    new_revision(project.module(), NAME, TEXT, "dd2b4a9499f2").commit()
    assert project.init_file.read_bytes() == b"# nothing\n"
    assert (project.versions / NAME).is_file()


def test_an_existing_revision_is_not_overwritten(project: Project) -> None:
    project.write(NAME, "mine\n")
    before = project.contents()
    with pytest.raises(WriteError, match=f"{NAME} exists already"):
        new_revision(project.module(), NAME, TEXT, "dd2b4a9499f2").commit()
    assert project.contents() == before


def test_an_init_that_was_broken_meanwhile_is_told(project: Project) -> None:
    module = project.module()
    project.init_file.write_bytes(b"_migration = f()\n")
    with pytest.raises(SchemaModuleError, match=r"`_migration` is computed in core/__init__\.py"):
        new_revision(module, NAME, TEXT, "dd2b4a9499f2")
