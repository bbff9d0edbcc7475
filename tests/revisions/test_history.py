"""Revision files are read as one line, and every way not to be one is told with its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.revisions.checksums import Checksum, render_checksums
from lamin_migrate_kit.revisions.history import History, read_history
from tests.revisions.conftest import Project


def refused(project: Project) -> RevisionError:
    with pytest.raises(RevisionError) as caught:
        read_history(project.module())
    assert caught.value.exit_code == 2
    assert caught.value.next_command
    return caught.value


def test_a_line_of_revisions_the_first_one_first(released: Project) -> None:
    history = read_history(released.module())
    assert [one.id for one in history.revisions] == ["a1", "b2", "c3", "d4"]
    assert [one.id for one in history.released] == ["a1", "b2"]
    assert [one.id for one in history.unreleased] == ["c3", "d4"]
    assert history.head == history.revisions[-1] == history.get("d4")
    first, second = history.revisions[:2]
    assert (first.down, first.date, first.version, first.doc) == (None, "2023-01-01", "0.1.0", "v0.1.0.")
    assert (second.down, second.path.name) == ("a1", "2023-01-02-b2-v0_2_0.py")


def test_the_order_is_the_revisions_own_and_not_that_of_the_files(project: Project) -> None:
    project.revision("z", None, day=9)
    project.revision("y", "z", day=5)
    project.revision("x", "y", day=1)
    assert [one.id for one in read_history(project.module()).revisions] == ["z", "y", "x"]


def test_no_revisions_and_no_folder_are_an_empty_history(project: Project) -> None:
    assert read_history(project.module()) == History()
    project.versions.rmdir()
    assert read_history(project.module()).head is None


def test_nothing_of_a_revision_runs(project: Project) -> None:
    path = project.revision("a1", None)
    path.write_text(path.read_text() + "\nraise SystemExit('ran')\n")
    assert read_history(project.module()).head is not None


FORMS = [
    "revision = 'a1'\ndown_revision = None\n",
    'revision: str = "a1"\ndown_revision: Union[str, None] = None\n',
    'revision: str = "a1"\ndown_revision: Union[str, Sequence[str], None] = None\nbranch_labels = None\n',
    "revision = 'a1'\n",
    '# revision = \'b\'\nrevision = """a1"""\ndown_revision = (None)\n',
]


@pytest.mark.parametrize("text", FORMS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_every_form_that_alembic_writes(project: Project, text: str, newline: str, start: str) -> None:
    project.write("a1_first.py", start + text.replace("\n", newline))
    (one,) = read_history(project.module()).revisions
    assert (one.id, one.down, one.date, one.version, one.doc) == ("a1", None, "", None, "")


def test_what_is_no_revision_file_is_passed_over(project: Project) -> None:
    project.revision("a1", None)
    project.write("__init__.py", "")
    project.write("README.md", "x")
    project.write("a1.py.orig", "x = (")
    (project.versions / ".#2023-01-01-a1-vx_x_x.py").symlink_to("somebody@host.123")
    (project.versions / "__pycache__").mkdir()
    assert len(read_history(project.module()).revisions) == 1


def test_recorded_checksums_say_what_is_released_where_names_do_not(project: Project) -> None:
    project.write("a1_first.py", "revision = 'a1'\ndown_revision = None\n")
    project.module().checksums_file.write_bytes(render_checksums({"a1": Checksum("a1", "1.2.0", "0" * 64)}))
    assert read_history(project.module()).revisions[0].version == "1.2.0"


def test_a_syntax_error_is_told_with_file_and_line(released: Project) -> None:
    released.write("2023-01-04-e5-vx_x_x.py", "revision = 'e5'\ndown_revision = 'd4'\n<<<<<<< HEAD\n")
    error = refused(released)
    assert "2023-01-04-e5-vx_x_x.py is no valid Python" in error.what
    assert error.where == "core/migrations/versions/2023-01-04-e5-vx_x_x.py:3"
    assert error.details == "<<<<<<< HEAD"


def test_a_file_in_a_wrong_encoding_is_told(project: Project) -> None:
    path = project.write("2023-01-04-e5-vx_x_x.py", b'"""\xff"""\nrevision = "e5"\n')
    error = refused_without_command(project)
    assert path.name in str(error)


def refused_without_command(project: Project) -> RevisionError:
    with pytest.raises(RevisionError) as caught:
        read_history(project.module())
    return caught.value


def test_a_file_without_a_revision(released: Project) -> None:
    released.write("helpers.py", "x = 1\n")
    error = refused(released)
    assert "core/migrations/versions/helpers.py has no line `revision = '…'`" in error.what


@pytest.mark.parametrize(
    ("text", "why", "line"),
    [
        ("revision = new_id()\n", "`revision` is computed", 1),
        ("x = 1\nrevision = None\n", "`revision` is None", 2),
        ("revision = 12\n", "`revision` is no string", 1),
        ("revision = 'a'\nrevision = 'b'\n", "`revision` is assigned more than once", 2),
        ("revision = 'a'\ndown_revision = head\n", "`down_revision` is computed", 2),
        ("revision = 'a'\nif x:\n    down_revision = 'b'\n", "`down_revision` is assigned under a condition", 3),
    ],
)
def test_what_cannot_be_read_from_the_text(project: Project, text: str, why: str, line: int) -> None:
    project.write("a.py", text)
    error = refused(project)
    assert error.what.startswith(why)
    assert error.where == f"core/migrations/versions/a.py:{line}"


def test_two_heads_are_both_named_with_what_to_write(project: Project) -> None:
    project.revision("a1", None, "0_1_0")
    project.revision("b2", "a1", day=2)
    project.revision("c3", "b2", day=3)
    project.revision("d4", "a1", "0_2_0", day=4)
    error = refused(project)
    assert error.what == "There are 2 heads: d4 and c3."
    assert error.details is not None
    assert error.details.splitlines() == [
        "d4  core/migrations/versions/2023-01-04-d4-v0_2_0.py  (after a1)",
        "c3  core/migrations/versions/2023-01-03-c3-vx_x_x.py  (after b2)",
    ]
    by_hand = "in core/migrations/versions/2023-01-02-b2-vx_x_x.py: down_revision = 'd4'"
    assert error.next_command == f"invoke migrate.rebase   # or {by_hand}"
    path = project.versions / "2023-01-02-b2-vx_x_x.py"
    path.write_text(path.read_text().replace("down_revision = 'a1'", "down_revision = 'd4'"))
    assert [one.id for one in read_history(project.module()).revisions] == ["a1", "d4", "b2", "c3"]


def test_three_heads_are_all_named(project: Project) -> None:
    project.revision("a1", None)
    for id in ("b2", "c3", "d4"):
        project.revision(id, "a1")
    assert refused(project).what == "There are 3 heads: b2 and c3 and d4."


def test_two_first_revisions(project: Project) -> None:
    project.revision("a1", None)
    project.revision("b2", None)
    assert refused(project).what == "There are 2 first revisions: a1 and b2."


def test_a_broken_down_revision_names_the_file_and_the_missing_id(released: Project) -> None:
    released.revision("e5", "nowhere", day=5)
    error = refused(released)
    assert error.where == "core/migrations/versions/2023-01-05-e5-vx_x_x.py"
    assert "has down_revision = 'nowhere', and there is no such revision in core/migrations/versions" in error.what


def test_two_files_with_one_revision(released: Project) -> None:
    released.revision("d4", "c3", day=8)
    error = refused(released)
    assert error.what == "Two files are the revision d4."
    assert error.details is not None
    assert "2023-01-03-d4" in error.details
    assert "2023-01-08-d4" in error.details


@pytest.mark.parametrize(
    ("chain", "circle"),
    [
        ([("a", None), ("b", "b")], "b after b"),
        ([("a", None), ("b", "c"), ("c", "b")], "b after c after b"),
        ([("a", "c"), ("b", "a"), ("c", "b")], "a after c after b after a"),
        ([("a", None), ("b", "a"), ("c", "d"), ("d", "c"), ("e", "d")], "c after d after c"),
    ],
)
def test_a_circle_is_named(project: Project, chain: list[tuple[str, str | None]], circle: str) -> None:
    for id, down in chain:
        project.revision(id, down)
    assert refused(project).what == f"Revisions follow each other in a circle: {circle}."


@pytest.mark.parametrize("written", ["('b2', 'c3')", "['b2', 'c3']"])
def test_a_merge_is_refused(project: Project, written: str) -> None:
    project.revision("a1", None)
    project.revision("b2", "a1")
    project.revision("c3", "a1")
    project.write("2023-01-04-d4-vx_x_x.py", f"revision = 'd4'\ndown_revision = {written}\n")
    error = refused(project)
    assert "merges two branches ('b2', 'c3')" in error.what
    assert error.where == "core/migrations/versions/2023-01-04-d4-vx_x_x.py:2"


def test_a_folder_or_a_dangling_link_in_place_of_a_file(project: Project) -> None:
    (project.versions / "2023-01-01-a1-vx_x_x.py").symlink_to("nowhere")
    assert "cannot be read: No such file" in refused_without_command(project).what
    (project.versions / "2023-01-01-a1-vx_x_x.py").unlink()
    (project.versions / "2023-01-01-a1-vx_x_x.py").mkdir()
    assert "cannot be read: Is a directory" in refused_without_command(project).what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(project: Project) -> None:
    project.revision("a1", None).chmod(0)
    assert "cannot be read: Permission denied" in refused_without_command(project).what


def test_five_hundred_revisions_are_read_quickly_enough_to_read_them_often(tmp_path: Path) -> None:
    project = Project(tmp_path / "long")
    for number in range(500):
        project.revision(f"r{number}", f"r{number - 1}" if number else None)
    assert len(read_history(project.module()).revisions) == 500
