"""The statements that `create_all` sends, without a server: what a kept database is known by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Dialect, MetaData, Table


class _OnlyRunningTells(Exception):
    """What is sent depends on what a server answers, or on values."""


def declared_statements(
    metadata: MetaData,
    dialect: Dialect,
    tables: Sequence[Table] | None = None,
    tell: Callable[[str], object] = bool,
) -> tuple[str, ...] | None:
    """What `metadata.create_all` sends on an empty database, in an order that is the same in every process.

    Args:
        metadata: The models' MetaData.
        dialect: That of a connection to the server, so that its version counts.
        tables: The tables to create; None for all.
        tell: Is given each of them as soon as it is known, in the order of this process.

    Returns:
        None where only running it tells: when Python code listens to the creation of tables, or decides about it.
    """
    from sqlalchemy.engine.mock import MockConnection
    from sqlalchemy.schema import CreateIndex

    if any(map(_is_code, _listeners(metadata))) or any(map(_has_condition, _conditional(metadata))):
        return None
    sent: list[tuple[bool, str]] = []

    def record(element: Any, parameters: object = None, *rest: object) -> None:
        compiled = element.compile(dialect=dialect)
        if parameters or rest or getattr(compiled, "params", None):
            raise _OnlyRunningTells
        sent.append((isinstance(element, CreateIndex), str(compiled)))
        tell(str(compiled))

    try:
        metadata.create_all(MockConnection(dialect, record), tables=tables, checkfirst=False)
    except Exception:  # whatever it is, running it says it better
        return None
    return tuple(_in_order(sent))


def _in_order(sent: Sequence[tuple[bool, str]]) -> Iterator[str]:
    """A table's indexes are a set, whose order is another one in every process."""
    for is_index, run in groupby(sent, itemgetter(0)):
        statements = (text for _, text in run)
        yield from sorted(statements) if is_index else statements


def _listeners(metadata: MetaData) -> Iterator[object]:
    for target in (metadata, *metadata.tables.values()):
        dispatch: Any = target.dispatch
        yield from (*dispatch.before_create, *dispatch.after_create)


def _is_code(listener: object) -> bool:
    """Whether a listener is neither a statement nor SQLAlchemy's own, as for enum types."""
    from sqlalchemy.schema import ExecutableDDLElement

    if isinstance(listener, ExecutableDDLElement):
        return _has_condition(listener)
    while isinstance(listener, partial):
        listener = listener.func
    own = getattr(listener, "__module__", None) or type(listener).__module__
    return not own.startswith("sqlalchemy.")


def _conditional(metadata: MetaData) -> Iterator[object]:
    for table in metadata.tables.values():
        yield from table.constraints
        yield from table.indexes


def _has_condition(element: object) -> bool:
    condition: Any = getattr(element, "_ddl_if", None)
    if isinstance(condition, Mapping):
        return bool(condition.get("callable_"))
    return getattr(condition, "callable_", None) is not None
