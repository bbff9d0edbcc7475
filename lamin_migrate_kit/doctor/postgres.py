"""Each place that a Postgres may come from, and the one that commands would take now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lamin_migrate_kit.doctor.model import Check, State
from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers import compose, devcontainer, docker, embedded, system, url
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.servers.server import missing_extensions
from lamin_migrate_kit.settings import PINNED_MAJOR, Settings

if TYPE_CHECKING:
    from lamin_migrate_kit.servers import Server

_GROUP = "Postgres from"
_CHOSEN = "commands use"


def check_providers(settings: Settings) -> Iterator[Check]:
    """Every provider, whether it is there; nothing is started."""
    for name, look in _LOOKS.items():
        try:
            yield Check(_GROUP, name, State.READY, look(settings))
        except Unavailable as error:
            yield Check(_GROUP, name, State.MISSING, error.reason, error.install or _GET[name])
        except ServerError as error:
            yield Check(_GROUP, name, State.BROKEN, error.what, error.next_command)


def check_server(settings: Settings, server: Server) -> Iterator[Check]:
    """The server that commands take: its version, encoding, collation and extensions."""
    from lamin_migrate_kit.fingerprint import server_settings

    values = dict(server_settings(server))
    yield Check(_CHOSEN, "server", State.READY, server.label)
    yield _encoding(values)
    lacking = missing_extensions(server, settings.extensions)
    wanted = ", ".join(settings.extensions) or "none is asked for"
    if lacking:
        image = 'image = "..."   # in [tool.lamin_migrate_kit]: a container image that has it'
        yield Check(_CHOSEN, "extensions", State.BROKEN, f"not there: {', '.join(lacking)}", image)
    else:
        yield Check(_CHOSEN, "extensions", State.READY, wanted)


def no_server(error: ServerError) -> Check:
    """That no command which needs a server works here."""
    found = error.what if not error.details else f"{error.what} {error.details.splitlines()[0]}"
    return Check(_CHOSEN, "server", State.BROKEN, found, error.next_command)


def _encoding(values: dict[str, str]) -> Check:
    found = f"{values['server_encoding']}, collation {values['lc_collate']}, {values['TimeZone']}"
    if values["server_encoding"] != "UTF8":
        return Check(_CHOSEN, "encoding", State.BROKEN, f"{found}; UTF8 is needed", "initdb --encoding=UTF8")
    return Check(_CHOSEN, "encoding", State.READY, found)


def _url(settings: Settings) -> str:
    with url.open_url(settings, None) as server:
        return server.label


def _devcontainer(settings: Settings) -> str:
    with devcontainer.open_devcontainer(settings, None) as server:
        return server.label


def _compose(settings: Settings) -> str:
    docker.refuse_without_docker()
    return str(compose.definition(settings))


def _system(settings: Settings) -> str:
    return str(system.find_binaries(settings, PINNED_MAJOR).folder)


def _embedded(settings: Settings) -> str:
    return str(embedded.find_binaries(settings, PINNED_MAJOR).folder)


# What makes a provider available, where it does not say so itself.
_GET = {
    url.NAME: f"export {url.VARIABLE}=postgresql://USER:PASSWORD@HOST:5432/postgres",
    devcontainer.NAME: "devcontainer up --workspace-folder .   # or in VS Code: Reopen in Container",
    compose.NAME: "docker info   # says what Docker has",
    system.NAME: f"sudo apt-get install postgresql-{PINNED_MAJOR}   # where the distribution has it",
    embedded.NAME: embedded.INSTALL,
}
_LOOKS: dict[str, Callable[[Settings], str]] = {
    url.NAME: _url,
    devcontainer.NAME: _devcontainer,
    compose.NAME: _compose,
    system.NAME: _system,
    embedded.NAME: _embedded,
}
