"""Postgres in a container, from compose.yaml: the development server, and servers in memory for one command.

Docker is driven through one function, `_docker`. A compose project is named after the checkout's path, so two
worktrees never touch each other's containers; the name of a server for one command ends in our pid.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.interruption import signals_deferred, termination_raises
from lamin_migrate_kit.servers import folders
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.servers.server import Server
from lamin_migrate_kit.servers.url import inspect_given
from lamin_migrate_kit.settings import PINNED_MAJOR, SUPPORTED_MAJORS

if TYPE_CHECKING:
    from sqlalchemy import URL

    from lamin_migrate_kit.settings import Settings

NAME = "compose"
DEVELOPMENT_SERVICE = "postgres"
_MARKER = "x-lamin-migrate-kit:"
_ESCAPE = "export LAMIN_MIGRATE_PROVIDER=embedded   # to go on without Docker"
_INSTALL = "curl -fsSL https://get.docker.com | sh   # Docker with Compose, on Linux; elsewhere: Docker Desktop"
_WAKE = "sudo systemctl start docker   # or Docker Desktop; the command docker info says why it does not answer"
_PROBE_SECONDS = 3
_COMMAND_SECONDS = 60
_PULL_SECONDS = 900
_START_SECONDS = 90

# So that `port`, `logs` and `down` see every service. ("*" is not known to older releases of Compose v2.)
_PROFILES = ("scratch", *(str(major) for major in SUPPORTED_MAJORS if major != PINNED_MAJOR))
_ALL_PROFILES = tuple(word for profile in _PROFILES for word in ("--profile", profile))

Say = Callable[[str], None]


def _say_nothing(_line: str) -> None:
    pass


@contextmanager
def open_compose(settings: Settings, major: int | None) -> Iterator[Server]:
    """A server in a container of its own, with its data in memory; removed at the end of the block.

    Raises:
        Unavailable: No Docker Engine answers.
        ServerError: It does, and the container did not start; with the container's last log lines.
    """
    refuse_without_docker()
    sweep_projects(settings)
    project = Project(settings, name=f"{project_name(settings)}-{os.getpid()}", service=_scratch_service(major))
    with termination_raises():
        try:
            yield project.start()
        except BaseException as error:
            if isinstance(error, ServerGone):
                error.details = error.details or project.log_tail()
            with signals_deferred(), suppress(ServerError):  # what went wrong first is what counts
                project.remove()
            raise
        with signals_deferred():
            project.remove()


def refuse_without_docker() -> None:
    """Raise Unavailable, quickly, when there is no Docker Engine with Compose v2."""
    engine_version()
    compose_version()


def engine_version() -> str:
    """The version of the Docker Engine that answers.

    Raises:
        Unavailable: None does.
    """
    # Not the version command: that one answers without an Engine.
    return _probe(_docker_program(), "no Docker Engine answers", _WAKE, "info", "--format", "{{.ServerVersion}}")


def compose_version() -> str:
    """The version of Compose.

    Raises:
        Unavailable: There is no Compose v2; docker-compose 1 is none.
    """
    lacking = "this Docker has no Compose v2 (the command docker compose)"
    return _probe(_docker_program(), lacking, _INSTALL, "compose", "version", "--short")


def _docker_program() -> str:
    program = shutil.which("docker")
    if program is None:
        raise Unavailable("the command docker is not installed", install=_INSTALL)
    return program


@functools.cache
def _probe(program: str, lacking: str, install: str, *arguments: str) -> str:  # noqa: ARG001 - one answer a docker
    """What docker answers, asked once; without an answer it is Unavailable, and asked again the next time."""
    try:
        done = _docker(*arguments, seconds=_PROBE_SECONDS)
    except _DockerSilent:
        raise Unavailable(f"the Docker Engine did not answer within {_PROBE_SECONDS} s", install=_WAKE) from None
    if done.returncode != 0 or not done.stdout.strip():
        raise Unavailable(lacking, install=install)
    return done.stdout.strip()


def project_name(settings: Settings) -> str:
    """The compose project of this checkout's development server."""
    return f"lamin-migrate-{folders.project_key(settings.root)}"


def service_url(host: str, port: int) -> URL:
    """The URL of a server that compose.yaml describes; its password is no secret."""
    from sqlalchemy import URL

    return URL.create("postgresql+psycopg2", "postgres", "postgres", host, port, "postgres")


def definition(settings: Settings) -> Path:
    """The compose.yaml to use: the project's own if it is made for the kit, else the kit's.

    Raises:
        ServerError: The kit was installed without it.
    """
    package = Path(__file__).parent.parent
    own = settings.root / "compose.yaml"
    if own.is_file() and any(line.startswith(_MARKER) for line in own.read_text("utf-8").splitlines()):
        return own
    # In the wheel it lies inside the package, in a checkout of the kit beside it: it is the same file.
    for kit in (package / "compose.yaml", package.parent / "compose.yaml"):
        if kit.is_file():
            return kit
    raise ServerError(
        "The kit's compose.yaml is missing.",
        where=str(package),
        next_command="pip install --force-reinstall lamin_migrate_kit",
    )


