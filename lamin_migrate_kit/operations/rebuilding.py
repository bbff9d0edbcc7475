"""Which objects have to go and come back, because something under them changes in a way that Postgres refuses."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from lamin_migrate_kit.catalog.model import (
    Column,
    CompositeType,
    Constraint,
    Domain,
    EnumType,
    Function,
    Index,
    ObjectKey,
    Policy,
    RangeType,
    Rule,
    Statistics,
    Trigger,
    View,
)
from lamin_migrate_kit.diff.differ import CatalogDiff, Change
from lamin_migrate_kit.operations.spelling import code, constraints, indexes, types
from lamin_migrate_kit.operations.spelling.context import Context
from lamin_migrate_kit.operations.types import same_family

_TYPE_FIELDS = {"type", "collation"}
_STOPS_A_TYPE_CHANGE = ("view", "materialized_view", "rule", "policy", "trigger", "function", "procedure")
_ALWAYS_MADE_ANEW = ("policy", "event_trigger", "aggregate")


@dataclass
class Rebuilt:
    """What goes and comes back.

    Attributes:
        objects: Keys of objects dropped and created again.
        defaults: Keys (kind `default`) that are dropped and set again.
        types: Keys of types that are made anew under their name.
        reasons: For a column that loses its identity, why Postgres has no other way.
    """

    objects: set[ObjectKey] = field(default_factory=set)
    defaults: set[ObjectKey] = field(default_factory=set)
    types: set[ObjectKey] = field(default_factory=set)
    reasons: dict[ObjectKey, str] = field(default_factory=dict)


def find_rebuilt(diff: CatalogDiff, context: Context) -> Rebuilt:
    """Start from what cannot be altered in place, and follow what depends on it."""
    return _Finder(diff, context).run()


class _Finder:
    def __init__(self, diff: CatalogDiff, context: Context) -> None:
        self.context = context
        self.changes = {change.current.key: change for change in diff.changed}
        self.dropped = {value.key for value in diff.dropped}
        self.dependents: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for dependent, needed in context.current.dependencies:
            self.dependents[needed].append(dependent)
        self.found = Rebuilt()
        self.queue: deque[ObjectKey] = deque()

    def run(self) -> Rebuilt:
        for change in self.changes.values():
            self._start(change)
        for key in sorted(self.dropped):
            self._disturb(key)
        while self.queue:
            self._disturb(self.queue.popleft())
        return self.found

    def _start(self, change: Change) -> None:
        key = change.current.key
        if reason := _why_rebuilt(change, self.context):
            if isinstance(change.current, EnumType | Domain | RangeType | CompositeType):
                self._remake_type(key)
            else:
                self._rebuild(key, reason)
        elif isinstance(change.current, Column) and change.fields & _TYPE_FIELDS:
            self._column_type_changes(change)

    def _rebuild(self, key: ObjectKey, reason: str = "") -> None:
        if key in self.found.objects or key in self.dropped:
            return
        self.found.objects.add(key)
        if key.kind == "column":
            self.found.reasons[key] = reason
        self.queue.append(key)

    def _remake_type(self, key: ObjectKey) -> None:
        if key in self.found.types:
            return
        self.found.types.add(key)
        for dependent in self.dependents[key]:
            if dependent.kind == "default":
                self.found.defaults.add(dependent)
            elif dependent.kind != "column":
                self._rebuild(dependent)
            else:
                self._disturb_type_of(dependent, everything=True)

    def _column_type_changes(self, change: Change) -> None:
        current, desired = change.current, change.desired
        assert isinstance(current, Column)
        assert isinstance(desired, Column)
        related = same_family(current.type, desired.type)
        if current.default is not None and not current.generated and not current.serial and not related:
            self.found.defaults.add(current.key._replace(kind="default"))
        self._disturb_type_of(current.key, everything=False, related=related)

    def _disturb_type_of(self, column: ObjectKey, *, everything: bool, related: bool = False) -> None:
        """The dependents that make Postgres refuse to change a column's type, or that would read it wrongly."""
        for dependent in self.dependents[column]:
            value = self.context.current.objects.get(dependent)
            generated = isinstance(value, Column) and bool(value.generated)
            foreign_key = isinstance(value, Constraint) and value.type == "f" and not related
            checked = isinstance(value, Constraint) and value.type in "cx" and not related
            computed = isinstance(value, Index) and (value.expressions or value.predicate is not None) and not related
            if dependent.kind in _STOPS_A_TYPE_CHANGE or generated:
                self._rebuild(dependent, f"its expression reads {column}, whose type changes")
            elif foreign_key or checked or computed or (everything and isinstance(value, Statistics)):
                self._rebuild(dependent)

    def _disturb(self, key: ObjectKey) -> None:
        """An object goes, for good or to come back: what depends on it and stays has to step aside."""
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
            elif dependent.kind not in ("table", "schema", "extension", "sequence"):
                self._rebuild(dependent)

    def _survives(self, dependent: ObjectKey, key: ObjectKey) -> bool:
        """Whether the dependent is changed so that it no longer needs what goes, and can be replaced in place."""
        change = self.changes.get(dependent)
        if change is None or (change.desired.key, key) in self.context.desired.dependencies:
            return False
        return key in self.dropped and not _why_rebuilt(change, self.context)


def _why_rebuilt(change: Change, context: Context) -> str:
    """Why an object cannot be altered in place; empty when it can."""
    current, fields = change.current, change.fields
    if isinstance(current, Constraint):
        return "" if constraints.can_alter(change) else "its definition changes"
    if isinstance(current, Index):
        return "" if indexes.can_alter(change) else "its definition changes"
    if isinstance(current, View):
        return "" if code.can_replace_view(change) else "its columns change"
    if isinstance(current, Function):
        return "" if code.can_replace_function(change) or fields == {"comment"} else "its signature changes"
    if isinstance(current, Trigger | Rule):
        return "its definition changes" if "definition" in fields else ""
    if isinstance(current, Statistics):
        return "its definition changes" if fields & {"definition", "table"} else ""
    if current.key.kind in _ALWAYS_MADE_ANEW or isinstance(current, Policy):
        return "its definition changes"
    if isinstance(current, EnumType):
        return "" if types.only_adds_values(change) else "a value goes, or the order changes"
    if isinstance(current, Domain):
        return "" if types.can_alter_domain(change) else "its base type changes"
    if isinstance(current, CompositeType):
        return "" if types.can_alter_composite(change) else "its attributes change places"
    if isinstance(current, RangeType):
        return "its definition changes" if "definition" in fields else ""
    if isinstance(current, Column):
        return _why_column(change, context)
    return ""


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
