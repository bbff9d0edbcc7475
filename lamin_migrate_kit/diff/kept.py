"""What only revisions make, and models never say: kept, and carried over into the desired side. Pure.

A view, a trigger or an index by hand is no drift. Its value is copied into the desired catalog, so that everything
after that (ordering around it, proving that it is still there) treats it as something that is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    EnumType,
    Index,
    ObjectKey,
    Sequence,
    Table,
)

_NEVER_PROPOSED = frozenset(
    (
        "schema",
        "extension",
        "domain",
        "composite",
        "range",
        "function",
        "procedure",
        "aggregate",
        "view",
        "materialized_view",
        "statistics",
        "rule",
        "trigger",
        "policy",
        "event_trigger",
    )
)
# What SQLAlchemy's models cannot say of a table or column: where they leave it as it is in a new table, revisions rule.
_TABLE_SETTINGS = ("row_security", "force_row_security", "replica_identity")
_COLUMN_SETTINGS = ("storage", "compression", "statistics", "options")


@dataclass(frozen=True, slots=True)
class Kept:
    """The desired catalog with what is kept, and what is open.

    Attributes:
        desired: The desired catalog, with the kept objects in it.
        kept: Their keys, without parts of kept tables.
        by_hand: Indexes and constraints on declared tables of which nobody has said whether they stay.
        blocked: Kept objects that need something that goes: they can stay only without it.
    """

    desired: Catalog
    kept: tuple[ObjectKey, ...]
    by_hand: tuple[ObjectKey, ...] = ()
    blocked: tuple[ObjectKey, ...] = ()


def keep_undeclared(
    current: Catalog, desired: Catalog, *, keep: Collection[str] = (), drop: Collection[str] = ()
) -> Kept:
    """Carry over what the models do not declare.

    Args:
        current: What the revisions make, renames done.
        desired: What the models make.
        keep: Dotted names that stay, whatever their kind.
        drop: Dotted names that go.
    """
    return _Keeping(current, desired, frozenset(keep), frozenset(drop)).run()


class _Keeping:
    def __init__(self, current: Catalog, desired: Catalog, keep: frozenset[str], drop: frozenset[str]) -> None:
        self.current, self.desired = current, desired
        self.keep, self.drop = keep, drop
        self.only_current = {key: v for key, v in current.objects.items() if key not in desired.objects}

    def run(self) -> Kept:
        chosen = self._chosen()
        open_ = {key for key in self.only_current if self._is_by_hand(key)} - chosen
        # What waits for an answer is not proposed for dropping in the meantime.
        carried, blocked = self._without_ground(chosen | open_)
        objects = {**self.desired.objects, **{key: self.current.objects[key] for key in carried}}
        objects = {key: self._with_settings(key, value) for key, value in objects.items()}
        near = {
            pair
            for pair in self.current.dependencies
            if pair[0] in carried or pair[0]._replace(kind="column") in carried
        }
        catalog = Catalog(
            self.desired.server_version,
            dict(sorted(objects.items())),
            self.desired.dependencies | near,
            self.desired.not_compared,
        )
        shown = tuple(sorted(key for key in carried & chosen if self._stands_alone(key, carried)))
        return Kept(catalog, shown, tuple(sorted(open_ & carried)), tuple(sorted(blocked)))

    def _chosen(self) -> set[ObjectKey]:
        chosen = {key for key in self.only_current if self._is_kept(key)}
        # A kept table is kept with all that belongs to it.
        tables = {key for key in chosen if key.kind == "table"}
        return chosen | {key for key, value in self.only_current.items() if _owner(key, value) in tables}

    def _is_kept(self, key: ObjectKey) -> bool:
        value, name = self.only_current[key], str(key)
        if name in self.drop:
            return False
        if name in self.keep or key.name in self.keep:
            return True
        partition = isinstance(value, Table) and value.partition_of in self.desired.objects
        alone = isinstance(value, Sequence) and value.owned_by is None
        on_view = isinstance(value, Index) and value.table.kind == "materialized_view"
        return key.kind in _NEVER_PROPOSED or partition or alone or on_view

    def _is_by_hand(self, key: ObjectKey) -> bool:
        value = self.only_current[key]
        if not isinstance(value, Index | Constraint) or str(key) in self.drop | self.keep:
            return False
        table = _owner(key, value)
        if table not in self.desired.objects or self._renamed_in_desired(value):
            return False
        columns = {ObjectKey("column", table.schema, table.name, name) for name in value.columns}
        return columns <= self.desired.objects.keys() and not _named_by_convention(value)

    def _renamed_in_desired(self, value: Index | Constraint) -> bool:
        """Whether the models have the same thing under another name, or another thing in its place."""
        table = _owner(value.key, value)
        return any(
            isinstance(other, type(value))
            and _owner(other.key, other) == table
            and other.columns == value.columns
            and getattr(other, "type", None) == getattr(value, "type", None)
            for other in self.desired.objects.values()
            if other.key not in self.current.objects
        )

    def _without_ground(self, chosen: set[ObjectKey]) -> tuple[set[ObjectKey], set[ObjectKey]]:
        """Leave out what needs something that goes; parts of a table that goes go with it."""
        carried: set[ObjectKey] = set(chosen)
        blocked: set[ObjectKey] = set()
        while True:
            there = carried | self.desired.objects.keys()
            lost = {
                dependent
                for dependent, needed in self.current.dependencies
                if dependent in carried and needed not in there and needed.kind != "default"
                if needed in self.current.objects
            }
            if not lost:
                return carried, blocked
            carried -= lost
            blocked |= {key for key in lost if not self._goes_along(key)}

    def _goes_along(self, key: ObjectKey) -> bool:
        """Whether Postgres and everybody expects an object to go with its table or column."""
        if key.kind in ("trigger", "rule", "policy"):
            return key.table not in self.desired.objects
        return key.kind in ("index", "constraint", "statistics")

    def _stands_alone(self, key: ObjectKey, carried: Collection[ObjectKey]) -> bool:
        owner = _owner(key, self.current.objects[key])
        return key.kind not in ("column", "schema") and (owner == key or owner not in carried)

    def _with_settings(self, key: ObjectKey, value: CatalogObject) -> CatalogObject:
        ours = self.current.objects.get(key)
        if ours is None or type(ours) is not type(value):
            return value
        settings = _settings_of(value)
        plain = _plain(value, settings)
        changes = {name: getattr(ours, name) for name in settings if getattr(value, name) == plain[name]}
        return replace(value, **changes) if changes else value


def _settings_of(value: CatalogObject) -> tuple[str, ...]:
    if isinstance(value, Table):
        return _TABLE_SETTINGS
    if isinstance(value, Column):
        return _COLUMN_SETTINGS
    commented = () if isinstance(value, EnumType) else ("comment",)
    if isinstance(value, Constraint):
        return ("options", "clustered", *commented)
    if isinstance(value, Index):
        return ("clustered", "statistics", *commented)
    return commented


def _plain(value: CatalogObject, names: Iterable[str]) -> Mapping[str, object]:
    """What the settings are where nobody has said anything."""
    fields = type(value).__dataclass_fields__
    return {name: fields[name].default for name in names}


def _owner(key: ObjectKey, value: CatalogObject) -> ObjectKey:
    """The table that an object belongs to, or the object itself."""
    if isinstance(value, Index):
        return value.table
    if isinstance(value, Sequence) and value.owned_by:
        return value.owned_by.table
    if key.kind in ("column", "constraint", "trigger", "policy", "rule"):
        return key.table
    return getattr(value, "table", key) if key.kind == "statistics" else key


def _named_by_convention(value: Index | Constraint) -> bool:
    """Whether the name is what the server, SQLAlchemy or a usual naming convention gives: then a model declared it."""
    table = _owner(value.key, value).name
    name = value.key.name if isinstance(value, Index) else value.key.part
    if isinstance(value, Index):
        schema = value.key.schema
        usual = (rf"ix_({re.escape(schema)}_)?{re.escape(table)}_.*", rf"{re.escape(table)}_.*_idx\d*")
        return any(re.fullmatch(pattern, name) for pattern in usual)
    suffix = {"p": "pkey", "u": "key", "f": "fkey", "c": "check", "x": "excl"}[value.type]
    prefix = {"p": "pk", "u": "uq", "f": "fk", "c": "ck", "x": "ex"}[value.type]
    return bool(
        re.fullmatch(rf"{re.escape(table)}_(.*_)?{suffix}\d*", name) or re.match(rf"{prefix}_{re.escape(table)}", name)
    )
