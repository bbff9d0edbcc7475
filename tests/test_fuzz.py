"""Random pairs of models, with rows, up and down; `python -m tests.fuzz --examples 5000` goes on for longer."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.servers import Server
from tests.fuzz import KINDS, open_fuzzer, run_examples

EXAMPLES = 200


@pytest.mark.slow
def test_any_models_become_any_others_and_back(server: Server) -> None:
    with open_fuzzer(server) as fuzzer:
        run_examples(fuzzer, EXAMPLES, start=8, shrink=False)
        assert fuzzer.examples >= EXAMPLES // 2
        assert fuzzer.with_rows >= fuzzer.examples // 10
        assert sum(fuzzer.unbuildable.values()) <= EXAMPLES // 10, fuzzer.unbuildable


def test_a_kind_that_is_never_drawn_is_rare(server: Server) -> None:
    with open_fuzzer(server) as fuzzer:
        fuzzer.examples = 200
        fuzzer.covered["table", "create"] = 2
        assert fuzzer.rare() == [kind for kind in KINDS if kind != "table"]


def test_a_planted_defect_is_found_with_its_ddl(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_fuzzer(server) as fuzzer:
        monkeypatch.setattr(fuzzer, "_run", lambda lines, operations: None)
        with pytest.raises(AssertionError) as failed:
            run_examples(fuzzer, 20, start=1, shrink=False)
    assert any("CREATE TABLE" in note and "-- desired" in note for note in failed.value.__notes__)
