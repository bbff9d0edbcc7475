"""Which steps have to come before which: from both catalogs' dependencies, and from what a server needs. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    Function,
    Index,
    ObjectKey,
    Sequence,
    Table,
    Trigger,
)
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.operations.inheritance import parent_column
from lamin_migrate_kit.operations.links import ancestors, parents_of
from lamin_migrate_kit.operations.ordering import Step
from lamin_migrate_kit.operations.spelling.context import not_null_name
from lamin_migrate_kit.operations.steps import Steps, identity_index

Order = Iterator[tuple[Step, Step]]
"""Pairs (later, earlier)."""

_WORD = re.compile(r"\w+")
_NAMED_IN_BODIES = (
    "table",
    "view",
    "materialized_view",
    "sequence",
    "function",
    "procedure",
    "aggregate",
    "enum",
    "domain",
    "composite",
    "range",
)
_IN_ONE_SPACE = ("table", "view", "materialized_view", "sequence", "index", "enum", "domain", "composite", "range")


def find_precedence(steps: Steps) -> dict[Step, set[Step]]:
    """For every step that stands alone, the steps that have to come before it."""
    return _Precedence(steps).between_wholes(_Precedence(steps).pairs())


def find_names(steps: Steps) -> dict[Step, set[Step]]:
    """Likewise, only where one takes the name that another one gives up."""
    return _Precedence(steps).between_wholes(_Precedence(steps).names())


def find_mentions(steps: Steps) -> dict[Step, set[Step]]:
    """For every function whose body is a text, the steps that make what the text seems to name.

    Nothing in the server's catalogs says so, and the server looks when it is created. A word may mean something else,
    so this is only a wish.
    """
    return _Precedence(steps).between_wholes(_mentions(steps))


class _Precedence:
    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.all = steps.all
        self.current, self.desired = steps.current, steps.desired

    def between_wholes(self, pairs: Order) -> dict[Step, set[Step]]:
        found: dict[Step, set[Step]] = defaultdict(set)
        for later, earlier in pairs:
            if later in self.all and earlier in self.all:
                first, second = self.steps.whole(earlier), self.steps.whole(later)
                if first != second:
                    found[second].add(first)
        return found

    def pairs(self) -> Order:
        yield from self._coming()
        yield from self._going()
        yield from self._anew()
        yield from self.names()
        yield from self._parents()
        yield from self._links()
        yield from self._pieces()
        yield from self._owners()
        yield from self._settings()
        yield from self._rows()
        yield from self._columns()

    # From the catalogs

    def _coming(self) -> Order:
        for dependent, needed in self.steps.context.desired.dependencies:
            for later, earlier in product(("create", "alter"), repeat=2):
                if not (needed in self._toasted and dependent.kind == "column" and earlier == "alter"):
                    yield Step(later, dependent), Step(earlier, needed)

    def _going(self) -> Order:
        renamed, types = self.steps.renamed, self.steps.rebuilt.types
        for dependent, needed in self.steps.context.current.dependencies:
            going, after = Step("drop", dependent), renamed.get(needed, needed)
            desired = renamed.get(dependent, dependent)
            yield Step("drop", needed), going
            yield Step("alter", after), going
            if needed in types or (desired, after) not in self.steps.context.desired.dependencies:
                yield Step("drop", needed), Step("alter", desired)
                if dependent.kind == "default":
                    yield Step("drop", needed), Step("create", desired)

    def _anew(self) -> Order:
        types = self.steps.rebuilt.types
        for key in self.steps.dropped | self.steps.rebuilt.defaults:
            yield Step("create", self.steps.renamed.get(key, key)), Step("drop", key)
        for key in self.steps.changes:
            yield Step("alter", key), Step("create", key)
            yield Step("alter", key), Step("aside", key)
        for dependent, needed in self.steps.context.current.dependencies:
            if needed in types and dependent not in types:
                yield Step("aside", needed), Step("drop", dependent)  # which is named with the type's name
        for current, desired in types.items():
            yield Step("create", desired), Step("aside", current)
            yield Step("drop", current), Step("create", desired)
            for column in self.steps.rebuilt.retyped:
                yield Step("alter", self.steps.renamed.get(column, column)), Step("create", desired)
                yield Step("drop", current), Step("alter", self.steps.renamed.get(column, column))

    # Names

    def names(self) -> Order:
        """A name is free only after what had it is gone or renamed."""
        freed: dict[tuple[str, str], list[Step]] = defaultdict(list)
        for step, name in self._freed():
            freed[name].append(step)
        for step, name in self._taken():
            yield from ((step, earlier) for earlier in freed[name])

    def _freed(self) -> Iterator[tuple[Step, tuple[str, str]]]:
        for key in self.steps.dropped:
            yield from ((Step("drop", key), name) for name in _taken_names(key, self.current.get(key)))
        for key in self.steps.rebuilt.types:
            yield from ((Step("aside", key), name) for name in _taken_names(key, self.current.get(key)))
        for key, change in self.steps.changes.items():
            gone = self._names_of(change.current) - self._names_of(change.desired)
            yield from ((Step("aside" if key in self.steps.aside else "alter", key), name) for name in gone)

    def _taken(self) -> Iterator[tuple[Step, tuple[str, str]]]:
        for key in self.steps.created:
            yield from ((Step("create", key), name) for name in _taken_names(key, self.desired.get(key)))
        for key, change in self.steps.changes.items():
            new = self._names_of(change.desired) - self._names_of(change.current)
            yield from ((Step("alter", key), name) for name in new)

    def _names_of(self, value: CatalogObject) -> set[tuple[str, str]]:
        names = set(_taken_names(value.key, value))
        if self.steps.context.exact_names and isinstance(value, Column) and value.not_null:
            names.add((value.key.schema, f"{value.key.name}.{not_null_name(value)}"))
        return names

    # Parents and children

    def _parents(self) -> Order:
        """What is done to a parent's column reaches its children, which come after that and go before it."""
        for change in self.steps.changes.values():
            if isinstance(change.desired, Column):
                yield from self._below(change.desired, self.steps.context.desired)
        for key in self.steps.created:
            value = self.desired.get(key)
            if isinstance(value, Column):
                yield from self._below(value, self.steps.context.desired)
        for key in self.steps.dropped:
            value = self.current[key]
            parent = parent_column(value, self.steps.context.current) if isinstance(value, Column) else None
            if parent is not None:
                above = self.steps.renamed.get(parent.key, parent.key)
                yield Step("alter", above), Step("drop", key)
                yield Step("drop", parent.key), Step("drop", key.table)

    def _below(self, column: Column, catalog: Catalog) -> Order:
        parent = parent_column(column, catalog)
        if parent is None:
            return
        defaults = [key._replace(kind="default") for key in (column.key, parent.key)]
        for later, earlier in product(("create", "alter", "drop"), ("create", "alter")):
            yield Step(later, defaults[0]), Step(earlier, parent.key)
        for later, earlier in product(("create", "drop"), repeat=2):
            yield Step(later, defaults[0]), Step(earlier, defaults[1])
        yield Step("alter", column.key), Step("alter", parent.key)
        yield Step("alter", column.key), Step("create", parent.key)

    def _links(self) -> Order:
        """Detached first, attached last."""
        for key, table in self.steps.links.detached.items():
            detach = Step("detach", key)
            for step in self.all:
                if step.verb != "detach" and _owner(step.key, self.current.get(step.key)) in (key, *parents_of(table)):
                    yield step, detach
        for key, table in self.steps.links.attached.items():
            attach = Step("attach", key)
            yield from ((attach, Step("detach", other)) for other in self.steps.links.detached)
            for step in self.all:
                if step.verb != "attach" and self._is_before(step, key, parents_of(table)):
                    yield attach, step
        yield from self._partitions_under_foreign_keys()
        yield from self._keys_under_foreign_keys()

    def _is_before(self, step: Step, table: ObjectKey, parents: tuple[ObjectKey, ...]) -> bool:
        """Whether a step on a table or its parents has to be done before the table is attached."""
        value = (self.current if step.verb == "drop" else self.desired).get(step.key)
        if step.verb == "drop" and isinstance(value, Table):
            return value.partition_of in parents  # its bounds may be in the way
        if step.verb == "create" and step.key in self.steps.pieces:
            return False
        kinds = ("table", "column", "default", "constraint", "index")
        return step.key.kind in kinds and _owner(step.key, value) in (table, *parents)

    def _partitions_under_foreign_keys(self) -> Order:
        """A partition goes only while no foreign key refers to the whole table."""
        below: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for value in self.current.values():
            if isinstance(value, Table) and value.partition_of:
                below[value.partition_of].append(value.key)
        for key in self.steps.dropped:
            constraint = self.current.get(key)
            if isinstance(constraint, Constraint) and constraint.referenced is not None:
                for partition in _all_below(constraint.referenced, below):
                    yield Step("drop", partition), Step("drop", key)
        for key in self.steps.created:
            constraint = self.desired.get(key)
            if isinstance(constraint, Constraint) and constraint.referenced is not None:
                for partition in _all_below(constraint.referenced, below):
                    yield Step("create", key), Step("drop", partition)

    def _keys_under_foreign_keys(self) -> Order:
        """No catalog knows on which key a foreign key rests that a detached partition has from the whole table."""
        referring: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for key in self.steps.dropped:
            constraint = self.current.get(key)
            if isinstance(constraint, Constraint) and constraint.referenced is not None:
                referring[constraint.referenced].append(key)
        for key in self.steps.dropped:
            value = self.current.get(key)
            if isinstance(value, Constraint) and value.type in "pu":
                yield from ((Step("drop", key), Step("drop", other)) for other in referring[key.table])

    def _pieces(self) -> Order:
        """Parts of an index or key are there before the whole takes them up, or are attached one by one."""
        for key, value in self.steps.linked.objects.items():
            if not isinstance(value, Index | Constraint):
                continue
            table = value.table if isinstance(value, Index) else key.table
            if value.partition_of is not None:
                whole = Step("create", value.partition_of)
                attach = Step("attach", key)
                yield attach, whole
                yield attach, Step("create", key)
                if value.partition_of not in self.steps.pieces:
                    yield whole, Step("create", key)
                    yield whole, Step("alter", key)
                else:
                    yield attach, Step("attach", table)
            if key in self.steps.pieces:
                for child in self.steps.links.attached.values():
                    if table in parents_of(child):
                        yield Step("create", key), Step("attach", child.key)

    # Sequences

    def _owners(self) -> Order:
        for step in self.all:
            value = self.desired.get(step.key)
            if step.verb == "own" and isinstance(value, Sequence) and value.owned_by is not None:
                yield step, Step("create", step.key)
                yield step, Step("alter", step.key)
                yield step, Step("disown", step.key)
                yield step, Step("create", value.owned_by)
                yield step, Step("alter", value.owned_by)
                yield step, Step("alter", value.owned_by.table)
            if step.verb == "disown":
                before = self.steps.changes[step.key].current
                assert isinstance(before, Sequence)
                assert before.owned_by is not None
                yield Step("drop", before.owned_by), step
                yield Step("drop", before.owned_by.table), step
                yield Step("alter", step.key), step

    # What else a server needs

    def _settings(self) -> Order:
        for step in self.all:
            value = self.desired.get(step.key)
            if step.verb == "identify" and isinstance(value, Table):
                for verb, key in product(("create", "alter"), (step.key, *identity_index(value))):
                    yield step, Step(verb, key)
                yield from ((Step("drop", key), step) for key in _index_keys(self.steps.changes.get(step.key)))
            if isinstance(value, Trigger) and value.clone_of is not None and step.verb != "drop":
                for table in (step.key.table, *ancestors(step.key.table, self.steps.linked)):
                    above = step.key._replace(schema=table.schema, name=table.name)
                    yield from ((step, Step(verb, above)) for verb in ("create", "alter") if above != step.key)
                    yield step, Step("attach", table)
            if isinstance(value, Constraint) and value.type == "f" and value.referenced is not None:
                yield Step("create", step.key), Step("alter", value.referenced)
                yield Step("create", step.key), Step("alter", step.key.table)
        yield from self._durability()
        yield from self._toast()

    def _toast(self) -> Order:
        """Settings of a TOAST table are silently lost where there is none yet: a column has to bring it first."""
        for step in self.all:
            if step.key.kind == "column" and step.verb in ("create", "alter") and step.key.table in self._toasted:
                yield Step("alter", step.key.table), step

    @cached_property
    def _toasted(self) -> frozenset[ObjectKey]:
        """Tables that are altered and have settings of their TOAST table."""
        tables = ((key, change.desired) for key, change in self.steps.changes.items())
        return frozenset(
            key
            for key, table in tables
            if isinstance(table, Table) and any(option.startswith("toast.") for option in table.options)
        )

    def _durability(self) -> Order:
        """A permanent table cannot refer to an unlogged one, not even for a moment."""
        for key in self.steps.dropped:
            going = self.current.get(key)
            if isinstance(going, Constraint) and going.type == "f" and going.referenced is not None:
                for end in (going.key.table, going.referenced):
                    if "persistence" in self.steps.changed_fields(end):
                        yield Step("alter", end), Step("drop", key)
        for value in self.desired.values():
            if isinstance(value, Constraint) and value.type == "f" and value.referenced is not None:
                child, parent = Step("alter", value.key.table), Step("alter", value.referenced)
                if "persistence" in self.steps.changed_fields(value.referenced):
                    table = self.desired[value.referenced]
                    becomes_unlogged = isinstance(table, Table) and table.persistence == "u"
                    yield (parent, child) if becomes_unlogged else (child, parent)

    def _rows(self) -> Order:
        """What depends on a table's row type depends on all of its columns."""
        columns: dict[ObjectKey, list[ObjectKey]] = defaultdict(list)
        for step in self.all:
            if step.key.kind == "column":
                columns[step.key.table].append(step.key)
        for dependent, needed in self.steps.context.current.dependencies:
            if dependent.table != needed:
                yield from ((Step("alter", column), Step("drop", dependent)) for column in columns.get(needed, ()))
        for dependent, needed in self.steps.context.desired.dependencies:
            if dependent.table != needed:
                for verb, column in product(("create", "alter"), columns.get(needed, ())):
                    yield Step("create", dependent), Step(verb, column)

    def _columns(self) -> Order:
        """An identity and a default exclude each other, a generation expression and a default too."""
        for change in self.steps.changes.values():
            if isinstance(change.desired, Column):
                default = change.desired.key._replace(kind="default")
                yield Step("create", default), Step("alter", change.desired.key)
                yield Step("alter", change.desired.key), Step("drop", default)
                if change.current.key not in self.current:
                    yield Step("drop", default), Step("create", change.desired.key)


