"""A release changes names, docstrings, the version and the checksums: all of it, or nothing."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ReleaseError, WriteError
from lamin_migrate_kit.revisions.checksums import checksum, read_checksums, verify_checksums
from lamin_migrate_kit.revisions.history import read_history
from lamin_migrate_kit.revisions.release import ReleasePlan, apply_release, plan_release
from tests.revisions.conftest import INIT, Project

VERSIONS = "core/migrations/versions"


def plan(project: Project, version: str = "1.0.0", **options: bool) -> ReleasePlan:
    module = project.module()
    return plan_release(module, read_history(module), version, **options)


def refused(project: Project, version: str = "1.0.0", **options: bool) -> ReleaseError:
    before = project.contents()
    with pytest.raises(ReleaseError) as caught:
        plan(project, version, **options)
    assert project.contents() == before
    assert caught.value.exit_code == 2
    assert caught.value.next_command
    return caught.value


def git(project: Project, *arguments: str) -> str:
    """Run git with an identity of its own, whatever the machine is set up for."""
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity |= {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments], cwd=project.root, env=os.environ | identity, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def committed(released: Project) -> Project:
    """The same, in a git checkout where everything is committed."""
    git(released, "init", "-q")
    git(released, "add", ".")
    git(released, "commit", "-qm", "x")
    return released


# What a release does


def test_every_unreleased_revision_gets_the_version(released: Project) -> None:
    before = released.contents()
    the_plan = plan(released)
    assert released.contents() == before
    assert (the_plan.version, the_plan.revisions) == ("1.0.0", ("c3", "d4"))
    apply_release(the_plan)
    after = released.contents()
    for id in ("c3", "d4"):
        old = before[f"{VERSIONS}/2023-01-03-{id}-vx_x_x.py"]
        assert f"{VERSIONS}/2023-01-03-{id}-vx_x_x.py" not in after
        assert after[f"{VERSIONS}/2023-01-03-{id}-v1_0_0.py"] == old.replace(b"vX.X.X.", b"v1.0.0.")
    assert after["core/__init__.py"] == INIT.replace(b"0.2.0", b"1.0.0")
    assert set(after) - set(before) == {
        "core/migrations/checksums.txt",
        f"{VERSIONS}/2023-01-03-c3-v1_0_0.py",
        f"{VERSIONS}/2023-01-03-d4-v1_0_0.py",
    }


def test_after_a_release_everything_is_released_and_recorded(released: Project) -> None:
    apply_release(plan(released))
    module = released.module()
    history = read_history(module)
    assert module.version == "1.0.0"
    assert [(one.id, one.version) for one in history.revisions] == [
        ("a1", "0.1.0"),
        ("b2", "0.2.0"),
        ("c3", "1.0.0"),
        ("d4", "1.0.0"),
    ]
    assert verify_checksums(module, history) == ()
    assert [(one.id, one.version) for one in read_checksums(module).values()] == [
        (one.id, one.version) for one in history.revisions
    ]


def test_the_next_release_adds_to_the_checksums_and_keeps_what_is_recorded(released: Project) -> None:
    apply_release(plan(released))
    recorded = read_checksums(released.module())
    changed = released.versions / "2023-01-01-a1-v0_1_0.py"
    changed.write_bytes(changed.read_bytes() + b"\n")
    path = released.revision("e5", "d4", day=5)
    apply_release(plan(released, "1.1.0"))
    now = read_checksums(released.module())
    assert {id: now[id] for id in recorded} == recorded
    assert now["e5"].sha256 == checksum(path.with_name("2023-01-05-e5-v1_1_0.py").read_bytes())


@pytest.mark.parametrize(
    ("typed", "normal", "in_name"),
    [
        ("1.0.0rc1", "1.0.0rc1", "1_0_0rc1"),
        ("1.0.0-RC.1", "1.0.0rc1", "1_0_0rc1"),
        ("v1.0", "1.0", "1_0"),
        ("0.2.0.post1", "0.2.0.post1", "0_2_0_post1"),
        ("2!0.1", "2!0.1", "2!0_1"),
        ("0.2.1.dev3+x.y", "0.2.1.dev3+x.y", "0_2_1_dev3+x_y"),
    ],
)
def test_every_kind_of_version(released: Project, typed: str, normal: str, in_name: str) -> None:
    apply_release(plan(released, typed))
    module = released.module()
    assert module.version == normal
    assert (released.versions / f"2023-01-03-c3-v{in_name}.py").read_text().startswith(f'"""v{normal}."""')
    assert [one.version for one in read_history(module).revisions[-2:]] == [normal, normal]


BYTES = [
    b'"""vX.X.X."""\r\nrevision = "e5"\r\ndown_revision = "d4"',
    b'\xef\xbb\xbf"""vX.X.X."""\nrevision = "e5"\ndown_revision = "d4"\n',
    b"# coding: latin-1\n'''vX.X.X.\n\n\xe9\xff'''\nrevision = \"e5\"\ndown_revision = 'd4'\t# \xe9\n",
    b'#!/usr/bin/env python\n\n"vx.x.x. And more."\nrevision = "e5"\ndown_revision = "d4"\n\x0c',
    b'"""vX.X.X.\n\nNotes of vX.X.X."""\nrevision = "e5"\ndown_revision = "d4"\n',
]


@pytest.mark.parametrize("source", BYTES)
def test_only_the_docstring_of_a_revision_changes(released: Project, source: bytes) -> None:
    released.write("2023-01-05-e5-vx_x_x.py", source)
    apply_release(plan(released))
    after = (released.versions / "2023-01-05-e5-v1_0_0.py").read_bytes()
    assert after == source.replace(b"vX.X.X", b"v1.0.0", 1).replace(b"vx.x.x", b"v1.0.0", 1)


PYPROJECTS = [
    '[project]\nname = "core"\nversion = "0.2.0"  # the version\n\n[tool.x]\nversion = "0.2.0"\n',
    "[tool.x]\r\nversion = '0.2.0'\r\n[project]\r\nversion = '0.2.0'\r\nname = 'core'",
    '\ufeff[project]\nversion="0.2.0"\n',
    'project.version = "0.2.0"\nproject.name = "core"\n',
    'project = {name = "core", version = "0.2.0"}\n',
    '[project]\n"version" = "0.2.0"\ndependencies = [\n  "x",  # why\n]\n',
]


@pytest.mark.parametrize("text", PYPROJECTS)
def test_a_static_version_in_pyproject_is_set_and_nothing_else(released: Project, text: str) -> None:
    released.init_file.write_bytes(b'_schema_id = "yvzi"\n_migration = "b2"\n')
    (released.root / "pyproject.toml").write_bytes(text.encode())
    apply_release(plan(released))
    after = (released.root / "pyproject.toml").read_bytes().decode()
    head, _, tail = text.rpartition("0.2.0") if "\r" in text else text.partition("0.2.0")
    assert after == f"{head}1.0.0{tail}"
    assert released.module().version == "1.0.0"


def test_both_places_that_set_a_version_are_set(released: Project) -> None:
    (released.root / "pyproject.toml").write_text('[project]\nversion = "0.1.9"\n')
    apply_release(plan(released))
    assert (released.root / "pyproject.toml").read_text() == '[project]\nversion = "1.0.0"\n'
    assert b'"1.0.0"' in released.init_file.read_bytes()


def test_a_release_without_a_migration(project: Project) -> None:
    project.revision("a1", None, "0_1_0")
    apply_release(plan(project, no_migration=True))
    assert project.module().version == "1.0.0"
    assert [one.version for one in read_checksums(project.module()).values()] == ["0.1.0"]


def test_revisions_named_in_alembics_way_keep_their_names(project: Project) -> None:
    path = project.write("a1_first.py", '"""First.\n\nRevision ID: a1\n"""\nrevision = "a1"\ndown_revision = None\n')
    before = path.read_bytes()
    apply_release(plan(project))
    assert path.read_bytes() == before
    (one,) = read_history(project.module()).revisions
    assert one.version == "1.0.0"


def test_checksums_keep_their_line_ends(released: Project) -> None:
    apply_release(plan(released))
    file = released.module().checksums_file
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    released.revision("e5", "d4", day=5)
    apply_release(plan(released, "1.1.0"))
    assert file.read_bytes().count(b"\r\n") == file.read_bytes().count(b"\n") == 6


# Refusals


@pytest.mark.parametrize("version", ["", "one", "1.0.0.x", "1..0", "1.0 0", "x_x_x", "../1.0", "--dry-run"])
def test_what_is_no_version_is_refused(released: Project, version: str) -> None:
    error = refused(released, version)
    assert error.what == f"{version!r} is no version as PEP 440 defines them."
    assert error.next_command == "invoke release 0.3.0"


@pytest.mark.parametrize("version", ["0.2.0", "0.1.9", "0.2", "0.2.0rc1", "0.2.0.dev1", "v0.2.0"])
def test_a_version_that_is_not_greater_is_refused(released: Project, version: str) -> None:
    error = refused(released, version)
    assert "is not greater than the current version 0.2.0." in error.what
    assert error.where == "core/__init__.py"


def test_a_current_version_that_is_none_is_told(released: Project) -> None:
    released.init_file.write_bytes(INIT.replace(b"0.2.0", b"next"))
    assert refused(released).what.startswith("The current version 'next' is no version")


def test_no_unreleased_revision_is_refused(project: Project) -> None:
    project.revision("a1", None, "0_1_0")
    error = refused(project)
    assert error.what == "There is no unreleased revision, so 1.0.0 would contain no migration."
    assert error.next_command is not None
    assert "invoke release 1.0.0 --no-migration" in error.next_command


def test_no_version_to_set_is_refused(released: Project) -> None:
    released.init_file.write_bytes(b'_schema_id = "yvzi"\n_migration = "b2"\nfrom ._version import __version__\n')
    assert refused(released).what.startswith("No file sets the version of core")


def test_a_docstring_without_a_place_for_the_version_is_refused(released: Project) -> None:
    path = released.versions / "2023-01-03-c3-vx_x_x.py"
    path.write_text(path.read_text().replace('"""vX.X.X."""', '"""Adds a table."""'))
    error = refused(released)
    assert error.what.startswith("The docstring of 2023-01-03-c3-vx_x_x.py does not say vX.X.X")
    assert error.where == f"{VERSIONS}/2023-01-03-c3-vx_x_x.py:1"


@pytest.mark.parametrize("change", ["edited", "staged", "never added"])
def test_uncommitted_changes_to_the_files_are_refused(committed: Project, change: str) -> None:
    path = committed.versions / "2023-01-03-c3-vx_x_x.py"
    if change == "never added":
        path = committed.revision("e5", "d4", day=5)
    else:
        path.write_bytes(path.read_bytes() + b"\n")
    if change == "staged":
        git(committed, "add", ".")
    error = refused(committed)
    assert error.what == "Files that the release changes have uncommitted changes."
    assert error.details is not None
    assert path.name in error.details
    assert error.next_command is not None
    assert "invoke release 1.0.0 --allow-dirty" in error.next_command
    apply_release(plan(committed, allow_dirty=True))


def test_uncommitted_changes_to_other_files_are_no_reason(committed: Project) -> None:
    path = committed.versions / "2023-01-01-a1-v0_1_0.py"
    path.write_bytes(path.read_bytes() + b"\n")
    (committed.root / "notes.txt").write_text("x")
    apply_release(plan(committed))


def test_a_checkout_that_git_does_not_read_is_told(committed: Project) -> None:
    (committed.root / ".git" / "HEAD").write_text("nonsense")
    (committed.root / ".git" / "config").write_text("[core\n")
    error = refused(committed)
    assert error.what.startswith("git cannot say whether")
    assert error.details


def test_a_name_that_is_taken_is_not_overwritten(released: Project) -> None:
    released.write("2023-01-03-c3-v1_0_0.py", 'revision = "zz"\ndown_revision = "d4"\n')
    before = released.contents()
    with pytest.raises(WriteError, match=r"2023-01-03-c3-v1_0_0\.py exists already"):
        apply_release(plan(released))
    assert released.contents() == before


def test_a_file_saved_after_the_plan_stops_the_release(released: Project) -> None:
    the_plan = plan(released)
    released.init_file.write_bytes(INIT + b"x = 1\n")
    before = released.contents()
    with pytest.raises(WriteError, match=r"__init__\.py was changed by something else meanwhile"):
        apply_release(the_plan)
    assert released.contents() == before


def test_a_full_disk_in_the_middle_changes_nothing_and_running_again_works(
    released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_plan, before, real, calls = plan(released), released.contents(), os.replace, []

    def full(*args: Path) -> None:
        calls.append(args)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WriteError, match="No space left on device"):
        apply_release(the_plan)
    assert released.contents() == before
    apply_release(plan(released))
    assert released.module().version == "1.0.0"


# The diff


def test_the_diff_shows_renames_and_edits(released: Project) -> None:
    diff = plan(released).diff()
    assert (
        f"diff --git a/{VERSIONS}/2023-01-03-c3-vx_x_x.py b/{VERSIONS}/2023-01-03-c3-v1_0_0.py\n"
        "similarity index 88%\n"
        f"rename from {VERSIONS}/2023-01-03-c3-vx_x_x.py\n"
        f"rename to {VERSIONS}/2023-01-03-c3-v1_0_0.py\n"
        f"--- a/{VERSIONS}/2023-01-03-c3-vx_x_x.py\n"
        f"+++ b/{VERSIONS}/2023-01-03-c3-v1_0_0.py\n"
        "@@ -1,4 +1,4 @@\n"
        '-"""vX.X.X."""\n'
        '+"""v1.0.0."""\n'
    ) in diff
    assert '-__version__ = "0.2.0"  # by hand\n+__version__ = "1.0.0"  # by hand\n' in diff
    assert "new file mode 100644\n--- /dev/null\n+++ b/core/migrations/checksums.txt\n" in diff


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", [True, False])
def test_git_applies_the_diff_and_gets_what_the_release_writes(committed: Project, newline: str, end: bool) -> None:
    for path in committed.root.rglob("*.py"):
        text = path.read_text().replace("\n", newline) + "# ümlaut" + (newline if end else "")
        path.write_bytes(text.encode())
    git(committed, "-c", "core.autocrlf=false", "commit", "-qam", "y")
    the_plan = plan(committed)
    (committed.root / "release.patch").write_bytes(the_plan.diff().encode("utf-8", "surrogateescape"))
    git(committed, "apply", "release.patch")
    (committed.root / "release.patch").unlink()
    by_git = committed.contents()
    git(committed, "clean", "-fdq")
    git(committed, "checkout", "-q", ".")
    apply_release(the_plan)
    assert committed.contents() == by_git


def test_git_applies_a_diff_of_files_with_spaces_in_their_names(committed: Project) -> None:
    (committed.root / "a src").mkdir()
    git(committed, "mv", "core", "a src/core")
    git(committed, "commit", "-qm", "y")
    module = committed.module()
    the_plan = plan_release(module, read_history(module), "1.0.0")
    (committed.root / "release.patch").write_text(the_plan.diff())
    git(committed, "apply", "release.patch")
    assert committed.module().version == "1.0.0"
