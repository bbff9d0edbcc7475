"""The stage for tests that run whole commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.servers import Server
from tests.tasks.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, server: Server) -> Stage:
    """The example module, unchanged, in a folder with a space in its name."""
    return Stage(tmp_path / "my module", server.url.render_as_string(hide_password=False))
