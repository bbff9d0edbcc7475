"""Two catalogs -> what differs. Pure; sorted; the same input gives the same output."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    Domain,
    Index,
    ObjectKey,
    Sequence,
    Table,
)
from lamin_migrate_kit.catalog.quoting import quote_name
from lamin_migrate_kit.diff.expressions import normalize_expression


@dataclass(frozen=True, slots=True)
class Change:
    """An object that both sides have, and that differs.

    `fields` names what differs; `key` among them means that only another name tells the two apart.
    """

    current: CatalogObject
    desired: CatalogObject
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class CatalogDiff:
    """What differs between two catalogs, each part sorted by key."""

    created: tuple[CatalogObject, ...] = ()
    dropped: tuple[CatalogObject, ...] = ()
    changed: tuple[Change, ...] = ()
    reordered: tuple[ObjectKey, ...] = ()
    """Tables whose columns stand in another physical order: reported, never a difference."""

    @property
    def empty(self) -> bool:
        """Whether the two catalogs are equal."""
        return not (self.created or self.dropped or self.changed)

    def describe(self) -> tuple[str, ...]:
        """One sentence a difference, for people."""
        return (
            *(f"{_words(value.key)} {value.key} is missing" for value in self.created),
            *(f"{_words(value.key)} {value.key} is there and should not be" for value in self.dropped),
            *(_describe_change(change) for change in self.changed),
        )


def diff_catalogs(current: Catalog, desired: Catalog, *, exact_names: bool = False) -> CatalogDiff:
    """Compare two catalogs.

    Args:
        current: What is there.
        desired: What should be there.
        exact_names: Whether the names that the server chose are facts too: numbered constraint names, the names of
            not-null constraints and of identity sequences. They are between two databases, and are not against models.
    """
    if current is desired:
        return CatalogDiff()
    left = {key: value for key, value in current.objects.items() if key not in desired.objects}
    right = {key: value for key, value in desired.objects.items() if key not in current.objects}
    pairs = [(value, desired.objects[key]) for key, value in current.objects.items() if key in desired.objects]
    if not exact_names:
        pairs, left, right = _uncross(pairs, left, right)
    for former, latter in _same_but_for_name(left.values(), right.values()):
        del left[former.key], right[latter.key]
        pairs.append((former, latter))
    renamed = {a.key: b.key for a, b in pairs if a.key != b.key}
    partitions = {value.key for value in desired.of(Table) if value.partition_of}
    changes = (
        Change(a, b, fields)
        for a, b in pairs
        if a is not b
        and (fields := differing_fields(a, b, exact_names=exact_names, renamed=renamed, partitions=partitions))
    )
    return CatalogDiff(
        created=tuple(sorted(right.values(), key=lambda value: value.key)),
        dropped=tuple(sorted(left.values(), key=lambda value: value.key)),
        changed=tuple(sorted(changes, key=lambda change: change.desired.key)),
        reordered=tuple(_reordered(current, desired)),
    )


_Pairs = list[tuple[CatalogObject, CatalogObject]]
_Objects = dict[ObjectKey, CatalogObject]


def _uncross(pairs: _Pairs, left: _Objects, right: _Objects) -> tuple[_Pairs, _Objects, _Objects]:
    """Take apart pairs of numbered constraints that have the same name by chance: `t_a_check`, `t_a_check1`."""
    crossed = [
        (a, b)
        for a, b in pairs
        if isinstance(a, Constraint) and isinstance(b, Constraint) and _meaning(a) != _meaning(b) and _numbered(a)
    ]
    if not crossed:
        return pairs, left, right
    kept = [pair for pair in pairs if pair not in crossed]
    left = left | {a.key: a for a, _ in crossed}
    right = right | {b.key: b for _, b in crossed}
    for former, latter in list(_same_but_for_name(left.values(), right.values())):
        del left[former.key], right[latter.key]
        kept.append((former, latter))
    for key in set(left) & set(right):
        kept.append((left.pop(key), right.pop(key)))
    return kept, left, right


def _numbered(constraint: Constraint) -> bool:
    return re.search(r"_(check|key|fkey|excl)\d*\Z", constraint.key.part) is not None


def _same_but_for_name(
    left: Iterable[CatalogObject], right: Iterable[CatalogObject]
) -> Iterable[tuple[CatalogObject, CatalogObject]]:
    """Constraints, indexes and owned sequences that mean the same under another name: renaming keeps what is built."""
    candidates: dict[object, list[CatalogObject]] = defaultdict(list)
    for value in left:
        if (meaning := _meaning(value)) is not None:
            candidates[meaning].append(value)
    for value in sorted(right, key=lambda value: value.key):
        if found := candidates.get(_meaning(value)):
            yield found.pop(0), value


def _meaning(value: CatalogObject) -> object:
    """What an object says, its own name left out; None for kinds whose name is what they are."""
    if isinstance(value, Constraint):
        return (value.key.table, normalize_expression(value.definition), tuple(sorted(value.options)))
    if isinstance(value, Index):
        return (value.table, normalize_expression(definition_without_name(value)), value.valid)
    if isinstance(value, Sequence) and value.owned_by is not None:
        return (value.owned_by, value.options)
    return None


def definition_without_name(index: Index) -> str:
    """The index's definition with its own name cut out."""
    return index.definition.replace(f" INDEX {quote_name(index.key.name)} ON ", " INDEX ON ", 1)


