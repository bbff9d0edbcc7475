"""Facts about a pair of tables: their names, and the columns that they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log

from lamin_migrate_kit.diff.renames.model import SourceChange
from lamin_migrate_kit.diff.renames.name_evidence import compared, name_facts, source_facts
from lamin_migrate_kit.diff.renames.names import compare_names, shared_words, words
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.shapes import ColumnShape, SchemaShape, TableKey, TableShape
from lamin_migrate_kit.diff.renames.surroundings import Surroundings
from lamin_migrate_kit.diff.renames.types import same_family

ENOUGH_COLUMNS = 3
"""How many columns two tables must have in common before names vouch for a rename; link tables have fewer."""

MANY_COLUMNS = 5
"""How many columns two tables must have, all of them the same, before that alone vouches for a rename."""

MORE_COLUMNS = 3
"""How many more must be the same for every column that only one of the two tables has."""

FOLLOWED_SHARE = 2 / 3
"""The share of columns that must be the same before foreign keys that follow vouch for a rename."""

ALL = 0.999
"""A share that is all, but for rounding."""

PLAUSIBLE = 0.2
"""The weighed share of the smaller table's columns that makes a pair of tables worth looking closer."""

FOLLOWED = 0.9
"""How alike two columns are whose foreign keys lead to one table, under its current and its desired name."""

ALIKE = 0.8
"""How alike two columns of one type are, at most, by their names."""


def table_facts(
    current: TableShape, desired: TableShape, around: Surroundings, source: SourceChange | None = None
) -> list[Fact]:
    """Everything known about a pair of tables.

    Args:
        current: The table that is gone.
        desired: The table that is new.
        around: What the rest of the comparison says.
        source: What the models' source says about the two.
    """
    around = replace(around, tables=around.tables.without(current.key))
    overlap = shared_columns(current.columns, desired.columns, around)
    names = key_facts(current.key, desired.key, around)
    references = around.references.get((current.key, desired.key), 0)
    return [
        *_overlap_facts(current, desired, overlap),
        *names,
        *_enough_facts(overlap, names, references, current.complete and desired.complete, around),
        *_reference_facts(references),
        *compared("comment", current.comment, desired.comment),
        *source_facts(source, compare_names(current.key.name, desired.key.name)),
    ]


def key_facts(current: TableKey, desired: TableKey, around: Surroundings) -> list[Fact]:
    """What the names of two tables or enum types say, and their schemas.

    Args:
        current: The one that is gone.
        desired: The one that is new.
        around: What the rest of the comparison says.
    """
    moved = [Fact("other schema", 1.0)] if current.schema != desired.schema else []
    if current.name == desired.name:
        return [*moved, Fact("same name", 1.0, "same name in another schema", vouches=True)]
    schemas = tuple(word for schema in (current.schema, desired.schema) if schema for word in words(schema))
    return [
        *moved,
        *_prefix_facts(desired.name, around),
        *name_facts(current.name, around.short(desired.name), schemas, around),
    ]


def _prefix_facts(desired: str, around: Surroundings) -> list[Fact]:
    told = f"the names of all new tables start with {'_'.join(around.prefix)}"
    return [Fact("prefix of all", 1.0, told)] if around.short(desired) != desired else []


def _overlap_facts(current: TableShape, desired: TableShape, overlap: Overlap) -> list[Fact]:
    count = max(len(current.columns), len(desired.columns))
    told = f"{overlap.same} of {count} columns are the same"
    unknown = [] if current.complete and desired.complete else [Fact("columns unknown", 1.0)]
    return [
        Fact("share of columns", overlap.share, told, depends_on=overlap.depends_on),
        Fact("kept columns", overlap.kept),
        Fact("many columns", log(1 + overlap.same)),
        Fact("all columns", float(overlap.share >= ALL)),
        *unknown,
    ]


def _reference_facts(count: int) -> list[Fact]:
    return [Fact("references follow", log(1 + count), "foreign keys follow")] if count else []


