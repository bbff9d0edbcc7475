"""How alike two names are, by their words.

A name is a list of words (`time_created`, `timeCreated`). Words are paired off, each with how sure it is that they are
the same word: spelled alike, another form (`session`, `sessions`), an abbreviation (`desc`, `description`), a typing
error (`mastadon`), a joined pair (`file name`, `filename`), or another word for the same thing (`number`, `count`).
Words that say little (`is`, `id`, `at`, and the words of the table's own name) weigh little.

`compare_names` gives what a score needs: how much of the words is shared, and which words are left on either side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\da-zA-Z_]+")

LIGHT_WORDS = frozenset(
    "a an and at by can date datetime do does dt for from has have id ids in is needs of on or should the time"
    " timestamp to ts use uses was were with".split()
)
"""Words that carry little of a column's meaning: articles, prepositions, auxiliary verbs, `id`, words for a time."""

LIGHT_WEIGHT = 0.3
"""How much a light word counts, against 1 for any other."""

_ENDINGS = frozenset(
    "al ation d den e ed en er es ied ies ing ion ions isation ity ization ly ment ments n or r s sion ssion t ted"
    " tted tting y".split()
) | {""}
"""What may follow the common start of two forms of one word."""

SYNONYMS = tuple(
    frozenset(group.split())
    for group in (
        "number num no count total amount quantity",
        "delete deleted remove removed trash trashed",
        "name label title",
        "type kind",
        "description summary text notes note comment",
        "url uri link href",
        "mail email",
        "picture photo image avatar icon",
        "enabled active visible",
        "owner creator author user",
        "start begin from",
        "end stop finish until",
        "hash checksum digest",
        "value data content",
        "at time date dt datetime on timestamp ts",
        "update updated modify modified change changed",
        "is has was",
        "order rank position sort",
        "folder directory dir",
    )
)
"""Words that are commonly used for one thing; weak evidence, because they are also used for two."""

ANTONYMS = frozenset(
    frozenset(pair.split())
    for pair in (
        "start end",
        "started ended",
        "starts ends",
        "begin end",
        "first last",
        "min max",
        "minimum maximum",
        "lower upper",
        "low high",
        "in out",
        "input output",
        "from to",
        "source target",
        "src dst",
        "source destination",
        "before after",
        "old new",
        "previous next",
        "prev next",
        "parent child",
        "left right",
        "created updated",
        "created modified",
        "created deleted",
        "updated deleted",
        "opened closed",
        "open closed",
        "sent received",
        "read write",
        "public private",
        "enabled disabled",
        "active inactive",
        "active archived",
        "active deleted",
        "allowed denied",
        "accepted rejected",
        "confirmed cancelled",
        "success failure",
        "width height",
        "latitude longitude",
        "lat lon",
        "lat lng",
        "x y",
        "row column",
        "key value",
        "username password",
        "email phone",
        "internal external",
        "local remote",
        "test live",
        "sandbox live",
        "sandbox production",
        "debit credit",
        "buyer seller",
        "sender recipient",
        "firstname lastname",
    )
)
"""Pairs of words that name two different things of one kind: a rename from one to the other is unlikely."""


@lru_cache(maxsize=65536)
def words(name: str) -> tuple[str, ...]:
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
        opposite: Whether the words left on both sides contain a pair of opposites.
        exact: Whether the words in common are the same or forms of the same word, not abbreviations.
    """

    shared: float
    related: float
    spelling: float
    only_current: tuple[str, ...]
    only_desired: tuple[str, ...]
    opposite: bool
    exact: bool


@lru_cache(maxsize=262144)
def compare_names(current: str, desired: str, context: tuple[str, ...] = ()) -> NameComparison:
    """Compare two names word by word.

    Args:
        current: The current name.
        desired: The desired name.
        context: Words that go without saying, such as those of the table's name.
    """
    ours, theirs = words(current), words(desired)
    pairs = _pair_off(ours, theirs)
    sure = [pair for pair in pairs if pair.likeness >= SAME_THING]
    return NameComparison(
        shared=_share(sure, ours, theirs, context),
        related=_share([pair for pair in pairs if pair.likeness < SAME_THING], ours, theirs, context),
        spelling=SequenceMatcher(None, "".join(ours), "".join(theirs), autojunk=False).ratio(),
        only_current=_left_over(ours, {i for pair in sure for i in pair.left}, context),
        only_desired=_left_over(theirs, {j for pair in sure for j in pair.right}, context),
        opposite=_opposite(ours, theirs),
        exact=all(pair.likeness >= SAME_WORD for pair in sure),
    )


SAME_WORD = 0.9
"""Likeness from which two words are the same word, maybe in another form."""

SAME_THING = 0.7
"""Likeness from which two words are the same word, maybe shortened or misspelled; below, they are related at most."""


class Pair(NamedTuple):
    """Words paired off: their indexes on either side (several when they are joined), and how sure it is."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    likeness: float


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
        return 0.5
    return 0.4 if len(short) >= 3 and (long.startswith(short) or long.endswith(short)) else 0.0


