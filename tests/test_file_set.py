"""Several files change all together or not at all: whatever fails, and wherever the process dies."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit import file_set
from lamin_migrate_kit.errors import WriteError
from lamin_migrate_kit.file_set import FOLDER, FileSet, recover

STEPS = ("mkdir", "link", "fsync", "replace", "unlink", "open", "fchmod", "rmdir")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A package's folder, in a path with spaces."""
    folder = tmp_path / "a repo" / "core"
    (folder / "versions").mkdir(parents=True)
    (folder / "__init__.py").write_bytes(b'_migration = "a"\r\n')
    (folder / "versions" / "a-vx_x_x.py").write_bytes(b"old a\n")
    (folder / "versions" / "b-vx_x_x.py").write_bytes(b"old b\n")
    (folder / "gone.txt").write_bytes(b"gone\n")
    (folder / "versions" / "a-vx_x_x.py").chmod(0o640)
    return folder


def a_release(home: Path) -> FileSet:
    """An edit, two renames with edits, a new file in a new folder, a file that goes."""
    files = FileSet(home)
    files.stage(home / "__init__.py", b'_migration = "b"\r\n')
    for name in "ab":
        old, new = home / "versions" / f"{name}-vx_x_x.py", home / "versions" / f"{name}-v1_0_0.py"
        files.rename(old, new)
        files.stage(new, f"new {name}\n".encode())
    files.create(home / "migrations" / "deep" / "checksums.txt", b"1234\n")
    files.delete(home / "gone.txt")
    return files


def contents(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes() if path.is_file() else b"(folder)"
        for path in sorted(home.rglob("*"))
    }


AFTER = {
    "__init__.py": b'_migration = "b"\r\n',
    "migrations": b"(folder)",
    "migrations/deep": b"(folder)",
    "migrations/deep/checksums.txt": b"1234\n",
    "versions": b"(folder)",
    "versions/a-v1_0_0.py": b"new a\n",
    "versions/b-v1_0_0.py": b"new b\n",
}


def test_all_changes_are_made_and_nothing_else_is_left(home: Path) -> None:
    a_release(home).commit()
    assert contents(home) == AFTER


def test_modes_are_kept(home: Path) -> None:
    (home / "__init__.py").chmod(0o755)
    a_release(home).commit()
    assert stat.S_IMODE((home / "__init__.py").stat().st_mode) == 0o755
    assert stat.S_IMODE((home / "versions" / "a-v1_0_0.py").stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_the_user_wants(home: Path) -> None:
    before = os.umask(0o027)
    try:
        a_release(home).commit()
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "migrations/deep/checksums.txt").stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_stays_its_owners_when_root_edits_it(home: Path) -> None:
    os.chown(home / "__init__.py", 65534, 65534)
    a_release(home).commit()
    assert (home / "__init__.py").stat().st_uid == 65534


def test_a_symbolic_link_stays_one(home: Path) -> None:
    (home / "__init__.py").rename(home / "real.py")
    (home / "__init__.py").symlink_to("real.py")
    a_release(home).commit()
    assert (home / "__init__.py").is_symlink()
    assert (home / "real.py").read_bytes() == b'_migration = "b"\r\n'


def test_two_files_swap_their_names(home: Path) -> None:
    a, b = home / "versions" / "a-vx_x_x.py", home / "versions" / "b-vx_x_x.py"
    files = FileSet(home)
    files.rename(a, b)
    files.rename(b, a)
    files.commit()
    assert (a.read_bytes(), b.read_bytes()) == (b"old b\n", b"old a\n")


def test_an_edit_that_changes_nothing_does_not_touch_the_file(home: Path) -> None:
    inode = (home / "__init__.py").stat().st_ino
    files = FileSet(home)
    files.stage(home / "__init__.py", b'_migration = "a"\r\n')
    files.commit()
    assert (home / "__init__.py").stat().st_ino == inode


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_what_exists_is_not_overwritten(home: Path, kind: str) -> None:
    place = home / "versions" / "a-v1_0_0.py"
    if kind == "file":
        place.write_bytes(b"mine\n")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    before = contents(home)
    with pytest.raises(WriteError, match="exists already; it was not overwritten and nothing was changed"):
        a_release(home).commit()
    assert contents(home) == before


def test_a_file_that_somebody_saved_meanwhile_is_not_overwritten(home: Path) -> None:
    files = a_release(home)
    (home / "__init__.py").write_bytes(b"saved by an editor\n")
    before = contents(home)
    with pytest.raises(WriteError, match="was changed by something else meanwhile"):
        files.commit()
    assert contents(home) == before


def test_renaming_or_deleting_what_is_not_there_is_refused(home: Path) -> None:
    with pytest.raises(WriteError, match=r"nothing\.py is not there"):
        FileSet(home).rename(home / "nothing.py", home / "x.py")
    with pytest.raises(WriteError, match=r"nothing\.py is not there"):
        FileSet(home).delete(home / "nothing.py")


