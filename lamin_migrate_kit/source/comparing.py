"""Two versions of the models' source -> what they say about pairs of names. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from lamin_migrate_kit.diff.renames.model import SourceChange
from lamin_migrate_kit.diff.renames.name_evidence import same_places
from lamin_migrate_kit.source.classes import FieldSource, TableSource, by_table


def compare_sources(base: Iterable[TableSource], now: Iterable[TableSource]) -> tuple[SourceChange, ...]:
    """What the source says about pairs of tables and of columns, sorted.

    Args:
        base: Tables as of a base commit.
        now: Tables in the working tree.
    """
    ours, theirs = by_table(base), by_table(now)
    changes: set[SourceChange] = set()
    for key in ours.keys() & theirs.keys():
        changes.update(_fields_changed(ours[key], theirs[key]))
    gone = [table for key, table in ours.items() if key not in theirs]
    new = [table for key, table in theirs.items() if key not in ours]
    for old, table in product(gone, new):
        change = _table_changed(old, table, _neighbours(ours.values(), theirs.values(), gone, new))
        if change is not None:
            changes.add(change)
            changes.update(_fields_changed(old, table))
    return tuple(sorted(changes, key=lambda c: (c.kind, c.table, c.current, c.desired)))


def _neighbours(
    base: Iterable[TableSource], now: Iterable[TableSource], gone: Sequence[TableSource], new: Sequence[TableSource]
) -> set[tuple[str, str]]:
    """Pairs of tables whose classes stand at the same place, among the classes of all files."""
    return same_places(
        [str(table.key) for table in base],
        [str(table.key) for table in now],
        {str(table.key) for table in gone},
        {str(table.key) for table in new},
    )


def _table_changed(old: TableSource, new: TableSource, places: set[tuple[str, str]]) -> SourceChange | None:
    same_class = old.class_name == new.class_name
    same_place = same_class or (str(old.key), str(new.key)) in places
    same_body = bool(old.fields) and old.fields == new.fields
    if not (same_class or same_body or (same_place and _mostly_same(old.fields, new.fields))):
        return None
    return SourceChange("table", new.key, old.key.name, new.key.name, same_body, same_place)


def _mostly_same(old: Sequence[FieldSource], new: Sequence[FieldSource]) -> bool:
    return 2 * len(set(old) & set(new)) >= max(len(old), len(new))


def _fields_changed(old: TableSource, new: TableSource) -> Iterator[SourceChange]:
    kept = {field.name for field in old.fields} & {field.name for field in new.fields}
    gone = [field for field in old.fields if field.name not in kept]
    added = [field for field in new.fields if field.name not in kept]
    places = same_places(
        [field.name for field in old.fields],
        [field.name for field in new.fields],
        {field.name for field in gone},
        {field.name for field in added},
    )
    lines = (Counter(field.line for field in gone), Counter(field.line for field in added))
    for a, b in product(gone, added):
        same_place = (a.name, b.name) in places
        # The same words at another place mean something only when no other field could be meant by them.
        only = lines[0][a.line] == lines[1][b.line] == 1
        same_line = a.line == b.line and (same_place or only)
        if same_line or same_place:
            yield SourceChange("column", new.key, a.name, b.name, same_line, same_place)
