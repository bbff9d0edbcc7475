"""How alike two names are, by their words.

A name is a list of words (`time_created`, `timeCreated`). Words are paired off, each with how sure it is that they are
the same word: spelled alike, another form (`session`, `sessions`), an abbreviation (`desc`, `description`), a typing
error (`mastadon`), a joined pair (`file name`, `filename`), or another word for the same thing (`number`, `count`).
Words that say little (`is`, `id`, `at`, and the words of the table's own name) weigh little.

`compare_names` gives what a score needs: how much of the words is shared, and which words are left on either side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from lamin_migrate_kit.diff.renames.vocabulary import (
    ENDINGS,
    LIGHT_WORDS,
    NEGATIONS,
    OPPOSITES,
    REPRESENTATIONS,
    SYNONYMS,
)

Words = tuple[str, ...]

LIGHT_WEIGHT = 0.3
"""How much a light word counts, against 1 for any other."""

SAME_WORD = 0.9
"""Likeness from which two words are the same word, maybe in another form."""

SAME_THING = 0.7
"""Likeness from which two words are the same word, maybe shortened or misspelled; below, they are related at most."""

GLUED = 0.8
"""The likeness of a word and the same word with a word of the table's name in front of it."""

SYNONYM = 0.5
"""The likeness of words that are commonly used for the same thing."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\da-zA-Z_]+")


@lru_cache(maxsize=65536)
def words(name: str) -> Words:
    """A snake_case or camelCase name as lower-case words; never empty."""
    return tuple(word.lower() for word in _WORD.findall(name)) or (name.lower(),)


@dataclass(frozen=True, slots=True)
class NameComparison:
    """What two names have in common.

    Attributes:
        shared: The share of words in common (the same word, a form, an abbreviation or a typing error), weighed by
            what they say, from 0 to 1.
        related: The share of the other words that are commonly used for one thing, weighed likewise.
        spelling: How alike they are letter by letter, from 0 to 1.
        only_current: Words that only the current name has, without light ones.
        only_desired: Words that only the desired name has, without light ones.
        opposite: Whether they say the opposite, or the values in another representation.
        exact: Whether the words in common are the same or forms of the same word, not abbreviations.
        synonymous: Whether every word has its like on the other side, or a word commonly used for the same thing.
    """

    shared: float
    related: float
    spelling: float
    only_current: Words
    only_desired: Words
    opposite: bool
    exact: bool
    synonymous: bool


class _Pair(NamedTuple):
    """Words paired off: their indexes on either side (several when they are joined), and how sure it is."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    likeness: float


@lru_cache(maxsize=262144)
def compare_names(current: str, desired: str, context: Words = ()) -> NameComparison:
    """Compare two names word by word.

    Args:
        current: The current name.
        desired: The desired name.
        context: Words that go without saying, such as those of the table's name.
    """
    ours, theirs = words(current), words(desired)
    pairs = _pair_off(ours, theirs, context)
    sure = [pair for pair in pairs if pair.likeness >= SAME_THING]
    related = [pair for pair in pairs if pair.likeness < SAME_THING]
    left = {i for pair in sure for i in pair.left}
    right = {j for pair in sure for j in pair.right}
    only_current, only_desired = _left_over(ours, left, context), _left_over(theirs, right, context)
    return NameComparison(
        shared=_share(sure, ours, theirs, context),
        related=_share(related, ours, theirs, context),
        spelling=SequenceMatcher(None, "".join(ours), "".join(theirs), autojunk=False).ratio(),
        only_current=only_current or _key_word(ours, left, only_desired),
        only_desired=only_desired or _key_word(theirs, right, only_current),
        opposite=_opposite(ours, theirs, pairs),
        exact=all(pair.likeness >= SAME_WORD for pair in sure),
        synonymous=_synonymous(ours, theirs, pairs, context),
    )


@lru_cache(maxsize=262144)
def shared_words(current: str, desired: str) -> float:
    """The share of words in common, as in `NameComparison.shared`; where many names are compared and no more is asked.

    Args:
        current: The current name.
        desired: The desired name.
    """
    ours, theirs = words(current), words(desired)
    # The same word, its forms, abbreviations and initials all start with the same letter.
    if {word[0] for word in ours}.isdisjoint(word[0] for word in theirs):
        return 0.0
    return _share([pair for pair in _pair_off(ours, theirs) if pair.likeness >= SAME_THING], ours, theirs, ())


@lru_cache(maxsize=262144)
def word_likeness(one: str, other: str) -> float:
    """How sure it is that two words stand for the same, from 0 to 1."""
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    if _is_form(short, long):
        return 0.95
    if _is_typing_error(short, long):
        return 0.85
    if _is_abbreviation(short, long):
        return 0.75
    if any(one in group and other in group for group in SYNONYMS):
        return SYNONYM
    return 0.4 if len(short) >= 3 and (long.startswith(short) or long.endswith(short)) else 0.0