def failing(monkeypatch: pytest.MonkeyPatch, at: int, error: Callable[[], BaseException]) -> Callable[[], bool]:
    """Make the `at`-th step that touches the disk raise, once; returns whether it was reached."""
    count = 0

    def wrapped(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def step(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == at:
                raise error()
            return real(*args, **kwargs)

        return step

    for name in STEPS:
        monkeypatch.setattr(os, name, wrapped(name))
    return lambda: count >= at


def copies(home: Path) -> Iterator[tuple[int, Path]]:
    """A fresh copy of the package for each step that may fail."""
    for at in range(1, 100):
        copy = home.parent / f"step {at}"
        shutil.copytree(home, copy)
        yield at, copy


@pytest.mark.parametrize(
    ("error", "raised"),
    [(lambda: OSError(errno.ENOSPC, "No space left on device"), WriteError), (KeyboardInterrupt, KeyboardInterrupt)],
    ids=["disk full", "Ctrl-C"],
)
def test_a_failure_at_any_step_changes_nothing(
    home: Path, error: Callable[[], BaseException], raised: type[BaseException]
) -> None:
    before = contents(home)
    failed = 0
    for at, copy in copies(home):
        with pytest.MonkeyPatch.context() as patch:
            files = a_release(copy)
            reached = failing(patch, at, error)
            try:
                files.commit()
            except raised:
                failed += 1
                # Ctrl-C while the working folder is cleared away comes when the changes are made.
                assert contents(copy) == before or (raised is KeyboardInterrupt and contents(copy) == AFTER)
            else:  # a step that may fail, such as a hard link, or none
                assert {name: text for name, text in contents(copy).items() if FOLDER not in name} == AFTER
            if not reached():
                break
    assert failed > 20


def test_a_folder_that_may_not_be_written_is_told_by_its_own_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = a_release(home)
    refused = OSError(errno.EROFS, "Read-only file system", str(home / FOLDER))
    failing(monkeypatch, 1, lambda: refused)
    with pytest.raises(WriteError, match="Read-only file system; nothing was changed") as caught:
        files.commit()
    assert caught.value.where == str(home)
    assert "the right to write" in str(caught.value.next_command)


def test_the_message_of_a_full_disk_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = a_release(home)
    failing(monkeypatch, 6, lambda: OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(WriteError, match="No space left on device; nothing was changed"):
        files.commit()


def test_a_process_killed_at_any_step_leaves_nothing_that_the_next_command_does_not_mend(home: Path) -> None:
    # In a process with a single thread, because it is forked at every step.
    code = "import sys, pathlib, tests.test_file_set as t; t.die_at_every_step(pathlib.Path(sys.argv[1]))"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code, home], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def die_at_every_step(home: Path) -> None:
    """Commit in processes that end at the first step, the second, and so on; recover after each."""
    before = contents(home)
    half_done = 0
    for at, copy in copies(home):
        child = os.fork()
        if child == 0:
            _commit_and_die(copy, at)
        _, status = os.waitpid(child, 0)
        half_done += any(name.startswith(FOLDER) for name in contents(copy))
        recover(copy)
        if os.waitstatus_to_exitcode(status) == 0:
            assert contents(copy) == AFTER
            break
        assert contents(copy) in (before, AFTER), f"step {at}"
    assert half_done > 20


def _commit_and_die(home: Path, at: int) -> None:
    """In a process of its own: no handler of Python runs at step `at`."""
    count = 0

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == at:
                os._exit(9)
            return real(*args, **kwargs)

        return step

    try:
        files = a_release(home)
        for name in STEPS:
            setattr(os, name, dying(getattr(os, name)))
        files.commit()
    finally:
        os._exit(0)


def test_undoing_may_itself_be_interrupted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(home)
    files = a_release(home)
    real, calls = os.replace, []

    def interrupted(*args: object) -> None:
        calls.append(args)
        if len(calls) in (4, 6):  # in the middle of the swaps, then in the middle of undoing them
            raise KeyboardInterrupt
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.commit()
    monkeypatch.undo()
    assert contents(home) != before
    assert recover(home)
    assert contents(home) == before


def test_the_next_commit_mends_what_a_killed_one_left(home: Path) -> None:
    folder = home / FOLDER
    folder.mkdir()
    (folder / "0.new").write_bytes(b"half")
    a_release(home).commit()
    assert contents(home) == AFTER


def test_nothing_to_recover_is_no_work(home: Path) -> None:
    before = contents(home)
    assert not recover(home)
    assert contents(home) == before


def test_file_systems_without_hard_links_work_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    before = contents(home)
    real, calls = os.replace, []

    def failing_later(*args: object) -> None:
        calls.append(args)
        if len(calls) == 4:
            raise OSError(errno.EIO, "Input/output error")
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", failing_later)
    with pytest.raises(WriteError, match="Input/output error"):
        a_release(home).commit()
    assert contents(home) == before
    a_release(home).commit()
    assert contents(home) == AFTER


def test_a_second_command_waits_instead_of_undoing_the_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapping, go_on = threading.Event(), threading.Event()
    real = file_set._sync_folders

    def slow(changes: tuple[file_set.FileChange, ...]) -> None:
        swapping.set()
        go_on.wait(10)
        real(changes)

    monkeypatch.setattr(file_set, "_sync_folders", slow)
    first = threading.Thread(target=a_release(home).commit)
    first.start()
    assert swapping.wait(10)
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from lamin_migrate_kit.file_set import recover
        print(recover(Path({str(home)!r})))
        """
    )
    second = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    assert second.poll() is None
    go_on.set()
    first.join()
    assert second.communicate(timeout=10)[0].strip() == "False"
    assert contents(home) == AFTER
