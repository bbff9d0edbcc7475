"""Postgres binaries, data directories and pid files: what every server that the kit starts itself is made of."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.interruption import signals_deferred
from lamin_migrate_kit.servers import folders

if TYPE_CHECKING:
    from sqlalchemy import URL

    from lamin_migrate_kit.settings import Settings

SUPERUSER = "postgres"
ANOTHER_SERVER = (
    "make room (df -h /dev/shm /tmp), and run the same command again; or name a server that runs:\n"
    "export LAMIN_MIGRATE_SERVER_URL=postgresql://USER@HOST:5432/postgres"
)
POLL_SECONDS = 0.003

# The same on every machine, whatever its locale and time zone are.
_DETERMINISTIC = {"timezone": "UTC", "log_timezone": "UTC", "datestyle": "ISO, MDY", "lc_messages": "C"}
# A power cut may cost the data, a killed process may not; that is what makes DDL fast.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
COMMON_OPTIONS = {
    **_DETERMINISTIC,
    **_NOT_DURABLE,
    "max_locks_per_transaction": "512",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that nothing is left when it goes
    "listen_addresses": "",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb` and `postgres`.

    Attributes:
        folder: The folder.
        major: Their major version.
    """

    folder: Path
    major: int


def server_command(binaries: Binaries, data: Path, sockets: Path, options: Mapping[str, str]) -> list[str]:
    """The command that runs a server on the data directory `data`, listening in the folder `sockets`."""
    settings = {**options, "unix_socket_directories": f'"{sockets}"'}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(data), *words]


def server_environment() -> dict[str, str]:
    """The environment of server processes: nothing of ours but PATH, so that no PG* variable or locale gets in."""
    path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin", *os.get_exec_path()])
    return {"PATH": path, "LC_ALL": "C", "TZ": "UTC"}


def postmaster_ready(data: Path) -> bool:
    """Whether the server on this data directory says in its pid file that it accepts connections."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def postmaster_pid(data: Path) -> int | None:
    """The pid of the live server on this data directory, or None.

    A pid in a stale file may belong to something else by now, so the process must name the directory in its command.
    """
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if os.fsencode(data) in _command_of(pid) else None


def _command_of(pid: int) -> bytes:
    """The command line of a process, or nothing when it has ended."""
    if Path("/proc/self/cmdline").exists():  # Linux; small images have no ps
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""
    listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, check=False).stdout


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of a server's log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def socket_url(folder: Path, database: str = "postgres") -> URL:
    """The URL of a server that listens on a unix socket in `folder`."""
    from sqlalchemy import URL

    # The port in so many words, because PGPORT may be set for another server.
    query = {"host": str(folder), "port": "5432"}
    return URL.create("postgresql+psycopg2", username=SUPERUSER, database=database, query=query)


# --- prepared data directories: copying one takes a tenth of the time of initdb


def prepared_data(binaries: Binaries, settings: Settings) -> Path:
    """A data directory as `initdb` makes it, kept for the next time.

    Raises:
        ServerError: initdb failed.
    """
    prepared = _prepared_path(binaries, settings)
    if not (prepared / "PG_VERSION").exists():
        with exclusive(prepared.with_suffix(".lock")) as lock:
            if not (prepared / "PG_VERSION").exists():
                _prepare(binaries, prepared, lock)
    return prepared


def discard_prepared_data(binaries: Binaries, settings: Settings) -> None:
    """Forget the prepared data directory: a server did not start from it."""
    prepared = _prepared_path(binaries, settings)
    with exclusive(prepared.with_suffix(".lock")):
        shutil.rmtree(prepared, ignore_errors=True)


def _prepared_path(binaries: Binaries, settings: Settings) -> Path:
    program = (binaries.folder / "postgres").stat()
    facts = (str(binaries.folder), program.st_size, program.st_mtime_ns, _locale_arguments(binaries.major))
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
    folder = folders.cache_folder(settings) / "prepared"
    folder.mkdir(exist_ok=True)
    return folder / f"{binaries.major}-{key}"


def _prepare(binaries: Binaries, prepared: Path, lock: int) -> None:
    partial = prepared.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(mode=0o700)
        folders.server_account().hand_over(partial)
        run_initdb(binaries, partial, keep_open=(lock,))
        partial.rename(prepared)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def run_initdb(binaries: Binaries, data: Path, *, keep_open: tuple[int, ...] = ()) -> None:
    """Make a data directory in the empty folder `data`, in the locale that all providers share.

    Args:
        binaries: Whose initdb to run.
        data: An empty folder of the server's account.
        keep_open: Descriptors that initdb inherits, so that a lock lasts as long as it runs.

    Raises:
        ServerError: With what initdb said.
    """
    command = [str(binaries.folder / "initdb"), "--no-sync", "--no-instructions", "-D", str(data)]
    command += ["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
    # Where the C library has no C.UTF-8, C sorts the same way.
    for locale in (_locale_arguments(binaries.major), ["--locale=C"]):
        returncode, said = _run_to_the_end(command + locale, keep_open)
        if returncode == 0:
            return
    raise ServerError(
        "initdb could not make a data directory.", where=str(data), details=said, next_command=ANOTHER_SERVER
    )


def copy_prepared_data(binaries: Binaries, settings: Settings, data: Path) -> None:
    """Fill the empty folder `data` of the server's account with a prepared data directory.

    Raises:
        ServerError: It could not be made or copied, for instance because the disk is full.
    """
    prepared = prepared_data(binaries, settings)
    returncode, said = _run_to_the_end(["cp", "-R", f"{prepared}/.", f"{data}/"])
    if returncode != 0:
        raise ServerError(
            "A data directory could not be copied.", where=str(data), details=said, next_command=ANOTHER_SERVER
        )


def _run_to_the_end(command: list[str], keep_open: tuple[int, ...] = ()) -> tuple[int, str]:
    """Run a command of a second or so; an interrupt waits for it.

    Killed half-way, initdb would leave processes that go on writing, and shared memory.
    """
    with signals_deferred():
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env=server_environment(),
            pass_fds=keep_open,
            start_new_session=True,  # Ctrl-C at the terminal goes to the whole group
            **folders.server_account().run_as,
        )
    return done.returncode, done.stdout.strip()


def _locale_arguments(major: int) -> list[str]:
    # From 17 on Postgres brings C.UTF-8 itself; before, it is the C library's.
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


@contextmanager
def exclusive(lock_file: Path) -> Iterator[int]:
    """Hold a lock between processes; wait for it."""
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)
