"""A project for each test, under a package name of its own: its models are imported into this process."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import Project

_NUMBERS = itertools.count()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "a project", f"lnschema_proof{next(_NUMBERS)}")
    path = list(sys.path)
    yield made
    sys.path[:] = path
    for name in [name for name in sys.modules if name.partition(".")[0] == made.package]:
        del sys.modules[name]


@pytest.fixture
def bench(project: Project, server: Server) -> Iterator[Callable[[], Workbench]]:
    """Opens a workbench on the project as it is when called."""
    with ExitStack() as stack:
        yield lambda: Workbench(project.settings(), project.module(), server, stack)
