"""From facts about pairs to outcomes: the sure pairs are decided first, and what is left is guessed one to one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lamin_migrate_kit.diff.renames.model import Outcome
from lamin_migrate_kit.diff.renames.scoring import ASK, DECIDE, Fact, compete, log_odds, may_decide, needs_no_rival

HOPELESS = -6.0
"""The log-odds below which a pair is nothing to anybody, not even a rival: one in four hundred."""

Side = TypeVar("Side", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Settled(Generic[Side]):
    """What became of one pair."""

    current: Side
    desired: Side
    score: float
    outcome: Outcome
    facts: Sequence[Fact]


def settle(
    facts: Mapping[tuple[Side, Side], Sequence[Fact]], weights: Mapping[str, float], decide: float = DECIDE
) -> list[Settled[Side]]:
    """Decide, guess or pass over every pair; each object takes part in at most one decision or guess.

    Deciding goes in rounds: a pair that was decided no longer competes for the ends of others.

    Args:
        facts: What is known about every pair that could be a rename.
        weights: A weight for every fact's name.
        decide: The score from which evidence may decide.

    Returns:
        All pairs but the hopeless ones, in the order of their ends.
    """
    # In one order: sums of floating point numbers depend on it.
    every = {pair: log_odds(facts[pair], weights) for pair in sorted(facts)}
    odds = {pair: z for pair, z in every.items() if z >= HOPELESS}
    decided: dict[tuple[Side, Side], float] = {}
    while True:
        left = _without_ends(odds, decided)
        scores = compete(left)
        able = {pair: score for pair, score in scores.items() if score >= ASK and may_decide(facts[pair])}
        sure = {p: s for p, s in able.items() if s >= decide and not (needs_no_rival(facts[p]) and _rivals(p, able))}
        if not sure:
            break
        decided |= sure
    guessed = _best_guesses(scores)
    known_scores = compete(odds) | scores | decided
    return [Settled(*pair, known_scores[pair], _outcome(pair, decided, guessed), facts[pair]) for pair in sorted(odds)]


def _without_ends(
    odds: Mapping[tuple[Side, Side], float], decided: Collection[tuple[Side, Side]]
) -> dict[tuple[Side, Side], float]:
    gone, new = {pair[0] for pair in decided}, {pair[1] for pair in decided}
    return {pair: z for pair, z in odds.items() if pair[0] not in gone and pair[1] not in new}


def _rivals(pair: tuple[Side, Side], others: Collection[tuple[Side, Side]]) -> list[tuple[Side, Side]]:
    """The other pairs that have one of its two ends."""
    return [other for other in others if other != pair and (other[0] == pair[0] or other[1] == pair[1])]


def _best_guesses(scores: Mapping[tuple[Side, Side], float]) -> set[tuple[Side, Side]]:
    """The best pairs, one to one, best first."""
    gone: set[Side] = set()
    new: set[Side] = set()
    chosen = set()
    for pair in sorted(scores, key=lambda pair: (-scores[pair], pair)):
        if scores[pair] >= ASK and pair[0] not in gone and pair[1] not in new:
            gone.add(pair[0])
            new.add(pair[1])
            chosen.add(pair)
    return chosen


def _outcome(
    pair: tuple[Side, Side], decided: Collection[tuple[Side, Side]], guessed: Collection[tuple[Side, Side]]
) -> Outcome:
    if pair in decided:
        return "decided"
    return "ask" if pair in guessed else "none"
