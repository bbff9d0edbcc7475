"""CatalogDiff -> the steps it takes, and which of them are part of another. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    Index,
    ObjectKey,
    Privilege,
    Sequence,
    Statistics,
    Table,
    Trigger,
)
from lamin_migrate_kit.catalog.quoting import stored_object_name
from lamin_migrate_kit.diff.differ import CatalogDiff, Change
from lamin_migrate_kit.diff.expressions import normalize_expression
from lamin_migrate_kit.operations.inheritance import follow_parents, parent_column
from lamin_migrate_kit.operations.links import Links
from lamin_migrate_kit.operations.ordering import Step
from lamin_migrate_kit.operations.rebuilding import Rebuilt
from lamin_migrate_kit.operations.spelling.columns import SERIAL_TYPES, default_options, takes_another_name
from lamin_migrate_kit.operations.spelling.context import Context

_TABLE_PARTS = ("column", "constraint", "trigger", "policy", "rule", "default")


class Steps:
    """All steps of a diff.

    Attributes:
        all: Every step, also those that are part of another.
        part_of: A step -> the step that does it along, such as a column's CREATE within its table's.
        serials: Columns whose sequence is made by SERIAL.
        pieces: Indexes and keys of partitioned tables that are made ONLY there; their parts are attached one by one.
        twins: Keys that get a statement of their own, because CREATE TABLE takes them for another one.
        rebuilt: See `Rebuilt`.
        links: See `Links`.
        linked: The desired catalog with those links.
        changes: The changes made in place, by the desired key.
        renamed: Current key -> desired key of what changes.
        former: Desired key -> current key of what changes.
        dropped: What goes, for good or to come back.
        created: What comes, for the first time or back.
        aside: Columns whose names step aside before they are altered, by the desired key.
    """

    def __init__(self, diff: CatalogDiff, context: Context, links: Links, linked: Catalog, rebuilt: Rebuilt) -> None:
        self.context = context
        self.links = links
        self.linked = linked
        self.rebuilt = rebuilt
        self.current, self.desired = context.current.objects, context.desired.objects
        self.renamed = {change.current.key: change.desired.key for change in diff.changed} | rebuilt.types
        self.former = {desired: current for current, desired in self.renamed.items()}
        gone, types = rebuilt.objects, rebuilt.types
        self.dropped = {value.key for value in diff.dropped} - types.keys() | gone
        self.created = {value.key for value in diff.created} - set(types.values())
        self.created |= {self.renamed.get(key, key) for key in gone}
        self.changes = self._changes(diff)
        self.serials = frozenset(self._serials())
        self.pieces = frozenset(self._pieces())
        self.twins = frozenset(self._twins())
        self.all: set[Step] = set(self._find())
        self.aside: set[ObjectKey] = set()
        self.part_of: dict[Step, Step] = {}
        for step, whole in self._parts():
            if step in self.all and whole in self.all and step != whole:
                self.part_of[step] = whole

    def whole(self, step: Step) -> Step:
        """The step that does this one along, or the step itself."""
        while step in self.part_of:
            step = self.part_of[step]
        return step

    def alone(self) -> set[Step]:
        """The steps that are not part of another."""
        return {step for step in self.all if step not in self.part_of}

    def changed_fields(self, key: ObjectKey) -> frozenset[str]:
        """What changes in place of an object, by its desired key; nothing when it stays, comes or goes."""
        change = self.changes.get(key)
        return change.fields if change else frozenset()

    def parts(self) -> Mapping[Step, list[Step]]:
        """For each step that stands alone, those that it does along, sorted."""
        found: dict[Step, list[Step]] = defaultdict(list)
        for part in sorted(self.part_of):
            found[self.whole(part)].append(part)
        return found

    def set_apart(self, steps: Iterable[Step]) -> bool:
        """Give what can wait within a circle a step of its own; say whether there was anything.

        Foreign keys first, then defaults and checks; in the end the names of a column, which step aside for others.
        """
        cycle = set(steps)
        inside = [part for part in self.part_of if self.whole(part) in cycle]
        for kinds in ("f", "default", "c"):
            waiting = [part for part in inside if self._waits(part) == kinds]
            for part in waiting:
                del self.part_of[part]
            if waiting:
                return True
        named = [step.key for step in cycle if self._takes_another_name(step)]
        if not named:
            return False
        self.aside.add(min(named))
        self.all.add(Step("aside", min(named)))
        return True

    def _takes_another_name(self, step: Step) -> bool:
        """Whether it is the alteration of a column whose names have not stepped aside."""
        return step.verb == "alter" and step.key not in self.aside and takes_another_name(self.changes[step.key])

    def _waits(self, part: Step) -> str:
        if part.key.kind == "default" and part.verb == "create":
            return "default"
        value = (self.current if part.verb == "drop" else self.desired).get(part.key)
        return value.type if isinstance(value, Constraint) else ""

    # What has to be done

    def _changes(self, diff: CatalogDiff) -> dict[ObjectKey, Change]:
        gone = self.rebuilt.objects
        anew = gone | self.rebuilt.types.keys()
        changes = {c.desired.key: c for c in diff.changed if c.current.key not in anew}
        for key in self.rebuilt.retyped - gone:
            desired = self.renamed.get(key, key)
            current, wanted = self.current[key], self.desired.get(desired)
            if wanted is not None:
                fields = changes[desired].fields if desired in changes else frozenset()
                changes[desired] = Change(current, wanted, fields | {"type"})
        followed = follow_parents(
            self.context.current,
            self.context.desired,
            changes,
            self.rebuilt.defaults,
            gone,
            exact_names=self.context.exact_names,
        )
        changes |= {key: change for key, change in followed.items() if change is not None}
        changes = {key: change for key, change in changes.items() if followed.get(key, change) is not None}
        return {key: self._without_handover(change) for key, change in changes.items()}

    def _without_handover(self, change: Change) -> Change:
        """An index on which a table is no longer clustered, because it is on another: CLUSTER ON that one says both."""
        desired = change.desired
        if "clustered" not in change.fields or not isinstance(desired, Index | Constraint) or desired.clustered:
            return change
        table = _table_of(desired)
        others = (value for value in self.desired.values() if isinstance(value, Index | Constraint))
        handed = any(other.clustered and _table_of(other) == table for other in others)
        return replace(change, fields=change.fields - {"clustered"}) if handed else change

    def _find(self) -> Iterator[Step]:
        yield from (Step("drop", key) for key in self.dropped)
        yield from (Step("create", key) for key in self.created)
        for key, change in self.changes.items():
            if in_place(change):
                yield Step("alter", key)
            if isinstance(change.desired, Column) and isinstance(change.current, Column):
                yield from _default_steps(change.current, change.desired, change.fields)
        for current, desired in self.rebuilt.types.items():
            yield from (Step("aside", current), Step("create", desired), Step("drop", current))
        yield from self._fresh_defaults()
        yield from self._owners()
        yield from (Step("detach", key) for key in self.links.detached)
        yield from (Step("attach", key) for key in self.links.attached)
        yield from (Step("attach", key) for key in self._attached_pieces())
        yield from self._identities()

    def _fresh_defaults(self) -> Iterator[Step]:
        for key in self.rebuilt.defaults:
            if self._reaches_from_parent(key._replace(kind="column")):
                continue
            yield Step("drop", key)
            column = self.desired.get(key._replace(kind="column"))
            if isinstance(column, Column) and column.default is not None and not column.generated:
                yield Step("create", key)
        for verb, keys, objects in (("create", self.created, self.desired), ("drop", self.dropped, self.current)):
            for key in keys:
                value = objects.get(key)
                if isinstance(value, Column) and value.local and value.default is not None and not value.generated:
                    yield Step(verb, key._replace(kind="default"))

    def _reaches_from_parent(self, key: ObjectKey) -> bool:
        """Whether dropping and setting a default comes from the parent's column, which has the same done to it."""
        column = self.current.get(key)
        parent = parent_column(column, self.context.current) if isinstance(column, Column) else None
        return parent is not None and parent.key._replace(kind="default") in self.rebuilt.defaults

    def _owners(self) -> Iterator[Step]:
        """Sequences come before the columns that own them, and stay when those go."""
        for key in self.created:
            value = self.desired.get(key)
            if isinstance(value, Sequence) and value.owned_by and value.owned_by not in self.serials:
                yield Step("own", key)
        for key, change in self.changes.items():
            if isinstance(change.current, Sequence) and isinstance(change.desired, Sequence):
                if "owned_by" in change.fields and change.current.owned_by is not None:
                    yield Step("disown", key)
                moved = "owned_by" in change.fields or change.current.owned_by in self.dropped
                if moved and change.desired.owned_by is not None:
                    yield Step("own", key)

    def _identities(self) -> Iterator[Step]:
        """Tables whose replica identity is an index that is there only later."""
        for key, value in self.desired.items():
            if not isinstance(value, Table) or not value.replica_identity.startswith("i:"):
                continue
            change = self.changes.get(key)
            if (
                key in self.created
                or set(identity_index(value)) & self.created
                or (change and "replica_identity" in change.fields)
            ):
                yield Step("identify", key)

    def _serials(self) -> Iterator[ObjectKey]:
        for key in self.created:
            column = self.desired.get(key)
            if isinstance(column, Column) and column.serial in self.created and self._is_canonical(column):
                yield key

    def _is_canonical(self, column: Column) -> bool:
        """Whether the column's sequence is exactly what SERIAL makes."""
        sequence = self.desired.get(column.serial) if column.serial else None
        return (
            isinstance(sequence, Sequence)
            and sequence.owned_by == column.key
            and column.type in SERIAL_TYPES
            and column.not_null
            and sequence.options == default_options(sequence.options)
            and sequence.options.type == column.type
            and sequence.comment is None
            and sequence.key.schema == column.key.schema
            and sequence.key.name == stored_object_name(column.key.name, column.key.part, "seq")
            and sequence.persistence == getattr(self.desired[column.key.table], "persistence", "p")
        )

    # Indexes and keys of partitioned tables

    def _pieces(self) -> Iterator[ObjectKey]:
        """Those that CREATE would not put together as they should be: incomplete ones, and where it has a choice."""
        below: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        alike: dict[object, int] = defaultdict(int)
        for value in self.linked.objects.values():
            if isinstance(value, Index | Constraint):
                alike[_shape(value)] += 1
                if value.partition_of is not None:
                    below[value.partition_of].append(value.key)
        for key, value in self.linked.objects.items():
            if isinstance(value, Index | Constraint) and key in self.created and self._is_partitioned(value):
                complete = value.valid if isinstance(value, Index) else value.complete
                choice = any(alike[_shape(self.linked.objects[part])] > 1 for part in below[key])
                if not complete or choice:
                    yield key

    def _is_partitioned(self, value: Index | Constraint) -> bool:
        table = self.linked.objects.get(_table_of(value))
        return isinstance(table, Table) and table.partition_key is not None

    def _attached_pieces(self) -> Iterator[ObjectKey]:
        """Parts of an index or key that are attached on their own."""
        for key, value in self.linked.objects.items():
            if not isinstance(value, Index | Constraint) or value.partition_of is None:
                continue
            change = self.changes.get(key)
            joins = change is not None and "partition_of" in change.fields and value.partition_of not in self.created
            if joins or value.partition_of in self.pieces:
                yield key

    # What is part of what

    def _parts(self) -> Iterator[tuple[Step, Step]]:
        for key in self.created:
            yield from self._part_of_create(key, self.desired.get(key))
        for key in self.dropped:
            yield from self._part_of_drop(key, self.current.get(key))
        for step in self.all:
            if step.key.kind == "default" and not self._differs_from_parent(step):
                yield step, Step(step.verb, step.key._replace(kind="column"))

    def _differs_from_parent(self, step: Step) -> bool:
        """Whether a default is set on a column that a new table has only from its parent: CREATE TABLE says none."""
        column = self.desired.get(step.key._replace(kind="column"))
        return step.verb == "create" and isinstance(column, Column) and not column.local

    def _twins(self) -> Iterator[ObjectKey]:
        """Keys that CREATE TABLE would take for another one of the same table, and leave out."""
        seen: set[object] = set()
        for key in sorted(self.created, key=lambda key: (getattr(self.desired.get(key), "type", "") != "p", key)):
            value = self.desired.get(key)
            if isinstance(value, Constraint) and value.type in "pu":
                shape = (key.table, value.definition.removeprefix("PRIMARY KEY").removeprefix("UNIQUE"))
                if shape in seen:
                    yield key
                seen.add(shape)

    def _part_of_create(self, key: ObjectKey, value: CatalogObject | None) -> Iterator[tuple[Step, Step]]:
        step = Step("create", key)
        if isinstance(value, Column):
            yield step, Step("create", key.table)
            parent = parent_column(value, self.context.desired)
            if parent and not value.local and key.table not in self.created:
                yield step, Step("create", parent.key)
            if key in self.serials and value.serial:
                yield Step("create", value.serial), step
        elif isinstance(value, Constraint) and value.validated and key not in self.pieces | self.twins:
            yield step, Step("create", key.table)

    def _part_of_drop(self, key: ObjectKey, value: CatalogObject | None) -> Iterator[tuple[Step, Step]]:
        """The last one that is yielded counts: what goes with its own table needs nothing else."""
        step = Step("drop", key)
        if isinstance(value, Column) and not value.local and (parent := parent_column(value, self.context.current)):
            yield step, Step("drop", parent.key)
        if isinstance(value, Index | Constraint) and value.partition_of:
            yield step, Step("drop", value.partition_of)
        if isinstance(value, Trigger) and value.clone_of:
            yield step, Step("drop", value.clone_of)
        if isinstance(value, Index | Statistics):
            yield step, Step("drop", value.table)
        if isinstance(value, Sequence) and value.owned_by:
            yield step, Step("drop", value.owned_by)
            yield step, Step("drop", value.owned_by.table)
        if isinstance(value, Privilege):
            yield step, Step("drop", value.on)
        if key.kind in _TABLE_PARTS:
            for kind in ("table", "view", "materialized_view"):
                yield step, Step("drop", ObjectKey(kind, key.schema, key.name))


