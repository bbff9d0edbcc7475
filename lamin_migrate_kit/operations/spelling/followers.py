"""Names that follow a rename: of constraints, indexes and sequences that are called after what has a new name. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, Constraint, Index, ObjectKey
from lamin_migrate_kit.catalog.model import Sequence as CatalogSequence
from lamin_migrate_kit.catalog.quoting import qualified, quote_name, stored_object_name
from lamin_migrate_kit.diff.differ import definition_without_name
from lamin_migrate_kit.diff.expressions import normalize_expression
from lamin_migrate_kit.diff.renames import Rename, TableKey
from lamin_migrate_kit.operations.model import Operation

_Slot = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class _Following:
    """One object and the name that it gets."""

    key: ObjectKey
    name: str
    in_schema: bool = True
    """Whether its name is one of the schema's, as those of tables and indexes are."""

    @property
    def old(self) -> str:
        return self.key.part or self.key.name

    def slots(self, name: str) -> set[_Slot]:
        """What a name takes: a place among the schema's names, or its table's, or both."""
        own: _Slot = (
            (self.key.schema, self.key.name, name) if self.key.kind == "constraint" else (self.key.schema, name)
        )
        return {own, (self.key.schema, name)} if self.in_schema else {own}


def following_operations(
    renamed: Catalog, desired: Catalog, renames: Collection[Rename]
) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
    """What gets the name that it has on the desired side, so that only what really differs is left to compare.

    Without this, sequences of two tables that swap their names would be taken for each other: they are told apart by
    their names alone, and count from where the other stands.

    Args:
        renamed: The current catalog, renames done.
        desired: The catalog that the whole revision leads to.
        renames: The renames.

    Returns:
        The operations of the upgrade, which come after the renames, and those of the downgrade, which come before.
    """
    if not renames:
        return (), ()
    steps = _in_order(list(_followers(renamed, desired, renames)), _taken(renamed))
    up = tuple(_operation(step.key, step.old, step.name) for step in steps)
    down = tuple(_operation(step.key, step.name, step.old) for step in reversed(steps))
    return up, down


def _followers(renamed: Catalog, desired: Catalog, renames: Collection[Rename]) -> Iterator[_Following]:
    """Objects of renamed tables and columns that have the same meaning on both sides, and another name."""
    tables = {rename.desired_table_key for rename in renames if rename.kind in ("table", "column")}
    theirs: dict[object, list[CatalogObject]] = {}
    for value in desired.objects.values():
        theirs.setdefault(_meaning(value), []).append(value)
    for value in renamed.objects.values():
        meaning = _meaning(value)
        found = theirs.get(meaning) if meaning is not None else None
        if not found or _table(value) not in tables or any(other.key == value.key for other in found):
            continue
        goal = found.pop(0).key
        in_schema = not isinstance(value, Constraint) or value.type in "pux"
        yield _Following(value.key, goal.part or goal.name, in_schema)
    yield from _identity_sequences(renamed, desired, renames)


def _identity_sequences(renamed: Catalog, desired: Catalog, renames: Collection[Rename]) -> Iterator[_Following]:
    """Those that the server called after what has a new name. Against models another name is no fact."""
    tables = {rename.desired_table_key: rename.table for rename in renames if rename.kind == "table"}
    columns = {(one.desired_table_key, one.desired): one.current for one in renames if one.kind == "column"}
    for column in renamed.of(Column):
        other = desired.objects.get(column.key)
        if not isinstance(other, Column) or not other.identity_sequence:
            continue
        key, part = TableKey(column.key.schema, column.key.name), column.key.part
        if key not in tables and (key, part) not in columns:
            continue
        former = stored_object_name(tables.get(key, key.name), columns.get((key, part), part), "seq")
        if column.identity_sequence == former != other.identity_sequence:
            yield _Following(ObjectKey("sequence", key.schema, former), other.identity_sequence)


def _meaning(value: CatalogObject) -> object:
    """What an object is, its own name and what may change in the same revision left out; None for other kinds."""
    if isinstance(value, Constraint):
        return (value.key.table, normalize_expression(value.definition))
    if isinstance(value, Index):
        return (value.table, normalize_expression(definition_without_name(value)))
    if isinstance(value, CatalogSequence):
        return value.owned_by
    return None


def _table(value: CatalogObject) -> TableKey | None:
    if isinstance(value, Index):
        return TableKey(value.table.schema, value.table.name)
    if isinstance(value, CatalogSequence):
        return TableKey(value.owned_by.schema, value.owned_by.name) if value.owned_by else None
    return TableKey(value.key.schema, value.key.name)


def _taken(catalog: Catalog) -> set[_Slot]:
    """All names that are taken."""
    found: set[_Slot] = set()
    for value in catalog.objects.values():
        if isinstance(value, Constraint):
            found |= _Following(value.key, "", value.type in "pux").slots(value.key.part)
        elif isinstance(value, Column):
            if value.identity_sequence:
                found.add((value.key.schema, value.identity_sequence))
        elif not value.key.part:
            found.add((value.key.schema, value.key.name))
    return found


def _in_order(following: list[_Following], taken: Collection[_Slot]) -> list[_Following]:
    """Whoever has a name gives it up before another takes it; in a circle one steps aside first.

    A name that belongs to what only the rest of the revision takes away is left to the rest of the revision.
    """
    given_up = {slot for one in following for slot in one.slots(one.old)}
    waiting = sorted(one for one in following if not (one.slots(one.name) & set(taken)) - given_up)
    ordered: list[_Following] = []
    last: list[_Following] = []
    while waiting:
        held = {slot for one in waiting for slot in one.slots(one.old)}
        free = [one for one in waiting if not one.slots(one.name) & held]
        ordered += free
        waiting = [one for one in waiting if one not in free]
        if not free:
            first = waiting.pop(0)
            aside = stored_object_name(first.old, "", "_renaming")
            ordered.append(_Following(first.key, aside, first.in_schema))
            last.append(_Following(_called(first.key, aside), first.name, first.in_schema))
    return ordered + last


def _called(key: ObjectKey, name: str) -> ObjectKey:
    return key._replace(part=name) if key.part else key._replace(name=name)


_WORDS = {"index": "INDEX", "sequence": "SEQUENCE"}


def _operation(key: ObjectKey, old: str, new: str) -> Operation:
    goal = _called(key, new)
    if key.kind == "constraint":
        statement = f"ALTER TABLE {qualified(key)} RENAME CONSTRAINT {quote_name(old)} TO {quote_name(new)}"
    else:
        statement = f"ALTER {_WORDS[key.kind]} {qualified(_called(key, old))} RENAME TO {quote_name(new)}"
    return Operation("rename", goal, (statement,))
