"""One additive score for all kinds: facts about a pair, a weight a fact, and the pairs that compete with it.

    z(pair)     = bias + sum(weight[fact] * value)
    score(pair) = e^z(pair) / (1 + e^z(pair) + sum of e^z over the pairs that share one of its two ends)

The 1 stands for "not renamed". So a pair's score falls when another pair could claim the same object, and two equally
good pairs can never both be above one half: being the only pair of its type is no special case.

A pair is decided by evidence when all of this holds; a score alone decides nothing:

1. its score is at least `DECIDE`;
2. the names vouch for it: they have words in common, and no word of the one was replaced by a word of the other, unless
   the same replacement happens in other names too (`organizer_name` to `owner_name`, `organizer_url` to `owner_url`);
   a word added or removed, or columns without a name, vouch only where no other pair that may be decided has one of
   the same two ends (`code` may be divided into `code_name` and `code_credential`, two tables may become one);
3. nothing contradicts it: another type, another foreign key's target, words of opposite meaning, too few columns;
4. it does not rest on the rename of a table that is itself still to ask.

Otherwise the best guess is asked about when its score is at least `ASK`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import TypeVar

DECIDE = 0.6
"""The score from which evidence may decide."""

ASK = 0.03
"""The score from which a best guess is worth a question."""


MAX_ODDS = 30.0
"""Log-odds are cut here: beyond it floating point numbers have nothing left to subtract from."""

ROUNDS = 20
"""Rounds of belief propagation, at most; on the projects' histories nothing changes after ten."""

STEADY = 1e-6
"""A change so small that another round would show the same scores."""

Side = TypeVar("Side", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known about a pair.

    Attributes:
        name: Which weight it has.
        value: How much of it there is, mostly 0 to 1.
        sentence: What to tell a person, without commas; empty for what is not worth telling.
        vouches: It is evidence from the names that may decide.
        alone: It vouches only where no other pair that may be decided claims the same object.
        contradicts: It forbids that evidence decides.
        depends_on: The question, still open, of the table rename that it rests on.
    """

    name: str
    value: float
    sentence: str = ""
    vouches: bool = False
    alone: bool = False
    contradicts: bool = False
    depends_on: str = ""


def log_odds(facts: Sequence[Fact], weights: Mapping[str, float]) -> float:
    """The sum of weight times value, with the bias.

    Args:
        facts: What is known about one pair.
        weights: A weight for every fact's name, and `bias`.
    """
    return weights["bias"] + sum(weights[fact.name] * fact.value for fact in facts)


def may_decide(facts: Sequence[Fact]) -> bool:
    """Whether facts of this kind may decide, given a high enough score (points 2 to 4 above)."""
    vouched = any(fact.vouches for fact in facts)
    return vouched and not any(fact.contradicts or fact.depends_on for fact in facts)


def needs_no_rival(facts: Sequence[Fact]) -> bool:
    """Whether facts that may decide do so only where no other pair may that has one of the same two ends."""
    return all(fact.alone for fact in facts if fact.vouches)


def sentences(facts: Sequence[Fact], weights: Mapping[str, float]) -> tuple[str, ...]:
    """What to tell a person about a pair, the weightiest first."""
    told = [fact for fact in facts if fact.sentence]
    return tuple(f.sentence for f in sorted(told, key=lambda f: -abs(weights[f.name] * f.value)))


def compete(odds: Mapping[tuple[Side, Side], float]) -> dict[tuple[Side, Side], float]:
    """How likely each pair is, when every object is in at most one pair.

    The share of all one-to-one matchings, weighed by e^z a pair, that contain the pair; computed by belief propagation
    (exact on trees, close to it otherwise; Huang and Jebara, "Approximating the permanent with belief propagation").

    Args:
        odds: z by (current, desired).

    Returns:
        Scores from 0 to 1 by (current, desired).
    """
    numbers: dict[tuple[int, Side], int] = {}
    edges = [
        (exp(min(z, MAX_ODDS)), numbers.setdefault((0, a), len(numbers)), numbers.setdefault((1, b), len(numbers)))
        for (a, b), z in odds.items()
    ]
    free_current = free_desired = [1.0] * len(edges)
    for _ in range(ROUNDS):
        before = free_desired
        free_current = _free([(value, a) for value, a, _ in edges], free_desired, len(numbers))
        free_desired = _free([(value, b) for value, _, b in edges], free_current, len(numbers))
        if max((abs(x - y) for x, y in zip(before, free_desired, strict=True)), default=0.0) < STEADY:
            break
    beliefs = [value * x * y for (value, _, _), x, y in zip(edges, free_current, free_desired, strict=True)]
    return {pair: belief / (1 + belief) for pair, belief in zip(odds, beliefs, strict=True)}


def _free(claims: Sequence[tuple[float, int]], other: Sequence[float], ends: int) -> list[float]:
    """For every pair, how likely its one end is not taken by another pair."""
    taken = [0.0] * ends
    for (value, end), free in zip(claims, other, strict=True):
        taken[end] += value * free
    return [1 / (1 + max(0.0, taken[end] - value * free)) for (value, end), free in zip(claims, other, strict=True)]
