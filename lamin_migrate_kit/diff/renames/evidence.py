"""The facts about a pair of columns, tables, enum types or enum values that `scoring` adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log

from lamin_migrate_kit.diff.renames.model import SourceChange
from lamin_migrate_kit.diff.renames.names import SAME_WORD, NameComparison, compare_names, word_likeness, words
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.shapes import (
    ColumnShape,
    EnumShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
)
from lamin_migrate_kit.diff.renames.types import normal_type, same_family, same_type

Substitution = tuple[tuple[str, ...], tuple[str, ...]]
"""The words that change between two names."""

COMMON_TYPES = frozenset(
    (
        "character varying",
        "text",
        "integer",
        "bigint",
        "boolean",
        "timestamp without time zone",
        "timestamp with time zone",
    )
)
"""Types that so many columns have that sharing one says little."""

ENOUGH_NAMES = 3
"""How many names must change the same words before that vouches for a rename."""

ENOUGH_COLUMNS = 3
"""How many columns two tables must have in common before names vouch for a rename; link tables have fewer."""


@dataclass(frozen=True, slots=True)
class TableMap:
    """Which tables are renamed, as far as it is known yet.

    Attributes:
        renamed: Current to desired key, decided ones and best guesses.
        open: The questions of those that are guesses, by current key.
    """

    renamed: Mapping[TableKey, TableKey] = field(default_factory=dict)
    open: Mapping[TableKey, str] = field(default_factory=dict)

    def follow(self, table: TableKey) -> TableKey:
        """Where a table went; itself when it was not renamed."""
        return self.renamed.get(table, table)

    def mirrored(self, change: Substitution) -> tuple[bool, str]:
        """Whether a table is renamed likewise, and the open question that this rests on, if any."""
        for current, desired in sorted(self.renamed.items()):
            if _likewise(change, current.name, desired.name):
                return True, self.open.get(current, "")
        return False, ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of a comparison says about a pair.

    Attributes:
        tables: Renamed tables.
        types: Renamed enum types, as columns spell them.
        recurring: In how many tables a pair of column names stands.
        substitutions: How many different pairs of names change the same words.
        frequency: In how many tables, of both sides, a column of that name stands.
        table_count: How many tables there are on both sides.
        references: How many foreign keys led from one place to the one table and lead to the other now.
        prefix: Words that all new tables start with and none of the old ones do.
    """

    tables: TableMap = field(default_factory=TableMap)
    types: Mapping[str, str] = field(default_factory=dict)
    recurring: Mapping[tuple[str, str], int] = field(default_factory=dict)
    substitutions: Mapping[Substitution, int] = field(default_factory=dict)
    frequency: Mapping[str, int] = field(default_factory=dict)
    table_count: int = 0
    references: Mapping[tuple[TableKey, TableKey], int] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()


# --- names ------------------------------------------------------------------------------------------------------------


def name_facts(names: NameComparison, likewise: Fact | None = None) -> list[Fact]:
    """What two names say.

    Args:
        names: How they compare.
        likewise: Evidence that the words change in the same way elsewhere, which vouches for a replaced word.
    """
    replaced = bool(names.only_current) and bool(names.only_desired)
    kept = not names.only_current and not names.only_desired and names.shared > 0
    added = names.shared > 0 and not kept and not replaced
    opposite = Fact("opposite words", 1.0, "words of opposite meaning", contradicts=True)
    return [
        Fact("shared words", names.shared),
        Fact("related words", names.related, "words for the same thing" if names.related >= 0.5 else ""),
        Fact("spelling", names.spelling),
        Fact("same words", float(kept), "names of the same words" if kept else "", vouches=kept),
        Fact("same exact words", float(kept and names.exact)),
        Fact("word added or removed", float(added), _words_told(names) if added else "", vouches=added),
        Fact("word replaced", float(replaced and names.shared > 0), _words_told(names) if replaced else ""),
        *([opposite] if names.opposite else []),
        *([likewise] if likewise else []),
    ]


def _words_told(names: NameComparison) -> str:
    gone, new = "_".join(names.only_current), "_".join(names.only_desired)
    if gone and new:
        return f"{gone} is {new} in the name"
    return f"{new} is added to the name" if new else f"{gone} is removed from the name"


def substitution(current: str, desired: str) -> Substitution:
    """The words that change between two names: `organizer_name`, `owner_name` gives `organizer`, `owner`."""
    ours, theirs = words(current), words(desired)
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    return ours[start : len(ours) - end], theirs[start : len(theirs) - end]


