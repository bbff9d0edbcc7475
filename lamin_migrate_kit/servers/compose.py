"""Postgres in a container, from compose.yaml: the development server, and servers in memory for one command.

A compose project is named after the checkout's path, so two worktrees never touch each other's containers; the name
of a server for one command ends in our pid.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.interruption import signals_deferred, termination_raises
from lamin_migrate_kit.servers import folders
from lamin_migrate_kit.servers.docker import (
    COMMAND_SECONDS,
    ESCAPE,
    PROJECT_LABEL,
    SERVICE_LABEL,
    Container,
    DockerSilent,
    compose_version,
    containers,
    refuse_without_engine,
    run_docker,
)
from lamin_migrate_kit.servers.server import Server, import_driver
from lamin_migrate_kit.servers.url import inspect_given
from lamin_migrate_kit.settings import PINNED_MAJOR, SUPPORTED_MAJORS

if TYPE_CHECKING:
    from sqlalchemy import URL

    from lamin_migrate_kit.settings import Settings

NAME = "compose"
DEVELOPMENT_SERVICE = "postgres"
_MARKER = "x-lamin-migrate-kit:"
_PULL_SECONDS = 900
_START_SECONDS = 90
_POLL_SECONDS = 0.1

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
    refuse_without_engine()
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

    def start(self, *, image_first: bool = False) -> Server:
        """Start the container, wait until its Postgres answers, and connect.

        Args:
            image_first: Whether to have the image before anything is made; else it is expected to be here, and
                looked for when the start fails, which is quicker.

        Raises:
            Unavailable: This Docker has no Compose v2.
            ServerError: With the container's last log lines.
        """
        if image_first:
            self._pull_if_missing()
        deadline = self._begin_waiting()
        if self._up("--pull", "never").returncode != 0:  # so that a pull is not silent, and each failure is told
            compose_version()
            if self._pull_if_missing():
                deadline = self._begin_waiting()
            done = self._up()
            if done.returncode != 0:
                raise self._error("The container did not start.", done)
        # Not `up --wait`: the first run of a health check comes a second late, and Compose looks twice a second.
        while (server := self._answering(deadline)) is None:
            time.sleep(_POLL_SECONDS)
        return server

    def find(self) -> Server | None:
        """The server, if its container runs.

        Raises:
            Unavailable: Docker does not say.
            ServerError: It runs, and its Postgres cannot be used.
        """
        container = self._container()
        return self._connect(*container.address) if container and container.address else None

    def has_volumes(self) -> bool:
        """Whether there may be data that a start did not make: of an earlier one, or of somebody else's.

        Raises:
            ServerError: compose.yaml cannot be used.
        """
        listed = run_docker("volume", "ls", "--quiet", "--filter", f"label={PROJECT_LABEL}={self.name}")
        if listed.returncode != 0 or listed.stdout.strip():
            return True
        volumes = self._configuration().get("volumes", {}).values()
        return any(run_docker("volume", "inspect", volume["name"]).returncode == 0 for volume in volumes)

    def stop(self, seconds: int | None = None) -> None:
        """Remove the container; a named volume stays.

        Args:
            seconds: How long Postgres may take to end before it is killed; else compose.yaml says.
        """
        timeout = () if seconds is None else ("--timeout", str(seconds))
        self._compose_checked("down", "--remove-orphans", *timeout)

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

    def _begin_waiting(self) -> float:
        self.say(f"waiting for the container to answer (up to {_START_SECONDS} s)")
        return time.monotonic() + _START_SECONDS

    def _up(self, *options: str) -> subprocess.CompletedProcess[str]:
        try:
            arguments = ("up", "--detach", *options, self.service)
            return self._compose(*arguments, seconds=_START_SECONDS, meanwhile=import_driver)
        except DockerSilent:
            raise self._error(f"The container was not ready within {_START_SECONDS} s.") from None

    def _answering(self, deadline: float) -> Server | None:
        """The server, as soon as it answers; a health check has the last word on one that does not.

        Raises:
            ServerError: It never will, or did not until `deadline`.
        """
        container = self._container()
        if container is None or container.state not in ("created", "running", "restarting"):
            stopped = self._error("The container started, and stopped again.")
            if self.service == DEVELOPMENT_SERVICE:
                stopped.next_command = f"invoke db.reset   # empties it: everything in it is lost\n{ESCAPE}"
            raise stopped
        if container.health == "unhealthy":
            raise self._error("The container is not healthy.")
        if container.state == "running" and container.address is None:
            raise self._error("The container runs, and gives no port of this machine to its port 5432.")
        try:
            if container.address:
                return self._connect(*container.address)
        except ServerError:
            if container.health == "healthy":
                raise
        if time.monotonic() > deadline:
            raise self._error(f"The container was not ready within {_START_SECONDS} s.")
        return None

    def _container(self) -> Container | None:
        listed = containers(f"label={PROJECT_LABEL}={self.name}", f"label={SERVICE_LABEL}={self.service}")
        return next(iter(listed), None)

    def _connect(self, host: str, port: int) -> Server:
        try:
            return inspect_given(NAME, service_url(host, port), own=True, lasting=self.service == DEVELOPMENT_SERVICE)
        except ServerError as error:
            error.next_command = ESCAPE
            raise

    def _pull_if_missing(self) -> bool:
        """Whether the image had to be pulled."""
        image = self._image()
        if run_docker("image", "inspect", image).returncode == 0:
            return False
        self.say(f"pulling the image {image}")
        try:
            done = self._compose("pull", "--quiet", self.service, seconds=_PULL_SECONDS)
        except DockerSilent:
            raise self._error(f"The image {image} was not pulled within {_PULL_SECONDS} s.") from None
        if done.returncode != 0:
            raise self._error(f"The image {image} cannot be pulled.", done)
        return True

    def _image(self) -> str:
        services = self._configuration().get("services", {})
        if self.service not in services:
            raise self._error(f"compose.yaml has no service {self.service!r}.")
        return str(services[self.service]["image"])

    def _configuration(self) -> dict[str, Any]:
        """What Compose makes of compose.yaml."""
        done = self._compose("config", "--format", "json")
        if done.returncode != 0:
            raise self._error("compose.yaml cannot be used.", done)
        return dict(json.loads(done.stdout))

    def _compose_checked(self, *arguments: str) -> None:
        done = self._compose(*arguments)
        if done.returncode != 0:
            raise self._error(f"docker compose {arguments[0]} failed.", done)

    def _compose(
        self, *arguments: str, seconds: float = COMMAND_SECONDS, meanwhile: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        file = str(definition(self.settings))
        image = {"LAMIN_MIGRATE_IMAGE": self.settings.image} if self.settings.image else {}
        command = ("compose", "-f", file, "-p", self.name, *_ALL_PROFILES, *arguments)
        return run_docker(*command, seconds=seconds, variables=image, meanwhile=meanwhile)

    def _error(self, what: str, done: subprocess.CompletedProcess[str] | None = None) -> ServerError:
        said = done.stderr.strip() if done else ""
        try:
            log = self.log_tail()
        except DockerSilent:
            log = ""
        return ServerError(
            what,
            where=f"{definition(self.settings)}, service {self.service}",
            details="\n".join(part for part in (said, log) if part),
            next_command=ESCAPE,
        )


def development_project(settings: Settings, say: Say = _say_nothing) -> Project:
    """The compose project of this checkout's development server."""
    return Project(settings, project_name(settings), DEVELOPMENT_SERVICE, say)


def sweep_projects(settings: Settings) -> None:
    """Remove the containers of this checkout whose process is gone.

    Raises:
        Unavailable: Docker does not say which there are.
    """
    prefix = f"{project_name(settings)}-"
    for name in {container.project for container in containers()}:
        pid = name.removeprefix(prefix)
        if name.startswith(prefix) and pid.isdigit() and not folders.process_runs(int(pid)):
            Project(settings, name, _scratch_service(None)).remove()


def _scratch_service(major: int | None) -> str:
    return "scratch" if major in (None, PINNED_MAJOR) else f"scratch-{major}"
