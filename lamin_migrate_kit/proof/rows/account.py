"""What became of every table and column between two moments: counted by the server, told apart here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.proof.rows.relations import (
    Attribute,
    Labels,
    Match,
    Relation,
    Relations,
    Renames,
    match_relations,
    renamed_labels,
)
from lamin_migrate_kit.proof.rows.saved import SavedRows, Side

_MOST_PAIRS = 50
"""How many ways to find a key of several columns in another table are tried."""


@dataclass(frozen=True, slots=True)
class ColumnFate:
    """What became of a column; see `report.model.ColumnAccount` for the words and the counts.

    Attributes:
        column: Its key before; of a new column, after.
        before: As it was; None for a new column.
        after: As it is; None when it is gone.
        fate: The word.
        became: Where its values are now, when that is another column.
        values: How many values it held.
        changed: How many became others.
        lost: How many are nowhere, in rows that are still there.
        unmapped: Of an enum type: how many of these did not become what the revision records of them.
    """

    column: ObjectKey
    before: Attribute | None
    after: Attribute | None
    fate: str
    became: ObjectKey | None = None
    values: int = 0
    changed: int = 0
    lost: int = 0
    unmapped: int = 0


EnumMaps = Mapping[str, Mapping[str, str | None]]
"""By the name of an enum type, for its values: what takes their place; None where anything may, as they are dropped."""


@dataclass(frozen=True, slots=True)
class TableFate:
    """What became of a table.

    Attributes:
        table: Its key before.
        became: Its key after; None when it is gone.
        rows: How many rows it held.
        lost_rows: How many of them are nowhere.
        columns: What became of its columns.
        new: It was not there before.
        gone: Its partitions that are gone.
    """

    table: ObjectKey
    became: ObjectKey | None
    rows: int
    lost_rows: int
    columns: tuple[ColumnFate, ...]
    new: bool = False
    gone: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """The tables of a database when their rows were saved.

    Attributes:
        number: As `SavedRows` knows it.
        relations: The tables.
        rows: How many rows each has, by its oid.
        labels: The values of enum types.
    """

    number: int
    relations: Relations
    rows: dict[int, int]
    labels: Labels


def account_for(
    saved: SavedRows, before: Moment, after: Moment, renames: Renames, enum_maps: EnumMaps
) -> tuple[TableFate, ...]:
    """Account for every row, table and column.

    Args:
        saved: Where the rows of both moments are kept.
        before: The moment before a revision ran.
        after: The one after.
        renames: What the revision records as renamed.
        enum_maps: What it records of values of enum types.

    Returns:
        A fate for every table that was there before, in the order of their names; columns that are new stand with the
        table that they are in, or with one of their own.
    """
    matches = match_relations(before.relations, after.relations, renames)
    return _Accounting(saved, before, after, matches, enum_maps).fates()


class _Accounting:
    def __init__(
        self, saved: SavedRows, before: Moment, after: Moment, matches: Sequence[Match], enum_maps: EnumMaps
    ) -> None:
        self._saved = saved
        self._before = before
        self._after = after
        self._matches = matches
        self._enum_maps = enum_maps

    def fates(self) -> tuple[TableFate, ...]:
        matched = [match for match in self._matches if match.after and match.columns]
        sides = [(self._old(match), self._new(match)) for match in matched]
        same = dict(zip((match.before.oid for match in matched), self._saved.same_rows(sides), strict=True))
        fates = [self._fate(match, same.get(match.before.oid, False)) for match in self._matches]
        return (*fates, *self._new_tables())

    def _fate(self, match: Match, same: bool) -> TableFate:
        rows = self._before.rows[match.before.oid]
        if same or not rows:
            columns, lost_rows = [self._unchanged(match, one) for one in match.columns], 0
        else:
            columns, lost_rows = self._compared(match, rows)
        columns += [self._gone(match, one) for one in match.before.attributes if one not in match.columns]
        if match.after is None and not any(column.lost for column in columns):
            lost_rows = 0
        new = [self._came(relation, one) for relation, one in self._new_columns if relation is match.after]
        order = {one: place for place, one in enumerate(match.before.attributes)}
        columns.sort(key=lambda column: order[column.before] if column.before else 0)
        became = match.after.key if match.after else None
        return TableFate(
            match.before.key, became, rows, lost_rows, (*columns, *new), gone=self._gone_parts(match.before)
        )

    def _gone_parts(self, relation: Relation) -> tuple[ObjectKey, ...]:
        parts = (one for one in self._before.relations.values() if one.root == relation.oid)
        return tuple(one.key for one in parts if one.oid not in self._after.relations)

    @cached_property
    def _labels(self) -> dict[str, dict[str, str]]:
        return renamed_labels(self._before.labels, self._after.labels)

    def _unchanged(self, match: Match, one: Attribute) -> ColumnFate:
        return _named(self._begin(match, one))

    def _begin(self, match: Match, one: Attribute) -> ColumnFate:
        """A column that is still there, before its values are looked at."""
        after = match.columns[one]
        assert match.after is not None
        was, is_ = match.before.column(one), match.after.column(after)
        return ColumnFate(was, one, after, "kept", is_ if is_ != was else None, self._values(match.before, one))

    def _compared(self, match: Match, rows: int) -> tuple[list[ColumnFate], int]:
        """The columns that are still there, value by value, and how many rows are not."""
        if match.after is None:
            return [], rows
        key, told = self._best_key(match)
        lost_rows = rows - told if told else max(0, rows - self._after_rows(match))
        nowhere = min(lost_rows, self._rows_nowhere(match)) if lost_rows else 0
        return [_named(self._count(match, one, key, lost_rows)) for one in match.columns], nowhere

    def _count(self, match: Match, one: Attribute, key: tuple[Side, Side] | None, lost_rows: int) -> ColumnFate:
        fate = self._begin(match, one)
        old, new = (self._old(match), one), (self._new(match), match.columns[one])
        if key:
            others, gone = self._saved.changed(key, old, new)
        else:
            missing = self._saved.missing(old, new)
            fewer = min(missing, max(0, fate.values - self._after_values(match, one)))
            # Of rows that are gone the values are gone as well, and are not counted once more.
            others, gone = missing - fewer, max(0, fewer - lost_rows)
        unmapped = self._unmapped(key, old, new, lost_rows) if others or gone else 0
        return self._elsewhere(replace(fate, changed=others, lost=gone, unmapped=unmapped), match)

    def _unmapped(
        self,
        key: tuple[Side, Side] | None,
        old: tuple[Side, Attribute],
        new: tuple[Side, Attribute],
        lost_rows: int,
    ) -> int:
        """How many values of an enum type became something else than what is recorded of them."""
        side, one = old
        recorded = self._enum_maps.get(one.type_name, {})
        if not recorded:
            return 0
        labels = {
            **side.labels.get(one.type_name, {}),
            **{was: is_ for was, is_ in recorded.items() if is_ is not None},
        }
        mapped = replace(side, labels={**side.labels, one.type_name: labels}), one
        but = tuple(label for label, is_ in recorded.items() if is_ is None)
        if key:
            return sum(self._saved.changed(key, mapped, new, but=but))
        return max(0, self._saved.missing(mapped, new, but=but) - lost_rows)

    def _elsewhere(self, fate: ColumnFate, match: Match) -> ColumnFate:
        """Values that are no longer where they were may be in a column that is new."""
        if not (fate.lost or fate.changed) or fate.before is None:
            return fate
        holder = self._holder(match, fate.before)
        return replace(fate, changed=0, lost=0, fate="moved", became=holder) if holder else fate

    def _gone(self, match: Match, one: Attribute) -> ColumnFate:
        values = 0 if one.generated else self._values(match.before, one)
        fate = ColumnFate(match.before.column(one), one, None, "dropped", None, values, 0, values)
        holder = self._holder(match, one) if values else None
        return replace(fate, fate="moved", became=holder, lost=0) if holder else fate

    def _holder(self, match: Match, one: Attribute) -> ObjectKey | None:
        """The new column that holds all values of a column, in the same table before others."""
        side = self._old(match, match.before.attributes)
        near = [(relation, new) for relation, new in self._new_columns if relation is match.after]
        far = [(relation, new) for relation, new in self._new_columns if relation is not match.after]
        for relation, new in (*near, *far):
            there = Side(self._after.number, relation, relation.attributes), new
            if self._moved_to(match, (side, one), there):
                return relation.column(new)
        return None

    def _moved_to(self, match: Match, old: tuple[Side, Attribute], new: tuple[Side, Attribute]) -> bool:
        """Whether a new column has the values of a column, in the same rows where rows can be told to be the same."""
        if not self._saved.holds(old, new):
            return False
        if new[0].relation is match.after:
            key, _ = self._best_key(match)
            return key is None or self._saved.changed(key, old, new) == (0, 0)
        beside = list(self._keys_beside(match, old, new))
        if beside:
            return any(not self._saved.pairs_missing(old, keys, new, far) for keys, far in beside)
        # Without its key, whether a value is true or false says nothing of where it came from.
        return old[1].type != "boolean"

    def _keys_beside(
        self, match: Match, old: tuple[Side, Attribute], new: tuple[Side, Attribute]
    ) -> Iterator[tuple[tuple[Attribute, ...], tuple[Attribute, ...]]]:
        """Keys of a table, each with columns of another one that hold its values and so may be it."""
        named = {one.name: one for one in match.before.attributes}
        others = [one for one in new[0].relation.attributes if one != new[1]]
        for names in match.before.keys:
            keys = tuple(named[name] for name in names)
            holding = [[far for far in others if self._saved.holds((old[0], key), (new[0], far))] for key in keys]
            if old[1] not in keys:
                together = itertools.islice(itertools.product(*holding), _MOST_PAIRS)
                yield from ((keys, far) for far in together if len(set(far)) == len(far))

    def _best_key(self, match: Match) -> tuple[tuple[Side, Side] | None, int]:
        """The columns that tell most rows to be the same before and after, and how many."""
        best: tuple[tuple[Side, Side] | None, int] = (None, 0)
        for columns in self._possible_keys(match):
            key = self._old(match, columns), self._new(match, columns)
            told = self._saved.tells_apart(*key)
            if told > best[1]:
                best = (key, told)
            if told == self._before.rows[match.before.oid]:
                break
        return best

    def _possible_keys(self, match: Match) -> Iterator[tuple[Attribute, ...]]:
        named = {one.name: one for one in match.columns}
        for names in match.before.keys:
            if all(name in named for name in names):
                yield tuple(named[name] for name in names)
        yield from ((one,) for one in match.columns)
        old, new = self._old(match), self._new(match)
        kept = [one for one in match.columns if not self._saved.missing((old, one), (new, match.columns[one]))]
        if len(kept) > 1:
            yield tuple(kept)

    def _rows_nowhere(self, match: Match) -> int:
        """Rows that stand neither in their table nor in one that is new, such as a partition on its own."""
        names = [one.name for one in match.columns]
        sides = [self._new(match)]
        for relation in self._new_relations:
            found = {one.name: one for one in relation.attributes}
            if all(name in found for name in names):
                sides.append(Side(self._after.number, relation, tuple(found[name] for name in names)))
        if len(sides) == 1:
            return self._before.rows[match.before.oid]
        return self._saved.rows_missing(self._old(match), sides)

    @cached_property
    def _new_relations(self) -> tuple[Relation, ...]:
        known = {match.after.oid for match in self._matches if match.after}
        return tuple(one for one in self._after.relations.values() if one.oid not in known and not one.partition)

    @cached_property
    def _new_columns(self) -> tuple[tuple[Relation, Attribute], ...]:
        new = [(relation, one) for relation in self._new_relations for one in relation.attributes]
        for match in self._matches:
            if match.after:
                came = (one for one in match.after.attributes if one not in match.columns.values())
                new += [(match.after, one) for one in came]
        return tuple(new)

    def _new_tables(self) -> Iterator[TableFate]:
        for relation in self._new_relations:
            columns = tuple(self._came(relation, one) for one in relation.attributes)
            yield TableFate(relation.key, relation.key, 0, 0, columns, new=True)

    def _came(self, relation: Relation, one: Attribute) -> ColumnFate:
        values = self._all_values(self._after).get((relation.oid, relation.attributes.index(one)), 0)
        return ColumnFate(relation.column(one), None, one, "new", None, values)

    def _old(self, match: Match, columns: Sequence[Attribute] | None = None) -> Side:
        shown = tuple(match.columns if columns is None else columns)
        return Side(self._before.number, match.before, shown, self._labels)

    def _new(self, match: Match, columns: Sequence[Attribute] | None = None) -> Side:
        assert match.after is not None
        shown = tuple(match.columns[one] for one in (match.columns if columns is None else columns))
        return Side(self._after.number, match.after, shown)

    def _values(self, relation: Relation, one: Attribute) -> int:
        return self._all_values(self._before).get((relation.oid, relation.attributes.index(one)), 0)

    def _after_values(self, match: Match, one: Attribute) -> int:
        assert match.after is not None
        place = match.after.attributes.index(match.columns[one])
        return self._all_values(self._after).get((match.after.oid, place), 0)

    def _after_rows(self, match: Match) -> int:
        return self._after.rows.get(match.after.oid, 0) if match.after else 0

    def _all_values(self, moment: Moment) -> dict[tuple[int, int], int]:
        if moment.number not in self._counted:
            self._counted[moment.number] = self._saved.values(moment.number)
        return self._counted[moment.number]

    @cached_property
    def _counted(self) -> dict[int, dict[tuple[int, int], int]]:
        return {}


def _named(fate: ColumnFate) -> ColumnFate:
    """The fate of a column that is still there, from its counts."""
    assert fate.before is not None
    assert fate.after is not None
    if fate.fate == "moved":
        return fate
    if fate.values and fate.lost == fate.values:
        return replace(fate, fate="emptied")
    if fate.changed or fate.lost or fate.before.type != fate.after.type:
        return replace(fate, fate="converted")
    return replace(fate, fate="renamed" if fate.became else "kept")
