"""The development server of a project: started by `db.up`, there until `db.down`, its data longer still.

What it is made of lies in the project's state folder: `state.json` says which provider it came from, so that the
data are found again; a server from binaries has its data directory, log and socket beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.interruption import signals_deferred, termination_raises
from lamin_migrate_kit.servers import cluster, compose, docker, embedded, folders, system
from lamin_migrate_kit.servers.cluster import Binaries
from lamin_migrate_kit.servers.devcontainer import open_devcontainer
from lamin_migrate_kit.servers.provider import Unavailable, nothing_available
from lamin_migrate_kit.servers.server import Server, describe_server, libpq_url, open_engine, safe_url
from lamin_migrate_kit.servers.url import VARIABLE, open_url
from lamin_migrate_kit.settings import PINNED_MAJOR

if TYPE_CHECKING:
    from lamin_migrate_kit.settings import Settings

Say = Callable[[str], None]

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_GIVE_UP_SECONDS = 2
_FROM_BINARIES = {system.NAME: system.find_binaries, embedded.NAME: embedded.find_binaries}
_ANOTHER = "LAMIN_MIGRATE_PROVIDER=embedded invoke db.up   # another server, without these data"
_PROVIDERS = (compose.NAME, *_FROM_BINARIES)


@dataclass(frozen=True, slots=True)
class Development:
    """What is known of a project's development server.

    Attributes:
        server: The server, if it runs.
        provider: Where it comes from; None when there never was one.
        place: Where its data are: a folder, a volume, or the server itself.
        stoppable: Whether `db.down` and `db.reset` are ours to do.
        unavailable: Why nobody can say whether it runs, such as a Docker Engine that does not answer.
    """

    server: Server | None
    provider: str | None
    place: str
    stoppable: bool = True
    unavailable: Unavailable | None = None


def inspect_development(settings: Settings, *, running: Server | None = None) -> Development:
    """What there is now; starts nothing.

    Args:
        settings: The project's settings.
        running: The server that was started just now, which need not be looked for.

    Raises:
        ServerError: A server that was given cannot be used.
    """
    if running is not None and running.provider in _PROVIDERS:
        return Development(running, running.provider, _place(settings, running.provider))
    given = _given_server(settings)
    if given is not None:
        return Development(given, given.provider, "the server itself", stoppable=False)
    provider = _recorded_provider(settings)
    if provider is None:
        return Development(None, None, "nowhere yet")
    place = _place(settings, provider)
    try:
        return Development(_find(settings, provider), provider, place)
    except Unavailable as error:
        return Development(None, provider, place, unavailable=error)


def _place(settings: Settings, provider: str) -> str:
    """Where a provider keeps the data."""
    if provider == compose.NAME:
        return f"volume {compose.project_name(settings)}_development"
    return str(_Cluster(settings, provider).data)


def require_development(settings: Settings) -> Server:
    """The development server, which must run.

    Raises:
        ServerError: It does not run.
    """
    found = inspect_development(settings)
    if found.unavailable is not None:
        raise _out_of_reach(found.place, found.unavailable)
    if found.server is None:
        raise ServerError("The development server does not run.", next_command="invoke db.up")
    return found.server


def shown_url(server: Server) -> str:
    """The URL for copying. The password of a server of ours is no secret; that of a given one stays hidden."""
    return libpq_url(server.url) if server.own else safe_url(server.url)


@contextmanager
def open_development(settings: Settings, major: int | None) -> Iterator[Server]:
    """The development server of this project, if it runs.

    Raises:
        Unavailable: It does not run, or is of another major or another provider than the one that is named.
    """
    server = find_development(settings)
    if server is None:
        raise Unavailable("no development server runs", install="invoke db.up")
    if settings.provider is not None and server.provider != settings.provider:
        raise Unavailable(f"the development server is from the provider {server.provider}")
    if major is not None and server.major != major:
        raise Unavailable(f"the development server is Postgres {server.version}")
    try:
        yield server
    except ServerGone as error:
        error.next_command = "invoke db.status\ninvoke db.up"
        raise


def find_development(settings: Settings) -> Server | None:
    """The development server of this project, if it runs. A project that never had one costs no process."""
    provider = _recorded_provider(settings)
    try:
        return _find(settings, provider) if provider is not None else None
    except Unavailable:
        return None


def _find(settings: Settings, provider: str) -> Server | None:
    try:
        if provider == compose.NAME:
            return compose.development_project(settings).find()
        return _Cluster(settings, provider).find()
    except ServerError:
        return None
    except _connection_errors():
        return None


def _connection_errors() -> type[Exception]:
    """Imported when something was raised: a start of Docker's need not wait for SQLAlchemy."""
    from sqlalchemy.exc import OperationalError

    return OperationalError


