"""A Docker Engine for the tests in this folder; without one they are skipped, and say so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.servers.docker import refuse_without_docker
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.settings import PINNED_MAJOR
from tests.containers.checkouts import Checkout, docker, leftovers, postgres_image, require_image


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs an Engine, and time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Skips when there is no Docker Engine, or whoever started the tests says why none is to be used."""
    if reason := os.environ.get("KIT_WITHOUT_CONTAINERS"):
        pytest.skip(f"no containers here: {reason}")
    try:
        refuse_without_docker()
    except Unavailable as error:
        pytest.skip(f"no containers here: {error.reason}")


@pytest.fixture
def make_checkout(tmp_path: Path) -> Iterator[Callable[[str], Checkout]]:
    """Makes copies of the example in folders of their own; at the end nothing of theirs may be left but volumes."""
    require_image(postgres_image(PINNED_MAJOR))
    made: list[Checkout] = []

    def make(name: str = "checkout") -> Checkout:
        made.append(Checkout(tmp_path / name))
        return made[-1]

    yield make
    try:
        for checkout in made:
            checkout.invoke("db.down")
            assert [one for one in leftovers(checkout.project) if not one.endswith("_development")] == []
    finally:
        for checkout in made:
            docker("volume", "rm", "--force", f"{checkout.project}_development")


@pytest.fixture
def checkout(make_checkout: Callable[[str], Checkout]) -> Checkout:
    """One copy of the example."""
    return make_checkout("checkout")


@pytest.fixture(scope="session")
def ordinary_user() -> int:
    """The uid that owns a checkout here: ours, and where we are root that of the image's user."""
    return os.geteuid() or 1000


def pytest_report_header() -> str:
    """Which Engine it is, at the top of the output."""
    try:
        done = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True, timeout=5
        )
        return f"docker engine: {done.stdout.strip() or 'none'}"
    except (OSError, subprocess.TimeoutExpired):
        return "docker engine: none"
