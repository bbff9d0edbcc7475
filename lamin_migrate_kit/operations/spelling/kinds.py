"""Each kind of object and the function that spells what is done to it."""

from __future__ import annotations

from lamin_migrate_kit.catalog.model import (
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
    Policy,
    Privilege,
    RangeType,
    Rule,
    Schema,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling import code, constraints, indexes, namespaces, privileges, tables, types


def drop_operation(value: CatalogObject) -> Operation:
    """What drops an object; columns have a function of their own."""
    match value:
        case Table():
            return tables.drop_table(value)
        case Constraint():
            return constraints.drop_constraint(value)
        case Index():
            return indexes.drop_index(value)
        case Statistics():
            return indexes.drop_statistics(value)
        case Privilege():
            return privileges.revoke(value)
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


def create_operation(value: CatalogObject) -> Operation:
    """What creates an object; tables and columns have functions of their own."""
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
            return code.create_trigger(value) if value.clone_of is None else code.set_clone(value, value.enabled)
        case Rule():
            return code.create_rule(value)
        case Policy():
            return code.create_policy(value)
        case EventTrigger():
            return code.create_event_trigger(value)
        case Privilege():
            return privileges.grant(value)
        case Table() | Column():
            raise AssertionError("tables and columns are made with what belongs to them")


def create_piece(value: CatalogObject) -> Operation:
    """What creates an index or key of a partitioned table there only, without its partitions."""
    if isinstance(value, Constraint):
        return constraints.create_constraint(value, only=True)
    assert isinstance(value, Index)
    return indexes.create_index(value, only=True)


def alter_operation(change: Change) -> Operation | None:
    """What alters an object in place; tables and columns have functions of their own."""
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
            return types.alter_enum(change)
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
        case Privilege():
            return privileges.change(change)
        case _:
            return namespaces.alter_comment(change)
