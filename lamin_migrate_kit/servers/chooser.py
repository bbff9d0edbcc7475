"""Which Postgres a command gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.servers import compose, devcontainer, embedded, system, url
from lamin_migrate_kit.servers.development import open_development
from lamin_migrate_kit.servers.provider import Provider, Unavailable, nothing_available
from lamin_migrate_kit.servers.server import missing_extensions, raise_if_gone

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings

DEVELOPMENT = "development server"
# In the order in which they are asked.
_PROVIDERS: dict[str, Provider] = {
    url.NAME: url.open_url,
    devcontainer.NAME: devcontainer.open_devcontainer,
    DEVELOPMENT: open_development,
    compose.NAME: compose.open_compose,
    system.NAME: system.open_system,
    embedded.NAME: embedded.open_embedded,
}
# For another major than the pinned one: what starts fastest comes first.
_ORDER_FOR_MAJOR = (url.NAME, devcontainer.NAME, DEVELOPMENT, system.NAME, embedded.NAME, compose.NAME)
_OF_DEVELOPMENT = (compose.NAME, system.NAME, embedded.NAME)


@contextmanager
def open_server(settings: Settings, *, major: int | None = None, extensions: Sequence[str] = ()) -> Iterator[Server]:
    """A running Postgres for this block; what was started for it is stopped when the block ends.

    Args:
        settings: `provider` names one provider and no other; else they are asked in order.
        major: The major version, when it must be a certain one; else `settings.major` counts.
        extensions: Extensions that the server must have, besides `settings.extensions`.

    Raises:
        ServerError: None could be had (with what was tried), or the one given cannot be used.
        ServerGone: The server stopped answering while the block ran.
    """
    major = major or settings.major
    wanted = tuple(dict.fromkeys((*settings.extensions, *extensions)))
    with ExitStack() as stack:
        server = _enter_first(stack, settings, major, wanted)
        try:
            yield server
        except Exception as error:
            raise_if_gone(server, error)
            raise


def _enter_first(stack: ExitStack, settings: Settings, major: int | None, extensions: Sequence[str]) -> Server:
    reasons: dict[str, Unavailable] = {}
    for name in _names(settings, major):
        with ExitStack() as attempt:
            try:
                server = attempt.enter_context(_PROVIDERS[name](settings, major))
                _refuse_missing_extensions(server, extensions)
            except Unavailable as error:
                reasons[name] = error
                continue
            stack.push(attempt.pop_all())
            return server
    raise nothing_available(reasons)


def _names(settings: Settings, major: int | None) -> Sequence[str]:
    if settings.provider in _OF_DEVELOPMENT:
        return (DEVELOPMENT, settings.provider)
    if settings.provider is not None:
        return (settings.provider,)
    return tuple(_PROVIDERS) if major is None else _ORDER_FOR_MAJOR


def _refuse_missing_extensions(server: Server, extensions: Sequence[str]) -> None:
    if missing := missing_extensions(server, extensions):
        raise Unavailable(
            f"the {server.label} does not have the extension {', '.join(missing)}",
            install='image = "..."   # in [tool.lamin_migrate_kit]: a container image that has it',
        )