def count_substitutions(pairs: Iterable[tuple[str, str]]) -> Counter[Substitution]:
    """How many different pairs of names change the same words, where part of the name stays."""
    counts: Counter[Substitution] = Counter()
    for current, desired in set(pairs):
        change = substitution(current, desired)
        if len(change[0]) < len(words(current)) or len(change[1]) < len(words(desired)):
            counts[change] += 1
    return counts


def _likewise(change: Substitution, table: str, desired_table: str) -> bool:
    """Whether words of a column change as a table's name does: `dset_id` to `dfolder_id` with `dset` to `dfolder`."""
    gone, new = change
    if not gone or not new:
        return False
    return _ends_with(words(table), gone) and _ends_with(words(desired_table), new)


def _ends_with(name: Sequence[str], end: Sequence[str]) -> bool:
    tail = name[-len(end) :]
    return len(tail) == len(end) and all(word_likeness(a, b) >= SAME_WORD for a, b in zip(tail, end, strict=True))


def _recurring_words(current: str, desired: str, around: Surroundings) -> Fact | None:
    others = around.substitutions.get(substitution(current, desired), 1)
    if others == 1:
        return None
    told = f"the same words change in {others} names"
    return Fact("recurring words", log(others), told, vouches=others >= ENOUGH_NAMES)


# --- columns ----------------------------------------------------------------------------------------------------------


def column_facts(
    current: ColumnShape,
    desired: ColumnShape,
    tables: tuple[TableKey, TableKey],
    around: Surroundings,
    source: SourceChange | None = None,
) -> list[Fact]:
    """Everything known about a pair of columns, but for their places, which depend on the other columns.

    Args:
        current: The column that is gone.
        desired: The column that is new.
        tables: Their table, as it is called now and afterwards.
        around: What the rest of the comparison says.
        source: What the models' source says about the two.
    """
    context = words(tables[0].name) + words(tables[1].name)
    names = compare_names(current.name, desired.name, context)
    return [
        *_type_facts(current.type, desired.type, around.types),
        *name_facts(names, _recurring_words(current.name, desired.name, around)),
        *_mirrored_facts(current.name, desired.name, around),
        *_foreign_key_facts(current.foreign_keys, desired.foreign_keys, around),
        *_attribute_facts(current, desired),
        *_source_facts(source),
    ]


def _type_facts(current: str | None, desired: str | None, renamed: Mapping[str, str]) -> list[Fact]:
    current = renamed.get(current, current) if current else current
    same, related = same_type(current, desired), same_family(current, desired)
    if same is None:
        return [Fact("type unknown", 1.0)]
    if same:
        rare = normal_type(str(current)) not in COMMON_TYPES
        return [Fact("same type", 1.0, "same type"), Fact("rare type", float(rare))]
    if related:
        return [Fact("type of one family", 1.0, f"type {_plain(current)} became {_plain(desired)}")]
    told = f"type {_plain(current)} became {_plain(desired)}"
    return [Fact("other type", 1.0, told, contradicts=True)]


def _plain(text: str | None) -> str:
    """Text that fits into a sentence of evidence: one line, no commas."""
    return " ".join((text or "").replace(",", " ").split())


def _mirrored_facts(current: str, desired: str, around: Surroundings) -> list[Fact]:
    facts = []
    tables = around.recurring.get((current, desired), 1)
    if tables > 1:
        facts.append(Fact("recurring pair", log(tables), f"the same pair in {tables} tables"))
    mirrored, question = around.tables.mirrored(substitution(current, desired))
    if mirrored:
        told = "a table is renamed likewise"
        facts.append(Fact("table renamed likewise", 1.0, told, vouches=True, depends_on=question))
    return facts


def _foreign_key_facts(
    current: Sequence[ForeignTarget] | None, desired: Sequence[ForeignTarget] | None, around: Surroundings
) -> list[Fact]:
    if not current or not desired:
        return []
    goals = {target.table for target in desired}
    for target in current:
        if around.tables.follow(target.table) in goals:
            question = around.tables.open.get(target.table, "")
            return [Fact("same foreign key", 1.0, "same foreign key", depends_on=question)]
    return [Fact("other foreign key", 1.0, "its foreign key leads to another table", contradicts=True)]


def _attribute_facts(current: ColumnShape, desired: ColumnShape) -> list[Fact]:
    """Nullability, default, keys, indexes, comment: what is alike speaks little, what differs speaks against."""
    facts = []
    if None not in (current.nullable, desired.nullable) and current.nullable != desired.nullable:
        facts.append(Fact("other nullability", 1.0, "nullability differs"))
    facts += _compared("default", current.default, desired.default)
    facts += _compared("comment", current.comment, desired.comment)
    facts += _membership("primary key", current.in_primary_key, desired.in_primary_key)
    facts += _membership("unique key", current.in_unique, desired.in_unique)
    facts += _membership("index", current.indexed, desired.indexed)
    return facts


