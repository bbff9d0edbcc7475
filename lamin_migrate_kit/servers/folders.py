"""Where servers keep things on disk, and which account they run under.

Postgres refuses to run as root; when we are root, its processes get an account without rights.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.settings import Settings
from lamin_migrate_kit.temporary import temp_folder

NAME = "lamin_migrate_kit"
_MEMORY = Path("/dev/shm")  # noqa: S108 - private folders are made in it with mkdtemp
_MEMORY_BYTES_NEEDED = 1 << 30


class RunAs(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account that server processes run under."""

    uid: int
    gid: int

    @property
    def run_as(self) -> RunAs:
        """Arguments for `subprocess.Popen`; none when the account is our own."""
        if self.uid == os.geteuid():
            return RunAs()
        return RunAs(user=self.uid, group=self.gid, extra_groups=[])

    def hand_over(self, path: Path) -> None:
        """Make the account the owner of `path`."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)

    def can_use(self, path: Path) -> bool:
        """Whether the mode bits let the account pass every folder above `path` and read `path` itself."""
        resolved = path.resolve()
        return self._allowed(resolved, stat.S_IROTH) and all(
            self._allowed(parent, stat.S_IXOTH) for parent in resolved.parents
        )

    def _allowed(self, path: Path, other_bit: int) -> bool:
        try:
            found = path.stat()
        except OSError:
            return False
        if found.st_uid == self.uid:
            return bool(found.st_mode & (other_bit << 6))
        if found.st_gid == self.gid:
            return bool(found.st_mode & (other_bit << 3))
        return bool(found.st_mode & other_bit)


def server_account() -> Account:
    """The account to run servers under: our own, or as root the first of `postgres` and `nobody` that exists.

    Raises:
        ServerError: We are root, and neither exists.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServerError(
        "Postgres refuses to run as root, and this machine has neither the user 'postgres' nor 'nobody'.",
        next_command="useradd --system postgres",
    )


def cache_folder(settings: Settings) -> Path:
    """The folder for what can be made again; the server's account can use it. It is created."""
    return _usable(_cache_candidates(settings))


def state_folder(settings: Settings) -> Path:
    """The folder for this project's development server, apart from every other checkout's. It is created."""
    folder = _usable(_state_candidates(settings)) / _project_name(settings.root)
    folder.mkdir(exist_ok=True)
    return folder


def find_state_folder(settings: Settings) -> Path | None:
    """The folder of this project's development server, if there ever was one."""
    folders = (base / _project_name(settings.root) for base in _state_candidates(settings))
    return next((folder for folder in folders if _ours(folder)), None)


def project_key(root: Path) -> str:
    """Twelve hexadecimal digits that stand for the checkout's path: two worktrees never share them."""
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]


def process_runs(pid: int) -> bool:
    """Whether a process of this number runs; whose it is does not matter."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _cache_candidates(settings: Settings) -> list[Path]:
    return _candidates(settings.cache_home, Path("~/.cache"), Path("/var/cache"))


def _state_candidates(settings: Settings) -> list[Path]:
    return _candidates(settings.state_home, Path("~/.local/state"), Path("/var/lib"))


def _candidates(wanted: Path | None, for_user: Path, for_root: Path) -> list[Path]:
    places = [wanted, for_root if os.geteuid() == 0 else _expanded(for_user)]
    shared = temp_folder() / f"{NAME}-{os.geteuid()}-kept"
    return [*(place / NAME for place in places if place is not None), shared]


def _project_name(root: Path) -> str:
    return f"{root.name[:40]}-{project_key(root)}"


def _usable(candidates: list[Path]) -> Path:
    """The first folder that can be created and that the server's account can use."""
    account = server_account()
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o755 if os.geteuid() == 0 else 0o700)
        except OSError:
            continue
        if _ours(folder) and account.can_use(folder):
            return folder
    raise ServerError(
        "There is no folder to keep server files in.",
        where=", ".join(map(str, candidates)),
        next_command="export XDG_CACHE_HOME=/some/folder XDG_STATE_HOME=/some/folder",
    )


def _ours(folder: Path) -> bool:
    """Whether the folder is there and ours: in the shared temp folder, somebody else may have made it first."""
    try:
        return folder.lstat().st_uid == os.geteuid() and os.access(folder, os.W_OK)
    except OSError:
        return False


def _expanded(path: Path) -> Path | None:
    try:
        return path.expanduser()
    except RuntimeError:  # no home folder
        return None


def run_folder_bases() -> Iterator[Path]:
    """The folders that private folders for running servers are made in, best first: memory, then the temp folder.

    A path that leaves no room for the name of a unix socket does not count.
    """
    account = server_account()
    for base in (_MEMORY, temp_folder(), Path("/tmp")):  # noqa: S108
        if base == _MEMORY and not _has_room(base):
            continue
        if socket_fits(base / f"{NAME}-{os.geteuid()}-12345678") and os.access(base, os.W_OK) and account.can_use(base):
            yield base


def socket_fits(folder: Path) -> bool:
    """Whether `folder` can hold the socket of a server, and be named as a host.

    A socket's path has at most 107 bytes on Linux and 103 on macOS; libpq takes a comma for the end of a host.
    """
    return len(os.fsencode(folder)) + len("/.s.PGSQL.5432") <= 103 and "," not in str(folder)


def _has_room(memory: Path) -> bool:
    try:
        return shutil.disk_usage(memory).free >= _MEMORY_BYTES_NEEDED
    except OSError:
        return False


def make_run_folder(kind: str = "") -> Path:
    """A private folder for one running server, owned by the server's account.

    Args:
        kind: A word for the name of a folder that outlives us. Those without one are swept when nobody holds them.

    Raises:
        ServerError: No folder is usable.
    """
    account = server_account()
    base = next(run_folder_bases(), None)
    if base is None:
        raise ServerError(
            "There is no folder for a private Postgres: /dev/shm, the temp folder and /tmp cannot be used.",
            next_command="export TMPDIR=/some/short/path",
        )
    folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-{os.geteuid()}-{kind}", dir=base))
    account.hand_over(folder)
    return folder
