"""What the devcontainer needs, on a machine and in Codespaces."""

from __future__ import annotations

import os
import re
import shutil

from lamin_migrate_kit.doctor.model import Check, State
from lamin_migrate_kit.servers.docker import compose_version, engine_version, refuse_without_docker
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.settings import Settings

_GROUP = "workspace"
_OLDEST_ENGINE = (20, 10)
_UPGRADE = "curl -fsSL https://get.docker.com | sh   # on Linux; elsewhere: a newer Docker Desktop"


def check_workspace(settings: Settings) -> tuple[Check, ...]:
    """Docker and Compose, the devcontainer from outside or inside, and Codespaces."""
    return (
        check_folder(settings),
        check_docker(settings),
        check_compose(settings),
        check_devcontainer(settings),
        check_codespaces(settings),
    )


def check_folder(settings: Settings) -> Check:
    """Whether revisions can be written here."""
    if os.access(settings.root, os.W_OK):
        return Check(_GROUP, "folder", State.READY, str(settings.root))
    found = f"{settings.root} cannot be written by user {os.geteuid()}"
    return Check(_GROUP, "folder", State.BROKEN, found, f"sudo chown -R {os.geteuid()} {settings.root}")


def check_docker(settings: Settings) -> Check:
    """Whether a Docker Engine answers that is not too old for compose.yaml."""
    try:
        version = engine_version()
    except Unavailable as error:
        return _lacking("Docker", error, settings)
    if _number(version) < _OLDEST_ENGINE:
        return Check(_GROUP, "Docker", State.MISSING, f"Engine {version}; 20.10 or later is needed", _UPGRADE)
    return Check(_GROUP, "Docker", State.READY, f"Engine {version}")


def check_compose(settings: Settings) -> Check:
    """Whether there is Compose v2."""
    try:
        return Check(_GROUP, "Compose", State.READY, compose_version())
    except Unavailable as error:
        return _lacking("Compose", error, settings)


def _lacking(name: str, error: Unavailable, settings: Settings) -> Check:
    if settings.devcontainer:
        outside = "docker info   # outside: in here the Postgres beside the devcontainer is used"
        return Check(_GROUP, name, State.MISSING, f"{error.reason}, and not needed in the devcontainer", outside)
    return Check(_GROUP, name, State.MISSING, error.reason, error.install)


def _number(version: str) -> tuple[int, ...]:
    """(20, 10) of "20.10.24+dfsg1"; () of what is no number."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else ()


def check_devcontainer(settings: Settings) -> Check:
    """Whether a devcontainer can be opened, or this is one."""
    if settings.devcontainer:
        return Check(_GROUP, "devcontainer", State.READY, "this is it")
    try:
        refuse_without_docker()
    except Unavailable as error:
        return Check(_GROUP, "devcontainer", State.MISSING, error.reason, error.install)
    if program := shutil.which("devcontainer") or shutil.which("code"):
        return Check(_GROUP, "devcontainer", State.READY, program)
    install = "npm install --global @devcontainers/cli"
    return Check(_GROUP, "devcontainer", State.MISSING, "neither the command devcontainer nor VS Code", install)


def check_codespaces(settings: Settings) -> Check:
    """Whether this is a codespace; every repository with a devcontainer can be opened in one."""
    if settings.codespaces:
        return Check(_GROUP, "Codespaces", State.READY, "this is one")
    return Check(_GROUP, "Codespaces", State.MISSING, "this is none", "gh codespace create")
