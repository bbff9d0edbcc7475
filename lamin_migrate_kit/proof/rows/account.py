"""What became of the values: every column of every table before and after, compared as sets with repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import Catalog, ObjectKey, Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

Contents = Mapping[ObjectKey, Counter[str | None]]
"""The values of each column, spelled by the server as text."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Values that were there before and are not after.

    Attributes:
        column: The column that held them.
        count: How many; NULL is no value.
        kept_until: The column that held them in between, when one did: what destroyed them is then the way back.
    """

    column: ObjectKey
    count: int
    kept_until: ObjectKey | None = None


def read_contents(connection: Connection, catalog: Catalog) -> Contents:
    """Read all values of a scratch database; meant for the few rows that `fill_tables` makes."""
    contents: dict[ObjectKey, Counter[str | None]] = {}
    with closing(connection.connection.cursor()) as cursor:
        for table in catalog.of(Table):
            columns = catalog.columns(table.key)
            if table.partition_of is not None or not columns:
                continue
            shown = ", ".join(f"{quote_name(column.key.part)}::text" for column in columns)
            cursor.execute(f"SELECT {shown} FROM {qualified(table.key)}")
            rows = cursor.fetchall()
            contents.update({c.key: Counter(row[place] for row in rows) for place, c in enumerate(columns)})
    return contents


def losses(before: Contents, between: Contents, after: Contents) -> Iterator[Loss]:
    """What an upgrade (before -> between) and its downgrade (between -> after) lost together.

    A value counts as kept in between when its own column still held it, or a column that came with the upgrade did.
    """
    for column, values in before.items():
        gone = _values(values) - _values(after.get(column, Counter()))
        if gone:
            came = [other for other in between if other not in before]
            holders = (other for other in (column, *came) if not gone - _values(between.get(other, Counter())))
            yield Loss(column, gone.total(), next(holders, None))


def _values(column: Counter[str | None]) -> Counter[str]:
    return Counter({value: count for value, count in column.items() if value is not None})