def _is_form(short: str, long: str) -> bool:
    start = _common_start(short, long)
    if start < 3 or (start == 3 and len(short) > 3):
        return False
    return short[start:] in _ENDINGS and long[start:] in _ENDINGS


def _is_typing_error(short: str, long: str) -> bool:
    if len(short) < 5 or short[0] != long[0] or len(long) - len(short) > 1:
        return False
    return _edits(short, long) <= (1 if len(short) < 9 else 2)


def _is_abbreviation(short: str, long: str) -> bool:
    """`desc` starts `description`; `msg` is the consonants of `message`; `v` is the first letter of `version`."""
    if long.startswith(short):
        return len(short) == 1 or (len(short) >= 3 and len(long) - len(short) >= 3)
    consonants = long[0] + re.sub("[aeiouy]", "", long[1:])
    return len(short) >= 2 and len(long) >= len(short) + 2 and short[0] == long[0] and _within(short, consonants)


def _within(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


def _common_start(one: str, other: str) -> int:
    same = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        same += 1
    return same


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


def _pair_off(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[Pair]:
    """Pair words off, the surest pair first; neighbours may be one joined word, or its initials."""
    found = sorted(_possible_pairs(ours, theirs), key=lambda pair: (-pair.likeness, pair.left, pair.right))
    left_used: set[int] = set()
    right_used: set[int] = set()
    chosen = []
    for pair in found:
        if left_used.isdisjoint(pair.left) and right_used.isdisjoint(pair.right):
            left_used.update(pair.left)
            right_used.update(pair.right)
            chosen.append(pair)
    return chosen


def _possible_pairs(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[Pair]:
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs):
            likeness = word_likeness(one, other)
            if likeness:
                yield Pair((i,), (j,), likeness)
    yield from _joined(ours, theirs)
    for left, right, likeness in _joined(theirs, ours):
        yield Pair(right, left, likeness)


def _joined(several: tuple[str, ...], single: tuple[str, ...]) -> Iterator[Pair]:
    """Runs of two or three words on one side that are one word, or its initials, on the other."""
    for size in (2, 3):
        for start in range(len(several) - size + 1):
            run = several[start : start + size]
            for j, word in enumerate(single):
                joined = "".join(run)
                if joined == word or _is_form(*sorted((joined, word), key=len)):
                    yield Pair(tuple(range(start, start + size)), (j,), 0.97)
                elif word == "".join(part[0] for part in run):
                    yield Pair(tuple(range(start, start + size)), (j,), 0.8)


def _share(pairs: list[Pair], ours: tuple[str, ...], theirs: tuple[str, ...], context: tuple[str, ...]) -> float:
    """How much of the weight of all words the pairs cover."""
    left, right = [_weight(word, context) for word in ours], [_weight(word, context) for word in theirs]
    covered = sum(p.likeness * (sum(left[i] for i in p.left) + sum(right[j] for j in p.right)) for p in pairs)
    return covered / (sum(left) + sum(right))


def _weight(word: str, context: tuple[str, ...]) -> float:
    return LIGHT_WEIGHT if word in LIGHT_WORDS or _in_context(word, context) else 1.0


def _in_context(word: str, context: tuple[str, ...]) -> bool:
    return any(word_likeness(word, other) >= SAME_WORD for other in context)


def _left_over(names: tuple[str, ...], used: set[int], context: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        word
        for i, word in enumerate(names)
        if i not in used and word not in LIGHT_WORDS and not _in_context(word, context)
    )


def _opposite(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    lonely, alone = set(ours) - set(theirs), set(theirs) - set(ours)
    return any(frozenset((one, other)) in ANTONYMS for one in lonely for other in alone)
