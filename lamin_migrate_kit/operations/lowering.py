"""CatalogDiff -> Plan: which operations turn the current catalog into the desired one, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lamin_migrate_kit.catalog.model import (
    Catalog,
    CatalogObject,
    Column,
    CompositeType,
    Constraint,
    Domain,
    EnumType,
    EventTrigger,
    Extension,
    Function,
    Index,
    ObjectKey,
    Policy,
    RangeType,
    Rule,
    Schema,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.diff.differ import CatalogDiff, Change, diff_catalogs
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.operations.model import Answers, Operation, Plan, Question
from lamin_migrate_kit.operations.ordering import Step, order_steps
from lamin_migrate_kit.operations.spelling import code, columns, constraints, indexes, namespaces, tables, types
from lamin_migrate_kit.operations.spelling.context import Context, no_author_types
from lamin_migrate_kit.operations.steps import Steps
from lamin_migrate_kit.operations.types import TypeWords, conversion, keeps_values, neutral_value


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
        Rebuild: A table's partition key changes.
    """
    diff = diff_catalogs(current, desired, exact_names=exact_names)
    context = Context(
        current, desired, version or current.server_version, author_types, answers or Answers(), exact_names
    )
    return _Lowering(diff, context).plan()


class _Lowering:
    def __init__(self, diff: CatalogDiff, context: Context) -> None:
        self.diff = diff
        self.context = context
        self.steps = Steps(diff, context)
        self.questions: list[Question] = []

    def plan(self) -> Plan:
        for change in self.diff.changed:
            _refuse_rebuild(change, self.context.answers)
        found = [operation for step in self._ordered() if (operation := self._operation(step))]
        notes = tuple(f"{key} is made anew: {why}" for key, why in sorted(self.steps.rebuilt.reasons.items()) if why)
        return Plan(tuple(_committed_before_use(found)), tuple(self.questions), notes)

    def _ordered(self) -> list[Step]:
        ordered, cycle = order_steps(self.steps.alone(), self.steps.after())
        while cycle and self.steps.set_apart(cycle):
            ordered, cycle = order_steps(self.steps.alone(), self.steps.after())
        if cycle:
            # Alterations rarely need each other; what has to be created or dropped around them counts.
            after = {
                step: {other for other in needed if "alter" not in (step.verb, other.verb)}
                for step, needed in self.steps.after().items()
            }
            ordered, cycle = order_steps(self.steps.alone(), after)
        if cycle:
            names = ", ".join(f"{step.verb} {step.key.kind} {step.key}" for step in cycle)
            raise NoOrder(f"These changes need each other in a circle: {names}.")
        return ordered

    def _operation(self, step: Step) -> Operation | None:
        if step.verb == "drop":
            return self._drop(step.key)
        if step.verb == "create":
            return self._create(step)
        if step.verb == "alter":
            return self._alter(step.key)
        value = (self.context.current if step.verb == "detach" else self.context.desired).objects[step.key]
        if isinstance(value, Sequence):
            assert value.owned_by is not None
            behind = value.owned_by in self.context.current.objects
            return namespaces.own_sequence(value, behind_values=behind)
        assert isinstance(value, Table)
        if step.verb == "detach":
            return tables.detach_partition(value)
        return tables.attach_partition(value) if step.verb == "attach" else tables.replica_identity_index(value)

    # Drop

    def _drop(self, key: ObjectKey) -> Operation:
        if key.kind == "default":
            column = self.context.current.objects[key._replace(kind="column")]
            assert isinstance(column, Column)
            return columns.drop_default(column)
        value = self.context.current.objects[key]
        reason = self.steps.rebuilt.reasons.get(key)
        if isinstance(value, Column):
            return columns.drop_column(value, f"{key} is made anew: {reason}" if reason else None)
        return _drop_operation(value)

    # Create

    def _create(self, step: Step) -> Operation:
        key = step.key
        if key.kind == "default":
            column = self.context.desired.objects[key._replace(kind="column")]
            assert isinstance(column, Column)
            return columns.set_default(column)
        value = self.context.desired.objects[key]
        if isinstance(value, Table):
            return self._create_table(value, step)
        if isinstance(value, Column):
            serial = key in self.steps.serials
            return columns.create_column(value, self.context, serial=serial, backfill=self._backfill_new(value, serial))
        return _create_operation(value)

    def _create_table(self, table: Table, step: Step) -> Operation:
        along = (self.context.desired.objects.get(part.key) for part in self.steps.parts(step))
        own = [value for value in along if isinstance(value, Constraint)]
        order = {"p": 0, "f": 1, "u": 2, "x": 3, "c": 4}
        own.sort(key=lambda constraint: (order[constraint.type], constraint.key))
        return tables.create_table(
            table, self.context.desired.columns(table.key), own, self.steps.serials, self.context
        )

    def _backfill_new(self, column: Column, serial: bool) -> str | None:
        filled = column.default is not None or column.identity or column.generated or serial
        if not column.not_null or filled or self.context.is_new(column.key.table):
            return None
        answers = self.context.answers
        if answers.neutral_backfills:
            return neutral_value(column.type, self.context.desired)
        return self._backfill(column, f"{column.key} is new and required, and {column.key.table} may have rows")

    def _backfill(self, column: Column, why: str) -> str | None:
        name = str(column.key)
        if name in self.context.answers.backfills:
            return self.context.answers.backfills[name]
        if self.context.answers.assume_empty:
            return None
        guess = column.default or neutral_value(column.type, self.context.desired) or "<SQL expression>"
        text = f"{why}: which value do those rows get?"
        self.questions.append(Question("backfill", name, text, (f"--backfill {_shell(f'{name}={guess}')}",)))
        return None

    # Alter

    def _alter(self, key: ObjectKey) -> Operation | None:
        former = self.steps.former.get(key, key)
        if former in self.steps.rebuilt.types:
            return self._replace_type(former, key)
        change = self.steps.changes[key]
        current, desired = change.current, change.desired
        if isinstance(current, Column) and isinstance(desired, Column):
            return self._alter_column(change, current, desired)
        if isinstance(current, Table):
            return tables.alter_table_operation(change)
        return _alter_operation(change)

    def _alter_column(self, change: Change, current: Column, desired: Column) -> Operation | None:
        inherited = self._changed_with_parent(desired)
        fields = frozenset(name for name in change.fields if name not in inherited)
        if not fields - {"default"} and not desired.generated:
            return None
        if inherited:
            restored = {name: getattr(desired, name) for name in inherited if name not in ("key", "position")}
            change = Change(replace(current, **restored), desired, fields)
        using = self._using(current, desired) if "type" in fields else None
        backfill = self._backfill_required(desired) if "not_null" in fields and desired.not_null else None
        return columns.alter_column_operation(change, self.context, using=using, backfill=backfill)

    def _changed_with_parent(self, column: Column) -> frozenset[str]:
        """What changes on the parent's column too and reaches this one from there."""
        table = self.context.desired.objects.get(column.key.table)
        if column.local or not isinstance(table, Table):
            return frozenset()
        for parent in (*((table.partition_of,) if table.partition_of else ()), *table.inherits):
            change = self.steps.changes.get(ObjectKey("column", parent.schema, parent.name, column.key.part))
            if change:
                return change.fields
        return frozenset()

    def _using(self, current: Column, desired: Column) -> str | None:
        name, answers = str(desired.key), self.context.answers
        if name in answers.usings:
            return answers.usings[name]
        kept = keeps_values(current.type, desired.type) or answers.assume_empty or answers.neutral_backfills
        if kept or current.type == desired.type:
            return None
        guess = f"{name}={conversion(quote_name(desired.key.part), current.type, desired.type)}"
        text = f"{name} changes from {current.type} to {desired.type}: how is each value converted?"
        self.questions.append(Question("using", name, text, (f"--using {_shell(guess)}",)))
        return None

    def _backfill_required(self, column: Column) -> str | None:
        if column.key.part in self._primary_key(column.key.table) or self.context.answers.neutral_backfills:
            return None
        name = str(column.key)
        if column.default is not None and name not in self.context.answers.backfills:
            return None if self.context.answers.assume_empty else column.default
        return self._backfill(column, f"{column.key} becomes required, and rows may have no value there")

    def _primary_key(self, table: ObjectKey) -> tuple[str, ...]:
        """The columns of a table's current primary key: they have values."""
        for constraint in self.context.current.of(Constraint):
            if constraint.type == "p" and constraint.key.table == table:
                return constraint.columns
        return ()

    def _replace_type(self, former: ObjectKey, key: ObjectKey) -> Operation:
        current, desired = self.context.current.objects[former], self.context.desired.objects[key]
        assert isinstance(current, EnumType | Domain | CompositeType | RangeType)
        assert isinstance(desired, EnumType | Domain | CompositeType | RangeType)
        mapping = self._enum_map(current, desired) if isinstance(current, EnumType) else {}
        pairs = [
            (a, b)
            for dependent, needed in sorted(self.context.current.dependencies)
            if needed == former and dependent.kind == "column" and dependent not in self.steps.dropped
            if isinstance(a := self.context.current.objects[dependent], Column)
            if isinstance(b := self.context.desired.objects.get(self.steps.renamed.get(dependent, dependent)), Column)
        ]
        return types.replace_type(current, desired, tuple(pairs), mapping)

    def _enum_map(self, current: EnumType, desired: CatalogObject) -> dict[str, str]:
        assert isinstance(desired, EnumType)
        mapping = {}
        for value in (value for value in current.values if value not in desired.values):
            name = f"{current.key}.{value}"
            if name in self.context.answers.enum_maps:
                mapping[value] = self.context.answers.enum_maps[name]
            elif not (self.context.answers.assume_empty or self.context.answers.neutral_backfills):
                guess = desired.values[0] if desired.values else "<value>"
                text = f"{name} is no longer a value of {current.key}: which value do rows get that have it?"
                self.questions.append(Question("enum-map", name, text, (f"--enum-map {_shell(f'{name}={guess}')}",)))
        return mapping


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _refuse_rebuild(change: Change, answers: Answers) -> None:
    if isinstance(change.current, Table) and "partition_key" in change.fields and not answers.assume_empty:
        raise Rebuild(
            f"The partition key of {change.desired.key} changes, which Postgres cannot do to a table that is there.",
            where=str(change.desired.key),
            next_command="write the revision by hand: a new table, its rows copied over, the old one dropped\n"
            "invoke migrate.generate --empty",
        )


