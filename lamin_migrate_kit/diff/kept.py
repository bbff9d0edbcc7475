"""What only revisions make, and models never say: kept, and carried over into the desired side. Pure.

A view, a trigger or an index by hand is no drift. Its value is copied into the desired catalog, so that everything
after that (ordering around it, proving that it is still there) treats it as something that is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

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

_NO_MODEL_SAYS = frozenset(
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
        "privilege",
    )
)
"""Kinds that SQLAlchemy's models have no words for. DDL events may make them all the same: see `_is_a_question`."""
_ALWAYS_KEPT = frozenset(("schema", "extension"))
_PARTS = frozenset(("column", "constraint", "trigger", "policy", "rule"))
# What SQLAlchemy's models cannot say of a table or column: where they leave it as it is in a new table, revisions rule.
_TABLE_SETTINGS = ("row_security", "force_row_security", "replica_identity")
_COLUMN_SETTINGS = ("storage", "compression", "statistics", "options")
# What a change of a column brings to the same column of partitions and of tables that inherit.
_FROM_PARENT = ("type", "not_null", "default", "generated", "collation", "not_null_no_inherit", "not_null_valid")

Conventions = Mapping[str, str]
"""Templates of names as in `MetaData.naming_convention`, by `ix`, `uq`, `ck`, `fk`, `pk`."""