def identity_index(table: Table) -> tuple[ObjectKey, ObjectKey]:
    """The two keys that the index of a replica identity may have."""
    name = table.replica_identity.removeprefix("i:")
    return (
        ObjectKey("index", table.key.schema, name),
        ObjectKey("constraint", table.key.schema, table.key.name, name),
    )


def _table_of(value: Index | Constraint) -> ObjectKey:
    return value.table if isinstance(value, Index) else value.key.table


def _shape(value: CatalogObject) -> object:
    """What CREATE INDEX on a partitioned table looks at when it chooses among the indexes of a partition."""
    if isinstance(value, Index):
        definition = value.definition[value.definition.index(" USING ") :]
        return (value.table, value.unique, normalize_expression(definition))
    if isinstance(value, Constraint) and value.type in "pu":
        return (value.key.table, True, f" USING btree ({', '.join(value.columns)})")
    return value.key


def _default_steps(current: Column, desired: Column, fields: frozenset[str]) -> Iterator[Step]:
    if "default" not in fields and "generated" not in fields:
        return
    key = desired.key._replace(kind="default")
    before = None if current.generated else current.default
    after = None if desired.generated else desired.default
    if after is not None and before != after:
        yield Step("create", key)
    elif before is not None and after is None:
        yield Step("drop", key)


def in_place(change: Change) -> bool:
    """Whether a change is more than what other steps say, such as a column's default or a table's parents."""
    if isinstance(change.desired, Column):
        fields = change.fields - {"default", "serial", "local"}
        return bool(fields) or (bool(change.desired.generated) and "default" in change.fields)
    elsewhere = {"partition_of", "partition_bound", "inherits", "key_columns", "local", "complete"}
    return bool(change.fields - elsewhere)