def _committed_before_use(operations: list[Operation]) -> Iterable[Operation]:
    """A new enum value has to be committed before anything uses it."""
    for place, operation in enumerate(operations):
        values = [s.split(" ADD VALUE ")[1].split("'")[1] for s in operation.statements if " ADD VALUE '" in s]
        type_ = qualified(operation.key)
        later = [statement for other in operations[place + 1 :] for statement in other.statements]
        used = any(
            quote_literal(value) in statement and (type_ in statement or statement.startswith("UPDATE"))
            for value in values
            for statement in later
        )
        yield replace(operation, autocommit=True) if used else operation


def _drop_operation(value: CatalogObject) -> Operation:
    match value:
        case Table():
            return tables.drop_table(value)
        case Constraint():
            return constraints.drop_constraint(value)
        case Index():
            return indexes.drop_index(value)
        case Statistics():
            return indexes.drop_statistics(value)
        case Sequence():
            return namespaces.drop_sequence(value)
        case Schema():
            return namespaces.drop_schema(value)
        case Extension():
            return namespaces.drop_extension(value)
        case EnumType() | Domain() | CompositeType() | RangeType():
            return types.drop_type(value)
        case _:
            return code.drop_definition(value)


def _create_operation(value: CatalogObject) -> Operation:
    match value:
        case Constraint():
            return constraints.create_constraint(value)
        case Index():
            return indexes.create_index(value)
        case Statistics():
            return indexes.create_statistics(value)
        case Sequence():
            return namespaces.create_sequence(value)
        case Schema():
            return namespaces.create_schema(value)
        case Extension():
            return namespaces.create_extension(value)
        case EnumType() | Domain() | CompositeType() | RangeType():
            return types.create_type(value)
        case View():
            return code.create_view(value)
        case Function():
            return code.create_function(value)
        case Trigger():
            return code.create_trigger(value)
        case Rule():
            return code.create_rule(value)
        case Policy():
            return code.create_policy(value)
        case EventTrigger():
            return code.create_event_trigger(value)
        case Table() | Column():
            raise AssertionError("tables and columns are made with what belongs to them")


def _alter_operation(change: Change) -> Operation | None:
    match change.current:
        case Constraint():
            return constraints.alter_constraint(change)
        case Index():
            return indexes.alter_index(change)
        case Statistics():
            return indexes.alter_statistics(change)
        case Sequence():
            return namespaces.alter_sequence(change)
        case Extension():
            return namespaces.alter_extension(change)
        case EnumType():
            return types.alter_enum(change, autocommit=False)
        case Domain():
            return types.alter_domain(change)
        case CompositeType():
            return types.alter_composite(change)
        case View():
            return code.alter_view(change)
        case Function():
            return code.alter_function(change)
        case Trigger() | Rule():
            return code.alter_enabled(change)
        case _:
            return namespaces.alter_comment(change)