def start_development(settings: Settings, say: Say) -> Server:
    """Start the development server, unless it runs already.

    Args:
        settings: The project's settings.
        say: Told what is being waited for, a line at a time.

    Raises:
        ServerError: No provider is here, or the server did not start.
    """
    given = _given_server(settings)
    if given is not None:
        say(_not_ours(given))
        return given
    with cluster.exclusive(folders.state_folder(settings) / "lock"):
        running = find_development(settings)
        if running is None:
            return _start_first_available(settings, say)
        if settings.provider not in (None, running.provider):
            raise ServerError(
                f"The development server runs already, and is from {running.provider}, not {settings.provider}.",
                next_command="invoke db.down",
            )
        return running


def stop_development(settings: Settings, say: Say) -> None:
    """Stop the development server; its data stay.

    Raises:
        ServerError: It did not stop.
    """
    given = _given_server(settings)
    if given is not None:
        return say(_not_ours(given))
    with cluster.exclusive(folders.state_folder(settings) / "lock"):
        provider = _recorded_provider(settings)
        if provider == compose.NAME:
            _with_docker()
            compose.development_project(settings, say).stop()
        elif provider is not None:
            _Cluster(settings, provider).stop()
    return None


def reset_development(settings: Settings, say: Say) -> None:
    """Empty the development server: everything in it is lost. It runs afterwards if it ran before.

    Raises:
        ServerError: The server was given to the kit, which never empties what it did not start.
    """
    given = _given_server(settings)
    if given is not None and not given.own:
        raise ServerError(
            f"The server is given by {VARIABLE}; the kit empties only what it started.",
            next_command=f"unset {VARIABLE}",
        )
    if given is not None:
        return _drop_everything(given)
    with cluster.exclusive(folders.state_folder(settings) / "lock"):
        provider = _recorded_provider(settings)
        running = find_development(settings) is not None
        if provider == compose.NAME:
            _with_docker()
            compose.development_project(settings, say).remove()
        elif provider is not None:
            _Cluster(settings, provider).remove()
        if running:
            _start_first_available(settings, say)
    return None


def _given_server(settings: Settings) -> Server | None:
    """The server that is there without our doing: from the variable, or beside the devcontainer."""
    for name, provider in (("url", open_url), ("devcontainer", open_devcontainer)):
        if settings.provider not in (None, name):
            continue
        try:
            with provider(settings, None) as server:
                return server
        except Unavailable as error:
            if settings.provider == name:
                raise nothing_available({name: error}) from None
    return None


def _not_ours(server: Server) -> str:
    how = f"given by {VARIABLE}" if server.provider == "url" else "there for as long as the devcontainer is"
    return f"The server is {how}: nothing to start or stop."


def _start_first_available(settings: Settings, say: Say) -> Server:
    """Start from the named provider, else from the one that has the data, else from the first that is here."""
    recorded = _recorded_provider(settings)
    if settings.provider is None and recorded is not None:
        try:
            return _start(settings, recorded, say)
        except Unavailable as error:
            raise _out_of_reach(_place(settings, recorded), error) from None
    reasons: dict[str, Unavailable] = {}
    for provider in (settings.provider,) if settings.provider is not None else _PROVIDERS:
        try:
            server = _start(settings, provider, say)
        except Unavailable as error:
            reasons[provider] = error
        else:
            return server
    raise nothing_available(reasons)


def _out_of_reach(place: str, error: Unavailable) -> ServerError:
    """The data are where nobody can get at them now; an empty server in their place would look as if they were lost."""
    return ServerError(
        f"The data of the development server are out of reach: {error.reason}.",
        where=place,
        next_command="\n".join(filter(None, (error.install, _ANOTHER))),
    )


def _start(settings: Settings, provider: str, say: Say) -> Server:
    if provider == compose.NAME:
        # Compose itself is asked for once: where it was there before, `up` says soon enough that it is not any more.
        docker.refuse_without_engine()
        if _recorded_provider(settings) != provider:
            docker.refuse_without_docker()
            _record_provider(settings, provider)
        return _start_container(compose.development_project(settings, say))
    binaries = _FROM_BINARIES[provider](settings, PINNED_MAJOR)
    _record_provider(settings, provider)
    say(f"starting Postgres {binaries.major} from {binaries.folder}")
    return _Cluster(settings, provider).start(binaries)


def _start_container(project: compose.Project) -> Server:
    """Start; when that fails or is interrupted, leave nothing running, and no volume that was not there before."""
    kept = project.has_volumes()
    with termination_raises():
        try:
            return project.start(image_first=not kept)
        except BaseException:
            with signals_deferred(), suppress(ServerError):  # what went wrong first is what counts
                # What has data ends soon, or survives a kill. An image that makes its first data listens to no signal,
                # and half of them are worth nothing.
                project.stop(_GIVE_UP_SECONDS) if kept else project.remove()
            raise


