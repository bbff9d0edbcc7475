"""Real servers for the tests: started once a run, and named, so that a running Docker changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.settings import Settings

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings that name the embedded provider."""
    return Settings(root=ROOT, provider="embedded")


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[Server]:
    """An embedded Postgres 18, one for the whole run."""
    with open_server(settings) as running:
        yield running


@pytest.fixture
def scratch(server: Server) -> Iterator[ScratchDatabase]:
    """An empty database of its own for each test."""
    with scratch_database(server, hint="test") as database:
        yield database
