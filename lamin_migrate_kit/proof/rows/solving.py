"""Values for columns that checks, references and partitions link: the server gets candidates and picks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog.quoting import quote_name

if TYPE_CHECKING:
    from lamin_migrate_kit.proof.rows.asking import Asking

_MOST_COMBINATIONS = 200_000
_MOST_UNORDERED = 4_000_000
"""When the best combination is not asked for, the server stops at the first."""
_MOST_ONE_BY_ONE = 300
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Columns that get their values together, and the candidates, best first: an expression for each column."""

    columns: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]

    def turned(self, by: int) -> Source:
        """The same, beginning with another choice."""
        if not self.choices:
            return self
        by %= len(self.choices)
        return Source(self.columns, (*self.choices[by:], *self.choices[:by]))


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that has to hold.

    Attributes:
        name: What people call it.
        expression: A condition in SQL over columns; what is not false holds.
        columns: Those that it reads, computed ones included.
    """

    name: str
    expression: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Columns that are linked, and what links them.

    Attributes:
        sources: Where their values come from. Sources that share a column have to agree on it.
        rules: What has to hold.
        computed: Expressions of generated columns that rules read.
    """

    sources: tuple[Source, ...]
    rules: tuple[Rule, ...]
    computed: Mapping[str, str]


def keep_valid(asking: Asking, candidates: Sequence[str]) -> list[str]:
    """Those candidates that the server takes for a value of their type; halved until what it refuses is found."""
    return _halving(asking, candidates, lambda some: f"SELECT {', '.join(some)}", lambda _rows, some: list(some))


def keep_fitting(
    asking: Asking, column: str, candidates: Sequence[str], conditions: Sequence[str], most: int
) -> list[str]:
    """Those candidates for a column that conditions over it alone are not false for."""
    where = " AND ".join(f"({condition}) IS NOT FALSE" for condition in conditions)

    def query(some: Sequence[str]) -> str:
        rows = ", ".join(f"({rank}, {candidate})" for rank, candidate in enumerate(some))
        return f"SELECT rank FROM (VALUES {rows}) AS s (rank, {quote_name(column)}) WHERE {where} ORDER BY rank"

    def read(rows: Sequence[Sequence[int]], some: Sequence[str]) -> list[str]:
        return [some[rank] for (rank,) in rows]

    found: list[str] = []
    for start in range(0, len(candidates), _CHUNK):
        found += _halving(asking, candidates[start : start + _CHUNK], query, read)
        if len(found) >= most:
            break
    return found[:most]


def _halving(
    asking: Asking,
    some: Sequence[str],
    query: Callable[[Sequence[str]], str],
    read: Callable[[Sequence[Any], Sequence[str]], list[str]],
) -> list[str]:
    """What a question about candidates says; asked about halves of them when it fails for some."""
    if not some:
        return []
    rows = asking.attempt(query(some))
    if rows is not None:
        return read(rows, some)
    if len(some) == 1:
        return []
    middle = len(some) // 2
    return [*_halving(asking, some[:middle], query, read), *_halving(asking, some[middle:], query, read)]


def solve(asking: Asking, puzzle: Puzzle, prefer: int = 0) -> dict[str, str] | None:
    """An expression for every column of the puzzle; None when no combination of the candidates fits.

    Args:
        asking: Where.
        puzzle: What is asked.
        prefer: The number of the source whose best candidates are preferred when several are as good.
    """
    if any(not source.choices for source in puzzle.sources):
        return None
    for most, ordered in ((_MOST_COMBINATIONS, True), (_MOST_UNORDERED, False)):
        sources = _cut(puzzle.sources, most)
        rows = asking.attempt(_query(sources, puzzle, prefer if ordered else None))
        if rows:
            return _chosen(sources, rows[0])
        if rows is None or sources == list(puzzle.sources):
            break
    if rows is not None:
        return None
    # A rule fails outright for some combination: try the best ones on their own.
    for ranks in _best_ranks(sources):
        one = [Source(source.columns, (source.choices[rank],)) for source, rank in zip(sources, ranks, strict=True)]
        rows = asking.attempt(_query(one, puzzle, prefer))
        if rows:
            return _chosen(one, rows[0])
    return None


def _cut(sources: Sequence[Source], combinations: int) -> list[Source]:
    """Fewer candidates where all combinations would be too many, the shortest lists whole."""
    lengths = [len(source.choices) for source in sources]
    most = max(lengths, default=0)
    while most > 2 and prod(min(length, most) for length in lengths) > combinations:
        most -= 1
    return [Source(source.columns, source.choices[:most]) for source in sources]


def _best_ranks(sources: Sequence[Source]) -> Iterable[tuple[int, ...]]:
    few = [range(min(len(source.choices), 12)) for source in sources]
    every = itertools.islice(itertools.product(*few), 50_000)
    return sorted(every, key=sum)[:_MOST_ONE_BY_ONE]


def _query(sources: Sequence[Source], puzzle: Puzzle, prefer: int | None) -> str:
    """A query for the ranks of the best combination, or of any: candidates crossed, those kept that no rule refuses."""
    parts, equal, named, where_from = [], [], [], dict[str, str]()
    for number, source in enumerate(sources):
        columns = ", ".join(f"c{place}" for place in range(len(source.columns)))
        rows = ", ".join(f"({', '.join((str(rank), *choice))})" for rank, choice in enumerate(source.choices))
        parts.append(f"(VALUES {rows}) AS s{number} (rank, {columns})")
        for place, column in enumerate(source.columns):
            here = f"s{number}.c{place}"
            if column in where_from:
                equal.append(f"{where_from[column]} IS NOT DISTINCT FROM {here}")
            else:
                where_from[column] = here
                named.append(f"{here} AS {quote_name(column)}")
    ranks = [f"s{number}.rank AS rank_{number}" for number in range(len(sources))]
    inner = f"SELECT {', '.join((*ranks, *named))} FROM {', '.join(parts)}"
    inner += f" WHERE {' AND '.join(equal)}" if equal else ""
    read = {column for rule in puzzle.rules for column in rule.columns}
    computed = "".join(
        f" CROSS JOIN LATERAL (SELECT ({expression}) AS {quote_name(column)}) AS g{number}"
        for number, (column, expression) in enumerate(puzzle.computed.items())
        if column in read
    )
    where = " AND ".join(f"({rule.expression}) IS NOT FALSE" for rule in puzzle.rules) or "true"
    rank_names = [f"rank_{number}" for number in range(len(sources))]
    order = ""
    if prefer is not None:
        order = f" ORDER BY {' + '.join(rank_names)}, {rank_names[prefer % len(rank_names)]}, {', '.join(rank_names)}"
    return f"SELECT {', '.join(rank_names)} FROM ({inner}) AS c{computed} WHERE {where}{order} LIMIT 1"


def _chosen(sources: Sequence[Source], ranks: Sequence[int]) -> dict[str, str]:
    found: dict[str, str] = {}
    for source, rank in zip(sources, ranks, strict=True):
        for column, expression in zip(source.columns, source.choices[rank], strict=True):
            found.setdefault(column, expression)
    return found
