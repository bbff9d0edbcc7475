"""Which object needs which, worked out when somebody asks: two equal catalogs are compared without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from functools import cached_property

from lamin_migrate_kit.catalog.model import ObjectKey

Pair = tuple[ObjectKey, ObjectKey]


class Dependencies(Set[Pair]):
    """A set of pairs (object, what it needs) that is made on first use."""

    def __init__(self, make: Callable[[], Iterable[Pair]]) -> None:
        self._make = make

    @cached_property
    def _pairs(self) -> frozenset[Pair]:
        return frozenset(self._make())

    @classmethod
    def _from_iterable(cls, pairs: Iterable[Pair]) -> frozenset[Pair]:  # type: ignore[override]
        return frozenset(pairs)

    def __contains__(self, pair: object) -> bool:
        return pair in self._pairs

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return hash(self._pairs)