def _enough_facts(
    overlap: Overlap, names: Sequence[Fact], references: int, complete: bool, around: Surroundings
) -> list[Fact]:
    """The less the names say, the more columns must be the same.

    A table under its own name in another schema, or under a name that changes as other names do, needs none; the same
    words in another form need half of the columns, a word more or less three quarters. No name at all is needed where
    many columns are nearly all the same, or two thirds of them are and foreign keys of other tables follow. A link
    table of two columns is like any other that links the same tables.
    """
    said = {fact.name for fact in names if fact.vouches}
    prefixed = bool(around.prefix) and "same words" in said
    if prefixed or said & {"same name", "recurring words", "table renamed likewise"}:
        return []
    if overlap.same >= MANY_COLUMNS + MORE_COLUMNS * overlap.different:
        return [Fact("the columns alone", 1.0, vouches=True, alone=True)]
    if references and overlap.same >= ENOUGH_COLUMNS and overlap.share >= FOLLOWED_SHARE:
        return [Fact("the foreign keys", 1.0, vouches=True, alone=True)]
    same_words = "same words" in said
    needed = 0.5 if same_words else 0.75
    if (same_words and not complete) or (overlap.same >= ENOUGH_COLUMNS and overlap.share >= needed):
        return []
    return [Fact("few columns", 1.0, "too few columns in common to be sure", contradicts=True)]


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two tables have in common.

    Attributes:
        same: How many columns are the same by name and family of type, or by the table that they reference.
        different: How many columns only one of them has.
        share: The weighed share of all columns of both that are the same or alike.
        kept: The weighed share of the current table's columns that are.
        depends_on: The open question of another table that this rests on.
    """

    same: int
    different: int
    share: float
    kept: float
    depends_on: str = ""


def shared_columns(current: Sequence[ColumnShape], desired: Sequence[ColumnShape], around: Surroundings) -> Overlap:
    """What two tables have in common; a column that stands in every table (`id`, `created_at`) says less.

    Args:
        current: The columns of the one.
        desired: The columns of the other.
        around: What the rest of the comparison says.
    """
    ours, theirs = {c.name: c for c in current}, {c.name: c for c in desired}
    same = {n for n in ours if n in theirs and same_family(ours[n].type, theirs[n].type) is not False}
    alike = _pair_off([c for c in current if c.name not in same], [c for c in desired if c.name not in same], around)
    weight = {name: _distinction(name, around) for name in (*ours, *theirs)}
    # Sums go in order of the names: those of floating point numbers depend on it.
    total_ours, total_theirs = sum(weight[n] for n in sorted(ours)), sum(weight[n] for n in sorted(theirs))
    if not total_ours or not total_theirs:
        return Overlap(0, len(ours) + len(theirs), 0.0, 0.0)
    common = sum(weight[n] for n in sorted(same))
    left = common + sum(weight[a] * likeness for (a, _), likeness in alike.items())
    right = common + sum(weight[b] * likeness for (_, b), likeness in alike.items())
    followed = [a for (a, _), likeness in alike.items() if likeness >= FOLLOWED]
    count = len(same) + len(followed)
    return Overlap(
        same=count,
        different=len(ours) + len(theirs) - 2 * count,
        share=(left + right) / (total_ours + total_theirs),
        kept=left / total_ours,
        depends_on=next((question for a in followed if (question := _open_question(ours[a], around))), ""),
    )


def _open_question(column: ColumnShape, around: Surroundings) -> str:
    goals = (target.table for target in column.foreign_keys or ())
    return next((around.tables.open[goal] for goal in goals if goal in around.tables.open), "")


def plausible(current: TableShape, desired: TableShape, around: Surroundings) -> bool:
    """Whether two tables have anything in common that makes it worth looking closer; quick, for many pairs.

    Args:
        current: The table that is gone.
        desired: The table that is new.
        around: What the rest of the comparison says.
    """
    if shared_words(current.key.name, desired.key.name) or (current.key, desired.key) in around.references:
        return True
    ours, theirs = (_traits(table, around) for table in (current, desired))
    common = sum(_distinction(trait, around) for trait in sorted(ours & theirs))
    return common >= PLAUSIBLE * min(
        sum(_distinction(trait, around) for trait in sorted(traits)) for traits in (ours, theirs)
    )


def _traits(table: TableShape, around: Surroundings) -> set[str]:
    """What a table's columns are called, and where their foreign keys lead."""
    goals = {str(around.tables.follow(t.table)) for column in table.columns for t in column.foreign_keys or ()}
    return {column.name for column in table.columns} | {f"-> {goal}" for goal in goals}


def _distinction(name: str, around: Surroundings) -> float:
    """How much it says that two tables have a column of that name; at least a little."""
    return 0.2 + log((1 + around.table_count) / around.frequency.get(name, 1))


def _pair_off(
    current: Sequence[ColumnShape], desired: Sequence[ColumnShape], around: Surroundings
) -> dict[tuple[str, str], float]:
    """Pair off columns that may be one under another name, the likeliest first."""
    found = [(-likeness, a.name, b.name) for a in current for b in desired if (likeness := _likeness(a, b, around))]
    gone: set[str] = set()
    new: set[str] = set()
    chosen = {}
    for negative, a, b in sorted(found):
        if a not in gone and b not in new:
            gone.add(a)
            new.add(b)
            chosen[a, b] = -negative
    return chosen


def _likeness(current: ColumnShape, desired: ColumnShape, around: Surroundings) -> float:
    if same_family(current.type, desired.type) is False:
        return 0.0
    if current.foreign_keys and desired.foreign_keys:
        goals = {target.table for target in desired.foreign_keys}
        tables = [target.table for target in current.foreign_keys]
        if any(around.tables.follow(table) in goals for table in tables):
            return FOLLOWED
        if any(table in around.tables.renamed for table in tables):
            return 0.0
    shared = shared_words(current.name, desired.name)
    return ALIKE * shared if shared >= 0.5 else 0.0


def column_frequency(sides: Iterable[SchemaShape]) -> tuple[Counter[str], int]:
    """In how many tables each column name stands, and how many tables there are.

    Args:
        sides: Both sides of a comparison.
    """
    tables = [table for side in sides for table in side.tables]
    return Counter(column.name for table in tables for column in table.columns), len(tables)
