"""`renamed_from` in the `info` of tables and columns.

version: str = Field(default="1", primary_key=True, sa_column_kwargs={"info": {"renamed_from": "v"}})
version = Column(String, info={"renamed_from": "v"})
__table_args__ = {"info": {"renamed_from": "old_table"}}       # or "old_schema.old_table"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.diff.renames.declarations import Declaration
from lamin_migrate_kit.diff.renames.grammar import parse_names
from lamin_migrate_kit.diff.renames.shapes import TableKey
from lamin_migrate_kit.errors import SchemaModuleError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import MetaData, Table

KEY = "renamed_from"
"""The key in `info`."""


def declared_renames(metadata: MetaData, *, default_schema: str = "public") -> tuple[Declaration, ...]:
    """What the models declare, tables first, sorted.

    Args:
        metadata: The models'.
        default_schema: Where tables without a schema are.

    Raises:
        SchemaModuleError: A `renamed_from` is no text, or no name.
    """
    return tuple(_of_tables(sorted(metadata.tables.values(), key=_place), default_schema))


def _place(table: Table) -> tuple[str, str]:
    return table.schema or "", table.name


def _of_tables(tables: Iterable[Table], default_schema: str) -> Iterator[Declaration]:
    for table in tables:
        key = TableKey(table.schema or default_schema, table.name)
        if KEY in table.info:
            yield Declaration(key, "", _former(table.info[KEY], str(key), table=True))
    for table in tables:
        key = TableKey(table.schema or default_schema, table.name)
        for column in table.columns:
            if KEY in column.info:
                yield Declaration(key, column.name, _former(column.info[KEY], f"{key}.{column.name}", table=False))


def _former(value: object, where: str, *, table: bool) -> str:
    if not isinstance(value, str) or not value:
        raise _misdeclared(f"{KEY} must be the former name as text, and is {value!r}.", where, table=table)
    if not table:
        return value
    try:
        names = parse_names(value)
    except SettingsError as error:
        raise _misdeclared(f"{KEY} is not understood: {error.what}", where, table=table) from error
    if len(names) > 2:
        raise _misdeclared(f"{KEY} of a table is a name or schema.name, and is {value!r}.", where, table=table)
    return value


def _misdeclared(what: str, where: str, *, table: bool) -> SchemaModuleError:
    example = "old_schema.old_table" if table else "v"
    return SchemaModuleError(what, where=where, next_command=f'write it there as: info={{"{KEY}": "{example}"}}')
