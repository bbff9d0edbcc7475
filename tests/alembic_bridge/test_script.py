from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamin_migrate_kit.alembic_bridge import open_script
from lamin_migrate_kit.errors import RevisionError
from tests.histories import History


def test_a_revision_file_runs_once_when_it_is_loaded(history: History, tmp_path: Path) -> None:
    history.add("pass")
    counter = tmp_path / "counter"
    path = history.path(history.revisions[0])
    path.write_text(path.read_text() + f"\nwith open({str(counter)!r}, 'a') as counter:\n    counter.write('x')\n")

    script = open_script(history.module)

    assert script.head == history.revisions[0]
    assert script.revisions == tuple(history.revisions)
    script.steps_up(None, "head")
    assert counter.read_text() == "x"


def test_a_file_rewritten_in_the_same_second_with_the_same_size_is_loaded_anew(history: History) -> None:
    history.add("pass")
    path = history.path(history.revisions[0])
    times = (path.stat().st_atime, path.stat().st_mtime)
    path.write_text(path.read_text() + "\nanswer = 1\n")
    os.utime(path, times)
    open_script(history.module)
    path.write_text(path.read_text().replace("answer = 1", "answer = 2"))
    os.utime(path, times)

    script = open_script(history.module)

    assert script.directory.get_revision(history.revisions[0]).module.answer == 2


def test_loading_leaves_no_bytecode_beside_the_files(history: History) -> None:
    history.add("pass")
    open_script(history.module)
    assert not (history.versions / "__pycache__").exists()


def test_a_module_without_revisions_has_no_head(history: History) -> None:
    history.versions.rmdir()
    script = open_script(history.module)
    assert script.head is None
    assert script.revisions == ()
    assert script.steps_up(None, "head") == ()


def test_the_beginning_of_an_id_is_not_the_id(history: History) -> None:
    history.add("pass", revision="6a73c00555b4")
    script = open_script(history.module)
    assert "6a73c00555b4" in script
    assert "6a73" not in script


def test_the_path_and_the_one_before(history: History) -> None:
    first, second = history.add("pass"), history.add("pass")
    script = open_script(history.module)
    assert script.path(second) == history.path(second)
    assert script.down(second) == first
    assert script.down(first) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named_with_its_line(history: History, line: str, said: str) -> None:
    revision = history.add("pass")
    path = history.path(revision)
    path.write_text(path.read_text() + f"\n{line}\n")

    with pytest.raises(RevisionError) as caught:
        open_script(history.module)

    assert said in caught.value.what
    assert caught.value.where == f"{path}:{history.line_of(revision, line)}"


def test_a_file_without_a_revision_is_named(history: History) -> None:
    (history.versions / "notes.py").write_text("down_revision = None\n")
    with pytest.raises(RevisionError, match=r"notes\.py does not set 'revision'"):
        open_script(history.module)


def test_a_file_without_an_upgrade_is_named(history: History) -> None:
    history.add("pass")
    path = history.path(history.revisions[0])
    path.write_text(path.read_text().replace("def upgrade()", "def upgrad()"))
    with pytest.raises(RevisionError, match=r"has no function upgrade\(\)") as caught:
        open_script(history.module)
    assert caught.value.where == str(path)
    assert "def upgrade() -> None:" in str(caught.value.next_command)


def test_a_file_without_a_downgrade_is_read_and_refuses_to_be_taken_back(history: History) -> None:
    history.add("pass")
    path = history.path(history.revisions[0])
    path.write_text(path.read_text().partition("def downgrade")[0])
    (step,) = open_script(history.module).steps_down(history.revisions[0], "base")
    with pytest.raises(NotImplementedError, match=r"has no downgrade\(\)"):
        step.migration_fn()


def test_two_files_with_one_id_are_both_named(history: History) -> None:
    revision = history.add("pass")
    path = history.path(revision)
    (history.versions / "2024-copy.py").write_bytes(path.read_bytes())
    with pytest.raises(RevisionError, match=rf"{revision}: {path.name} and 2024-copy\.py"):
        open_script(history.module)


def test_a_missing_predecessor_is_named(history: History) -> None:
    history.add("pass")
    revision = history.add("pass")
    history.path(history.revisions[0]).unlink()
    with pytest.raises(RevisionError, match=f"{revision} comes after {history.revisions[0]}, which no file has"):
        open_script(history.module)


def test_two_heads_are_both_named(history: History) -> None:
    first = history.add("pass")
    history.add("pass")
    history.revisions = [first]
    history.add("pass", revision="abcabcabcabc")
    with pytest.raises(RevisionError, match="000000000002, abcabcabcabc"):
        _ = open_script(history.module).head


def test_a_target_that_is_not_there_is_said(history: History) -> None:
    history.add("pass")
    with pytest.raises(RevisionError, match="ffffffffffff"):
        open_script(history.module).steps_up(None, "ffffffffffff")


def test_files_in_other_encodings_load_as_python_would(history: History) -> None:
    revision = history.add("pass")
    path = history.path(revision)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert open_script(history.module).head == revision