_SERVER_CHOSEN = frozenset(("not_null_name", "not_null_local", "identity_sequence", "comment"))
"""What is a fact only between two databases; names where both sides have what they are the names of."""
_LINKS = frozenset(("partition_of", "clone_of", "serial", "owned_by"))
"""Fields that hold another object's key and follow it when that is renamed."""


def differing_fields(
    current: CatalogObject,
    desired: CatalogObject,
    *,
    exact_names: bool,
    renamed: Mapping[ObjectKey, ObjectKey] | None = None,
    partitions: Collection[ObjectKey] = (),
) -> frozenset[str]:
    """The names of the fields in which two objects differ.

    Args:
        current: One object.
        desired: The other, of the same kind.
        exact_names: See `diff_catalogs`.
        renamed: Objects that have another name on the desired side.
        partitions: Tables that are partitions on the desired side.
    """
    if current == desired and not exact_names:
        return frozenset()
    renamed = renamed or {}
    fields = {
        field.name
        for field in dataclasses.fields(current)
        if (field.compare or (exact_names and field.name in _SERVER_CHOSEN))
        and _comparable(current, field.name, renamed) != _comparable(desired, field.name, {})
    }
    if isinstance(current, Column) and isinstance(desired, Column):
        fields -= _no_facts_of_columns(current, desired, fields, desired.key.table in partitions)
    if isinstance(current, Column | Domain) and not (current.not_null and getattr(desired, "not_null", False)):
        fields -= {"not_null_name", "not_null_local"}
    if not exact_names:
        fields -= {"local"}
        if _names_are_no_facts(current.key, desired.key):
            fields.discard("key")
    return frozenset(fields)


def _comparable(value: CatalogObject, name: str, renamed: Mapping[ObjectKey, ObjectKey]) -> object:
    found = getattr(value, name)
    if isinstance(value, Index) and name == "definition":
        return normalize_expression(definition_without_name(value))
    if name in _LINKS:
        return renamed.get(found, found)
    if name == "replica_identity" and found.startswith("i:"):
        return _renamed_index(value.key, found[2:], renamed)
    if name == "options" and isinstance(found, tuple):
        return sorted(found)
    return normalize_expression(found) if isinstance(found, str) else found


def _renamed_index(table: ObjectKey, name: str, renamed: Mapping[ObjectKey, ObjectKey]) -> str:
    index = renamed.get(ObjectKey("index", table.schema, name))
    constraint = renamed.get(ObjectKey("constraint", table.schema, table.name, name))
    if constraint is not None:
        return f"i:{constraint.part}"
    return f"i:{index.name if index is not None else name}"


def _no_facts_of_columns(current: Column, desired: Column, fields: Collection[str], partition: bool) -> set[str]:
    """What differs only because something else does, and goes with it."""
    gone = set()
    if current.serial and desired.serial and "serial" not in fields:
        gone.add("default")  # it names the sequence
    if not (current.identity and desired.identity):
        gone.add("identity_sequence")
    return gone | ({"not_null_local"} if partition else set())


def _names_are_no_facts(current: ObjectKey, desired: ObjectKey) -> bool:
    """Whether two names differ only in the number that the server put behind them."""
    if current.kind != "constraint" or current.table != desired.table:
        return False
    return current.part.rstrip("0123456789") == desired.part.rstrip("0123456789") and bool(
        re.search(r"_(check|key|fkey|excl)\d*\Z", current.part)
    )


def _reordered(current: Catalog, desired: Catalog) -> Iterable[ObjectKey]:
    for key in desired.objects:
        if key.kind == "table" and key in current.objects:
            ours = [column.key.part for column in current.columns(key)]
            theirs = [column.key.part for column in desired.columns(key)]
            both = set(ours) & set(theirs)
            if [name for name in ours if name in both] != [name for name in theirs if name in both]:
                yield key


def _words(key: ObjectKey) -> str:
    return key.kind.replace("_", " ")


def _describe_change(change: Change) -> str:
    name = f"{_words(change.desired.key)} {change.desired.key}"
    if change.fields == {"key"}:
        return f"{_words(change.current.key)} {change.current.key} should be named {change.desired.key}"
    parts = (
        f"{field} is {getattr(change.current, field)!r} and should be {getattr(change.desired, field)!r}"
        for field in sorted(change.fields - {"key"})
    )
    return f"{name}: {'; '.join(parts)}"
