"""Changes to several files that happen all together or not at all.

A release renames revisions, edits them, sets `__version__` and writes checksums; a generated revision needs its file
and `_migration`. Half of that is a broken package, so:

- everything that takes room on the disk (the new contents, and the old ones where hard links are not to be had) is
  written and synced first, into one folder `.lamin_migrate_writing` inside `home`;
- then a journal is written, then files are swapped by renames, then the folder is removed;
- any exception, Ctrl-C included, puts everything back from that folder;
- when the process was killed, the folder stays, and `recover(home)`, which every command calls first, puts everything
  back (there is a journal) or just removes it (there is none).

The folder `home` is locked meanwhile, so a second command waits instead of "recovering" what the first is doing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lamin_migrate_kit.errors import WriteError

FOLDER = ".lamin_migrate_writing"
_JOURNAL = "journal.json"


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happens to one file.

    Attributes:
        path: Where the file is now, or will be when it is new.
        before: Its bytes now; None when it is new.
        after: Its bytes afterwards; None when it is deleted.
        renamed_to: Where it will be, when that is another place.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    renamed_to: Path | None = None

    @property
    def target(self) -> Path:
        """Where the new contents go."""
        return self.renamed_to or self.path


@dataclass(slots=True)
class FileSet:
    """Collects changes to files and makes all of them or none.

    Args:
        home: An existing folder on the same file system as the files, normally the package's; holds the working
            folder during `commit`.
    """

    home: Path
    changes: dict[Path, FileChange] = field(default_factory=dict)

    def create(self, path: Path, content: bytes) -> None:
        """Write a new file; `commit` refuses when something stands there."""
        self.add(FileChange(path, None, content))

    def stage(self, path: Path, content: bytes) -> None:
        """Give a file new contents; it is created when it is missing."""
        renamed = next((change for change in self.changes.values() if change.renamed_to == path), None)
        if renamed:
            self.add(FileChange(renamed.path, renamed.before, content, path))
        else:
            earlier = self.changes.get(path)
            self.add(FileChange(path, earlier.before if earlier else _read(path), content))

    def rename(self, old: Path, new: Path) -> None:
        """Move a file; `commit` refuses when something stands at `new`."""
        earlier = self.changes.get(old)
        before = earlier.before if earlier else _existing(old)
        self.add(FileChange(old, before, earlier.after if earlier else before, new))

    def delete(self, path: Path) -> None:
        """Remove a file."""
        self.add(FileChange(path, _existing(path), None))

    def add(self, change: FileChange) -> None:
        """Take over a change that was planned elsewhere. `commit` refuses when the file is no longer as planned."""
        self.changes[change.path] = change

    def commit(self) -> None:
        """Make all changes, or none.

        Raises:
            WriteError: A file would be overwritten, has changed since it was read, or cannot be written. Nothing has
                changed.
        """
        changes = tuple(c for c in self.changes.values() if c.renamed_to or c.before != c.after)
        try:
            with _locked(self.home):
                _recover(self.home)
                _check(changes)
                _apply(self.home, changes)
        except OSError as error:
            raise WriteError(
                f"The files could not be written: {error.strerror or error}; nothing was changed.",
                where=str(_named_in(error, self.home)),
                next_command="make room there, or give yourself the right to write; then run the same command again",
            ) from error


def _named_in(error: OSError, home: Path) -> Path:
    """The place that an error names; `home` for what is in the working folder, which nobody else knows of."""
    place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes, os.PathLike)) else home
    return home if place.is_relative_to(home / FOLDER) else place


def recover(home: Path) -> bool:
    """Undo what a killed process left half-done in `home`.

    Args:
        home: As for `FileSet`.

    Returns:
        Whether there was anything.
    """
    if not (home / FOLDER).exists():
        return False
    try:
        with _locked(home):
            return _recover(home)
    except OSError as error:
        raise WriteError(
            f"A command was killed here while it wrote files, and they cannot be put back: {error.strerror}.",
            where=str(home / FOLDER),
            next_command="run the same command as the user who ran it then",
        ) from error


def _recover(home: Path) -> bool:
    folder = home / FOLDER
    if not folder.exists():
        return False
    _restore(folder)
    return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder itself, so that no lock file is left anywhere."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _check(changes: tuple[FileChange, ...]) -> None:
    leaving = {change.path for change in changes if change.renamed_to or change.after is None}
    for change in changes:
        is_new_place = change.before is None or change.renamed_to
        if is_new_place and change.target not in leaving and os.path.lexists(change.target):
            raise WriteError(
                f"{change.target.name} exists already; it was not overwritten and nothing was changed.",
                where=str(change.target),
                next_command=f"move {change.target.name} away, and run the same command again",
            )
        if change.before is not None and _read(change.path) != change.before:
            raise WriteError(
                f"{change.path.name} was changed by something else meanwhile; nothing was written.",
                where=str(change.path),
                next_command="run the same command again",
            )


def _apply(home: Path, changes: tuple[FileChange, ...]) -> None:
    """The steps of a commit. An exception at any point, Ctrl-C included, restores the files."""
    folder = home / FOLDER
    try:
        folder.mkdir(mode=0o700)
        entries = [entry for number, change in enumerate(changes) for entry in _prepare(folder, number, change)]
        made = _missing_folders(changes)
        _write_journal(folder, entries, made)
        for parent in made:
            parent.mkdir()
        for change in changes:
            if change.target != change.path or change.after is None:
                os.unlink(change.path)
        for number, change in enumerate(changes):
            if change.after is not None:
                os.replace(folder / f"{number}.new", _real(change.target))
        _sync_folders(changes)
        os.unlink(folder / _JOURNAL)  # from here on the changes are made
    except BaseException:
        _restore(folder)
        raise
    _remove(folder)


def _remove(folder: Path) -> None:
    """Clear the working folder away, also when Ctrl-C comes in between."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _prepare(folder: Path, number: int, change: FileChange) -> Iterator[dict[str, str | None]]:
    """Write the new contents and secure the old ones; yields what the journal needs to undo this change."""
    if change.after is not None:
        _write(folder / f"{number}.new", change.after, like=change.path if change.before is not None else None)
    if change.before is None:
        yield {"path": str(change.target), "old": None}
        return
    path, old = _real(change.path), folder / f"{number}.old"
    if change.target == change.path and change.after is not None:
        _secure(path, old)
        yield {"path": str(path), "old": old.name}
        return
    # Unlinked under its own name: a symbolic link that is renamed or deleted is put back as the link that it was.
    _secure(change.path, old)
    yield {"path": str(change.path), "old": old.name}
    if change.renamed_to:
        yield {"path": str(change.renamed_to), "old": None}


