"""A project for each test, under a package name of its own: its models are imported into this process."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
