"""The command docker: the one function that runs it, and what it says of its Engine, of Compose and of containers."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers.provider import Unavailable

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server

ESCAPE = "export LAMIN_MIGRATE_PROVIDER=embedded   # to go on without Docker"
_INSTALL = "curl -fsSL https://get.docker.com | sh   # Docker with Compose, on Linux; elsewhere: Docker Desktop"
_WAKE = "sudo systemctl start docker   # or Docker Desktop; the command docker info says why it does not answer"
_JOIN = 'sudo usermod --append --groups docker "$USER"   # and log in again'
_PROBE_SECONDS = 3
COMMAND_SECONDS = 60

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
_LABELS = tuple(f'{{{{.Label "{label}"}}}}' for label in (PROJECT_LABEL, SERVICE_LABEL))
_LISTED = "\t".join(("{{.State}}", "{{.Status}}", *_LABELS, "{{.Ports}}"))


def refuse_without_docker() -> None:
    """Raise Unavailable, quickly, when there is no Docker Engine with Compose v2."""
    refuse_without_engine()
    compose_version()


def refuse_without_engine() -> None:
    """Raise Unavailable, quickly, when no Docker Engine answers. One that has answered in this process is not asked."""
    if _docker_program() not in _answered:
        engine_version()


_answered: set[str] = set()
"""The docker programs whose Engine has listed containers."""


def engine_version() -> str:
    """The version of the Docker Engine that answers.

    Raises:
        Unavailable: None does.
    """
    # Not the version command: that one answers without an Engine.
    return _probe(_docker_program(), _no_engine, "info", "--format", "{{.ServerVersion}}")


def compose_version() -> str:
    """The version of Compose.

    Raises:
        Unavailable: There is no Compose v2; docker-compose 1 is none.
    """
    return _probe(_docker_program(), _no_compose, "compose", "version", "--short")


def _docker_program() -> str:
    program = shutil.which("docker")
    if program is None:
        raise Unavailable("the command docker is not installed", install=_INSTALL)
    return program


@functools.cache
def _probe(program: str, lacking: Callable[[], Unavailable], *arguments: str) -> str:  # noqa: ARG001 - one answer a docker
    """What docker answers, asked once; without an answer it is Unavailable, and asked again the next time."""
    try:
        done = run_docker(*arguments, seconds=_PROBE_SECONDS)
    except DockerSilent:
        raise _silent(_PROBE_SECONDS) from None
    if done.returncode != 0 or not done.stdout.strip():
        raise lacking()
    return done.stdout.strip()


def _no_engine() -> Unavailable:
    host = run_docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
    socket = Path(host.removeprefix("unix://"))
    if host.startswith("unix://") and socket.exists() and not os.access(socket, os.R_OK | os.W_OK):
        return Unavailable("this user may not use the Docker Engine", install=_JOIN)
    return Unavailable("no Docker Engine answers", install=_WAKE)


def _no_compose() -> Unavailable:
    return Unavailable("this Docker has no Compose v2 (the command docker compose)", install=_INSTALL)


def _silent(seconds: float) -> Unavailable:
    return Unavailable(f"the Docker Engine did not answer within {seconds:g} s", install=_WAKE)


@dataclass(frozen=True, slots=True)
class Container:
    """What Docker says of a container that Compose made.

    Attributes:
        state: `created`, `running`, `exited` and so on.
        health: `starting`, `healthy` or `unhealthy`; empty when it does not run, or has no health check.
        project: The compose project.
        service: The service in its compose.yaml.
        address: Where its Postgres listens on this machine; None when it does not run.
    """

    state: str
    health: str
    project: str
    service: str
    address: tuple[str, int] | None


def containers(*filters: str) -> list[Container]:
    """The containers that Compose made, whatever their state.

    Args:
        filters: Of the command docker ps, such as `label=NAME=VALUE`.

    Raises:
        Unavailable: Docker does not say; quickly, unless it has answered before and is only busy.
    """
    program = _docker_program()
    words = [word for one in (f"label={PROJECT_LABEL}", *filters) for word in ("--filter", one)]
    seconds = COMMAND_SECONDS if program in _answered else _PROBE_SECONDS
    try:
        done = run_docker("ps", "--all", *words, "--format", _LISTED, seconds=seconds)
    except DockerSilent:
        raise _silent(seconds) from None
    if done.returncode != 0:
        raise _no_engine()
    _answered.add(program)
    return [_read_container(*line.split("\t")) for line in done.stdout.splitlines()]


def _read_container(state: str, status: str, project: str, service: str, ports: str) -> Container:
    health = re.search(r"\((?:health: )?(\w+)\)$", status)  # "Up 2 seconds (health: starting)"
    published = re.search(r"(\S+):(\d+)->5432/tcp", ports)  # "127.0.0.1:49153->5432/tcp"
    address = (published[1].strip("[]"), int(published[2])) if published else None
    return Container(state, health[1] if health else "", project, service, address)


def running_image(server: Server) -> str:
    """The id of the image that a server of ours runs from; empty when Docker does not say."""
    found = run_docker("ps", "--filter", f"publish={server.url.port}", "--format", "{{.ID}}")
    container = found.stdout.strip()
    return run_docker("inspect", "--format", "{{.Image}}", container).stdout.strip() if container else ""


class DockerSilent(ServerError):
    """Docker did not answer in time."""


def run_docker(
    *arguments: str,
    seconds: float = COMMAND_SECONDS,
    variables: dict[str, str] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run docker and return what it said; the only place that does.

    Args:
        arguments: Of the command docker.
        seconds: How long it may take.
        variables: Of the environment, besides ours.
        meanwhile: Called while it runs.

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
        if meanwhile is not None:
            meanwhile()
        stdout, stderr = process.communicate(timeout=seconds)
    except BaseException as error:
        with suppress(ProcessLookupError):  # it ended just now
            os.killpg(process.pid, signal.SIGKILL)  # Compose is a program of its own, started by docker
        process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise DockerSilent(
            f"Docker did not answer within {seconds:g} s.", where=" ".join(command), next_command=ESCAPE
        ) from None
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