def _with_docker() -> None:
    try:
        docker.refuse_without_engine()
    except Unavailable as error:
        raise ServerError(
            f"The development server is a container, and {error.reason}.", next_command=error.install
        ) from None


# --- what is remembered


def _recorded_provider(settings: Settings) -> str | None:
    folder = folders.find_state_folder(settings)
    if folder is None:
        return None
    try:
        state = json.loads((folder / "state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    provider = state.get("provider") if isinstance(state, dict) else None
    return provider if provider in _PROVIDERS else None


def _record_provider(settings: Settings, provider: str) -> None:
    path = folders.state_folder(settings) / "state.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"provider": provider, "project": str(settings.root)}), "utf-8")
    partial.replace(path)


# --- a long-lived server from binaries


@dataclass(frozen=True, slots=True)
class _Cluster:
    """A server from binaries that outlives the command that starts it."""

    settings: Settings
    provider: str

    @property
    def folder(self) -> Path:
        return folders.state_folder(self.settings) / f"{self.provider}-{PINNED_MAJOR}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def find(self) -> Server | None:
        if cluster.postmaster_pid(self.data) is None or not cluster.postmaster_ready(self.data):
            return None
        return describe_server(self.provider, cluster.socket_url(self._sockets()), own=True, lasting=True)

    def start(self, binaries: Binaries) -> Server:
        with termination_raises():
            return self._start(binaries)

    def _start(self, binaries: Binaries) -> Server:
        self.folder.mkdir(exist_ok=True)
        if not self.data.exists():
            self._make_data(binaries)
        sockets = self.folder / "socket"
        if folders.socket_fits(sockets):
            sockets.mkdir(exist_ok=True, mode=0o700)
            folders.server_account().hand_over(sockets)
        else:
            sockets = folders.make_run_folder("development-")
        self._run(binaries, sockets)
        return describe_server(self.provider, cluster.socket_url(sockets), own=True, lasting=True)

    def stop(self) -> None:
        pid = cluster.postmaster_pid(self.data)
        if pid is None:
            return
        sockets = self._sockets()
        os.kill(pid, signal.SIGINT)  # "fast": ends connections, and writes everything
        deadline = time.monotonic() + _STOP_SECONDS
        while cluster.postmaster_pid(self.data) is not None:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"The server did not stop within {_STOP_SECONDS:.0f} s.",
                    where=str(self.data),
                    details=cluster.log_tail(self.folder / "log"),
                    next_command=f"kill -QUIT {pid}",
                )
            time.sleep(cluster.POLL_SECONDS)
        if sockets.parent != self.folder:
            shutil.rmtree(sockets, ignore_errors=True)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _sockets(self) -> Path:
        # Lines of the pid file: pid, data directory, start, port, first socket folder.
        return Path((self.data / "postmaster.pid").read_text().splitlines()[4])

    def _make_data(self, binaries: Binaries) -> None:
        partial = self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(mode=0o700)
            folders.server_account().hand_over(partial)
            cluster.copy_prepared_data(binaries, self.settings, partial)
            partial.rename(self.data)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _run(self, binaries: Binaries, sockets: Path) -> None:
        server: subprocess.Popen[bytes] | None = None
        try:
            with signals_deferred():
                server = self._popen(binaries, sockets)
            self._wait_until_ready(server)
        except BaseException:
            if server is not None:
                server.send_signal(signal.SIGQUIT)
                server.wait()
            raise
        # It lives on without us: Python is neither to wait for it nor to warn.
        server.returncode = 0

    def _popen(self, binaries: Binaries, sockets: Path) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                cluster.server_command(binaries, self.data, sockets, cluster.COMMON_OPTIONS),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=cluster.server_environment(),
                start_new_session=True,
                umask=0o077,
                **folders.server_account().run_as,
            )

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not cluster.postmaster_ready(self.data):
            if server.poll() is not None or time.monotonic() > deadline:
                raise ServerError(
                    "The development server did not start.",
                    where=str(self.data),
                    details=cluster.log_tail(self.folder / "log"),
                    next_command="invoke db.reset   # empties it: everything in it is lost\ninvoke db.up",
                )
            time.sleep(cluster.POLL_SECONDS)


def _drop_everything(server: Server) -> None:
    """Empty a server that we may not stop: drop every database, and make the maintenance database anew."""
    outside = server.url.set(database="template1")
    with open_engine(outside, own=server.own).connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        quote = connection.dialect.identifier_preparer.quote
        names = autocommit.exec_driver_sql("SELECT datname FROM pg_database WHERE NOT datistemplate").scalars().all()
        for name in names:
            autocommit.exec_driver_sql(f"DROP DATABASE {quote(name)} WITH (FORCE)")
        autocommit.exec_driver_sql(f"CREATE DATABASE {quote(server.url.database or 'postgres')}")
