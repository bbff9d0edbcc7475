"""What both searches, for tables and for what is in them, need: what is on one side only, what was refused, results."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lamin_migrate_kit.diff.renames.matching import Settled
from lamin_migrate_kit.diff.renames.model import Candidate, DecidedBy, Rename
from lamin_migrate_kit.diff.renames.scoring import Fact, sentences
from lamin_migrate_kit.diff.renames.shapes import EnumShape, TableKey, TableShape

Name = TypeVar("Name", bound=Hashable)
Side = TypeVar("Side", bound=Hashable)
Shape = TypeVar("Shape", TableShape, EnumShape)

LIST = 0.01
"""The score from which a candidate is listed at all."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A column or an enum value."""

    table: TableKey
    name: str


def one_sided(
    current: Sequence[Name], desired: Sequence[Name], renamed: Iterable[tuple[Name, Name]]
) -> tuple[list[Name], list[Name]]:
    """What is only on the current side, and what only on the desired side, given renames that are known.

    A known rename takes both its ends away. What has the name of its current end on the desired side is new then, and
    what has the name of its desired end on the current side is gone: so swaps, chains, and a new column that takes
    a dropped one's name come out right.

    Args:
        current: All names, in order.
        desired: All names, in order.
        renamed: Pairs (current, desired).
    """
    pairs = list(renamed)
    ends, desired_ends = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    ours, theirs = set(current), set(desired)
    gone = [x for x in current if x not in ends and (x not in theirs or x in desired_ends)]
    new = [x for x in desired if x not in desired_ends and (x not in ours or x in ends)]
    return gone, new


@dataclass(frozen=True, slots=True)
class Refusals:
    """`--no-rename`: pairs that are none, and objects that have no new name at all."""

    refused: tuple[Rename, ...] = ()

    def allow(self, rename: Rename) -> bool:
        """Whether nobody refused it."""
        return not any(no.end == rename.end and (not no.desired or _same(no, rename)) for no in self.refused)

    def facts(self, rename: Rename) -> list[Fact]:
        """That another pair with one of the two ends was refused: who said no once is not asked lightly again."""
        touched = any(no.end == rename.end or no.desired_end == rename.desired_end for no in self.refused)
        return [Fact("another pair refused", 1.0)] if touched else []


def _same(refused: Rename, rename: Rename) -> bool:
    if rename.kind in ("table", "enum"):
        return refused.desired_table_key == rename.desired_table_key
    return refused.desired == rename.desired


def matched(
    candidates: Iterable[Candidate], current: Iterable[Shape], desired: Iterable[Shape]
) -> Iterator[tuple[Shape, Shape, str]]:
    """Tables or enum types that are on both sides, under whatever name, with the question that this rests on.

    Args:
        candidates: What was found for them; guesses count as matches.
        current: All of the current side.
        desired: All of the desired side.
    """
    best = {c.rename.table_key: c for c in candidates if c.outcome != "none"}
    taken = {c.rename.desired_table_key for c in best.values()}
    theirs = {shape.key: shape for shape in desired}
    for shape in current:
        found = best.get(shape.key)
        if found is not None:
            yield shape, theirs[found.rename.desired_table_key], found.question if found.outcome == "ask" else ""
        elif shape.key in theirs and shape.key not in taken:
            yield shape, theirs[shape.key], ""


def waiting(question: str) -> list[Fact]:
    """That a part's table is itself to be asked about; empty when it is not.

    Args:
        question: The table's open question, or "".
    """
    return [Fact("in a table to ask about", 0.0, depends_on=question)] if question else []


def question_of(rename: Rename) -> str:
    """The question that a rename is an answer to; the same pair of columns in several tables is one."""
    if rename.kind == "column":
        return f"column:{rename.current}:{rename.desired}"
    return f"{rename.kind}:{rename.table_key}:{rename.current}:{rename.desired_table_key}:{rename.desired}"


def candidates_of(
    settled: Iterable[Settled[Side]], rename_of: Callable[[Side, Side], Rename], weights: Mapping[str, float]
) -> list[Candidate]:
    """Settled pairs as candidates, sorted by what is renamed, best score first.

    Args:
        settled: All pairs of one kind.
        rename_of: The rename that a pair is.
        weights: By which the evidence is sorted.
    """
    found = []
    for pair in settled:
        if pair.outcome == "none" and pair.score < LIST:
            continue
        rename = rename_of(pair.current, pair.desired)
        by: DecidedBy = "evidence" if pair.outcome == "decided" else ""
        rests_on = next((fact.depends_on for fact in pair.facts if fact.depends_on), "")
        told = sentences(pair.facts, weights)
        found.append(Candidate(rename, pair.score, told, pair.outcome, by, question_of(rename), rests_on))
    return sorted(found, key=lambda c: (c.rename.table_key, c.rename.current, -c.score, c.rename))