def _compared(what: str, current: str | None, desired: str | None) -> list[Fact]:
    """Two texts; that both have none is no evidence."""
    if current is None or desired is None or not (current or desired):
        return []
    if current == desired:
        return [Fact(f"same {what}", 1.0, f"same {what}")]
    return [Fact(f"other {what}", 1.0, f"{what} differs")]


def _membership(what: str, current: bool | None, desired: bool | None) -> list[Fact]:
    """Whether a key or index contains them; that it contains neither is no evidence."""
    if current is None or desired is None or not (current or desired):
        return []
    if current and desired:
        return [Fact(f"both in {what}", 1.0, f"both in a {what}" if what != "primary key" else f"both in the {what}")]
    return [Fact(f"one in {what}", 1.0, f"only one is in a {what}")]


def place_facts(
    current: Sequence[ColumnShape], desired: Sequence[ColumnShape], same: Callable[[str], bool]
) -> dict[tuple[str, str], list[Fact]]:
    """The pairs of columns that stand at the same place: between the same kept neighbours, equally far into the gap.

    Args:
        current: A table's columns in physical order.
        desired: The table's columns in the order of the models.
        same: Whether a column of that name is on both sides.
    """
    if any(column.position is None for column in (*current, *desired)):
        return {}
    theirs = {place: column.name for column, place in _places(desired, same)}
    return {
        (column.name, theirs[place]): [Fact("same place", 1.0, "same place in the table")]
        for column, place in _places(current, same)
        if place in theirs
    }


def _places(
    columns: Sequence[ColumnShape], same: Callable[[str], bool]
) -> list[tuple[ColumnShape, tuple[str, int, str]]]:
    """Every column that is on one side only, with the kept column before it, how far behind that it is, and the next."""
    kept = [i for i, column in enumerate(columns) if same(column.name)]
    places = []
    for i, column in enumerate(columns):
        if same(column.name):
            continue
        before = max((k for k in kept if k < i), default=-1)
        after = min((k for k in kept if k > i), default=len(columns))
        neighbours = [columns[k].name if 0 <= k < len(columns) else "" for k in (before, after)]
        places.append((column, (neighbours[0], i - before, neighbours[1])))
    return places


def _source_facts(change: SourceChange | None) -> list[Fact]:
    if change is None:
        return []
    if change.same_line:
        where = "" if change.same_place else " and its place"
        told = f"git: only the name{where} changed"
        return [Fact("same line" if change.same_place else "same line elsewhere", 1.0, told)]
    return [Fact("changed at the same place", 1.0, "git: changed at the same place")] if change.same_place else []


# --- tables -----------------------------------------------------------------------------------------------------------


def table_facts(
    current: TableShape, desired: TableShape, around: Surroundings, source: SourceChange | None = None
) -> list[Fact]:
    """Everything known about a pair of tables."""
    columns = _table_column_facts(current, desired, around)
    names = _table_name_facts(current.key, desired.key, around)
    if _too_few(current, desired, columns, names):
        names.append(Fact("few columns", 1.0, "too few columns in common to be sure", contradicts=True))
    return [*columns, *names, *_compared("comment", current.comment, desired.comment), *_source_facts(source)]


def _table_name_facts(current: TableKey, desired: TableKey, around: Surroundings) -> list[Fact]:
    moved = current.schema != desired.schema
    facts = [Fact("other schema", 1.0)] if moved else []
    if current.name == desired.name:
        return [*facts, Fact("same name", 1.0, "same name in another schema", vouches=True)]
    context = tuple(word for schema in (current.schema, desired.schema) if schema for word in words(schema))
    names = compare_names(current.name, desired.name, context + around.prefix)
    return [*facts, *name_facts(names, _recurring_words(current.name, desired.name, around))]


def _table_column_facts(current: TableShape, desired: TableShape, around: Surroundings) -> list[Fact]:
    overlap = shared_columns(current.columns, desired.columns, around)
    count = max(len(current.columns), len(desired.columns))
    facts = [
        Fact("share of columns", overlap.share, f"{overlap.same} of {count} columns are the same"),
        Fact("kept columns", overlap.kept),
        Fact("many columns", log(1 + overlap.same)),
        Fact("all columns", float(overlap.share >= 0.999)),
    ]
    references = around.references.get((current.key, desired.key), 0)
    if references:
        facts.append(Fact("references follow", log(1 + references), "foreign keys follow"))
    if not (current.complete and desired.complete):
        facts.append(Fact("columns unknown", 1.0))
    return facts


