"""Which objects have to go and come back, because something under them changes in a way that Postgres refuses. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lamin_migrate_kit.catalog.model import (
    CatalogObject,
    Column,
    CompositeType,
    Constraint,
    Domain,
    EnumType,
    Extension,
    Function,
    Index,
    ObjectKey,
    Policy,
    RangeType,
    Rule,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from lamin_migrate_kit.catalog.quoting import qualified
from lamin_migrate_kit.diff.differ import CatalogDiff, Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.operations.spelling import code, constraints, indexes, namespaces, types
from lamin_migrate_kit.operations.spelling.context import Context
from lamin_migrate_kit.operations.types import same_family

TYPES = ("enum", "domain", "composite", "range")
_TYPE_FIELDS = {"type", "collation"}
_STOPS_A_TYPE_CHANGE = ("view", "materialized_view", "rule", "policy", "trigger", "function", "procedure")
_ALWAYS_MADE_ANEW = ("event_trigger", "aggregate")


@dataclass
class Rebuilt:
    """What goes and comes back.

    Attributes:
        objects: Keys of objects dropped and created again.
        defaults: Keys (kind `default`) that are dropped and set again.
        types: Types that are made anew while columns hold values of them: current key -> desired key.
        retyped: Columns of those types, by their current key.
        reasons: For a table or column, why Postgres has no other way.
    """

    objects: set[ObjectKey] = field(default_factory=set)
    defaults: set[ObjectKey] = field(default_factory=set)
    types: dict[ObjectKey, ObjectKey] = field(default_factory=dict)
    retyped: set[ObjectKey] = field(default_factory=set)
    reasons: dict[ObjectKey, str] = field(default_factory=dict)

    @property
    def tables(self) -> dict[ObjectKey, str]:
        """The tables among the objects, with the reason."""
        return {key: self.reasons[key] for key in self.objects if key.kind == "table"}


def find_rebuilt(diff: CatalogDiff, context: Context, tables: Collection[ObjectKey] = ()) -> Rebuilt:
    """Start from what cannot be altered in place, and follow what depends on it.

    Args:
        diff: What differs.
        context: Both sides.
        tables: Tables that are known to be made anew, whatever the diff says.
    """
    return _Finder(diff, context).run(tables)


class _Finder:
    def __init__(self, diff: CatalogDiff, context: Context) -> None:
        self.context = context
        self.changes = {change.current.key: change for change in diff.changed}
        self.dropped = {value.key for value in diff.dropped}
        self.created = {value.key for value in diff.created}
        self.dependents: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for dependent, needed in context.current.dependencies:
            self.dependents[needed].append(dependent)
        self.parts: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for value in context.current.objects.values():
            self.parts[_owner(value)].append(value.key)
            if whole := _attached_to(value):
                self.dependents[whole].append(value.key)
            if isinstance(value, Sequence) and value.owned_by is not None:
                self.parts[value.owned_by].append(value.key)
        self.found = Rebuilt()
        self.queue: deque[ObjectKey] = deque()

    def run(self, tables: Collection[ObjectKey]) -> Rebuilt:
        for key in tables:
            self._rebuild(key, "something that it is made of changes")
        for change in self.changes.values():
            self._start(change)
        for key in sorted(self.dropped):
            self._replaced_type(key)
            self._disturb(key)
        while self.queue:
            self._disturb(self.queue.popleft())
        return self.found

    def _start(self, change: Change) -> None:
        key = change.current.key
        if reason := _why_rebuilt(change, self.context):
            if key.kind in TYPES and self._in_use(key):
                self._remake_type(key, change.desired.key)
            else:
                self._rebuild(key, reason)
        elif reason := self._why_child(change):
            self._rebuild(key.table, reason)
        elif isinstance(change.current, Column) and change.fields & _TYPE_FIELDS:
            self._column_type_changes(change)
        elif isinstance(change.current, Trigger) and "enabled" in change.fields:
            for clone in self.dependents[key]:  # ALTER TABLE … ENABLE TRIGGER reaches them
                if clone.kind == "trigger":
                    self._rebuild(clone)

    def _why_child(self, change: Change) -> str:
        """Why a child has to be made anew, which only CREATE TABLE … INHERITS makes of inherited columns alone."""
        table = self.context.desired.objects.get(change.desired.key.table)
        column = change.desired
        if not isinstance(table, Table) or not table.inherits or not isinstance(column, Column):
            return ""
        becomes_inherited = "local" in change.fields and not column.local
        return f"Postgres cannot make {column.key} a column that is only inherited" if becomes_inherited else ""

    def _rebuild(self, key: ObjectKey, reason: str = "") -> None:
        if key in self.found.objects or key in self.dropped:
            return
        self.found.objects.add(key)
        if key.kind in ("column", "table"):
            self.found.reasons[key] = reason
        self.queue.append(key)

    # Types

    def _replaced_type(self, key: ObjectKey) -> None:
        """A type that goes and whose name another kind of type takes, while columns hold values of it."""
        if key.kind not in TYPES:
            return
        for kind in TYPES:
            other = key._replace(kind=kind)
            if other in self.created and self._in_use(key):
                self._remake_type(key, other)

    def _in_use(self, type_: ObjectKey) -> bool:
        """Whether columns that stay hold values of a type, or of a type that is made of it."""
        kept = (key for key in self.dependents[type_] if key not in self.dropped)
        return any(key.kind == "column" or (key.kind in TYPES and self._in_use(key)) for key in kept)

    def _remake_type(self, key: ObjectKey, desired: ObjectKey) -> None:
        if key in self.found.types:
            return
        self.found.types[key] = desired
        for dependent in self.dependents[key]:
            if dependent.kind == "default":
                self.found.defaults.add(dependent)
            elif dependent.kind in TYPES:
                if dependent not in self.dropped:
                    self._remake_type(dependent, self._desired(dependent))
            elif dependent.kind != "column":
                self._rebuild(dependent)
        for column in self._columns_of(key):
            self._retype(column, key)

    def _desired(self, key: ObjectKey) -> ObjectKey:
        change = self.changes.get(key)
        return change.desired.key if change else key

    def _columns_of(self, type_: ObjectKey) -> Iterator[ObjectKey]:
        yield from (key for key in self.dependents[type_] if key.kind == "column")

    def _retype(self, column: ObjectKey, type_: ObjectKey) -> None:
        if column in self.dropped:
            return
        value = self.context.current.objects[column]
        if isinstance(value, Column) and value.generated:
            self._rebuild(column, f"its values cannot be converted to the type {type_}, which is made anew")
            return
        if self._in_partition_key(column):
            self._rebuild(column.table, f"its partition key has the type {type_}, which is made anew")
        self.found.retyped.add(column)
        self._disturb_type_of(column, everything=True)
        if type_.kind == "range":
            self._disturb_indexes_of(column)
        self._disturb_row_type(column.table, f"it holds rows of {column.table}, in which the type of {column} changes")

    def _disturb_indexes_of(self, column: ObjectKey) -> None:
        """Values of a range type are text for a moment, which most of their indexes cannot hold."""
        for dependent in self.dependents[column]:
            if dependent.kind in ("index", "constraint"):
                self._rebuild(dependent)

    def _in_partition_key(self, column: ObjectKey) -> bool:
        table = self.context.current.objects.get(column.table)
        return isinstance(table, Table) and column.part in table.key_columns

    # Columns

    def _column_type_changes(self, change: Change) -> None:
        current, desired = change.current, change.desired
        assert isinstance(current, Column)
        assert isinstance(desired, Column)
        related = same_family(current.type, desired.type)
        if current.default is not None and not current.generated and not current.serial and not related:
            self.found.defaults.add(current.key._replace(kind="default"))
        if self._in_partition_key(current.key):
            self._rebuild(current.key.table, f"the type of {current.key}, which is in its partition key, changes")
        self._disturb_type_of(current.key, everything=False, related=related)
        self._disturb_row_type(current.key.table, f"it holds rows of {current.key.table}, which change")

    def _disturb_row_type(self, table: ObjectKey, reason: str) -> None:
        """Columns of other tables that hold rows of this one."""
        for dependent in self.dependents[table]:
            value = self.context.current.objects.get(dependent)
            if isinstance(value, Column) and value.type.removesuffix("[]") == qualified(table):
                self._rebuild(dependent, reason)

    def _disturb_type_of(self, column: ObjectKey, *, everything: bool, related: bool = False) -> None:
        """The dependents that make Postgres refuse to change a column's type, or that would read it wrongly."""
        for dependent in self.dependents[column]:
            value = self.context.current.objects.get(dependent)
            generated = isinstance(value, Column) and bool(value.generated)
            foreign_key = isinstance(value, Constraint) and value.type == "f" and not related
            checked = isinstance(value, Constraint) and value.type in "cx" and not related
            anew = self._is_spelled_anew(value)
            computed = isinstance(value, Index) and (value.expressions or value.predicate is not None) and not related
            if dependent.kind in _STOPS_A_TYPE_CHANGE or generated:
                self._rebuild(dependent, f"its expression reads {column}, whose type changes")
            elif foreign_key or checked or computed or anew or (everything and isinstance(value, Statistics)):
                self._rebuild(dependent)

    def _is_spelled_anew(self, value: CatalogObject | None) -> bool:
        """Whether the server, which makes what reads a column again with it, would spell it otherwise from then on."""
        if not self.context.exact_names or not isinstance(value, Constraint | Index):
            return False
        return replayable_expression(value.definition) != value.definition

    # What goes takes along

    def _disturb(self, key: ObjectKey) -> None:
        """An object goes, for good or to come back: what depends on it and stays has to step aside."""
        if key in self.found.types:
            return
        if key.kind in ("table", "column") and key not in self.dropped:
            self._disturb_parts(key)
        for dependent in self.dependents[key]:
            if dependent in self.dropped or self._survives(dependent, key):
                continue
            if dependent.kind == "default":
                if dependent._replace(kind="column") in self.context.desired.objects:
                    self.found.defaults.add(dependent)
            elif dependent.kind == "column":
                value = self.context.current.objects[dependent]
                if isinstance(value, Column) and value.generated and key.kind != "table":
                    self._rebuild(dependent, f"its expression uses {key}, which is made anew")
                elif isinstance(value, Column) and self._loses_its_type(value, key):
                    self._rebuild(dependent, f"something of another kind takes the name of its type {key}")
            elif dependent.kind not in ("table", "schema", "extension", "sequence"):
                self._rebuild(dependent)
        self._disturb_whole(key)

    def _loses_its_type(self, column: Column, key: ObjectKey) -> bool:
        """Whether a column's type goes, and the column keeps the type's name: a table now, or no longer."""
        change = self.changes.get(column.key)
        keeps_name = change is None or "type" not in change.fields
        return keeps_name and key in self.dropped and column.type.removesuffix("[]") == qualified(key)

    def _disturb_parts(self, key: ObjectKey) -> None:
        """A table goes with its columns, a column with its sequence, and a child with its parent."""
        for part in self.parts[key]:
            self._rebuild(part, f"{key} is made anew")
        if key.kind == "table":
            self._disturb_row_type(key, f"it holds rows of {key}, which is made anew")
        for dependent in self.dependents[key]:
            value = self.context.current.objects.get(dependent)
            if isinstance(value, Table) and key in value.inherits:
                self._rebuild(dependent, f"its parent {key} is made anew")

    def _disturb_whole(self, key: ObjectKey) -> None:
        """A partition's part of an index or key cannot go alone."""
        value = self.context.current.objects.get(key)
        whole = _attached_to(value) if isinstance(value, Index | Constraint) else None
        if value is not None and whole is not None and not self._goes(_owner(value)) and whole not in self.dropped:
            self._rebuild(whole)

    def _goes(self, key: ObjectKey) -> bool:
        return key in self.dropped or key in self.found.objects

    def _survives(self, dependent: ObjectKey, key: ObjectKey) -> bool:
        """Whether the dependent is changed so that it no longer needs what goes, and can be replaced in place."""
        change = self.changes.get(dependent)
        if change is None or (change.desired.key, key) in self.context.desired.dependencies:
            return False
        return key in self.dropped and not _why_rebuilt(change, self.context)