def _all_below(table: ObjectKey, below: dict[ObjectKey, list[ObjectKey]]) -> Iterator[ObjectKey]:
    for child in below[table]:
        yield child
        yield from _all_below(child, below)


def _owner(key: ObjectKey, value: CatalogObject | None) -> ObjectKey:
    return value.table if isinstance(value, Index) else key.table


def _index_keys(change: Change | None) -> tuple[ObjectKey, ...]:
    """The index that was a table's replica identity."""
    before = change.current if change else None
    return identity_index(before) if isinstance(before, Table) and before.replica_identity.startswith("i:") else ()


def _taken_names(key: ObjectKey, value: CatalogObject | None) -> Iterator[tuple[str, str]]:
    """The names in a schema that an object occupies; functions have names of their own kind."""
    if key.kind in ("function", "procedure", "aggregate"):
        yield key.schema, f"{key.name}()"
    elif key.kind in _IN_ONE_SPACE:
        yield key.schema, key.name
    elif isinstance(value, Constraint):
        yield key.schema, f"{key.name}.{key.part}"
        if value.type in "pux":
            yield key.schema, key.part
        if value.type == "p":
            yield key.schema, f"the primary key of {key.name}"  # of which there can be one
    elif isinstance(value, Column) and value.identity and value.identity_sequence:
        yield key.schema, value.identity_sequence


def _mentions(steps: Steps) -> Order:
    by_name: dict[str, list[ObjectKey]] = defaultdict(list)
    for key in steps.created:
        if key.kind in _NAMED_IN_BODIES:
            by_name[key.name.lower()].append(key)
        elif key.kind == "column":
            by_name[key.part.lower()].append(key)
    for key in (*steps.created, *steps.changes):
        value = steps.desired.get(key)
        if isinstance(value, Function) and value.body is not None:
            words = set(_WORD.findall(value.body.lower()))
            for named in _named(words, by_name):
                yield from ((Step(verb, key), Step("create", named)) for verb in ("create", "alter"))


def _named(words: Iterable[str], by_name: dict[str, list[ObjectKey]]) -> Iterator[ObjectKey]:
    for word in words:
        yield from by_name.get(word, ())
