"""Which columns and enum values may have been renamed, in tables and types that are on both sides by any name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lamin_migrate_kit.diff.renames.column_evidence import column_facts
from lamin_migrate_kit.diff.renames.enum_evidence import value_facts
from lamin_migrate_kit.diff.renames.matching import settle
from lamin_migrate_kit.diff.renames.model import Candidate, Rename, SourceEvidence, part_rename
from lamin_migrate_kit.diff.renames.name_evidence import place_facts
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.shapes import ColumnShape, EnumShape, SchemaShape, TableShape
from lamin_migrate_kit.diff.renames.sides import Part, Refusals, candidates_of, matched, one_sided, waiting
from lamin_migrate_kit.diff.renames.surroundings import Surroundings, TableMap, common_prefix, count_substitutions
from lamin_migrate_kit.diff.renames.types import same_family
from lamin_migrate_kit.diff.renames.weights import COLUMN_WEIGHTS, VALUE_WEIGHTS

Facts = dict[tuple[Part, Part], list[Fact]]


@dataclass(frozen=True, slots=True)
class _Changed:
    """A table on both sides, with the columns that are on one side only."""

    current: TableShape
    desired: TableShape
    waits: str
    gone: tuple[ColumnShape, ...]
    new: tuple[ColumnShape, ...]
    renamed: tuple[tuple[str, str], ...]

    def pairs(self) -> Iterator[tuple[ColumnShape, ColumnShape]]:
        return ((a, b) for a in self.gone for b in self.new)

    def places(self) -> Mapping[tuple[str, str], Fact]:
        if any(column.position is None for column in (*self.current.columns, *self.desired.columns)):
            return {}
        return place_facts(
            [column.name for column in self.current.columns],
            [column.name for column in self.desired.columns],
            {column.name for column in self.gone},
            {column.name for column in self.new},
            self.renamed,
            "table",
        )


def search_columns(
    current: SchemaShape,
    desired: SchemaShape,
    given: Sequence[Candidate],
    tables: Sequence[Candidate],
    enums: Sequence[Candidate],
    refusals: Refusals,
    source: SourceEvidence,
) -> list[Candidate]:
    """Match columns.

    Args:
        current: The current side.
        desired: The desired side.
        given: Renames that flags and declarations decided.
        tables: What was found for tables.
        enums: What was found for enum types.
        refusals: What was refused.
        source: What the models' source says.
    """
    changed = [_changed(*pair, given) for pair in matched(tables, current.tables, desired.tables)]
    around = _surroundings(changed, tables, enums)
    facts: Facts = {}
    for table in changed:
        places = table.places()
        keys = (table.current.key, table.desired.key)
        for a, b in table.pairs():
            rename = part_rename("column", keys[0], a.name, b.name, keys[1])
            if refusals.allow(rename):
                known = column_facts(a, b, keys, around, source.of_column(keys[1], a.name, b.name))
                place = [places[a.name, b.name]] if (a.name, b.name) in places else []
                facts[Part(keys[0], a.name), Part(keys[1], b.name)] = [
                    *known,
                    *place,
                    *waiting(table.waits),
                    *refusals.facts(rename),
                ]
    return [*given, *candidates_of(settle(facts, COLUMN_WEIGHTS), _column_rename, COLUMN_WEIGHTS)]


def _changed(current: TableShape, desired: TableShape, waits: str, given: Sequence[Candidate]) -> _Changed:
    renamed = [(c.rename.current, c.rename.desired) for c in given if c.rename.table_key == current.key]
    gone, new = one_sided([c.name for c in current.columns], [c.name for c in desired.columns], renamed)
    return _Changed(
        current,
        desired,
        waits,
        tuple(column for column in current.columns if column.name in gone),
        tuple(column for column in desired.columns if column.name in new),
        tuple(renamed),
    )


def _surroundings(changed: Sequence[_Changed], tables: Sequence[Candidate], enums: Sequence[Candidate]) -> Surroundings:
    possible = [
        (a.name, b.name) for table in changed for a, b in table.pairs() if same_family(a.type, b.type) is not False
    ]
    known = table_map_of(tables)
    return Surroundings(
        tables=known,
        types={str(c.rename.table_key): str(c.rename.desired_table_key) for c in enums if c.outcome == "decided"},
        prefix=common_prefix(known.renamed, known.renamed.values()),
        recurring=Counter(possible),
        substitutions=count_substitutions(possible),
    )


def table_map_of(tables: Sequence[Candidate]) -> TableMap:
    """The decided renames of tables and the best guesses.

    Args:
        tables: What was found for tables.
    """
    best = [c for c in tables if c.outcome != "none"]
    return TableMap(
        {c.rename.table_key: c.rename.desired_table_key for c in best},
        {c.rename.table_key: c.question for c in best if c.outcome == "ask"},
    )


def _column_rename(current: Part, desired: Part) -> Rename:
    return part_rename("column", current.table, current.name, desired.name, desired.table)


def search_values(
    current: SchemaShape,
    desired: SchemaShape,
    given: Sequence[Candidate],
    enums: Sequence[Candidate],
    refusals: Refusals,
) -> list[Candidate]:
    """Match enum values.

    Args:
        current: The current side.
        desired: The desired side.
        given: Renames that flags decided.
        enums: What was found for enum types.
        refusals: What was refused.
    """
    facts: Facts = {}
    for ours, theirs, waits in matched(enums, current.enums, desired.enums):
        facts |= _value_pairs(ours, theirs, waits, given, refusals)
    return [*given, *candidates_of(settle(facts, VALUE_WEIGHTS), _value_rename, VALUE_WEIGHTS)]


def _value_pairs(
    current: EnumShape, desired: EnumShape, waits: str, given: Sequence[Candidate], refusals: Refusals
) -> Facts:
    renamed = [(c.rename.current, c.rename.desired) for c in given if c.rename.table_key == current.key]
    gone, new = one_sided(current.values, desired.values, renamed)
    places = place_facts(current.values, desired.values, gone, new, renamed, "type")
    around = Surroundings(substitutions=count_substitutions((a, b) for a in gone for b in new))
    facts: Facts = {}
    # An empty value cannot be written in a flag, so nobody could say yes or no to it.
    for a in filter(None, gone):
        for b in filter(None, new):
            rename = part_rename("enum_value", current.key, a, b, desired.key)
            if refusals.allow(rename):
                place = [places[a, b]] if (a, b) in places else []
                known = value_facts(a, b, around)
                facts[Part(current.key, a), Part(desired.key, b)] = [
                    *known,
                    *place,
                    *waiting(waits),
                    *refusals.facts(rename),
                ]
    return facts


def _value_rename(current: Part, desired: Part) -> Rename:
    return part_rename("enum_value", current.table, current.name, desired.name, desired.table)
