"""Every kind of object is created, altered, dropped, renamed and depended on by some row; rows cross with any others."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.servers import Server
from tests.acceptance.coverage import EMPTY, LABELS, VERBS, covered, table
from tests.acceptance.crossing import crossed
from tests.acceptance.runner import run_case

PAIRS = 40


@pytest.mark.slow
def test_every_cell_has_a_row_or_a_reason(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    found, left_out = covered(server)
    with capsys.disabled():
        print("", *table(found), sep="\n")
    assert [
        (name, verb) for name in LABELS for verb in VERBS if not found[name, verb] and (name, verb) not in EMPTY
    ] == []
    assert len(left_out) <= 10, left_out


@pytest.mark.slow
def test_any_database_of_a_row_becomes_any_other_without_a_question(server: Server) -> None:
    for case in crossed(PAIRS, seed=2023):
        run_case(server, case, thorough=False)


@pytest.mark.slow
def test_any_database_of_a_row_becomes_any_other_on_15(server15: Server) -> None:
    for case in crossed(PAIRS, seed=2024, major=15):
        run_case(server15, case, thorough=False)
