"""How alike two names are, by their words."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


@lru_cache(maxsize=65536)
def words(name: str) -> tuple[str, ...]:
    """A snake_case or camelCase name as lower-case words."""
    return tuple(word.lower() for word in _WORD.findall(name)) or (name.lower(),)


@lru_cache(maxsize=65536)
def similarity(current: str, desired: str) -> float:
    """How alike two names are, from 0 to 1."""
    return SequenceMatcher(None, current.lower(), desired.lower()).ratio()
