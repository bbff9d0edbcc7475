"""Alembic's version table, with an UPDATE that SQLAlchemy does not have to compile anew for every revision.

Alembic writes the ids into the statement itself, so that no two of them are the same to SQLAlchemy's cache; compiling
them takes a tenth of the time of a long history.
"""

from __future__ import annotations

from operator import eq
from typing import Any

from sqlalchemy import Dialect, Table, text


class VersionTable:
    """Stands for a table wherever Alembic uses it as its version table; all but `update` is the table's own.

    Args:
        table: Alembic's own.
        dialect: That of the connection, for how the name is quoted.
    """

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._table = table
        self._name = dialect.identifier_preparer.format_table(table)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def update(self) -> _Update:
        """As `Table.update`, for what Alembic does with it: `update().values(version_num=…).where(…)`."""
        return _Update(self._table, self._name)


_SPECIAL = frozenset(":%\\")
"""What `text` does not take literally."""


class _Update:
    def __init__(self, table: Table, name: str) -> None:
        self._table, self._name = table, name
        self._values: dict[str, Any] = {}

    def values(self, **values: Any) -> _Update:
        self._values = values
        return self

    def where(self, condition: Any) -> Any:
        """The statement: text, or SQLAlchemy's own where Alembic has written something else than it does today."""
        ids = (getattr(one, "name", None) for one in (self._values.get("version_num"), getattr(condition, "right", 0)))
        new, old = ids
        plain = not set(self._name) & _SPECIAL and _is_literal(new) and _is_literal(old)
        says_equal = getattr(condition, "operator", None) is eq
        if not plain or not says_equal or self._values.keys() != {"version_num"}:
            return self._table.update().values(**self._values).where(condition)
        return text(f"UPDATE {self._name} SET version_num={new} WHERE {self._name}.version_num = {old}")


def _is_literal(written: object) -> bool:
    """Whether something is a revision's plain id between quotation marks."""
    return isinstance(written, str) and written[:1] == written[-1:] == "'" and written[1:-1].replace("_", "").isalnum()