def _owner(value: CatalogObject) -> ObjectKey:
    """The table, view or type that an object is a part of; the object itself where it stands alone."""
    if isinstance(value, Index | Statistics):
        return value.table
    return value.key.table if value.key.kind in ("column", "constraint", "trigger", "policy", "rule") else value.key


def _attached_to(value: CatalogObject) -> ObjectKey | None:
    """What an object of a partition goes with: the whole table's index, key or trigger."""
    if isinstance(value, Index | Constraint):
        return value.partition_of
    return value.clone_of if isinstance(value, Trigger) else None


def _why_rebuilt(change: Change, context: Context) -> str:
    """Why an object cannot be altered in place; empty when it can."""
    current, fields = change.current, change.fields
    match current:
        case Table():
            return _why_table(change, context)
        case Column():
            return _why_column(change, context)
        case Constraint() | Index():
            can_alter = constraints.can_alter(change) if isinstance(current, Constraint) else indexes.can_alter(change)
            kept = can_alter and ("partition_of" not in fields or current.partition_of is None)
            return "" if kept else "its definition changes"
        case View():
            return "" if code.can_replace_view(change) else "its columns change"
        case Function() if current.key.kind not in _ALWAYS_MADE_ANEW:
            return "" if code.can_replace_function(change) else "its signature changes"
        case Trigger() | Rule():
            return "its definition changes" if fields & {"definition", "clone_of"} else ""
        case Statistics():
            return "its definition changes" if fields & {"definition", "table"} else ""
        case EnumType():
            return "" if types.only_adds_values(change) else "a value goes, or the order changes"
        case Domain():
            return "" if types.can_alter_domain(change) else "its base type changes"
        case CompositeType():
            in_use = any(d.kind == "column" and n == current.key for d, n in context.current.dependencies)
            return "" if types.can_alter_composite(change, in_use=in_use) else "its attributes change"
        case RangeType():
            return "its definition changes" if fields & {"definition", "multirange"} else ""
        case Extension():
            return "" if namespaces.can_alter_extension(change) else "an extension has no way back"
    always = isinstance(current, Policy) or current.key.kind in _ALWAYS_MADE_ANEW
    return "its definition changes" if always and fields != {"comment"} else ""


def _why_table(change: Change, context: Context) -> str:
    """The partition key; and what a child inherits, once it is not linked as it was."""
    if "partition_key" in change.fields:
        return "its partition key changes"
    table = change.desired
    assert isinstance(table, Table)
    inherited = any(not column.local for column in context.desired.columns(table.key))
    relinked = context.exact_names and "inherits" in change.fields and bool(table.inherits)
    return "Postgres cannot make columns that are only inherited of its own" if relinked and inherited else ""


def _why_column(change: Change, context: Context) -> str:
    current, desired = change.current, change.desired
    assert isinstance(current, Column)
    assert isinstance(desired, Column)
    if desired.generated and not current.generated:
        return "Postgres cannot turn a plain column into a generated one"
    if current.generated == "v" and not desired.generated:
        return "Postgres cannot turn a virtual generated column into a plain one"
    if current.generated != desired.generated and desired.generated:
        return "Postgres cannot change between stored and virtual"
    if desired.generated and "default" in change.fields and context.version < 170000:
        return "Postgres before 17 cannot change a generation expression"
    if desired.generated and change.fields & _TYPE_FIELDS and "default" in change.fields:
        return "the type of a generated column changes with its expression"
    return ""
