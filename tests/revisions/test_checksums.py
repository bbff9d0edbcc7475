"""A change to a released revision is seen, and a checkout with other line ends is none."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.revisions.checksums import (
    Checksum,
    Tampered,
    checksum,
    read_checksums,
    render_checksums,
    verify_checksums,
)
from lamin_migrate_kit.revisions.history import read_history
from tests.revisions.conftest import Project


@pytest.fixture
def recorded(released: Project) -> Project:
    """Both released revisions have their checksums."""
    module = released.module()
    revisions = read_history(module).released
    checksums = {one.id: Checksum(one.id, one.version or "", checksum(one.path.read_bytes())) for one in revisions}
    module.checksums_file.write_bytes(render_checksums(checksums))
    return released


def tampered(project: Project) -> tuple[Tampered, ...]:
    module = project.module()
    return verify_checksums(module, read_history(module))


def test_unchanged_revisions_are_fine(recorded: Project) -> None:
    assert tampered(recorded) == ()


def test_the_file_can_be_read_back(recorded: Project) -> None:
    module = recorded.module()
    text = module.checksums_file.read_bytes()
    assert text.startswith(b"# Released revisions must not change; ")
    assert render_checksums(read_checksums(module)) == text
    assert list(read_checksums(module)) == ["a1", "b2"]


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
def test_other_line_ends_are_no_change(recorded: Project, newline: bytes) -> None:
    for path in [*recorded.versions.glob("*.py"), recorded.module().checksums_file]:
        path.write_bytes(path.read_bytes().replace(b"\n", newline))
    assert tampered(recorded) == ()


def test_another_file_name_is_no_change(recorded: Project) -> None:
    path = recorded.versions / "2023-01-01-a1-v0_1_0.py"
    path.rename(recorded.versions / "2022-12-31-a1-v0_1_0.py")
    assert tampered(recorded) == ()


def test_a_changed_revision_is_named_with_its_release(recorded: Project) -> None:
    path = recorded.versions / "2023-01-01-a1-v0_1_0.py"
    path.write_bytes(path.read_bytes() + b" ")
    (one,) = tampered(recorded)
    assert (one.id, one.problem, one.path) == ("a1", "changed", path)
    assert one.message == (
        "core/migrations/versions/2023-01-01-a1-v0_1_0.py has changed since it was released with 0.1.0."
    )


def test_a_released_revision_that_is_gone(recorded: Project) -> None:
    (recorded.versions / "2023-01-01-a1-v0_1_0.py").unlink()
    path = recorded.versions / "2023-01-02-b2-v0_2_0.py"
    path.write_text(path.read_text().replace("'a1'", "None"))
    assert [(one.id, one.problem) for one in tampered(recorded)] == [("a1", "missing"), ("b2", "changed")]


def test_a_released_revision_whose_name_says_unreleased(recorded: Project) -> None:
    path = recorded.versions / "2023-01-02-b2-v0_2_0.py"
    path.rename(recorded.versions / "2023-01-02-b2-vx_x_x.py")
    assert [(one.id, one.problem) for one in tampered(recorded)] == [("b2", "unreleased")]


def test_a_released_revision_without_a_checksum(released: Project) -> None:
    assert [(one.id, one.problem) for one in tampered(released)] == [("a1", "unrecorded"), ("b2", "unrecorded")]


@pytest.mark.parametrize(
    "line", ["<<<<<<< HEAD", "abc  a1  1.0", f"{'0' * 64}  a1", f"{'0' * 64}  a1  0.1.0\n{'0' * 64}  a1  0.1.0"]
)
def test_a_line_that_is_none_of_ours_is_told(project: Project, line: str) -> None:
    module = project.module()
    module.checksums_file.write_text(f"# x\n\n{line}\n")
    with pytest.raises(RevisionError, match=r"of core/migrations/checksums\.txt is") as caught:
        read_checksums(module)
    number = 4 if "\n" in line else 3
    assert caught.value.where == f"core/migrations/checksums.txt:{number}"