def common_start(one: Sequence[str], other: Sequence[str]) -> int:
    """How many letters (or words) two start with."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)


def _is_form(short: str, long: str) -> bool:
    start = common_start(short, long)
    if start < 3 or (start == 3 and len(short) > 4):
        return False
    return short[start:] in ENDINGS and long[start:] in ENDINGS


def _is_typing_error(short: str, long: str) -> bool:
    if len(short) >= 6 and long[1:] == short:
        return True
    if len(short) < 5 or short[0] != long[0] or len(long) - len(short) > 1:
        return False
    return _edits(short, long) <= (1 if len(short) < 9 else 2)


def _is_abbreviation(short: str, long: str) -> bool:
    """`desc` starts `description`; `msg` is the consonants of `message`; `v` is the first letter of `version`.

    Of several (`params`, `parameters`) the same.
    """
    if len(short) > 3 and short.endswith("s") and long.endswith("s"):
        short, long = short[:-1], long[:-1]
    if long.startswith(short):
        return len(short) == 1 or (len(short) >= 3 and len(long) - len(short) >= 3)
    consonants = long[0] + re.sub("[aeiou]", "", long[1:])
    return len(short) >= 2 and len(long) >= len(short) + 2 and short[0] == long[0] and _within(short, consonants)


def _within(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


@lru_cache(maxsize=65536)
def _edits(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words."""
    before, row = list(range(len(other) + 1)), list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and right == one[i - 2]:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]


def _pair_off(ours: Words, theirs: Words, context: Words = ()) -> list[_Pair]:
    """Pair words off, the surest pair first; neighbours may be one joined word, or its initials."""
    found = sorted(_possible_pairs(ours, theirs, context), key=lambda pair: (-pair.likeness, pair.left, pair.right))
    left: set[int] = set()
    right: set[int] = set()
    chosen = []
    for pair in found:
        if left.isdisjoint(pair.left) and right.isdisjoint(pair.right):
            left.update(pair.left)
            right.update(pair.right)
            chosen.append(pair)
    return chosen


def _possible_pairs(ours: Words, theirs: Words, context: Words) -> Iterator[_Pair]:
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs):
            likeness = max(word_likeness(one, other), _glued_likeness(one, other, context))
            if likeness:
                yield _Pair((i,), (j,), likeness)
    yield from _joined(ours, theirs)
    for left, right, likeness in _joined(theirs, ours):
        yield _Pair(right, left, likeness)


def _glued_likeness(one: str, other: str, context: Words) -> float:
    """The likeness of a word and the same word behind one that goes without saying: `username` and `name` of a user."""
    short, long = sorted((one, other), key=len)
    rest = long.removesuffix(short)
    return GLUED if len(short) > 1 and rest not in ("", long) and _in_context(rest, context) else 0.0


def _joined(several: Words, single: Words) -> Iterator[_Pair]:
    """Runs of two or three words on one side that are one word, or its initials, on the other."""
    for start, first in enumerate(several):
        for j, word in enumerate(single):
            if word[0] != first[0]:
                continue
            for size in (2, 3):
                run = several[start : start + size]
                if len(run) < size:
                    break
                likeness = _joined_likeness(run, word)
                if likeness:
                    yield _Pair(tuple(range(start, start + size)), (j,), likeness)


def _joined_likeness(run: Words, word: str) -> float:
    joined = "".join(run)
    if joined == word or _is_form(*sorted((joined, word), key=len)):
        return 0.97
    return 0.8 if word == "".join(part[0] for part in run) else 0.0


def _share(pairs: list[_Pair], ours: Words, theirs: Words, context: Words) -> float:
    """How much of the weight of all words the pairs cover."""
    left, right = [_weight(word, context) for word in ours], [_weight(word, context) for word in theirs]
    covered = sum(p.likeness * (sum(left[i] for i in p.left) + sum(right[j] for j in p.right)) for p in pairs)
    return covered / (sum(left) + sum(right))


def _weight(word: str, context: Words) -> float:
    return LIGHT_WEIGHT if word in LIGHT_WORDS or _in_context(word, context) else 1.0


@lru_cache(maxsize=65536)
def _in_context(word: str, context: Words) -> bool:
    return any(word_likeness(word, other) >= SAME_WORD for other in context)


def _left_over(name: Words, used: set[int], context: Words) -> Words:
    return tuple(
        word
        for i, word in enumerate(name)
        if i not in used and word not in LIGHT_WORDS and not _in_context(word, context)
    )


def _key_word(name: Words, used: set[int], other: Words) -> Words:
    """`id`, which says little where it is only added, is a word like any other in the place of one: `role_name`."""
    return tuple(word for i, word in enumerate(name) if other and i not in used and word == "id")


def _synonymous(ours: Words, theirs: Words, pairs: list[_Pair], context: Words) -> bool:
    good = [pair for pair in pairs if pair.likeness >= SYNONYM]
    lonely = _left_over(ours, {i for pair in good for i in pair.left}, context)
    alone = _left_over(theirs, {j for pair in good for j in pair.right}, context)
    return not lonely and not alone


def _opposite(ours: Words, theirs: Words, pairs: list[_Pair]) -> bool:
    """Whether the words left over are opposites, negate one of the names, or say that values are written otherwise."""
    good = [pair for pair in pairs if pair.likeness >= SYNONYM]
    lonely = {word for i, word in enumerate(ours) if not any(i in pair.left for pair in good)}
    alone = {word for j, word in enumerate(theirs) if not any(j in pair.right for pair in good)}
    if any(frozenset((one, other)) in OPPOSITES for one in lonely for other in alone):
        return True
    return any((lonely & group) != (alone & group) for group in (NEGATIONS, REPRESENTATIONS))
