"""CatalogDiff -> Plan: which operations turn the current catalog into the desired one, in which order. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    EnumType,
    Index,
    ObjectKey,
    RangeType,
    Sequence,
    Table,
    Trigger,
)
from lamin_migrate_kit.catalog.quoting import qualified, quote_name
from lamin_migrate_kit.diff.differ import Change, diff_catalogs
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.operations.decisions import Decider
from lamin_migrate_kit.operations.links import after_detaching, before_attaching, find_links
from lamin_migrate_kit.operations.model import Answers, Operation, Plan
from lamin_migrate_kit.operations.ordering import Step, order_steps
from lamin_migrate_kit.operations.precedence import find_mentions, find_names, find_precedence
from lamin_migrate_kit.operations.rebuilding import find_rebuilt
from lamin_migrate_kit.operations.spelling import code, columns, indexes, kinds, namespaces, privileges, tables, types
from lamin_migrate_kit.operations.spelling.context import Context, find_shared_names, no_author_types
from lamin_migrate_kit.operations.steps import Steps
from lamin_migrate_kit.operations.types import TypeWords

Precedence = Mapping[Step, set[Step]]


class NoOrder(MigrateKitError):
    """The operations need each other in a circle."""


class Rebuild(MigrateKitError):
    """A table would have to be built anew, which nobody but its owner can decide."""


def plan_operations(
    current: Catalog,
    desired: Catalog,
    *,
    answers: Answers | None = None,
    author_types: TypeWords = no_author_types,
    exact_names: bool = False,
    version: int | None = None,
) -> Plan:
    """The operations that turn `current` into `desired`.

    Args:
        current: The catalog to start from, renames already done.
        desired: The catalog to reach.
        answers: What was decided about changes that need more than DDL.
        author_types: The author's spelling of the types of desired columns.
        exact_names: See `diff_catalogs`.
        version: The lowest `server_version_num` that the statements must be valid on; that of `current` if None.

    Returns:
        The operations in order, with the questions that are still open; while there are any, the operations that they
        are about are only a draft.

    Raises:
        NoOrder: The operations need each other in a circle.
        Rebuild: A table has to be made anew, and it is not said that the tables hold nothing that matters.
    """
    diff = diff_catalogs(current, desired, exact_names=exact_names)
    if diff.empty:
        return Plan()
    names = find_shared_names(current, desired) if exact_names else frozenset()
    context = Context(
        current, desired, version or current.server_version, author_types, answers or Answers(), exact_names, names
    )
    anew = find_rebuilt(diff, context).tables
    _refuse_rebuild(anew, context)
    links = find_links(current, desired, anew.keys(), exact_names=exact_names)
    if links.detached or links.attached:
        context = replace(
            context,
            current=after_detaching(current, links.detached),
            desired=before_attaching(desired, links.attached),
        )
        diff = diff_catalogs(context.current, context.desired, exact_names=exact_names)
    rebuilt = find_rebuilt(diff, context, anew)
    return _Lowering(Steps(diff, context, links, desired, rebuilt), context).plan()


def _refuse_rebuild(anew: Mapping[ObjectKey, str], context: Context) -> None:
    if anew and not context.answers.assume_empty:
        table, reason = min(anew.items())
        raise Rebuild(
            f"{table} would have to be made anew: {reason}, which Postgres cannot do to a table that is there.",
            where=str(table),
            next_command="write the revision by hand: a new table, its rows copied over, the old one dropped\n"
            "invoke migrate.generate --empty",
        )


@dataclass
class _Lowering:
    steps: Steps
    context: Context

    def __post_init__(self) -> None:
        self.decider = Decider(self.context)
        self.early: frozenset[Step] = frozenset()
        self.mappings: dict[ObjectKey, dict[str, str]] = {}

    def plan(self) -> Plan:
        ordered = self._ordered()
        parts = self.steps.parts()
        found = [operation for step in ordered if (operation := self._operation(step, parts.get(step, [])))]
        reasons = self.steps.rebuilt.reasons
        notes = tuple(f"{key} is made anew: {why}" for key, why in sorted(reasons.items()) if why)
        return Plan(tuple(_committed_before_use(found)), tuple(self.decider.questions), notes)

    # Order

    def _ordered(self) -> list[Step]:
        after = find_precedence(self.steps)
        ordered, circle = order_steps(self.steps.alone(), after)
        while circle and self.steps.set_apart(circle):
            after = find_precedence(self.steps)
            ordered, circle = order_steps(self.steps.alone(), after)
        if circle:
            # Alterations rarely need each other; what has to be created or dropped around them counts.
            free = {
                step: {other for other in needed if "alter" not in (step.verb, other.verb)}
                for step, needed in after.items()
            }
            named = find_names(self.steps)
            after = {step: free.get(step, set()) | named.get(step, set()) for step in after}
            ordered, circle = order_steps(self.steps.alone(), after)
            if circle:
                after = free
                ordered, circle = order_steps(self.steps.alone(), after)
        if circle:
            names = ", ".join(f"{step.verb} {step.key.kind} {step.key}" for step in circle)
            raise NoOrder(
                f"These changes need each other in a circle: {names}.",
                next_command="make some of them in one revision and the rest in the next",
            )
        return self._with_mentions(ordered, after)

    def _with_mentions(self, ordered: list[Step], after: Precedence) -> list[Step]:
        """Order functions behind what their bodies seem to name, as far as that is possible."""
        mentions = find_mentions(self.steps)
        if not mentions:
            return ordered
        wished = dict(mentions)
        circle: list[Step] = [next(iter(wished))]
        while circle:
            both = {step: after.get(step, set()) | wished.get(step, set()) for step in self.steps.alone()}
            ordered, circle = order_steps(both, both)
            for step in circle:
                wished.pop(step, None)
        places = {step: place for place, step in enumerate(ordered)}
        self.early = frozenset(
            step for step, named in mentions.items() if any(places[other] > places[step] for other in named)
        )
        return ordered

    # Operations

    def _operation(self, step: Step, parts: list[Step]) -> Operation | None:
        match step.verb:
            case "drop":
                return self._drop(step.key)
            case "create":
                return self._create(step, parts)
            case "alter":
                return self._alter(step.key)
            case "aside":
                return self._move_aside(step.key)
            case "detach":
                return tables.detach(self.steps.links.detached[step.key])
            case "attach":
                return self._attach(step.key)
            case "own" | "disown":
                return self._own(step)
        table = self.context.desired.objects[step.key]
        assert isinstance(table, Table)
        return tables.replica_identity_index(table)

    def _attach(self, key: ObjectKey) -> Operation:
        if key in self.steps.links.attached:
            return tables.attach(self.steps.links.attached[key])
        value = self.steps.linked.objects[key]
        assert value.key.kind in ("index", "constraint")
        return indexes.attach_piece(value)

    def _own(self, step: Step) -> Operation:
        value = self.context.desired.objects[step.key]
        assert isinstance(value, Sequence)
        if step.verb == "disown":
            return namespaces.disown_sequence(value)
        owner = self.context.desired.objects.get(value.owned_by) if value.owned_by else None
        numbered = isinstance(owner, Column) and owner.type in columns.SERIAL_TYPES
        behind = numbered and step.key in self.steps.created and value.owned_by in self.context.current.objects
        return namespaces.own_sequence(value, behind_values=behind)

    def _move_aside(self, key: ObjectKey) -> Operation:
        if key in self.steps.aside:
            return columns.move_names_aside(self.steps.changes[key])
        objects, needed = self.context.current.objects, self.context.current.dependencies
        value, desired = objects[key], self.context.desired.objects[self.steps.rebuilt.types[key]]
        used = [objects[column] for column in sorted(self.steps.rebuilt.retyped) if (column, key) in needed]
        if isinstance(value, RangeType):
            return types.make_way(value, (column for column in used if isinstance(column, Column)))
        if isinstance(value, EnumType) and isinstance(desired, EnumType) and used:
            self.mappings[key] = self.decider.enum_map(value, desired)
        return types.move_aside(_type(value), self.mappings.get(key, {}))

    # Drop

    def _drop(self, key: ObjectKey) -> Operation | None:
        if key in self.steps.rebuilt.types:
            return types.drop_aside(_type(self.context.current.objects[key]))
        if key.kind == "default":
            place = key._replace(kind="column")
            # A column that a new table has from its parent is on the desired side only.
            column = self.context.current.objects.get(place) or self.context.desired.objects[place]
            assert isinstance(column, Column)
            return columns.drop_default(column)
        value = self.context.current.objects[key]
        reason = self.steps.rebuilt.reasons.get(key)
        if isinstance(value, Column):
            return columns.drop_column(value, f"{key} is made anew: {reason}" if reason else None)
        if isinstance(value, Trigger) and value.clone_of is not None:
            whole = self.steps.linked.objects.get(value.clone_of)
            return code.set_clone(value, whole.enabled) if isinstance(whole, Trigger) else None
        if isinstance(value, Index) and self._holds_constraints(key):
            return indexes.drop_with_constraints(value)
        return kinds.drop_operation(value)

    def _holds_constraints(self, index: ObjectKey) -> bool:
        """Whether keys of partitions are parts of an index: neither goes without the other."""
        return any(part.partition_of == index for part in self.context.current.of(Constraint))

    # Create

    def _create(self, step: Step, parts: list[Step]) -> Operation:
        key = step.key
        if key.kind == "default":
            column = self.context.desired.objects[key._replace(kind="column")]
            assert isinstance(column, Column)
            return columns.set_default(column)
        value = self.context.desired.objects[key]
        if isinstance(value, Table):
            return self._granted(self._create_table(value, parts))
        if isinstance(value, Column):
            serial = key in self.steps.serials
            backfill = self.decider.value_for_new(value, serial=serial)
            column = self._with_default(value, parts)
            return columns.create_column(column, self.context, serial=serial, backfill=backfill)
        if key in self.steps.pieces:
            return kinds.create_piece(value)
        created = self._granted(kinds.create_operation(value))
        return code.unchecked(created) if step in self.early else created

    def _granted(self, created: Operation) -> Operation:
        """With what was granted on an object that only goes to come back."""
        former = self.steps.former.get(created.key, created.key)
        if former not in self.steps.rebuilt.objects and former not in self.steps.rebuilt.types:
            return created
        granted = (value for value in self.context.current.privileges if value.on == former)
        return privileges.regrant(created, granted)

    def _create_table(self, table: Table, parts: list[Step]) -> Operation:
        along = (self.context.desired.objects.get(part.key) for part in parts)
        own = [value for value in along if isinstance(value, Constraint)]
        order = {"p": 0, "f": 1, "u": 2, "x": 3, "c": 4}
        own.sort(key=lambda constraint: (order[constraint.type], constraint.key))
        its_columns = [self._with_default(column, parts) for column in self.context.desired.columns(table.key)]
        return tables.create_table(table, its_columns, own, self.steps.serials, self.context)

    def _with_default(self, column: Column, parts: list[Step]) -> Column:
        """The column without its default, if that has to wait."""
        step = Step("create", column.key._replace(kind="default"))
        return replace(column, default=None) if step in self.steps.all and step not in parts else column

    # Alter

    def _alter(self, key: ObjectKey) -> Operation | None:
        change = self.steps.changes[key]
        current, desired = change.current, change.desired
        if isinstance(current, Column) and isinstance(desired, Column):
            return self._alter_column(change, current, desired)
        if isinstance(current, Table):
            return tables.alter_table_operation(change)
        altered = kinds.alter_operation(change)
        return code.unchecked(altered) if altered and Step("alter", key) in self.early else altered

    def _alter_column(self, change: Change, current: Column, desired: Column) -> Operation | None:
        using = self._using(current, desired) if "type" in change.fields else None
        required = "not_null" in change.fields and desired.not_null
        backfill = self.decider.value_for_required(desired) if required else None
        aside = desired.key in self.steps.aside
        return columns.alter_column_operation(change, self.context, using=using, backfill=backfill, aside=aside)

    def _using(self, current: Column, desired: Column) -> str | None:
        """How values are converted; those that stay in a type that is made anew by their text."""
        needed = self.context.current.dependencies
        anew = self.steps.rebuilt.types.items()
        type_ = desired.type.removesuffix("[]")
        replaced = [key for key, new in anew if (current.key, key) in needed and type_ == qualified(new)]
        if not replaced or str(desired.key) in self.context.answers.usings:
            return self.decider.conversion(current, desired)
        mapping = self.mappings.get(replaced[0], {})
        return types.convert_values(quote_name(desired.key.part), current.type, desired.type, mapping)


def _type(value: CatalogObject) -> types.UserType:
    assert isinstance(value, types.UserType)
    return value


def _committed_before_use(operations: list[Operation]) -> Iterable[Operation]:
    """A new enum value has to be committed before anything uses it: by its name, or in rows that become its type."""
    for place, operation in enumerate(operations):
        values = [s.split(" ADD VALUE ")[1].split(" BEFORE ")[0] for s in operation.statements if " ADD VALUE '" in s]
        if not values:
            yield operation
            continue
        later = [statement for other in operations[place + 1 :] for statement in other.statements]
        becomes = re.compile(rf" ALTER COLUMN .* TYPE {re.escape(qualified(operation.key))}(\[\])?( |$)")
        used = any(value in statement or becomes.search(statement) for value in values for statement in later)
        yield replace(operation, autocommit=True) if used else operation