def _secure(path: Path, old: Path) -> None:
    """Keep a file under a second name: a hard link, or a synced copy where the file system has none."""
    if path.is_symlink():
        old.symlink_to(os.readlink(path))
        return
    try:
        os.link(path, old)
    except OSError:
        _write(old, path.read_bytes(), like=path)


def _write(path: Path, content: bytes, like: Path | None) -> None:
    """Write and sync a file, with the mode and owner of another one."""
    with path.open("xb") as file:
        file.write(content)
        if like is not None:
            status = like.stat()
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
        file.flush()
        os.fsync(file.fileno())


def _write_journal(folder: Path, entries: list[dict[str, str | None]], made: list[Path]) -> None:
    """The journal appears whole or not at all."""
    # A place that is left and taken at once (two files swap their names) only counts as left, so that undoing can be
    # repeated after it was itself interrupted.
    left = {entry["path"] for entry in entries if entry["old"]}
    files = [entry for entry in entries if entry["old"] or entry["path"] not in left]
    document = {"files": files, "folders": [str(path) for path in made]}
    _write(folder / "journal.new", json.dumps(document).encode(), like=None)
    os.replace(folder / "journal.new", folder / _JOURNAL)
    _sync(folder)
    _sync(folder.parent)


def _restore(folder: Path) -> None:
    """Put every file back as the journal says, then remove the working folder. May be repeated."""
    journal = folder / _JOURNAL
    if journal.exists():
        document = json.loads(journal.read_bytes())
        for entry in document["files"]:
            _restore_file(folder, Path(entry["path"]), entry["old"])
        for made in reversed(document["folders"]):
            with contextlib.suppress(OSError):
                os.rmdir(made)
        os.unlink(journal)
    _remove(folder)


def _restore_file(folder: Path, path: Path, old: str | None) -> None:
    if old is None:
        path.unlink(missing_ok=True)
    elif os.path.lexists(folder / old):
        os.replace(folder / old, path)


def _missing_folders(changes: tuple[FileChange, ...]) -> list[Path]:
    """Folders that have to be made, outermost first."""
    wanted = {parent for change in changes if change.after is not None for parent in change.target.parents}
    return sorted((path for path in wanted if not path.exists()), key=lambda path: len(path.parts))


def _sync_folders(changes: tuple[FileChange, ...]) -> None:
    for path in {parent for change in changes for parent in (change.path.parent, change.target.parent)}:
        if path.exists():
            _sync(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _real(path: Path) -> Path:
    """The file behind a symbolic link, so that the link itself stays."""
    return path.resolve() if path.is_symlink() else path


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WriteError(
            f"{path.name} cannot be read: {error.strerror}.",
            where=str(path),
            next_command="give yourself the right to read it; then run the same command again",
        ) from error


def _existing(path: Path) -> bytes:
    content = _read(path)
    if content is None:
        raise WriteError(
            f"{path.name} is not there.", where=str(path), next_command="run the same command again, once it is back"
        )
    return content
