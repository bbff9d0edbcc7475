"""What stands in the expression of a check, as far as it tells which values it takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_TEXT = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.'])")
_REGEX = re.compile(r"!?~\*?\s*(?:similar_to_escape\()?'((?:[^']|'')*)'")
_SIMILAR = re.compile(r"similar_to_escape\('((?:[^']|'')*)'")
_LIKE = re.compile(r"!?~~\*?\s*'((?:[^']|'')*)'")
_PATH = re.compile(r"(?:(?:->>?|#>>?)\s*'(?:[^']|'')*'(?:::\w+(?:\[\])?)?\)*\s*)+")
_STEP = re.compile(r"(->>?|#>>?)\s*'((?:[^']|'')*)'")
_HAS = re.compile(r"\?[|&]?\s*(?:ARRAY\[)?'((?:[^']|'')*)'")
_LENGTH = re.compile(r"length|cardinality|array_upper|bit_count")


@dataclass(frozen=True, slots=True)
class Hints:
    """What checks say.

    Attributes:
        texts: The texts that stand there.
        numbers: The numbers, with their neighbours and the middles between them.
        patterns: Regular expressions.
        likes: LIKE patterns.
        lengths: Numbers that may be lengths.
        paths: Ways into JSON documents, such as `("address", "city")`.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    patterns: tuple[str, ...] = ()
    likes: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return self == Hints()


def read_hints(definitions: Iterable[str]) -> Hints:
    """Read the hints in the texts of checks, domains, partition bounds and functions that checks call.

    Args:
        definitions: As the server spells them.
    """
    text = "\n".join(definitions)
    bare = _TEXT.sub("''", text)
    numbers = sorted({_as_number(number) for number in _NUMBER.findall(bare)})
    quoted = [_unquoted(found) for found in _TEXT.findall(text)]
    numbers += sorted({_as_number(one) for one in quoted if re.fullmatch(r"-?\d+(\.\d+)?", one)} - set(numbers))
    return Hints(
        texts=tuple(dict.fromkeys(quoted)),
        numbers=_with_neighbours(numbers),
        patterns=tuple(dict.fromkeys((*map(_unquoted, _REGEX.findall(text)), *_similar(text)))),
        likes=tuple(dict.fromkeys(map(_unquoted, _LIKE.findall(text)))),
        lengths=_lengths(numbers) if _LENGTH.search(bare) else (),
        paths=_paths(text),
    )


def _similar(text: str) -> Iterable[str]:
    for found in _SIMILAR.findall(text):
        yield _unquoted(found).replace("%", ".*").replace("_", ".")


def _with_neighbours(numbers: list[float]) -> tuple[float, ...]:
    around = [number + step for number in numbers for step in (0, 1, -1, 2, -2, 3, -3)]
    between = [(low + high) / 2 for low, high in pairwise(sorted(numbers))]
    few = numbers[:6]
    together = [one + other for one in few for other in few] + [one - other for one in few for other in few]
    return tuple(dict.fromkeys([*around, *between, *together]))


def _lengths(numbers: list[float]) -> tuple[int, ...]:
    found = [int(number) + step for number in numbers if 0 <= number <= 3000 for step in (0, 1, -1)]
    return tuple(dict.fromkeys(length for length in found if length >= 0))


def _paths(text: str) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    for match in _PATH.finditer(text):
        steps: list[str] = []
        for operator, step in _STEP.findall(match[0]):
            steps += step.strip("{}").split(",") if operator.startswith("#") else [_unquoted(step)]
        found.append(tuple(steps))
    found += [(_unquoted(key),) for key in _HAS.findall(text)]
    return tuple(dict.fromkeys(found))


def _as_number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _unquoted(text: str) -> str:
    return text.replace("''", "'")
