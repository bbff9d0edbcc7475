"""Which tables and enum types may have been renamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf

from lamin_migrate_kit.diff.renames.enum_evidence import enum_facts
from lamin_migrate_kit.diff.renames.matching import Settled, settle
from lamin_migrate_kit.diff.renames.model import Candidate, Rename, SourceEvidence, table_rename
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.shapes import SchemaShape, TableKey, TableShape
from lamin_migrate_kit.diff.renames.sides import Refusals, candidates_of, one_sided, question_of
from lamin_migrate_kit.diff.renames.surroundings import (
    Surroundings,
    TableMap,
    common_prefix,
    count_substitutions,
    short_name,
)
from lamin_migrate_kit.diff.renames.table_evidence import column_frequency, plausible, table_facts
from lamin_migrate_kit.diff.renames.weights import ENUM_WEIGHTS, TABLE_WEIGHTS

Keys = Sequence[TableKey]


def search_tables(
    current: SchemaShape,
    desired: SchemaShape,
    given: Sequence[Candidate],
    refusals: Refusals,
    source: SourceEvidence,
) -> list[Candidate]:
    """Match tables in rounds: what is decided tells where foreign keys lead, which helps the next round.

    The last round also follows guesses, and therefore only guesses.

    Args:
        current: The current side.
        desired: The desired side.
        given: Renames that flags and declarations decided.
        refusals: What was refused.
        source: What the models' source says.
    """
    known = {c.rename.table_key: c.rename.desired_table_key for c in given}
    gone, new = one_sided([t.key for t in current.tables], [t.key for t in desired.tables], known.items())
    sure: list[Settled[TableKey]] = []
    while True:
        found = settle(_table_pairs(current, desired, gone, new, TableMap(known), refusals, source), TABLE_WEIGHTS)
        decided = [pair for pair in found if pair.outcome == "decided"]
        if not decided:
            break
        sure += decided
        known |= {pair.current: pair.desired for pair in decided}
        gone, new = [key for key in gone if key not in known], [key for key in new if key not in known.values()]
    guesses = _with_guesses(known, found)
    found = settle(_table_pairs(current, desired, gone, new, guesses, refusals, source), TABLE_WEIGHTS, decide=inf)
    return [*given, *candidates_of([*sure, *found], table_rename, TABLE_WEIGHTS)]


def _with_guesses(known: Mapping[TableKey, TableKey], found: Sequence[Settled[TableKey]]) -> TableMap:
    guesses = {pair.current: pair.desired for pair in found if pair.outcome == "ask"}
    questions = {a: question_of(table_rename(a, b)) for a, b in guesses.items()}
    return TableMap({**known, **guesses}, questions)


def _table_pairs(
    current: SchemaShape,
    desired: SchemaShape,
    gone: Keys,
    new: Keys,
    known: TableMap,
    refusals: Refusals,
    source: SourceEvidence,
) -> dict[tuple[TableKey, TableKey], list[Fact]]:
    ours, theirs = {t.key: t for t in current.tables}, {t.key: t for t in desired.tables}
    frequency, count = column_frequency((current, desired))
    prefix = common_prefix([*gone, *known.renamed], [*new, *known.renamed.values()])
    names = ((a.name, short_name(b.name, prefix)) for a in gone for b in new if a.name != b.name)
    around = Surroundings(
        tables=known,
        prefix=prefix,
        frequency=frequency,
        table_count=count,
        references=_references(ours, theirs, known, gone, new),
        substitutions=count_substitutions(names),
    )
    facts = {}
    for a in gone:
        for b in new:
            rename = table_rename(a, b)
            if plausible(ours[a], theirs[b], around) and refusals.allow(rename):
                facts[a, b] = table_facts(ours[a], theirs[b], around, source.of_table(a, b)) + refusals.facts(rename)
    return facts


def _references(
    current: Mapping[TableKey, TableShape],
    desired: Mapping[TableKey, TableShape],
    known: TableMap,
    gone: Keys,
    new: Keys,
) -> Counter[tuple[TableKey, TableKey]]:
    """Foreign keys of matched tables that led to a table that is gone, and lead to a new one now."""
    counts: Counter[tuple[TableKey, TableKey]] = Counter()
    for table in current.values():
        other = desired.get(known.follow(table.key))
        if other is None:
            continue
        kept = {column.name for column in table.columns}
        for column in table.columns:
            goals = {t.table for t in column.foreign_keys or () if t.table in gone}
            later = [c for c in other.columns if c.name == column.name or c.name not in kept] if goals else []
            reached = {t.table for c in later for t in c.foreign_keys or () if t.table in new}
            counts.update((a, b) for a in goals for b in reached if (table.key, other.key) != (a, b))
    return counts


def search_enums(
    current: SchemaShape, desired: SchemaShape, given: Sequence[Candidate], tables: TableMap, refusals: Refusals
) -> list[Candidate]:
    """Match enum types.

    Args:
        current: The current side.
        desired: The desired side.
        given: Renames that flags decided.
        tables: Renamed tables; types are often named after one.
        refusals: What was refused.
    """
    ours, theirs = {e.key: e for e in current.enums}, {e.key: e for e in desired.enums}
    known = [(c.rename.table_key, c.rename.desired_table_key) for c in given]
    gone, new = one_sided(list(ours), list(theirs), known)
    around = Surroundings(tables=tables, prefix=common_prefix(gone, new))
    facts = {}
    for a in gone:
        for b in new:
            rename = _enum_rename(a, b)
            if refusals.allow(rename):
                facts[a, b] = enum_facts(ours[a], theirs[b], around) + refusals.facts(rename)
    return [*given, *candidates_of(settle(facts, ENUM_WEIGHTS), _enum_rename, ENUM_WEIGHTS)]


def _enum_rename(current: TableKey, desired: TableKey) -> Rename:
    return table_rename(current, desired, "enum")
