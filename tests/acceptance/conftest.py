"""Every module here holds `CASES`; each of its tests that takes a `case` runs for every one of them, on both majors.

Quick are the list that every release must pass and every third of the other rows, all on 18: a minute or so of several.
"""

from __future__ import annotations

import pytest

from lamin_migrate_kit.servers import Server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case and a major that knows its syntax; the older major is slow."""
    if "case" not in metafunc.fixturenames:
        return
    release = metafunc.module.__name__.endswith("test_every_release")
    on_18 = [
        pytest.param("server", case, id=case.name, marks=() if release or place % 3 == 0 else pytest.mark.slow)
        for place, case in enumerate(metafunc.module.CASES)
    ]
    on_15 = [
        pytest.param("server15", case, id=f"{case.name} (15)", marks=pytest.mark.slow)
        for case in metafunc.module.CASES
        if case.since <= 15
    ]
    metafunc.parametrize(("major", "case"), on_18 + on_15)


@pytest.fixture
def postgres(request: pytest.FixtureRequest, major: str) -> Server:
    """The server that a case runs on."""
    server: Server = request.getfixturevalue(major)
    return server