USUAL_CONVENTIONS: Conventions = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""SQLAlchemy's own for indexes, and those that its manual recommends."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The desired catalog with what is kept, and what is open.

    Attributes:
        desired: The desired catalog, with the kept objects in it.
        kept: Their keys, without parts of kept tables.
        said: Those that stay only because somebody said so.
        open: What a revision made and nobody has said of whether it stays: an index or constraint on a declared table,
            or something of a kind that these models do declare by events. It stays until that is answered.
        blocked: Kept objects that need something that goes, with what that is: they can stay only without it.
    """

    desired: Catalog
    kept: tuple[ObjectKey, ...] = ()
    said: tuple[ObjectKey, ...] = ()
    open: tuple[ObjectKey, ...] = ()
    blocked: Mapping[ObjectKey, tuple[ObjectKey, ...]] = field(default_factory=dict)


def keep_undeclared(
    current: Catalog,
    desired: Catalog,
    *,
    keep: Collection[str] = (),
    drop: Collection[str] = (),
    conventions: Conventions = USUAL_CONVENTIONS,
    ground: Collection[ObjectKey] = (),
) -> Kept:
    """Carry over what the models do not declare.

    Args:
        current: What the revisions make, renames done.
        desired: What the models make.
        keep: Dotted names that stay, whatever their kind.
        drop: Dotted names that go.
        conventions: How the models name indexes and constraints: what is named so was declared, and goes with its
            declaration.
        ground: What is on the desired side because models are built on it, and not because they declare it.
    """
    if current is desired and not ground:
        return Kept(desired)
    return _Keeping(current, desired, frozenset(keep), frozenset(drop), conventions, frozenset(ground)).run()


class _Keeping:
    def __init__(
        self,
        current: Catalog,
        desired: Catalog,
        keep: frozenset[str],
        drop: frozenset[str],
        conventions: Conventions,
        ground: frozenset[ObjectKey],
    ) -> None:
        self.current, self.desired = current, desired
        self.keep, self.drop, self.conventions, self.ground = keep, drop, conventions, ground
        self.only_current = {key: v for key, v in current.objects.items() if key not in desired.objects}
        # A sequence that a column owns comes with the column, and says nothing about sequences that stand alone.
        said = (v for v in desired.objects.values() if not (isinstance(v, Sequence) and v.owned_by))
        self.declared_kinds = {value.key.kind for value in said if value.key not in ground} - _ALWAYS_KEPT

    def run(self) -> Kept:
        chosen = {key for key in self.only_current if self._is_said(key) or self._stays_by_itself(key)}
        open_ = {key for key in self.only_current if self._is_a_question(key)} - chosen
        carried, blocked = self._without_ground(chosen | open_ | self._parts_of(chosen | open_))
        shown = tuple(sorted(key for key in self.ground | carried & chosen if self._stands_alone(key, carried)))
        return Kept(
            self._with(carried),
            shown,
            said=tuple(key for key in shown if key in chosen and self._is_said(key) and not self._stays_by_itself(key)),
            open=tuple(sorted(open_ & carried)),
            blocked=dict(sorted(blocked.items())),
        )

    def _with(self, carried: Collection[ObjectKey]) -> Catalog:
        objects = {**self.desired.objects, **{key: self._carried(key) for key in carried}, **self._new_columns(carried)}
        objects = {key: self._with_settings(key, value) for key, value in objects.items()}
        if not carried:
            return replace(self.desired, objects=objects)
        near = {
            pair
            for pair in self.current.dependencies
            if pair[0] in carried or pair[0]._replace(kind="column") in carried
        }
        return replace(
            self.desired, objects=dict(sorted(objects.items())), dependencies=self.desired.dependencies | near
        )

    def _parts_of(self, wholes: Collection[ObjectKey]) -> set[ObjectKey]:
        """A table is kept with all that belongs to it, as far as nobody says otherwise."""
        along = {key for key, value in self.only_current.items() if owner_of(value) in wholes}
        return {key for key in along if str(key) not in self.drop and not self._gone_from_parent(key)}

    # A partition, or a table that inherits, has the columns of its parent.

    def _gone_from_parent(self, key: ObjectKey) -> bool:
        value = self.only_current[key]
        if not isinstance(value, Column) or value.local:
            return False
        parents = self._declared_parents(key.table)
        return bool(parents) and not any(self._in(parent, key.part) in self.desired.objects for parent in parents)

    def _declared_parents(self, table: ObjectKey) -> list[ObjectKey]:
        """The nearest parents that the models declare."""
        value = self.current.objects.get(table)
        if not isinstance(value, Table):
            return []
        parents = [value.partition_of] if value.partition_of else list(value.inherits)
        return [
            found
            for parent in parents
            for found in ([parent] if parent in self.desired.objects else self._declared_parents(parent))
        ]

    @staticmethod
    def _in(table: ObjectKey, column: str) -> ObjectKey:
        return ObjectKey("column", table.schema, table.name, column)

    def _carried(self, key: ObjectKey) -> CatalogObject:
        """The object as it is, a column with what changes of its parent's."""
        value = self.current.objects[key]
        if not isinstance(value, Column):
            return value
        for parent in self._declared_parents(key.table):
            place = self._in(parent, key.part)
            before, after = self.current.objects.get(place), self.desired.objects.get(place)
            if isinstance(before, Column) and isinstance(after, Column):
                changed = {name for name in _FROM_PARENT if getattr(before, name) != getattr(after, name)}
                value = replace(value, **{name: getattr(after, name) for name in changed})
        return value

    def _new_columns(self, carried: Collection[ObjectKey]) -> dict[ObjectKey, CatalogObject]:
        found: dict[ObjectKey, CatalogObject] = {}
        for table in (key for key in carried if key.kind == "table"):
            for parent in self._declared_parents(table):
                for column in self.desired.columns(parent):
                    key = self._in(table, column.key.part)
                    if key not in carried:
                        found[key] = replace(
                            column, key=key, local=False, serial=None, identity_options=None, comment=None
                        )
        return found

    def _is_said(self, key: ObjectKey) -> bool:
        own_name = key.kind not in _PARTS and key.name in self.keep
        return str(key) not in self.drop and (str(key) in self.keep or own_name)

    def _stays_by_itself(self, key: ObjectKey) -> bool:
        """Whether nobody has to say anything: models like these say nothing of its kind."""
        value = self.only_current[key]
        if str(key) in self.drop:
            return False
        if isinstance(value, Table):
            return value.partition_of in self.desired.objects
        if isinstance(value, Sequence):
            return value.owned_by is None and not self._others_are_declared(key)
        return key.kind in _NO_MODEL_SAYS and not self._others_are_declared(key)

    def _others_are_declared(self, key: ObjectKey) -> bool:
        """Whether these models do make objects of the kind: then this one may have been theirs."""
        return key.kind in self.declared_kinds and not self._belongs_to_undeclared(key)

    def _belongs_to_undeclared(self, key: ObjectKey) -> bool:
        return key.kind in _PARTS and key.table not in self.desired.objects

    def _is_a_question(self, key: ObjectKey) -> bool:
        value = self.only_current[key]
        if str(key) in self.drop | self.keep:
            return False
        if isinstance(value, Index | Constraint):
            return self._is_by_hand(value)
        if isinstance(value, Sequence):
            return value.owned_by is None
        return key.kind in _NO_MODEL_SAYS

    def _is_by_hand(self, value: Index | Constraint) -> bool:
        table = owner_of(value)
        if table not in self.desired.objects or self._is_replaced(value):
            return False
        names = value.columns if table.kind == "table" else ()
        columns = {ObjectKey("column", table.schema, table.name, name) for name in names}
        return columns <= self.desired.objects.keys() and not _named_by_convention(value, self.conventions)

    def _is_replaced(self, value: Index | Constraint) -> bool:
        """Whether the models have the same thing under another name, or another thing in its place."""
        table = owner_of(value)
        return any(
            isinstance(other, type(value))
            and owner_of(other) == table
            and other.columns == value.columns
            and getattr(other, "type", None) == getattr(value, "type", None)
            for other in self.desired.objects.values()
            if other.key not in self.current.objects
        )

    def _without_ground(self, chosen: set[ObjectKey]) -> tuple[set[ObjectKey], dict[ObjectKey, tuple[ObjectKey, ...]]]:
        """Leave out what needs something that goes; parts of a table that goes go with it."""
        carried = set(chosen)
        blocked: dict[ObjectKey, tuple[ObjectKey, ...]] = {}
        while carried:
            there = carried | self.desired.objects.keys()
            lost: dict[ObjectKey, set[ObjectKey]] = {}
            for dependent, needed in self.current.dependencies:
                missing = needed not in there and needed.kind != "default" and needed in self.current.objects
                if dependent in carried and missing:
                    lost.setdefault(dependent, set()).add(needed)
            if not lost:
                break
            carried -= lost.keys()
            blocked |= {key: tuple(sorted(needs)) for key, needs in lost.items() if not self._goes_along(key)}
        return carried, blocked

    def _goes_along(self, key: ObjectKey) -> bool:
        """Whether Postgres and everybody expects an object to go with its table or column."""
        if key.kind in ("trigger", "rule", "policy"):
            return key.table not in self.desired.objects
        return key.kind in ("index", "constraint", "statistics")

    def _stands_alone(self, key: ObjectKey, carried: Collection[ObjectKey]) -> bool:
        owner = owner_of(self.current.objects[key])
        return key.kind != "schema" and (owner == key or owner not in carried)

    def _with_settings(self, key: ObjectKey, value: CatalogObject) -> CatalogObject:
        ours = self.current.objects.get(key)
        if ours is None or ours == value or type(ours) is not type(value):
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


