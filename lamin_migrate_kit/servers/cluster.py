"""From a folder of Postgres binaries to a private, short-lived server: shared by the providers `system` and `embedded`.

A private server belongs to one process. A small shell beside it holds the reading end of a pipe whose writing end only
that process has, so however the process ends (even by SIGKILL), the shell sees the end of the pipe, stops the server
and removes its folder. What a killed shell left is swept by the next start.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.interruption import signals_deferred, termination_raises
from lamin_migrate_kit.servers import folders
from lamin_migrate_kit.servers.server import Server, describe_server, server_answers

if TYPE_CHECKING:
    from sqlalchemy import URL

    from lamin_migrate_kit.settings import Settings

SUPERUSER = "postgres"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.003

# The same on every machine, whatever its locale and time zone are.
_DETERMINISTIC = {"timezone": "UTC", "log_timezone": "UTC", "datestyle": "ISO, MDY", "lc_messages": "C"}
# A power cut may cost the data; that is what makes DDL fast.
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
COMMON_OPTIONS = {
    **_DETERMINISTIC,
    **_NOT_DURABLE,
    "max_locks_per_transaction": "512",
    "listen_addresses": "",
}
PRIVATE_OPTIONS = {
    **COMMON_OPTIONS,
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "1d",
    "autovacuum": "off",  # its workers would stand in the way of CREATE DATABASE ... TEMPLATE
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that nothing is left when it goes
    "restart_after_crash": "off",  # a crash is to be seen, not to be slept over
}

# Arguments: $1 is the prepared data directory, $2 the run folder, and the rest the server's command.
# Standard input is the pipe; standard output is the lock on the folder, which lives as long as this shell or its
# parent does. dash knows one-digit descriptors only, hence the use of 0 and 1.
_WATCH = """
trap '' INT TERM HUP
exec 3<&0 </dev/null 2>>"$2/log"
prepared=$1 folder=$2
shift 2
if cp -R "$prepared" "$folder/data" >>"$folder/log" 2>&1; then
    "$@" 3<&- >>"$folder/log" 2>&1 &
    server=$!
    { cat <&3 >/dev/null; [ -e "$folder/exit" ] || kill -QUIT "$server"; } >/dev/null &
    reader=$!
    wait "$server"
    echo "$?" >"$folder/exit"
    wait "$reader"
else
    echo 1 >"$folder/exit"
    cat <&3 >/dev/null
fi
rm -rf "$folder"
"""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb` and `postgres`.

    Attributes:
        folder: The folder.
        major: Their major version.
    """

    folder: Path
    major: int


@contextmanager
def private_server(provider: str, binaries: Binaries, settings: Settings) -> Iterator[Server]:
    """Run a server for this block only: on a private socket, in memory where there is room, durability off.

    Args:
        provider: The name that the Server carries.
        binaries: What to run; the server's account must be able to run them.
        settings: Says where prepared data directories are kept.

    Raises:
        ServerError: It did not start; the message has the end of its log.
        ServerGone: It stopped answering while the block ran.
    """
    sweep_run_folders()
    with termination_raises(), _running(binaries, settings) as folder:
        server = describe_server(provider, socket_url(folder), own=True)
        try:
            yield server
        except Exception as error:
            if server_answers(server):
                raise
            raise ServerGone(
                f"The {server.label} stopped while it was in use.",
                details=_log_tail(folder),
                next_command="run the command again; nothing that it had begun was kept",
            ) from error


def socket_url(folder: Path, database: str = "postgres") -> URL:
    """The URL of a server that listens on a unix socket in `folder`."""
    from sqlalchemy import URL

    # The port in so many words, because PGPORT may be set for another server.
    query = {"host": str(folder), "port": "5432"}
    return URL.create("postgresql+psycopg2", username=SUPERUSER, database=database, query=query)


@contextmanager
def _running(binaries: Binaries, settings: Settings) -> Iterator[Path]:
    """Start a server, with a second attempt from a fresh data directory when the prepared one turns out damaged."""
    try:
        with _attempt(binaries, prepared_data(binaries, settings)) as folder:
            yield folder
            return
    except _DidNotStart as error:
        first = error
    discard_prepared_data(binaries, settings)
    try:
        with _attempt(binaries, prepared_data(binaries, settings)) as folder:
            yield folder
    except _DidNotStart as error:
        raise ServerError(
            f"Postgres from {binaries.folder} did not start.", details=error.log or first.log
        ) from None