@dataclass(frozen=True, slots=True)
class Project:
    """One compose project with one service that runs.

    Attributes:
        settings: The project's settings; `image` replaces the image.
        name: The name of the compose project.
        service: The service in compose.yaml.
        say: Told what is being waited for, a line at a time.
    """

    settings: Settings
    name: str
    service: str
    say: Say = field(default=_say_nothing)

    def start(self) -> Server:
        """Start the container, wait until it is healthy, and connect.

        Raises:
            ServerError: With the container's last log lines.
        """
        self._pull_if_missing()
        self.say(f"waiting for the container to become healthy (up to {_START_SECONDS} s)")
        waiting = ("--wait", "--wait-timeout", str(_START_SECONDS))
        try:
            done = self._compose("up", "--detach", *waiting, self.service, seconds=_START_SECONDS + 30)
        except _DockerSilent:
            raise self._error(f"The container was not ready within {_START_SECONDS} s.") from None
        if done.returncode != 0:
            raise self._error("The container did not start.", done)
        server = self.find()
        if server is None:
            raise self._error("The container started, and stopped again.")
        return server

    def find(self) -> Server | None:
        """The server, if its container runs."""
        done = self._compose("port", self.service, "5432")
        address = done.stdout.strip()
        if done.returncode != 0 or ":" not in address or address.endswith(":0"):
            return None
        host, _, port = address.rpartition(":")
        try:
            return inspect_given(
                NAME, service_url(host, int(port)), own=True, lasting=self.service == DEVELOPMENT_SERVICE
            )
        except ServerError as error:
            error.next_command = _ESCAPE
            raise

    def stop(self) -> None:
        """Remove the container; a named volume stays."""
        self._compose_checked("down", "--remove-orphans")

    def remove(self) -> None:
        """Remove the container and its data.

        Raises:
            ServerError: Docker did not do it.
        """
        arguments = ("down", "--volumes", "--remove-orphans", "--timeout", "0")
        if self._compose(*arguments).returncode != 0:  # another command's network or container may be in the way
            self._compose_checked(*arguments)

    def log_tail(self) -> str:
        """The container's last log lines."""
        return self._compose("logs", "--no-color", "--no-log-prefix", "--tail", "15", self.service).stdout.strip()

    def _pull_if_missing(self) -> None:
        image = self._image()
        if _docker("image", "inspect", image).returncode == 0:
            return
        self.say(f"pulling the image {image}")
        try:
            done = self._compose("pull", "--quiet", self.service, seconds=_PULL_SECONDS)
        except _DockerSilent:
            raise self._error(f"The image {image} was not pulled within {_PULL_SECONDS} s.") from None
        if done.returncode != 0:
            raise self._error(f"The image {image} cannot be pulled.", done)

    def _image(self) -> str:
        done = self._compose("config", "--format", "json")
        if done.returncode != 0:
            raise self._error("compose.yaml cannot be used.", done)
        services = json.loads(done.stdout).get("services", {})
        if self.service not in services:
            raise self._error(f"compose.yaml has no service {self.service!r}.")
        return str(services[self.service]["image"])

    def _compose_checked(self, *arguments: str) -> None:
        done = self._compose(*arguments)
        if done.returncode != 0:
            raise self._error(f"docker compose {arguments[0]} failed.", done)

    def _compose(self, *arguments: str, seconds: float = _COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        file = str(definition(self.settings))
        image = {"LAMIN_MIGRATE_IMAGE": self.settings.image} if self.settings.image else {}
        command = ("compose", "-f", file, "-p", self.name, *_ALL_PROFILES, *arguments)
        return _docker(*command, seconds=seconds, variables=image)

    def _error(self, what: str, done: subprocess.CompletedProcess[str] | None = None) -> ServerError:
        said = done.stderr.strip() if done else ""
        try:
            log = self.log_tail()
        except _DockerSilent:
            log = ""
        return ServerError(
            what,
            where=f"{definition(self.settings)}, service {self.service}",
            details="\n".join(part for part in (said, log) if part),
            next_command=_ESCAPE,
        )


def development_project(settings: Settings, say: Say = _say_nothing) -> Project:
    """The compose project of this checkout's development server."""
    return Project(settings, project_name(settings), DEVELOPMENT_SERVICE, say)


def running_image(server: Server) -> str:
    """The id of the image that a server of ours runs from; empty when Docker does not say."""
    found = _docker("ps", "--filter", f"publish={server.url.port}", "--format", "{{.ID}}")
    container = found.stdout.strip()
    return _docker("inspect", "--format", "{{.Image}}", container).stdout.strip() if container else ""


def sweep_projects(settings: Settings) -> None:
    """Remove the containers of this checkout whose process is gone."""
    prefix = f"{project_name(settings)}-"
    label = "com.docker.compose.project"
    listed = _docker("ps", "--all", "--filter", f"label={label}", "--format", f'{{{{.Label "{label}"}}}}')
    for name in set(listed.stdout.split()):
        pid = name.removeprefix(prefix)
        if name.startswith(prefix) and pid.isdigit() and not folders.process_runs(int(pid)):
            Project(settings, name, _scratch_service(None)).remove()


def _scratch_service(major: int | None) -> str:
    return "scratch" if major in (None, PINNED_MAJOR) else f"scratch-{major}"


class _DockerSilent(ServerError):
    """Docker did not answer in time."""


def _docker(
    *arguments: str, seconds: float = _COMMAND_SECONDS, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run docker and return what it said; the only place that does.

    Raises:
        ServerError: It took longer than `seconds`.
    """
    command = ["docker", *arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **(variables or {})},
        start_new_session=True,  # Ctrl-C is for us: we take the container down in order
    )
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except BaseException as error:
        with suppress(ProcessLookupError):  # it ended just now
            os.killpg(process.pid, signal.SIGKILL)  # Compose is a program of its own, started by docker
        process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise _DockerSilent(
            f"Docker did not answer within {seconds:g} s.", where=" ".join(command), next_command=_ESCAPE
        ) from None
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
