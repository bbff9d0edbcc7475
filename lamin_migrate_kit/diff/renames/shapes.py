"""What a rename is found from: tables, columns and enum types, with everything that may be unknown left open.

Shapes are smaller than a `Catalog` on purpose: the same scoring serves two databases, and histories of which
only names and types are known (`benchmarks/renames.py`). `None` always means *unknown*, and an unknown fact is no
evidence in either direction; that something is known to be absent is said with an empty value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MAX_NAME_BYTES = 63
"""`NAMEDATALEN - 1`: the server cuts longer names."""


def stored_name(name: str) -> str:
    """A name as the server stores it: cut at 63 bytes, never inside a character.

    Args:
        name: An identifier or enum value of any length.
    """
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


class TableKey(NamedTuple):
    """The identity of a table or enum type: schema (empty when unknown) and name."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class ForeignTarget(NamedTuple):
    """The column that a foreign key leads to."""

    table: TableKey
    column: str


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column as far as it is known.

    Attributes:
        name: As the server stores it.
        type: As the server spells it, or any spelling that `types.normal_type` understands.
        nullable: Whether it takes NULL.
        default: The server default's text; `""` when there is none; identity and generated columns say so.
        foreign_keys: What it references; `()` when it is known to reference nothing.
        position: Its place among the table's columns, from 1.
        in_primary_key: Whether the primary key contains it.
        in_unique: Whether a unique constraint or unique index contains it.
        indexed: Whether another index contains it.
        comment: Its comment; `""` when there is none.
    """

    name: str
    type: str | None = None
    nullable: bool | None = None
    default: str | None = None
    foreign_keys: tuple[ForeignTarget, ...] | None = None
    position: int | None = None
    in_primary_key: bool | None = None
    in_unique: bool | None = None
    indexed: bool | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table as far as it is known.

    Attributes:
        key: Schema and name.
        columns: In physical order.
        comment: Its comment; `""` when there is none, None when unknown.
        complete: Whether `columns` are all its columns.
    """

    key: TableKey
    columns: tuple[ColumnShape, ...] = ()
    comment: str | None = None
    complete: bool = True

    def column(self, name: str) -> ColumnShape | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class EnumShape:
    """An enum type and its values in order."""

    key: TableKey
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaShape:
    """One side of a comparison."""

    tables: tuple[TableShape, ...] = ()
    enums: tuple[EnumShape, ...] = ()

    def table(self, key: TableKey) -> TableShape | None:
        """The table of that key."""
        return next((table for table in self.tables if table.key == key), None)

    def enum(self, key: TableKey) -> EnumShape | None:
        """The enum type of that key."""
        return next((enum for enum in self.enums if enum.key == key), None)
