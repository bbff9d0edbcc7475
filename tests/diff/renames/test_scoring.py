"""Scores: facts add up, pairs compete, and a score alone decides nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lamin_migrate_kit.diff.renames import weights
from lamin_migrate_kit.diff.renames.matching import settle
from lamin_migrate_kit.diff.renames.scoring import Fact, compete, log_odds, may_decide, sentences
from lamin_migrate_kit.diff.renames.weights import COLUMN_WEIGHTS, ENUM_WEIGHTS, TABLE_WEIGHTS, VALUE_WEIGHTS

WEIGHTS = {"bias": -1.0, "strong": 6.0, "weak": 1.0}
STRONG = Fact("strong", 1.0, "strong evidence", vouches=True)
WEAK = Fact("weak", 1.0, "weak evidence")


def test_facts_add_up() -> None:
    assert log_odds([STRONG, Fact("weak", 0.5)], WEIGHTS) == 5.5


def test_the_weightiest_sentence_comes_first() -> None:
    assert sentences([WEAK, Fact("weak", 1.0), STRONG], WEIGHTS) == ("strong evidence", "weak evidence")


def test_a_pair_alone_has_its_logistic_score() -> None:
    assert compete({("a", "b"): 0.0}) == {("a", "b"): pytest.approx(0.5)}


def test_two_equally_good_pairs_are_never_both_likely() -> None:
    scores = compete({("a", "x"): 20.0, ("a", "y"): 20.0})
    assert all(score == pytest.approx(0.5, abs=0.01) for score in scores.values())


def test_scores_are_the_shares_of_the_one_to_one_matchings() -> None:
    scores = compete({("a", "x"): 1.0, ("a", "y"): 0.5, ("b", "y"): 1.0})
    # Matchings: none, ax, ay, by, ax+by; a tree, so belief propagation is exact.
    from math import exp

    ax, ay, by = exp(1.0), exp(0.5), exp(1.0)
    total = 1 + ax + ay + by + ax * by
    assert scores["a", "x"] == pytest.approx((ax + ax * by) / total, abs=1e-3)
    assert scores["a", "y"] == pytest.approx(ay / total, abs=1e-3)


def test_a_rival_whose_other_end_is_better_explained_does_not_count() -> None:
    alone = compete({("a", "x"): 3.0, ("a", "y"): 3.0})["a", "x"]
    explained = compete({("a", "x"): 3.0, ("a", "y"): 3.0, ("b", "y"): 10.0})["a", "x"]
    assert explained > 0.9 > alone


def test_scores_stay_numbers_when_odds_are_extreme() -> None:
    scores = compete({(i, j): 1000.0 if i == j else -1000.0 for i in range(5) for j in range(5)})
    assert all(0 <= score <= 1 for score in scores.values())
    assert scores[0, 0] > 0.99


def test_a_high_score_without_a_name_that_vouches_asks() -> None:
    unvouched = Fact("strong", 1.0)
    (pair,) = settle({("a", "b"): [unvouched]}, WEIGHTS)
    assert (pair.outcome, pair.score > 0.9) == ("ask", True)


@pytest.mark.parametrize("against", [Fact("weak", 0.0, contradicts=True), Fact("weak", 0.0, depends_on="table:t")])
def test_a_contradiction_or_an_open_question_forbids_to_decide(against: Fact) -> None:
    assert may_decide([STRONG])
    assert not may_decide([STRONG, against])


def test_an_object_is_in_one_decision_or_one_guess() -> None:
    settled = settle(
        {
            ("a", "x"): [STRONG],
            ("a", "y"): [WEAK],
            ("b", "x"): [WEAK],
            ("b", "y"): [WEAK],
            ("c", "y"): [Fact("weak", 0.5)],
        },
        WEIGHTS,
    )
    outcomes = {(pair.current, pair.desired): pair.outcome for pair in settled}
    assert outcomes == {
        ("a", "x"): "decided",
        ("a", "y"): "none",
        ("b", "x"): "none",
        ("b", "y"): "ask",
        ("c", "y"): "none",
    }


def test_what_is_hardly_likely_is_not_asked() -> None:
    (pair,) = settle({("a", "b"): [Fact("weak", -5.0)]}, WEIGHTS)
    assert pair.outcome == "none"


def test_weights_have_the_sign_that_makes_sense() -> None:
    for every in (COLUMN_WEIGHTS, TABLE_WEIGHTS, ENUM_WEIGHTS, VALUE_WEIGHTS):
        assert all(
            value <= 0
            for name, value in every.items()
            if name.startswith(("other ", "one in ", "opposite")) and name != "other schema"
        )
        assert all(value >= 0 for name, value in every.items() if name.startswith(("same ", "both in ", "shared ")))


def test_every_fact_has_a_weight() -> None:
    """A fact without one would stop a comparison; so read all of them out of the source."""
    folder = Path(weights.__file__).parent
    names = {name for path in folder.glob("*.py") for name in _fact_names(ast.parse(path.read_text(encoding="utf-8")))}
    assert len(names) > 40
    known = {*COLUMN_WEIGHTS, *TABLE_WEIGHTS, *ENUM_WEIGHTS, *VALUE_WEIGHTS}
    assert names <= known
    shared = _fact_names(ast.parse((folder / "name_evidence.py").read_text(encoding="utf-8"))) | _fact_names(
        ast.parse((folder / "sides.py").read_text(encoding="utf-8"))
    )
    for every in (COLUMN_WEIGHTS, TABLE_WEIGHTS, ENUM_WEIGHTS, VALUE_WEIGHTS):
        assert shared <= every.keys()
    assert _fact_names(ast.parse((folder / "column_evidence.py").read_text(encoding="utf-8"))) <= COLUMN_WEIGHTS.keys()
    assert _fact_names(ast.parse((folder / "table_evidence.py").read_text(encoding="utf-8"))) <= TABLE_WEIGHTS.keys()
    enums = _fact_names(ast.parse((folder / "enum_evidence.py").read_text(encoding="utf-8")))
    assert enums <= ENUM_WEIGHTS.keys() | {"same letters"}
    assert "same letters" in VALUE_WEIGHTS


def _fact_names(tree: ast.AST) -> set[str]:
    """First arguments of `Fact(…)`; of `f"same {what}"` every name that `what` may stand for."""
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Fact" and n.args)
    names: set[str] = set()
    for call in calls:
        first = call.args[0]
        if isinstance(first, ast.Constant):
            names.add(first.value)
        elif isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
            start = str(first.values[0].value)
            stands_for = _MEMBERSHIPS if start.endswith("in ") else ("default", "comment")
            names |= {start + what for what in stands_for}
    return names


_MEMBERSHIPS = ("primary key", "unique key", "index")