class _DidNotStart(Exception):
    def __init__(self, log: str) -> None:
        super().__init__(log)
        self.log = log


@contextmanager
def _attempt(binaries: Binaries, prepared: Path) -> Iterator[Path]:
    # The watch exists from here on: one try block, so that no signal falls between the two.
    watch: _Watch | None = None
    try:
        with signals_deferred():
            watch = _start_watch(binaries, prepared)
        watch.wait_until_ready()
        yield watch.folder
    finally:
        if watch is not None:
            with signals_deferred():
                watch.stop()


@dataclass(frozen=True, slots=True)
class _Watch:
    """The shell beside a private server.

    Attributes:
        folder: The run folder: data, log, socket, lock.
        shell: The shell's process.
        pipe: The writing end of the pipe; when it is closed, the server stops.
        lock: Our descriptor of the lock on the folder.
    """

    folder: Path
    shell: subprocess.Popen[bytes]
    pipe: int
    lock: int

    def wait_until_ready(self) -> None:
        """Return as soon as the server accepts connections; raise _DidNotStart when it ends before that."""
        deadline = time.monotonic() + _START_SECONDS
        while not postmaster_ready(self.folder / "data"):
            ended = (self.folder / "exit").exists() or self.shell.poll() is not None
            if ended or time.monotonic() > deadline:
                raise _DidNotStart(_log_tail(self.folder))
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        os.close(self.pipe)
        try:
            self.shell.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.shell.pid, signal.SIGKILL)
            self.shell.wait()
        os.close(self.lock)
        # The shell did this already, unless somebody killed it or it may not write to the folder above.
        _remove_run_folder(self.folder)


def _start_watch(binaries: Binaries, prepared: Path) -> _Watch:
    account = folders.server_account()
    folder = folders.make_run_folder()
    try:
        lock = _lock_folder(folder)
        reading, writing = os.pipe()
        shell = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                _WATCH,
                "lamin_migrate_kit",
                str(prepared),
                str(folder),
                *_command(binaries, folder),
            ],
            stdin=reading,
            stdout=lock,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=server_environment(),
            start_new_session=True,  # Ctrl-C at the terminal is for us: we stop the server when we are done with it
            umask=0o077,
            **account.run_as,
        )
        os.close(reading)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _Watch(folder, shell, writing, lock)


def _command(binaries: Binaries, folder: Path) -> list[str]:
    options = {**PRIVATE_OPTIONS, "unix_socket_directories": str(folder)}
    return [
        str(binaries.folder / "postgres"),
        *("-D", str(folder / "data")),
        *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
    ]


def server_environment() -> dict[str, str]:
    """The environment of server processes: nothing of ours, so that no PG* variable or locale gets in."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


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
    listing = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return pid if str(data) in listing.stdout else None


def _log_tail(folder: Path, lines: int = 15) -> str:
    try:
        return "\n".join((folder / "log").read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


# --- what dead processes left


def sweep_run_folders() -> None:
    """Remove run folders whose process and watching shell are both gone, and stop a server that still runs in one."""
    for base in folders.run_folder_bases():
        for folder in base.glob(f"{folders.NAME}-{os.geteuid()}-????????"):
            with suppress(OSError):
                _sweep(folder)


def _sweep(folder: Path) -> None:
    mine = {os.geteuid(), folders.server_account().uid}
    if folder.is_symlink() or folder.stat().st_uid not in mine:
        return
    try:
        lock = _lock_folder(folder)
    except BlockingIOError:
        return  # in use
    try:
        _remove_run_folder(folder)
    finally:
        os.close(lock)


def _remove_run_folder(folder: Path) -> None:
    if not folder.exists():
        return
    if pid := postmaster_pid(folder / "data"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        _wait_for_end(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end(data: Path) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while (data / "postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _lock_folder(folder: Path) -> int:
    """Lock the folder and return the descriptor that holds the lock. Raises BlockingIOError when it is in use."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock


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
    locales = [_locale_arguments(binaries.major), ["--locale=C"]]
    for arguments in locales:
        done = subprocess.run(
            command + arguments,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=server_environment(),
            pass_fds=keep_open,
            start_new_session=True,
            **folders.server_account().run_as,
        )
        if done.returncode == 0:
            return
    raise ServerError(
        "initdb could not make a data directory.",
        where=str(data),
        details=(done.stdout + done.stderr).strip(),
    )


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