def _too_few(current: TableShape, desired: TableShape, columns: Sequence[Fact], names: Sequence[Fact]) -> bool:
    """A link table has two columns that many have; only its own name, kept, or words that change elsewhere too count."""
    if current.key.name == desired.key.name or any(f.name == "recurring words" and f.vouches for f in names):
        return False
    values = {fact.name: fact.value for fact in columns}
    return values["share of columns"] < 0.5 or values["many columns"] < log(1 + ENOUGH_COLUMNS)


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two tables have in common.

    Attributes:
        same: How many columns are the same by name and family of type, or by the table that they reference.
        share: The weighed share of all columns of both that are the same or alike.
        kept: The weighed share of the current table's columns that are.
    """

    same: int
    share: float
    kept: float


def shared_columns(current: Sequence[ColumnShape], desired: Sequence[ColumnShape], around: Surroundings) -> Overlap:
    """What two tables have in common; a column that stands in every table (`id`, `created_at`) says less."""
    ours, theirs = {c.name: c for c in current}, {c.name: c for c in desired}
    same = {n for n in ours if n in theirs and same_family(ours[n].type, theirs[n].type) is not False}
    alike = _align([c for c in current if c.name not in same], [c for c in desired if c.name not in same], around)
    weight = {n: _distinction(n, around) for n in (*ours, *theirs)}
    common = sum(weight[n] for n in same)
    left = sum(weight[a] * likeness for (a, _), likeness in alike.items())
    right = sum(weight[b] * likeness for (_, b), likeness in alike.items())
    total_left, total_right = sum(weight[n] for n in ours), sum(weight[n] for n in theirs)
    if not total_left or not total_right:
        return Overlap(0, 0.0, 0.0)
    total = total_left + total_right
    sure = sum(1 for likeness in alike.values() if likeness >= 0.9)
    return Overlap(len(same) + sure, (2 * common + left + right) / total, (common + left) / total_left)


def _distinction(name: str, around: Surroundings) -> float:
    """How much it says that two tables have a column of that name; at least a little."""
    return 0.2 + log((1 + max(1, around.table_count)) / around.frequency.get(name, 1))


def _align(
    current: Sequence[ColumnShape], desired: Sequence[ColumnShape], around: Surroundings
) -> dict[tuple[str, str], float]:
    """Pair off columns that may be one under another name, the likeliest first."""
    found = [(likeness, a.name, b.name) for a in current for b in desired if (likeness := _likeness(a, b, around)) > 0]
    gone: set[str] = set()
    new: set[str] = set()
    chosen = {}
    for likeness, a, b in sorted(found, key=lambda item: (-item[0], item[1], item[2])):
        if a not in gone and b not in new:
            gone.add(a)
            new.add(b)
            chosen[a, b] = likeness
    return chosen


def _likeness(current: ColumnShape, desired: ColumnShape, around: Surroundings) -> float:
    if same_family(current.type, desired.type) is False:
        return 0.0
    if current.foreign_keys and desired.foreign_keys:
        goals = {target.table for target in desired.foreign_keys}
        known = [t.table for t in current.foreign_keys if t.table in around.tables.renamed or t.table in goals]
        if any(around.tables.follow(table) in goals for table in known):
            return 0.9
        if known:
            return 0.0
    shared = compare_names(current.name, desired.name).shared
    return 0.8 * shared if shared >= 0.5 else 0.0


def column_frequency(sides: Iterable[SchemaShape]) -> tuple[Counter[str], int]:
    """In how many tables each column name stands, and how many tables there are."""
    tables = [table for side in sides for table in side.tables]
    return Counter(column.name for table in tables for column in table.columns), len(tables)


# --- enums ------------------------------------------------------------------------------------------------------------


def enum_facts(current: EnumShape, desired: EnumShape) -> list[Fact]:
    """Everything known about a pair of enum types."""
    ours, theirs = set(current.values), set(desired.values)
    share = len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
    told = f"{len(ours & theirs)} of {len(ours | theirs)} values are the same"
    return [
        *_table_name_facts(current.key, desired.key, Surroundings()),
        Fact("share of values", share, told, contradicts=share < 0.5),
        Fact("all values", float(share == 1.0)),
    ]


def value_facts(current: str, desired: str) -> list[Fact]:
    """Everything known about a pair of values of one enum type, but for their places."""
    facts = name_facts(compare_names(current, desired))
    if current.lower() == desired.lower():
        facts.append(Fact("same letters", 1.0, "only capital letters differ", vouches=True))
    return facts
