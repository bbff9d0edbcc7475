"""CatalogDiff -> the steps it takes, which of them are part of another, and what has to come before what. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from lamin_migrate_kit.catalog.model import (
    CatalogObject,
    Column,
    Constraint,
    Index,
    ObjectKey,
    Sequence,
    Statistics,
    Table,
)
from lamin_migrate_kit.catalog.quoting import stored_object_name
from lamin_migrate_kit.diff.differ import CatalogDiff, Change
from lamin_migrate_kit.operations.ordering import Step
from lamin_migrate_kit.operations.rebuilding import find_rebuilt
from lamin_migrate_kit.operations.spelling.columns import SERIAL_TYPES, default_options
from lamin_migrate_kit.operations.spelling.context import Context

_TABLE_PARTS = ("column", "constraint", "trigger", "policy", "rule", "default")


class Steps:
    """All steps of a diff.

    Attributes:
        all: Every step, also those that are part of another.
        part_of: A step -> the step that does it along, such as a column's CREATE within its table's.
        serials: Columns whose sequence is made by SERIAL.
        rebuilt: See `Rebuilt`.
        changes: The changes made in place, by the desired key.
    """

    def __init__(self, diff: CatalogDiff, context: Context) -> None:
        self.context = context
        self.diff = diff
        self.current, self.desired = context.current.objects, context.desired.objects
        self.rebuilt = find_rebuilt(diff, context)
        self.renamed = {change.current.key: change.desired.key for change in diff.changed}
        self.former = {change.desired.key: change.current.key for change in diff.changed}
        gone = self.rebuilt.objects
        self.changes = {c.desired.key: c for c in diff.changed if c.current.key not in gone}
        self.dropped = {value.key for value in diff.dropped} | gone
        self.created = {value.key for value in diff.created} | {self.renamed.get(key, key) for key in gone}
        self.serials = frozenset(self._serials())
        self.all: set[Step] = set(self._find())
        self.part_of: dict[Step, Step] = {}
        for step, whole in self._parts():
            if step in self.all and whole in self.all:
                self.part_of[step] = whole

    def whole(self, step: Step) -> Step:
        """The step that does this one along, or the step itself."""
        while step in self.part_of:
            step = self.part_of[step]
        return step

    def alone(self) -> set[Step]:
        """The steps that are not part of another."""
        return {step for step in self.all if step not in self.part_of}

    def parts(self, step: Step) -> list[Step]:
        """The steps that this one does along."""
        return sorted(part for part in self.part_of if self.whole(part) == step)

    def set_apart(self, steps: Iterable[Step]) -> bool:
        """Give foreign keys within a cycle of tables steps of their own; say whether there were any."""
        cycle = set(steps)
        keys = [
            part
            for part, whole in self.part_of.items()
            if part.key.kind == "constraint" and whole in cycle and self._constraint(part).type == "f"
        ]
        for part in keys:
            del self.part_of[part]
        return bool(keys)

    def _constraint(self, step: Step) -> Constraint:
        found = (self.current if step.verb == "drop" else self.desired)[step.key]
        assert isinstance(found, Constraint)
        return found

    # What has to be done

    def _find(self) -> Iterator[Step]:
        yield from (Step("drop", key) for key in self.dropped)
        yield from (Step("create", key) for key in self.created)
        for key, change in self.changes.items():
            if in_place(change):
                yield Step("alter", key)
            if isinstance(change.desired, Column) and isinstance(change.current, Column):
                yield from self._defaults(change.current, change.desired, change.fields)
        yield from (Step("alter", self.renamed.get(key, key)) for key in self.rebuilt.types)
        for key in self.rebuilt.defaults:
            yield Step("drop", key)
            column = self.desired.get(key._replace(kind="column"))
            if isinstance(column, Column) and column.default is not None and not column.generated:
                yield Step("create", key)
        yield from self._owners()
        yield from self._partitions()
        yield from self._identities()

    def _defaults(self, current: Column, desired: Column, fields: frozenset[str]) -> Iterator[Step]:
        if "default" not in fields and "generated" not in fields:
            return
        key = desired.key._replace(kind="default")
        before = None if current.generated else current.default
        after = None if desired.generated else desired.default
        if after is not None and before != after:
            yield Step("create", key)
        elif before is not None and after is None:
            yield Step("drop", key)

    def _owners(self) -> Iterator[Step]:
        for key in self.created:
            value = self.desired.get(key)
            if isinstance(value, Sequence) and value.owned_by and value.owned_by not in self.serials:
                yield Step("own", key)

    def _partitions(self) -> Iterator[Step]:
        for key in self.created:
            value = self.desired.get(key)
            if isinstance(value, Table) and value.partition_of:
                yield Step("attach", key)
        for key, change in self.changes.items():
            if isinstance(change.current, Table) and {"partition_of", "partition_bound"} & change.fields:
                assert isinstance(change.desired, Table)
                if change.current.partition_of:
                    yield Step("detach", key)
                if change.desired.partition_of:
                    yield Step("attach", key)

    def _identities(self) -> Iterator[Step]:
        """Tables whose replica identity is an index that is there only later."""
        for key, value in self.desired.items():
            if not isinstance(value, Table) or not value.replica_identity.startswith("i:"):
                continue
            name = value.replica_identity.removeprefix("i:")
            index = ObjectKey("index", key.schema, name)
            constraint = ObjectKey("constraint", key.schema, key.name, name)
            change = self.changes.get(key)
            if (
                key in self.created
                or {index, constraint} & self.created
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

    # What is part of what

    def _parts(self) -> Iterator[tuple[Step, Step]]:
        for key in self.created:
            yield from self._part_of_create(key, self.desired.get(key))
        for key in self.dropped:
            yield from self._part_of_drop(key, self.current.get(key))
        for step in self.all:
            if step.verb == "drop" and step.key.kind == "default":
                column = step.key._replace(kind="column")
                yield step, Step("drop", column)

    def _part_of_create(self, key: ObjectKey, value: CatalogObject | None) -> Iterator[tuple[Step, Step]]:
        step = Step("create", key)
        if isinstance(value, Column):
            yield step, Step("create", key.table)
            parent = self._parent_column(key, self.desired)
            if parent:
                yield step, Step("create", parent)
            if key in self.serials and value.serial:
                yield Step("create", value.serial), step
        elif isinstance(value, Constraint) and value.validated:
            yield step, Step("create", key.table)

    def _part_of_drop(self, key: ObjectKey, value: CatalogObject | None) -> Iterator[tuple[Step, Step]]:
        step = Step("drop", key)
        if key.kind in _TABLE_PARTS:
            for kind in ("table", "view", "materialized_view"):
                yield step, Step("drop", ObjectKey(kind, key.schema, key.name))
        if isinstance(value, Column) and (parent := self._parent_column(key, self.current)):
            yield step, Step("drop", parent)
        if isinstance(value, Index | Statistics):
            yield step, Step("drop", value.table)
        if isinstance(value, Index) and value.partition_of:
            yield step, Step("drop", value.partition_of)
        if isinstance(value, Constraint) and not value.local and (parent := self._parent_constraint(key)):
            yield step, Step("drop", parent)
        if isinstance(value, Sequence) and value.owned_by:
            yield step, Step("drop", value.owned_by)
            yield step, Step("drop", value.owned_by.table)

    def _parent_column(self, key: ObjectKey, objects: object) -> ObjectKey | None:
        """The same column of the table that this one comes from, for columns that are not the table's own."""
        assert isinstance(objects, dict)
        column, table = objects.get(key), objects.get(key.table)
        if not isinstance(column, Column) or not isinstance(table, Table) or column.local:
            return None
        parents = (table.partition_of,) if table.partition_of else table.inherits
        # A table that is attached only now has its own columns until then.
        if key.table not in self.current or self._newly_attached(key.table):
            return None
        candidates = (ObjectKey("column", parent.schema, parent.name, key.part) for parent in parents)
        return next((candidate for candidate in candidates if candidate in objects), None)

    def _newly_attached(self, table: ObjectKey) -> bool:
        change = self.changes.get(table)
        return change is not None and bool({"partition_of", "inherits"} & change.fields)

    def _parent_constraint(self, key: ObjectKey) -> ObjectKey | None:
        for dependent, needed in self.context.current.dependencies:
            if dependent == key and needed.kind == "constraint" and needed.table != key.table:
                return needed
        table, value = self.current.get(key.table), self.current[key]
        if isinstance(table, Table) and table.partition_of and isinstance(value, Constraint):
            for other in self.dropped:
                found = self.current.get(other)
                if isinstance(found, Constraint) and other.table == table.partition_of and found.type == value.type:
                    return other
        return None

    # What comes before what

    def after(self) -> dict[Step, set[Step]]:
        """For every step that stands alone, the steps that have to come before it."""
        found: dict[Step, set[Step]] = defaultdict(set)
        for later, earlier in self._order():
            first, second = self.whole(earlier), self.whole(later)
            if later in self.all and earlier in self.all and first != second:
                found[second].add(first)
        return found

    def _order(self) -> Iterator[tuple[Step, Step]]:
        for dependent, needed in self.context.desired.dependencies:
            for later in (Step("create", dependent), Step("alter", dependent)):
                for earlier in (Step("create", needed), Step("alter", needed)):
                    yield later, earlier
        for dependent, needed in self.context.current.dependencies:
            yield from self._order_of_going(dependent, needed)
        for key in self.dropped | self.rebuilt.defaults:
            yield Step("create", self.renamed.get(key, key)), Step("drop", key)
        yield from self._order_of_names()
        yield from self._order_of_tables()
        yield from self._order_of_owners()

    def _order_of_going(self, dependent: ObjectKey, needed: ObjectKey) -> Iterator[tuple[Step, Step]]:
        going = Step("drop", dependent)
        yield Step("drop", needed), going
        yield Step("alter", self.renamed.get(needed, needed)), going
        yield Step("detach", self.renamed.get(needed, needed)), going
        desired = self.renamed.get(dependent, dependent)
        if (desired, self.renamed.get(needed, needed)) not in self.context.desired.dependencies:
            yield Step("drop", needed), Step("alter", desired)
            if dependent.kind == "default":
                yield Step("drop", needed), Step("create", desired)

    def _order_of_names(self) -> Iterator[tuple[Step, Step]]:
        """A name is free only after what had it is gone or renamed."""
        freed: dict[tuple[str, str], list[Step]] = defaultdict(list)
        for key in self.dropped:
            for name in _taken_names(key, self.current.get(key)):
                freed[name].append(Step("drop", key))
        for key, change in self.changes.items():
            gone = set(_taken_names(change.current.key, change.current)) - set(_taken_names(key, change.desired))
            for name in gone:
                freed[name].append(Step("alter", key))
        for key in self.created:
            for name in _taken_names(key, self.desired.get(key)):
                yield from ((Step("create", key), step) for step in freed[name])
        for key, change in self.changes.items():
            new = set(_taken_names(key, change.desired)) - set(_taken_names(change.current.key, change.current))
            for name in new:
                yield from ((Step("alter", key), step) for step in freed[name])

    def _order_of_tables(self) -> Iterator[tuple[Step, Step]]:
        children: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for key, value in self.desired.items():
            if isinstance(value, Table) and value.partition_of:
                children[value.partition_of].append(key)
            if isinstance(value, Index) and value.partition_of:
                yield Step("create", value.partition_of), Step("create", key)
        for key, value in self.desired.items():
            if isinstance(value, Index) and Step("attach", value.table) in self.all:
                yield Step("attach", value.table), Step("create", key)
            if isinstance(value, Constraint) and (Step("attach", key.table) in self.all):
                yield Step("attach", key.table), Step("create", key)
            if isinstance(value, Column):
                for child in children[key.table]:
                    yield from ((Step("attach", child), Step(verb, key)) for verb in ("create", "alter"))
            if isinstance(value, Constraint) and value.type in "pux":
                yield from self._constraints_of_partitions(key, children[key.table])
        for step in self.all:
            if step.verb == "attach":
                yield step, Step("create", step.key)
                yield step, Step("detach", step.key)
                table = self.desired[step.key]
                assert isinstance(table, Table)
                if table.partition_of:
                    yield step, Step("create", table.partition_of)
            if step.verb == "identify":
                yield step, Step("create", step.key)
                value = self.desired[step.key]
                assert isinstance(value, Table)
                name = value.replica_identity.removeprefix("i:")
                yield step, Step("create", ObjectKey("index", step.key.schema, name))
                yield step, Step("create", ObjectKey("constraint", step.key.schema, step.key.name, name))

    def _constraints_of_partitions(self, key: ObjectKey, children: Iterable[ObjectKey]) -> Iterator[tuple[Step, Step]]:
        """A partition that is attached gets its own constraint, with its own name, before the whole table does."""
        for child in children:
            if Step("attach", child) not in self.all:
                own = (k for k in self.created if k.kind == "constraint" and k.table == child)
                yield from ((Step("create", key), Step("create", constraint)) for constraint in own)

    def _order_of_owners(self) -> Iterator[tuple[Step, Step]]:
        for step in self.all:
            if step.verb == "own":
                sequence = self.desired[step.key]
                assert isinstance(sequence, Sequence)
                assert sequence.owned_by is not None
                yield step, Step("create", step.key)
                yield step, Step("create", sequence.owned_by)
        for change in self.changes.values():
            current, desired = change.current, change.desired
            if isinstance(current, Column) and isinstance(desired, Column):
                # An identity and a default exclude each other, a generation expression and a default too.
                default = desired.key._replace(kind="default")
                yield Step("create", default), Step("alter", desired.key)
                yield Step("alter", desired.key), Step("drop", default)


def _taken_names(key: ObjectKey, value: CatalogObject | None) -> Iterator[tuple[str, str]]:
    """The names in a schema that an object occupies; functions have names of their own kind."""
    if key.kind in ("function", "procedure", "aggregate"):
        yield key.schema, f"{key.name}()"
    elif key.kind in (
        "table",
        "view",
        "materialized_view",
        "sequence",
        "index",
        "enum",
        "domain",
        "composite",
        "range",
    ):
        yield key.schema, key.name
    elif isinstance(value, Constraint):
        yield key.schema, f"{key.name}.{key.part}"
        if value.type in "pux":
            yield key.schema, key.part
    elif isinstance(value, Column) and value.identity and value.identity_sequence:
        yield key.schema, value.identity_sequence


def in_place(change: Change) -> bool:
    """Whether a change is more than what other steps say: a column's default has steps of its own."""
    generated = isinstance(change.desired, Column) and bool(change.desired.generated)
    return bool(change.fields - {"default", "serial", "local"}) or (generated and "default" in change.fields)
