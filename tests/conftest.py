"""Real servers for the tests: one a run, whatever the number of workers, and named, so that Docker changes nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.servers.server import describe_server
from lamin_migrate_kit.servers.system import find_binaries
from lamin_migrate_kit.settings import Settings
from tests.authors import Author

ROOT = Path(__file__).parent.parent

# Whoever starts the tests in the background may have them ignore Ctrl-C, and the end of the terminal (`nohup`), and
# every process that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
_SHARED = pytest.StashKey[ExitStack]()


def _settings(provider: str) -> Settings:
    # A state folder of its own: a development server of this checkout is not for tests.
    return Settings(root=ROOT, provider=provider, state_home=ROOT / "tests" / "no-such-folder")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under xdist: the first worker's start starts the server that all workers share."""
    stash = node.config.stash
    if _SHARED not in stash:
        stash[_SHARED] = ExitStack()
        server = stash[_SHARED].enter_context(open_server(_settings("embedded")))
        node.config.shared_server_url = server.url.render_as_string(hide_password=False)
    node.workerinput["server_url"] = node.config.shared_server_url


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that the workers shared."""
    if _SHARED in config.stash:
        config.stash[_SHARED].close()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings that name the embedded provider."""
    return _settings("embedded")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Server]:
    """An embedded Postgres 18, one for the whole run."""
    shared = getattr(request.config, "workerinput", {}).get("server_url")
    if shared is not None:
        yield describe_server("embedded", make_url(shared), own=True)
        return
    with open_server(settings) as running:
        yield running


@pytest.fixture(scope="session")
def server15() -> Iterator[Server]:
    """The oldest supported major, from the machine's binaries; one a worker, for the tests that ask for it."""
    settings = _settings("system")
    try:
        find_binaries(settings, 15)
    except Unavailable as reason:
        pytest.skip(f"Postgres 15 is not installed: {reason}")
    with open_server(settings, major=15) as running:
        yield running


@pytest.fixture
def scratch(server: Server) -> Iterator[ScratchDatabase]:
    """An empty database of its own for each test."""
    with scratch_database(server, hint="test") as database:
        yield database


@pytest.fixture
def author(tmp_path: Path, server: Server) -> Iterator[Author]:
    """An author whose schema module has neither models nor revisions yet."""
    writing = Author(tmp_path / "project", server)
    yield writing
    writing.close()
