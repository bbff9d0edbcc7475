"""The facts about a pair of columns, tables, enum types or enum values that `scoring` adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log
from os.path import commonprefix

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

MOST_WORDS = 0.5
"""The share of words that two names must have in common before a word added or removed leaves them one name."""

MANY_COLUMNS = 5
"""How many columns two tables must have, all of them the same, before that alone vouches for a rename."""

MORE_COLUMNS = 3
"""How many more must be the same for every column that only one of the two tables has."""

ALL = 0.999
"""A share that is all, but for rounding."""


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

    def changes(self) -> frozenset[Substitution]:
        """The words that change in the names of tables whose rename is decided."""
        decided = ((a, b) for a, b in self.renamed.items() if a not in self.open and a.name != b.name)
        return frozenset(substitution(a.name, b.name) for a, b in decided)

    def without(self, table: TableKey) -> TableMap:
        """The map but for one table, whose rename must not speak for itself."""
        if table not in self.renamed:
            return self
        return TableMap({a: b for a, b in self.renamed.items() if a != table}, self.open)

    def translate(self, name: str, prefix: tuple[str, ...] = ()) -> tuple[str, str]:
        """A name with the renamed tables' names replaced in it: `dset_id` is `dfolder_id` with `dset` to `dfolder`.

        Args:
            name: Of a column, or of a table whose own rename is not in the map.
            prefix: Words of the new tables' names that go without saying.

        Returns:
            The name, and the first open question that it rests on.
        """
        text, question = words(name), ""
        for table in sorted(self.renamed, key=lambda key: (-len(words(key.name)), key)):
            new = _without_prefix(words(self.renamed[table].name), prefix)
            replaced = _replace(text, words(table.name), new) if table.name != self.renamed[table].name else text
            if replaced != text:
                text, question = replaced, question or self.open.get(table, "")
        return "_".join(text), question


def _without_prefix(name: tuple[str, ...], prefix: tuple[str, ...]) -> tuple[str, ...]:
    return name[len(prefix) :] if prefix and name[: len(prefix)] == prefix else name


def _replace(name: tuple[str, ...], part: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Replace a run of words, in whatever form they are, by others."""
    size = len(part)
    for start in range(len(name) - size + 1):
        run = name[start : start + size]
        if all(word_likeness(a, b) >= SAME_WORD for a, b in zip(run, part, strict=True)):
            return name[:start] + new + name[start + size :]
    return name


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
    mostly = added and names.shared >= MOST_WORDS
    opposite = Fact("opposite words", 1.0, "words of opposite meaning", contradicts=True)
    return [
        Fact("shared words", names.shared),
        Fact("related words", names.related, "words for the same thing" if names.related >= 0.5 else ""),
        Fact("spelling", names.spelling),
        Fact("same words", float(kept), "names of the same words" if kept else "", vouches=kept),
        Fact("same exact words", float(kept and names.exact)),
        Fact("word added or removed", float(added), _words_told(names) if added else "", vouches=mostly),
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
    """The words that change between two names: `organizer_name`, `owner_name` gives `organizer`, `owner`.

    Where one word only changes its form, the ending is what changes: `role`, `roles` gives nothing, `-s`.
    """
    ours, theirs = words(current), words(desired)
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    gone, new = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    if len(gone) == len(new) == 1 and word_likeness(gone[0], new[0]) >= SAME_WORD:
        same = len(commonprefix((gone[0], new[0])))
        return (f"-{gone[0][same:]}",), (f"-{new[0][same:]}",)
    return gone, new


def count_substitutions(pairs: Iterable[tuple[str, str]]) -> Counter[Substitution]:
    """How many different pairs of names change the same words, where part of the name stays."""
    counts: Counter[Substitution] = Counter()
    for current, desired in set(pairs):
        change = substitution(current, desired)
        form = change[0][:1] and change[0][0].startswith("-")
        if form or len(change[0]) < len(words(current)) or len(change[1]) < len(words(desired)):
            counts[change] += 1
    return counts


def _likewise(current: str, desired: str, around: Surroundings) -> list[Fact]:
    """Whether the name changes as the names of renamed tables do."""
    translated, question = around.tables.translate(current, around.prefix)
    if translated == "_".join(words(current)):
        return []
    names = compare_names(translated, "_".join(_without_prefix(words(desired), around.prefix)))
    if names.only_current or names.only_desired or not names.exact:
        return []
    told = "a table is renamed likewise"
    return [Fact("table renamed likewise", 1.0, told, vouches=True, depends_on=question)]


def _recurring_words(current: str, desired: str, around: Surroundings) -> Fact | None:
    change = substitution(current, desired)
    others = around.substitutions.get(change, 1)
    decided = change in around.tables.changes()
    if others == 1 and not decided:
        return None
    told = "a table's name changes likewise" if decided else f"the same words change in {others} names"
    return Fact("recurring words", log(max(2, others)), told, vouches=decided or others >= ENOUGH_NAMES)


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
        *_likewise(current.name, desired.name, around),
        *_recurring_pair(current.name, desired.name, around),
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


def _recurring_pair(current: str, desired: str, around: Surroundings) -> list[Fact]:
    tables = around.recurring.get((current, desired), 1)
    return [Fact("recurring pair", log(tables), f"the same pair in {tables} tables")] if tables > 1 else []


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
    around = replace(around, tables=around.tables.without(current.key))
    overlap = shared_columns(current.columns, desired.columns, around)
    names = _table_name_facts(current.key, desired.key, around)
    return [
        *_overlap_facts(current, desired, overlap),
        *names,
        *_enough_facts(overlap, names, around),
        *_reference_facts(current.key, desired.key, around),
        *_compared("comment", current.comment, desired.comment),
        *_source_facts(source),
    ]


def _table_name_facts(current: TableKey, desired: TableKey, around: Surroundings) -> list[Fact]:
    moved = current.schema != desired.schema
    facts = [Fact("other schema", 1.0)] if moved else []
    if current.name == desired.name:
        return [*facts, Fact("same name", 1.0, "same name in another schema", vouches=True)]
    context = tuple(word for schema in (current.schema, desired.schema) if schema for word in words(schema))
    names = compare_names(current.name, desired.name, context + around.prefix)
    likewise = _likewise(current.name, desired.name, around)
    return [*facts, *name_facts(names, _recurring_words(current.name, desired.name, around)), *likewise]


def _overlap_facts(current: TableShape, desired: TableShape, overlap: Overlap) -> list[Fact]:
    count = max(len(current.columns), len(desired.columns))
    told = f"{overlap.same} of {count} columns are the same"
    facts = [
        Fact("share of columns", overlap.share, told, depends_on=overlap.depends_on),
        Fact("kept columns", overlap.kept),
        Fact("many columns", log(1 + overlap.same)),
        Fact("all columns", float(overlap.share >= ALL)),
    ]
    if not (current.complete and desired.complete):
        facts.append(Fact("columns unknown", 1.0))
    return facts


def _reference_facts(current: TableKey, desired: TableKey, around: Surroundings) -> list[Fact]:
    count = around.references.get((current, desired), 0)
    return [Fact("references follow", log(1 + count), "foreign keys follow")] if count else []


def _enough_facts(overlap: Overlap, names: Sequence[Fact], around: Surroundings) -> list[Fact]:
    """The less the names say, the more columns must be the same.

    A table under its own name in another schema, or under a name that changes as other names do, needs none; the same
    words in another form need half of the columns, a word more or less three quarters; many columns, nearly all of
    them the same, need no name at all. A link table of two columns is like any other that links the same tables.
    """
    said = {fact.name for fact in names if fact.vouches}
    systematic = bool(said & {"recurring words", "table renamed likewise"}) or (bool(around.prefix) and "same words" in said)
    if "same name" in said or systematic:
        return []
    needed = 0.5 if "same words" in said else 0.75
    if overlap.same >= MANY_COLUMNS + MORE_COLUMNS * overlap.different:
        return [Fact("the columns alone", 1.0, vouches=True)]
    if overlap.same < ENOUGH_COLUMNS or overlap.share < needed:
        return [Fact("few columns", 1.0, "too few columns in common to be sure", contradicts=True)]
    return []


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
        return Overlap(0, len(ours) + len(theirs), 0.0, 0.0)
    total = total_left + total_right
    sure = [pair for pair, likeness in alike.items() if likeness >= FOLLOWED]
    depends_on = next((question for a, _ in sure if (question := _open_question(ours[a], around))), "")
    count = len(same) + len(sure)
    different = len(ours) + len(theirs) - 2 * count
    return Overlap(count, different, (2 * common + left + right) / total, (common + left) / total_left, depends_on)


def _open_question(column: ColumnShape, around: Surroundings) -> str:
    goals = (target.table for target in column.foreign_keys or ())
    return next((around.tables.open[goal] for goal in goals if goal in around.tables.open), "")


def _distinction(name: str, around: Surroundings) -> float:
    """How much it says that two tables have a column of that name; at least a little."""
    return 0.2 + log((1 + max(1, around.table_count)) / around.frequency.get(name, 1))


FOLLOWED = 0.9
"""How alike two columns are whose foreign keys lead to one table, under its current and its desired name."""


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
            return FOLLOWED
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
