"""A private, short-lived server: shared by the providers `system` and `embedded`.

A private server belongs to one process. A small shell beside it holds the reading end of a pipe whose writing
end only that process has, so however the process ends (even by SIGKILL), the shell sees the end of the pipe,
stops the server and removes its folder. What a killed shell left is swept by the next start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.interruption import signals_deferred, termination_raises
from lamin_migrate_kit.servers import cluster, folders
from lamin_migrate_kit.servers.cluster import ANOTHER_SERVER, Binaries, log_tail
from lamin_migrate_kit.servers.server import Server, describe_server

if TYPE_CHECKING:
    from lamin_migrate_kit.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_NOT_LOCKED_YET = "new-"
_ABANDONED_SECONDS = 600

PRIVATE_OPTIONS = {
    **cluster.COMMON_OPTIONS,
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "wal_init_zero": "off",  # a file of 16 MB written twice, for disks that are kept
    "wal_writer_delay": "10s",  # what works in the background takes from who is waited for
    "bgwriter_lru_maxpages": "0",
    "checkpoint_timeout": "1d",
    "autovacuum": "off",  # its workers would stand in the way of CREATE DATABASE ... TEMPLATE
    "jit": "off",
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
    {
        cat <&3
        # Again and again: a server that starts just now still ignores the signal.
        while [ ! -e "$folder/exit" ] && kill -QUIT "$server"; do sleep 0.02; done
    } >/dev/null &
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
        try:
            yield _describe(provider, folder)
        except ServerGone as error:
            error.details = error.details or log_tail(folder / "log")
            raise


def _describe(provider: str, folder: Path) -> Server:
    from sqlalchemy.exc import OperationalError

    try:
        return describe_server(provider, cluster.socket_url(folder), own=True)
    except OperationalError as error:
        raise ServerError(
            "A private Postgres started, and refused the connection.",
            where=str(folder),
            details=f"{error.orig}\n{log_tail(folder / 'log')}",
            next_command=ANOTHER_SERVER,
        ) from error


@contextmanager
def _running(binaries: Binaries, settings: Settings) -> Iterator[Path]:
    """Start a server; a second time from a fresh data directory, should the prepared one turn out damaged."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(_attempt(binaries, cluster.prepared_data(binaries, settings)))
        except _DidNotStart:
            cluster.discard_prepared_data(binaries, settings)
            folder = stack.enter_context(_attempt(binaries, cluster.prepared_data(binaries, settings)))
        yield folder


class _DidNotStart(ServerError):
    """The server ended, or took too long, before it accepted connections."""


@contextmanager
def _attempt(binaries: Binaries, prepared: Path) -> Iterator[Path]:
    # The watch exists from here on: one try block, so that no signal falls between the two.
    watch: _Watch | None = None
    try:
        with signals_deferred():
            watch = _start_watch(binaries, prepared)
        with signals_deferred():  # Python loses a KeyboardInterrupt that falls into certain moments of an import
            import sqlalchemy.dialects.postgresql.psycopg2  # noqa: F401 - takes as long as the start: side by side

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
        while not cluster.postmaster_ready(self.folder / "data"):
            ended = (self.folder / "exit").exists() or self.shell.poll() is not None
            if ended or time.monotonic() > deadline:
                log = log_tail(self.folder / "log")
                raise _DidNotStart("A private Postgres did not start.", details=log, next_command=ANOTHER_SERVER)
            time.sleep(cluster.POLL_SECONDS)

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
    folder = folders.make_run_folder(_NOT_LOCKED_YET)
    with ExitStack() as undo:
        undo.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
        lock = _lock_folder(folder)
        undo.callback(os.close, lock)
        # Under the name by which it can be swept only now that it is locked.
        folder = folder.rename(folder.with_name(folder.name.replace(_NOT_LOCKED_YET, "")))
        reading, writing = os.pipe()
        undo.callback(os.close, writing)
        try:
            shell = _popen_shell(binaries, prepared, folder, reading, lock)
        finally:
            os.close(reading)
        undo.pop_all()
    return _Watch(folder, shell, writing, lock)


def _popen_shell(binaries: Binaries, prepared: Path, folder: Path, reading: int, lock: int) -> subprocess.Popen[bytes]:
    server = cluster.server_command(binaries, folder / "data", folder, PRIVATE_OPTIONS)
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "lamin_migrate_kit", str(prepared), str(folder), *server],
            stdin=reading,
            stdout=lock,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=cluster.server_environment(),
            start_new_session=True,  # Ctrl-C at the terminal is for us: we stop the server when we are done with it
            umask=0o077,
            **folders.server_account().run_as,
        )
    except OSError as error:
        raise ServerError(
            f"A private Postgres could not be started: {error}",
            where=str(binaries.folder),
            next_command=ANOTHER_SERVER,
        ) from error


def sweep_run_folders() -> None:
    """Remove run folders whose process and watching shell are both gone, and stop a server that still runs in one."""
    name = f"{folders.NAME}-{os.geteuid()}-"
    for base in folders.run_folder_bases():
        for folder in base.glob(f"{name}????????"):
            with suppress(OSError):
                _sweep(folder)
        for folder in base.glob(f"{name}{_NOT_LOCKED_YET}????????"):
            with suppress(OSError):
                if folder.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
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
    if pid := cluster.postmaster_pid(folder / "data"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        _wait_for_end(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end(data: Path) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while (data / "postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(cluster.POLL_SECONDS)


def _lock_folder(folder: Path) -> int:
    """Lock the folder and return the descriptor that holds the lock. Raises BlockingIOError when it is in use."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock
