from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.scratch import ScratchDatabase
from tests.histories import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A schema module without revisions."""
    return History(tmp_path / "a project")


@pytest.fixture
def connection(scratch: ScratchDatabase) -> Iterator[Connection]:
    """A connection to an empty database."""
    with scratch.connect() as open_connection:
        yield open_connection
