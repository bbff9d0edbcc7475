"""From two sides of a comparison to rename candidates: tables first, then what is in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lamin_migrate_kit.diff.renames.evidence import (
    Surroundings,
    TableMap,
    column_facts,
    column_frequency,
    count_substitutions,
    enum_facts,
    place_facts,
    table_facts,
    value_facts,
)
from lamin_migrate_kit.diff.renames.matching import Settled, settle
from lamin_migrate_kit.diff.renames.model import (
    NO_SOURCE,
    Candidate,
    DecidedBy,
    Kind,
    Rename,
    SourceEvidence,
    part_rename,
    table_rename,
)
from lamin_migrate_kit.diff.renames.names import words
from lamin_migrate_kit.diff.renames.scoring import Fact, sentences
from lamin_migrate_kit.diff.renames.shapes import ColumnShape, EnumShape, SchemaShape, TableKey, TableShape
from lamin_migrate_kit.diff.renames.types import same_family
from lamin_migrate_kit.diff.renames.weights import COLUMN_WEIGHTS, ENUM_WEIGHTS, TABLE_WEIGHTS, VALUE_WEIGHTS

LIST = 0.01
"""The score from which a candidate is listed at all."""


def find_candidates(
    current: SchemaShape,
    desired: SchemaShape,
    *,
    declared: Sequence[Rename] = (),
    flags: Sequence[Rename] = (),
    source: SourceEvidence = NO_SOURCE,
    refused: Sequence[Rename] = (),
    recorded: Sequence[Rename] = (),  # noqa: ARG001
) -> tuple[Candidate, ...]:
    """Everything that may have been renamed, with an outcome each.

    Args:
        current: What the revisions make.
        desired: What the models make.
        declared: `renamed_from` in the models.
        flags: `--rename`, resolved; these are obeyed.
        source: What the models' source says.
        refused: `--no-rename`, resolved; an empty `desired` refuses every name.
        recorded: Renames that the revisions contain already; tells a declared swap that was done from one to
            do.

    Returns:
        Tables, enum types, columns, enum values; each kind sorted by table and name, best score first.
    """
    search = _Search(current, desired, _given(flags, "flag") + _given(declared, "declared"), source, tuple(refused))
    tables = search.tables()
    enums = search.enums()
    columns = search.columns(tables, enums)
    return (*tables, *enums, *columns, *search.values(enums))


def _given(renames: Iterable[Rename], by: DecidedBy) -> list[Candidate]:
    said = {"flag": "said by a flag", "declared": "declared in the models"}[by]
    return [Candidate(rename, 1.0, (said,), "decided", by, question_of(rename)) for rename in renames]


def question_of(rename: Rename) -> str:
    """The question that a rename is an answer to; the same pair of columns in several tables is one."""
    if rename.kind == "column":
        return f"column:{rename.current}:{rename.desired}"
    return f"{rename.kind}:{rename.table_key}:{rename.current}:{rename.desired_table_key}:{rename.desired}"


@dataclass(frozen=True)
class _Search:
    """One search; its methods are the steps, and each takes what the steps before it found."""

    current: SchemaShape
    desired: SchemaShape
    given: Sequence[Candidate]
    source: SourceEvidence
    refused: tuple[Rename, ...]

    def of_kind(self, kind: Kind) -> list[Candidate]:
        return [candidate for candidate in self.given if candidate.kind == kind]

    def allowed(self, rename: Rename) -> bool:
        return not any(no.end == rename.end and no.desired in ("", rename.desired) for no in self.refused)

    def tables(self) -> list[Candidate]:
        """Match tables in rounds: what is decided tells where foreign keys lead, which helps the next."""
        given = self.of_kind("table")
        gone, new = one_sided(
            [table.key for table in self.current.tables],
            [table.key for table in self.desired.tables],
            [(c.rename.table_key, c.rename.desired_table_key) for c in given],
        )
        known = {c.rename.table_key: c.rename.desired_table_key for c in given}
        sure: list[Settled[TableKey]] = []
        while True:
            found = settle(self._table_pairs(gone, new, TableMap(known)), TABLE_WEIGHTS)
            decided = [pair for pair in found if pair.outcome == "decided"]
            if not decided:
                break
            sure += decided
            known |= {pair.current: pair.desired for pair in decided}
            gone, new = [key for key in gone if key not in known], [key for key in new if key not in known.values()]
        found = settle(self._table_pairs(gone, new, _with_guesses(known, found)), TABLE_WEIGHTS)
        return given + _candidates(sure + found, lambda a, b: table_rename(a, b), TABLE_WEIGHTS)

    def _table_pairs(
        self, gone: Sequence[TableKey], new: Sequence[TableKey], known: TableMap
    ) -> dict[tuple[TableKey, TableKey], list[Fact]]:
        ours, theirs = _by_key(self.current.tables), _by_key(self.desired.tables)
        frequency, count = column_frequency((self.current, self.desired))
        around = Surroundings(
            tables=known,
            frequency=frequency,
            table_count=count,
            references=_references(self.current, self.desired, known, gone, new),
            substitutions=count_substitutions((a.name, b.name) for a in gone for b in new if a.name != b.name),
            prefix=_common_prefix(gone, new),
        )
        source = {(c.current, c.desired): c for c in self.source.changes if c.kind == "table"}
        return {
            (a, b): table_facts(ours[a], theirs[b], around, source.get((a.name, b.name)))
            for a in gone
            for b in new
            if self.allowed(table_rename(a, b))
        }

    def enums(self) -> list[Candidate]:
        """Match enum types."""
        given = self.of_kind("enum")
        ours, theirs = _by_key(self.current.enums), _by_key(self.desired.enums)
        gone, new = one_sided(
            list(ours), list(theirs), [(c.rename.table_key, c.rename.desired_table_key) for c in given]
        )
        pairs = {
            (a, b): enum_facts(ours[a], theirs[b])
            for a in gone
            for b in new
            if self.allowed(table_rename(a, b, "enum"))
        }
        found = settle(pairs, ENUM_WEIGHTS)
        return given + _candidates(found, lambda a, b: table_rename(a, b, "enum"), ENUM_WEIGHTS)

    def columns(self, tables: Sequence[Candidate], enums: Sequence[Candidate]) -> list[Candidate]:
        """Match the columns of tables that are on both sides, under whatever name."""
        given = self.of_kind("column")
        matched = list(self._matched(tables, self.current.tables, self.desired.tables))
        sides = [
            (table, other, waits, *self._one_sided_columns(table, other, given)) for table, other, waits in matched
        ]
        pairs = [
            (table, other, waits, a, b)
            for table, other, waits, gone, new in sides
            for a in gone
            for b in new
            if self.allowed(part_rename("column", table.key, a.name, b.name, other.key))
        ]
        related = [(a.name, b.name) for _, _, _, a, b in pairs if same_family(a.type, b.type) is not False]
        around = Surroundings(
            tables=_table_map(tables),
            prefix=_common_prefix(*self._renamed_tables(tables)),
            types=_type_map(enums),
            recurring=Counter(related),
            substitutions=count_substitutions(related),
        )
        places = {
            (table.key, *names): facts
            for table, other, _, gone, new in sides
            for names, facts in _places(table, other, gone, new).items()
        }
        facts: dict[tuple[_Part, _Part], list[Fact]] = {}
        waiting = {}
        for table, other, waits, a, b in pairs:
            key = (_Part(table.key, a.name), _Part(other.key, b.name))
            facts[key] = column_facts(a, b, (table.key, other.key), around, self._column_source(other.key, a, b))
            facts[key] += places.get((table.key, a.name, b.name), [])
            if waits:
                facts[key].append(Fact("in a table to ask about", 0.0, depends_on=waits))
            waiting[key[0]] = waits
        found = settle(facts, COLUMN_WEIGHTS)
        return given + _candidates(
            found, lambda a, b: part_rename("column", a.table, a.name, b.name, b.table), COLUMN_WEIGHTS
        )

    def _renamed_tables(self, tables: Sequence[Candidate]) -> tuple[list[TableKey], list[TableKey]]:
        best = [c.rename for c in tables if c.outcome != "none"]
        return [rename.table_key for rename in best], [rename.desired_table_key for rename in best]

    def _column_source(self, table: TableKey, current: ColumnShape, desired: ColumnShape):  # type: ignore[no-untyped-def]
        for change in self.source.changes:
            if (
                change.kind == "column"
                and change.table.name == table.name
                and change.table.schema in ("", table.schema)
                and (change.current, change.desired) == (current.name, desired.name)
            ):
                return change
        return None

    def _matched(self, found, current, desired):  # type: ignore[no-untyped-def]
        renamed = {c.rename.table_key: c for c in found if c.outcome != "none"}
        taken = {c.rename.desired_table_key for c in renamed.values()}
        theirs = _by_key(desired)
        for item in current:
            by = renamed.get(item.key)
            if by is not None:
                if by.rename.desired_table_key in theirs:
                    yield item, theirs[by.rename.desired_table_key], by.question if by.outcome == "ask" else ""
            elif item.key in theirs and item.key not in taken:
                yield item, theirs[item.key], ""

    def _one_sided_columns(self, table: TableShape, other: TableShape, given: Sequence[Candidate]):  # type: ignore[no-untyped-def]
        renamed = [(c.rename.current, c.rename.desired) for c in given if c.rename.table_key == table.key]
        gone, new = one_sided([c.name for c in table.columns], [c.name for c in other.columns], renamed)
        return [c for c in table.columns if c.name in gone], [c for c in other.columns if c.name in new]

    def values(self, enums: Sequence[Candidate]) -> list[Candidate]:
        """Match the values of enum types that are on both sides, under whatever name."""
        given = self.of_kind("enum_value")
        facts: dict[tuple[_Part, _Part], list[Fact]] = {}
        for enum, other, waits in self._matched(enums, self.current.enums, self.desired.enums):
            renamed = [(c.rename.current, c.rename.desired) for c in given if c.rename.table_key == enum.key]
            gone, new = one_sided(enum.values, other.values, renamed)
            places = _value_places(enum, other, gone, new)
            for a in gone:
                for b in new:
                    if not self.allowed(part_rename("enum_value", enum.key, a, b, other.key)):
                        continue
                    key = (_Part(enum.key, a), _Part(other.key, b))
                    facts[key] = value_facts(a, b) + places.get((a, b), [])
                    if waits:
                        facts[key].append(Fact("in a table to ask about", 0.0, depends_on=waits))
        found = settle(facts, VALUE_WEIGHTS)
        return given + _candidates(
            found, lambda a, b: part_rename("enum_value", a.table, a.name, b.name, b.table), VALUE_WEIGHTS
        )


@dataclass(frozen=True, slots=True, order=True)
class _Part:
    """A column or an enum value."""

    table: TableKey
    name: str


def one_sided(current, desired, renamed):  # type: ignore[no-untyped-def]
    """What is only on the current side and what only on the desired side, given renames that are known.

    A known rename takes both its ends away: what now has the name of its current end is new, and what had the name of
    its desired end is gone.
    """
    ends, desired_ends = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    gone = [x for x in current if x not in ends and (x not in desired or x in desired_ends)]
    new = [x for x in desired if x not in desired_ends and (x not in current or x in ends)]
    return gone, new


def _places(table: TableShape, other: TableShape, gone, new):  # type: ignore[no-untyped-def]
    changed = {c.name for c in (*gone, *new)}
    return place_facts(table.columns, other.columns, lambda name: name not in changed)


def _value_places(enum: EnumShape, other: EnumShape, gone, new):  # type: ignore[no-untyped-def]
    changed = {*gone, *new}
    ours = [ColumnShape(v, position=i) for i, v in enumerate(enum.values, 1)]
    theirs = [ColumnShape(v, position=i) for i, v in enumerate(other.values, 1)]
    facts = place_facts(ours, theirs, lambda name: name not in changed)
    return {k: [replace(f, sentence="same place in the type") for f in v] for k, v in facts.items()}


def _by_key(items):  # type: ignore[no-untyped-def]
    return {item.key: item for item in items}


def _candidates(found, rename_of, weights):  # type: ignore[no-untyped-def]
    candidates = []
    for pair in found:
        if pair.outcome == "none" and pair.score < LIST:
            continue
        rename = rename_of(pair.current, pair.desired)
        waits = next((fact.depends_on for fact in pair.facts if fact.depends_on), "")
        by: DecidedBy = "evidence" if pair.outcome == "decided" else ""
        told = sentences(pair.facts, weights)
        candidates.append(Candidate(rename, pair.score, told, pair.outcome, by, question_of(rename), waits))
    return sorted(candidates, key=lambda c: (c.rename.table_key, c.rename.current, -c.score, c.rename))


def _references(current: SchemaShape, desired: SchemaShape, known: TableMap, gone, new):  # type: ignore[no-untyped-def]
    """Foreign keys of matched tables that led to a table that is gone, and lead to a new one now."""
    counts: Counter[tuple[TableKey, TableKey]] = Counter()
    theirs = _by_key(desired.tables)
    for table in current.tables:
        other = theirs.get(known.follow(table.key))
        if other is None:
            continue
        for column in table.columns:
            goals = {t.table for t in column.foreign_keys or () if t.table in gone}
            later = [c for c in other.columns if c.name == column.name or table.column(c.name) is None]
            reached = {t.table for c in later for t in c.foreign_keys or () if t.table in new}
            counts.update((a, b) for a in goals for b in reached if (table.key, other.key) != (a, b))
    return counts


def _common_prefix(gone: Sequence[TableKey], new: Sequence[TableKey]) -> tuple[str, ...]:
    """The words that all of several new tables start with, when no gone table starts with them."""
    names = [words(table.name) for table in new]
    if len(names) < 3:
        return ()
    prefix = []
    for position in zip(*names, strict=False):
        if len(set(position)) > 1:
            break
        prefix.append(position[0])
    if not prefix or any(words(table.name)[: len(prefix)] == tuple(prefix) for table in gone):
        return ()
    return tuple(prefix)


def _table_map(tables: Iterable[Candidate]) -> TableMap:
    best = [c for c in tables if c.outcome != "none"]
    return TableMap(
        {c.rename.table_key: c.rename.desired_table_key for c in best},
        {c.rename.table_key: c.question for c in best if c.outcome == "ask"},
    )


def _with_guesses(known: Mapping[TableKey, TableKey], found: Sequence[Settled[TableKey]]) -> TableMap:
    guesses = {p.current: p.desired for p in found if p.outcome == "ask"}
    questions = {a: question_of(table_rename(a, b)) for a, b in guesses.items()}
    return TableMap({**known, **guesses}, questions)


def _type_map(enums: Iterable[Candidate]) -> Mapping[str, str]:
    return {str(c.rename.table_key): str(c.rename.desired_table_key) for c in enums if c.outcome == "decided"}


def table_map(candidates: Iterable[Candidate]) -> dict[TableKey, TableKey]:
    """Current to desired key of the tables whose rename is decided."""
    return {
        c.rename.table_key: c.rename.desired_table_key
        for c in candidates
        if c.kind == "table" and c.outcome == "decided"
    }