def owner_of(value: CatalogObject) -> ObjectKey:
    """The key of the table that an object belongs to, or its own."""
    key = value.key
    if isinstance(value, Index):
        return value.table
    if isinstance(value, Sequence) and value.owned_by:
        return value.owned_by.table
    if key.kind in _PARTS:
        return key.table
    return getattr(value, "table", key) if key.kind == "statistics" else key


_CONVENTION = {"p": "pk", "u": "uq", "f": "fk", "c": "ck"}
_BY_SERVER = {"p": "pkey", "u": "key", "f": "fkey", "c": "check", "x": "excl"}


def _named_by_convention(value: Index | Constraint, conventions: Conventions) -> bool:
    """Whether the name is what the server, SQLAlchemy or the models' convention gives: then a model declared it."""
    table = owner_of(value)
    if isinstance(value, Index):
        name, template, by_server = value.key.name, conventions.get("ix"), rf"{re.escape(table.name)}_.*_idx\d*"
    else:
        name, template = value.key.part, conventions.get(_CONVENTION.get(value.type, ""))
        by_server = rf"{re.escape(table.name)}_(.*_)?{_BY_SERVER[value.type]}\d*"
    patterns = [by_server, *([_pattern(template, table)] if template else [])]
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def _pattern(template: str, table: ObjectKey) -> str:
    """A template of names as a pattern: the table's name is known, everything else may be anything."""
    label = rf"(?:{re.escape(table.schema)}_)?{re.escape(table.name)}_.+"
    known = {"table_name": re.escape(table.name), "column_0_label": label}
    pieces = re.split(r"%\((\w+)\)s", template)
    return "".join(known.get(piece, ".+") if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
