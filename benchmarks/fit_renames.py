"""What the weights of columns are worth on a project that they were not fitted on.

    python benchmarks/fit_renames.py FILE…

For every project of the files (see `renames.py` for their format) the weights are fitted on all other projects, and the
kit is measured on that one with them. Weights of facts that histories do not contain (`weights.py`, set by judgement),
and those of tables, stay as they are; so do the rules beside the weights. Takes about a minute.

The fit is maximum likelihood of the true one-to-one matching, whose gradient is what was seen minus what is expected:
the sum over all pairs of (1 for a rename, else 0, minus the score) times the value of the fact. It is held to the
weights as they are by a quadratic penalty, and to the sign that makes sense.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any
from unittest.mock import patch

from renames import Case, Figures, Pair, add_up, ask_the_kit, measure, read_cases

from lamin_migrate_kit.diff.renames import find_candidates, part_search
from lamin_migrate_kit.diff.renames.matching import settle
from lamin_migrate_kit.diff.renames.scoring import Fact, compete
from lamin_migrate_kit.diff.renames.sides import Part
from lamin_migrate_kit.diff.renames.weights import COLUMN_WEIGHTS, JUDGED

ROUNDS = 120
STEP = 0.06
PENALTY = 1.0
FEW = 4
"""A project with fewer renames counts as one with so many."""
HOPELESS = -7.0

FITTED = [name for name in COLUMN_WEIGHTS if name not in JUDGED]

Example = Mapping[tuple[Part, Part], tuple[Mapping[str, float], bool]]
"""All pairs of a case: how much there is of each fact, and whether it is a rename."""


def examples(case: Case) -> Iterator[Example]:
    """What the kit looks at in a case.

    Args:
        case: One step of a project's history.
    """
    seen: list[Mapping[tuple[Part, Part], Sequence[Fact]]] = []

    def spy(facts: Any, weights: Mapping[str, float]) -> Any:
        if weights is COLUMN_WEIGHTS:
            seen.append(facts)
        return settle(facts, weights)

    with patch.object(part_search, "settle", spy):
        find_candidates(case.current, case.desired)
    for pairs in seen:
        yield {pair: (_amounts(facts), _as_rename(*pair) in case.true) for pair, facts in pairs.items()}


def _amounts(facts: Iterable[Fact]) -> Mapping[str, float]:
    amounts: dict[str, float] = defaultdict(float, bias=1.0)
    for fact in facts:
        amounts[fact.name] += fact.value
    return amounts


def _as_rename(current: Part, desired: Part) -> Pair:
    return "column", current.table, current.name, desired.table, desired.name


def fit(projects: Iterable[Sequence[Example]]) -> Mapping[str, float]:
    """The weights that make what was renamed likeliest.

    Args:
        projects: The examples of each; a project with many renames does not outvote the others.
    """
    weights = dict(COLUMN_WEIGHTS)
    weighed = [(3 / sqrt(max(FEW, _renames(given))), example) for given in projects for example in given]
    for turn in range(ROUNDS):
        slope = {name: PENALTY * (COLUMN_WEIGHTS[name] - weights[name]) for name in FITTED}
        for importance, example in weighed:
            _add_slope(slope, importance, example, weights)
        for name in FITTED:
            moved = weights[name] + STEP / (1 + turn / 40) * slope[name] / (1 + abs(slope[name]) / 5)
            weights[name] = moved if name == "bias" or moved * COLUMN_WEIGHTS[name] >= 0 else 0.0
    return weights


def _renames(given: Iterable[Example]) -> int:
    return sum(is_rename for example in given for _, is_rename in example.values())


def _add_slope(slope: dict[str, float], importance: float, example: Example, weights: Mapping[str, float]) -> None:
    odds = {
        pair: sum(weights[name] * amount for name, amount in amounts.items()) for pair, (amounts, _) in example.items()
    }
    scores = compete({pair: z for pair, z in odds.items() if z > HOPELESS})
    for pair, score in scores.items():
        amounts, is_rename = example[pair]
        for name in amounts.keys() & slope.keys():
            slope[name] += importance * (is_rename - score) * amounts[name]


def main(paths: Sequence[str]) -> int:
    """The command; returns its exit code."""
    if not paths:
        print(__doc__)
        return 2
    cases = {Path(path).name: read_cases(Path(path)) for path in paths}
    given: dict[str, list[Example]] = defaultdict(list)
    for case in (one for several in cases.values() for one in several if one.counts):
        given[case.project] += examples(case)
    projects = sorted({case.project for several in cases.values() for case in several})
    fitted = {left_out: fit(rows for name, rows in given.items() if name != left_out) for left_out in projects}
    for name, several in cases.items():
        found = {project: _measured(several, project, fitted[project]) for project in projects}
        print(f"\n{name}, each project with weights that were fitted on the others")
        for project, figures in found.items():
            _print_line(project, figures)
        _print_line("all", add_up(found.values()))
    return 0


def _measured(cases: Iterable[Case], project: str, weights: Mapping[str, float]) -> Figures:
    with patch.object(part_search, "COLUMN_WEIGHTS", weights):
        return measure((case for case in cases if case.project == project), ask_the_kit)


def _print_line(name: str, figures: Figures) -> None:
    print(f"    {name:34}{figures.decided_right:5} of {figures.visible:4} decided{figures.decided_wrong:5} wrong")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
