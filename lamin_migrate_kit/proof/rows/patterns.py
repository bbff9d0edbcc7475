"""Texts that match a regular expression or a LIKE pattern. Pure; whether they do is for the server to say."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass

_CLASSES = {
    "alpha": string.ascii_letters,
    "alnum": string.ascii_letters + string.digits,
    "digit": string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "space": " ",
    "punct": "-._",
    "xdigit": string.hexdigits[:16],
    "word": string.ascii_letters + string.digits + "_",
    "graph": string.ascii_letters + string.digits,
    "print": string.ascii_letters + string.digits + " ",
    "blank": " ",
    "cntrl": "\t",
}
_ESCAPES = {"d": "digit", "w": "word", "s": "space"}
_NO_WIDTH = "AZmMyY"
_ANY = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -._@/:#+"
_LONGEST = 200
_MORE = (0, 1, 2, 5, 12)
"""How often to repeat what may be repeated, over the least."""


@dataclass(frozen=True, slots=True)
class _Letters:
    """One of some letters."""

    letters: str


@dataclass(frozen=True, slots=True)
class _Group:
    """One of some branches, each a row of pieces."""

    branches: tuple[tuple[_Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Something, as often as it may stand there."""

    atom: _Letters | _Group
    least: int
    most: int


def texts_for_regex(pattern: str, number: int) -> tuple[str, ...]:
    """Texts that a regular expression likely matches, shortest first; none when it is not understood.

    Args:
        pattern: As Postgres takes it behind `~`.
        number: How many to make; fewer when there are no more.
    """
    try:
        tree = _Reader(pattern).read()
    except (IndexError, ValueError):
        return ()
    # Every other one uses what is optional, and each one other letters.
    texts = (_text(tree, turn, _MORE[turn % len(_MORE)]) for turn in range(2 * number))
    return tuple(dict.fromkeys(text for text in texts if len(text) <= _LONGEST))[:number]


def texts_for_like(pattern: str, number: int) -> tuple[str, ...]:
    """Texts that a LIKE pattern matches."""
    return tuple(dict.fromkeys(_filled(pattern, turn) for turn in range(number)))


def _filled(pattern: str, turn: int) -> str:
    text, escaped = "", False
    for letter in pattern:
        if escaped or letter not in "%_\\":
            text += letter
        elif letter == "%":
            text += str(turn) if turn else ""
        elif letter == "_":
            text += string.ascii_lowercase[turn % 26]
        escaped = letter == "\\" and not escaped
    return text


def _text(group: _Group, turn: int, more: int) -> str:
    branch = group.branches[turn % len(group.branches)]
    text = ""
    for place, piece in enumerate(branch):
        times = min(piece.most, piece.least + more)
        for again in range(times):
            if isinstance(piece.atom, _Group):
                text += _text(piece.atom, turn + again, more)
            else:
                text += piece.atom.letters[(turn + place + again) % len(piece.atom.letters)]
    return text


class _Reader:
    """Reads the advanced regular expressions of Postgres, as far as one needs to make texts."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern.removeprefix("***:")
        self._at = 0

    def read(self) -> _Group:
        group = self._group()
        if self._at < len(self._pattern):
            raise ValueError(self._pattern)
        return group

    def _group(self) -> _Group:
        branches = [self._branch()]
        while self._next("|"):
            branches.append(self._branch())
        return _Group(tuple(branches))

    def _branch(self) -> tuple[_Piece, ...]:
        pieces: list[_Piece] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            atom = self._atom()
            least, most = self._times()
            if atom is not None:
                pieces.append(_Piece(atom, least, most))
        return tuple(pieces)

    def _atom(self) -> _Letters | _Group | None:
        letter = self._take()
        if letter in "^$":
            return None
        if letter == "(":
            return self._in_parentheses()
        if letter == "[":
            return _Letters(self._in_brackets())
        if letter == ".":
            return _Letters(_ANY)
        return self._escaped() if letter == "\\" else _Letters(letter)

    def _in_parentheses(self) -> _Group | None:
        looks = False
        if self._next("?"):
            kind = self._take()
            if kind == "<":
                kind = self._take()
            looks = kind in "=!"
        group = self._group()
        if not self._next(")"):
            raise ValueError(self._pattern)
        return None if looks else group

    def _escaped(self) -> _Letters | None:
        letter = self._take()
        if letter in _NO_WIDTH:
            return None
        if letter.lower() in _ESCAPES:
            letters = _CLASSES[_ESCAPES[letter.lower()]]
            return _Letters(letters if letter.islower() else _without(letters))
        return _Letters({"n": "\n", "t": "\t", "r": "\r"}.get(letter, letter))

    def _in_brackets(self) -> str:
        negated = self._next("^")
        letters = ""
        while not (self._pattern[self._at] == "]" and letters):
            letters += self._member()
        self._at += 1
        return _without(letters) if negated else letters

    def _member(self) -> str:
        for name, letters in _CLASSES.items():
            if self._next(f"[:{name}:]"):
                return letters
        letter = self._take()
        if letter == "\\":
            found = self._escaped()
            return found.letters if found else ""
        if self._pattern[self._at] == "-" and self._pattern[self._at + 1] != "]":
            self._at += 1
            last = self._take()
            return "".join(map(chr, range(ord(letter), min(ord(last), ord(letter) + 100) + 1)))
        return letter

    def _times(self) -> tuple[int, int]:
        least, most = 1, 1
        if self._next("*"):
            least, most = 0, _LONGEST
        elif self._next("+"):
            least, most = 1, _LONGEST
        elif self._next("?"):
            least, most = 0, 1
        elif self._at < len(self._pattern) and self._pattern[self._at] == "{":
            end = self._pattern.index("}", self._at)
            low, comma, high = self._pattern[self._at + 1 : end].partition(",")
            least, most = int(low), int(high) if high else _LONGEST if comma else int(low)
            self._at = end + 1
        else:
            return least, most
        self._next("?")
        return least, most

    def _take(self) -> str:
        letter = self._pattern[self._at]
        self._at += 1
        return letter

    def _next(self, text: str) -> bool:
        if not self._pattern.startswith(text, self._at):
            return False
        self._at += len(text)
        return True


def _without(letters: str) -> str:
    left = "".join(letter for letter in _ANY if letter not in letters)
    if not left:
        raise ValueError(letters)
    return left


def samples(patterns: tuple[str, ...], likes: tuple[str, ...], number: int) -> Iterator[str]:
    """Texts for several patterns, a few each."""
    for pattern in patterns:
        yield from texts_for_regex(pattern, number)
    for like in likes:
        yield from texts_for_like(like, number)
