"""Facts about a pair of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from lamin_migrate_kit.diff.renames.model import SourceChange
from lamin_migrate_kit.diff.renames.name_evidence import MOST_WORDS, compared, name_facts, plain, source_facts
from lamin_migrate_kit.diff.renames.names import NameComparison, compare_names, words
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.shapes import ColumnShape, ForeignTarget, TableKey
from lamin_migrate_kit.diff.renames.surroundings import Surroundings
from lamin_migrate_kit.diff.renames.types import COMMON_TYPES, normal_type, same_family, same_type

ENOUGH_TABLES = 3
"""In how many tables two names for the same thing must change before that vouches for a rename."""


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
        *name_facts(current.name, desired.name, context, around),
        *_recurring_pair(current.name, desired.name, names, around),
        *_foreign_key_facts(current.foreign_keys, desired.foreign_keys, around),
        *_attribute_facts(current, desired),
        *source_facts(source, names),
    ]


def _type_facts(current: str | None, desired: str | None, renamed: Mapping[str, str]) -> list[Fact]:
    current = renamed.get(current, current) if current else current
    same, related = same_type(current, desired), same_family(current, desired)
    if same is None:
        return [Fact("type unknown", 1.0)]
    if same:
        rare = normal_type(str(current)) not in COMMON_TYPES
        return [Fact("same type", 1.0, "same type"), Fact("rare type", float(rare))]
    told = f"type {plain(current)} became {plain(desired)}"
    if related:
        return [Fact("type of one family", 1.0, told)]
    return [Fact("other type", 1.0, told, contradicts=True)]


def _recurring_pair(current: str, desired: str, names: NameComparison, around: Surroundings) -> list[Fact]:
    tables = around.recurring.get((current, desired), 1)
    if tables == 1:
        return []
    vouches = tables >= ENOUGH_TABLES and names.related >= MOST_WORDS
    return [Fact("recurring pair", log(tables), f"the same pair in {tables} tables", vouches=vouches)]


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
    known = None not in (current.nullable, desired.nullable)
    nullability = Fact("other nullability", 1.0, "another nullability")
    return [
        *([nullability] if known and current.nullable != desired.nullable else []),
        *compared("default", current.default, desired.default),
        *compared("comment", current.comment, desired.comment),
        *_membership("primary key", current.in_primary_key, desired.in_primary_key),
        *_membership("unique key", current.in_unique, desired.in_unique),
        *_membership("index", current.indexed, desired.indexed),
    ]


def _membership(what: str, current: bool | None, desired: bool | None) -> list[Fact]:
    """Whether a key or index contains them; that it contains neither is no evidence."""
    if current is None or desired is None or not (current or desired):
        return []
    article = "the" if what == "primary key" else "an" if what == "index" else "a"
    if current and desired:
        return [Fact(f"both in {what}", 1.0, f"both in {article} {what}")]
    return [Fact(f"one in {what}", 1.0, f"only one is in {article} {what}")]
