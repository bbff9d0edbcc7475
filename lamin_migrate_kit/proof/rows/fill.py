"""Put a few rows into every table, so that revisions run on tables as instances have them.

What satisfies a table's constraints is found by the server: it gets candidates for every column and picks. Nothing is
random, so that the same database gets the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, ObjectKey, Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.proof.rows.asking import Asking
from lamin_migrate_kit.proof.rows.order import Order, order_tables
from lamin_migrate_kit.proof.rows.solving import keep_fitting
from lamin_migrate_kit.proof.rows.table_rows import Cuts, Leaf, TableRows
from lamin_migrate_kit.proof.rows.values import Values

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROWS_PER_TABLE = 3
_MOST_LEAVES = 12
_FIRST_COUNTED = 1000
_MOST_OF_DOMAIN = 60

_LEAVES = """
select n.nspname, c.relname, t.relid::regclass::text, pg_get_partition_constraintdef(t.relid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral pg_partition_tree(c.oid) t join pg_class leaf on leaf.oid = t.relid
where c.relkind = 'p' and not c.relispartition and leaf.relkind = 'r'
order by t.level, t.relid::regclass::text
"""

_QUOTED = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_TRANSACTION = re.compile(
    r"(?:^|;)\s*(begin|start|commit|end|rollback|abort|savepoint|release|prepare)\b", re.IGNORECASE
)

Likes = Mapping[ObjectKey, Mapping[str, str]]
"""Types that the values of columns should fit as well, by table and column."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of filling.

    Attributes:
        made: How many rows were put into which table.
        not_made: Why a table has no rows.
    """

    made: Mapping[ObjectKey, int] = field(default_factory=dict)
    not_made: Mapping[ObjectKey, str] = field(default_factory=dict)


def fill_tables(
    connection: Connection,
    catalog: Catalog,
    *,
    rows: int = ROWS_PER_TABLE,
    extremes: bool = False,
    folder: Path | None = None,
    likes: Likes | None = None,
) -> Filled:
    """Put rows into every empty table of a scratch database, referenced tables first.

    A table that has rows gets more only where a column holds no value at all. Works inside the caller's transaction;
    never raises for a table it cannot fill. A partitioned table without partitions can have no rows, and needs none.

    Args:
        connection: To the scratch database, which is as `catalog` says.
        catalog: What the database contains.
        rows: How many rows a table gets; the last one has NULL wherever NULL is allowed.
        extremes: Begin with values that are as long, large and precise as their types take.
        folder: Where authors keep `<schema>.<table>.sql` or `<table>.sql` with rows of their own.
        likes: Types that values should fit as well.
    """
    refused: dict[ObjectKey, str] = {}
    while True:
        filling = _Filling(connection, catalog, rows, extremes, folder, likes or {}, refused)
        filled, broken = filling.fill()
        if not broken:
            return filled
        refused |= broken


class _Filling:
    """One attempt at all tables; it is taken back when tables that reference each other cannot be brought together."""

    def __init__(
        self,
        connection: Connection,
        catalog: Catalog,
        rows: int,
        extremes: bool,
        folder: Path | None,
        likes: Likes,
        refused: Mapping[ObjectKey, str],
    ) -> None:
        self._asking = Asking(connection)
        self._catalog = catalog
        self._values = Values(catalog, extremes=extremes, fitting=self._fitting)
        self._modest = Values(catalog, fitting=self._fitting)
        self._rows = rows
        self._folder = folder
        self._likes = likes
        self._refused = refused
        self._made: dict[ObjectKey, int] = {}
        self._not_made: dict[ObjectKey, str] = dict(refused)

    def fill(self) -> tuple[Filled, dict[ObjectKey, str]]:
        """What came of it, and the tables that have to be left out because their references lead nowhere."""
        order = order_tables(self._catalog)
        cuts, leaves = order.cuts(self._catalog), self._leaves()
        tables = [one for one in order.tables if one.partition_key is None or leaves.get(one.key)]
        held = self._count(tables)
        self._asking.ask("SAVEPOINT kit_fill")
        for table in tables:
            if table.key not in self._refused:
                self._fill_table(table, leaves.get(table.key) or [Leaf(qualified(table.key))], held[table.key], cuts)
        broken = self._close_circles(order, cuts)
        self._asking.ask("ROLLBACK TO kit_fill" if broken else "RELEASE kit_fill")
        return Filled(self._made, self._not_made), broken

    def _fill_table(self, table: Table, leaves: Sequence[Leaf], held: Mapping[str, int], cuts: Cuts) -> None:
        """Rows for one table, those that its author wrote before others."""
        if not held[""] and self._from_file(table):
            return
        provisional = [one for one in self._catalog.of(Constraint) if one.key in cuts.provisional]
        waits = [one for one in provisional if one.key.table == table.key]
        filler = TableRows(
            self._asking, self._catalog, self._values, self._modest, table, leaves, cuts, self._likes.get(table.key, {})
        )
        with _Waiting(self._asking, waits):
            count = 0 if held[""] else self._begin(filler, leaves)
            if count or held[""]:
                count += self._complete(filler, table, held if held[""] else None)
        if count:
            filler.go_on_counting()
            self._made[table.key] = self._made.get(table.key, 0) + count
        elif not held[""]:
            reasons = (self._not_made.get(table.key), filler.reason or "no row was taken")
            self._not_made[table.key] = "; ".join(reason for reason in reasons if reason)

    def _begin(self, filler: TableRows, leaves: Sequence[Leaf]) -> int:
        """The first rows of an empty table; every partition gets one."""
        number = max(self._rows, min(len(leaves), _MOST_LEAVES))
        filler.count_from(_FIRST_COUNTED)
        return sum(filler.add(one, nulls=one == number > 1) for one in range(1, number + 1))

    def _complete(self, filler: TableRows, table: Table, held: Mapping[str, int] | None) -> int:
        """One more row for each column in which no row has a value: what is not there cannot be seen to be lost."""
        counts = held or self._count([table])[table.key]
        bare = [one for one in self._catalog.columns(table.key) if not counts.get(one.key.part) and _may_hold(one)]
        added, number = 0, counts[""]
        for column in bare:
            name = column.key.part
            if added and self._count([table])[table.key].get(name):
                continue
            self._asking.ask("SAVEPOINT kit_complete")
            fits = filler.add(number + added + 1, nulls=False, filled=[name])
            fits = fits and bool(self._count([table])[table.key].get(name))
            self._asking.ask("RELEASE kit_complete" if fits else "ROLLBACK TO kit_complete")
            added += fits
        return added

    def _from_file(self, table: Table) -> bool:
        """Whether the author's file put rows into a table; where it did not, what it said is kept for the reason."""
        path = rows_file(self._folder, table.key)
        if path is None:
            return False
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self._not_made[table.key] = f"{path.name} cannot be read: {error}"
            return False
        if found := _TRANSACTION.search(_QUOTED.sub("", text)):
            self._not_made[table.key] = f"{path.name} says {found[1].upper()}, and runs within a transaction"
            return False
        done = self._asking.attempt(text)
        count = self._count([table])[table.key][""]
        if done is None or not count:
            what = f"failed: {self._asking.reason}" if done is None else "put no row into it"
            self._not_made[table.key] = f"{path.name} {what}"
            return False
        self._made[table.key] = count
        return True

    def _count(self, tables: Sequence[Table]) -> dict[ObjectKey, dict[str, int]]:
        """How many values each column holds, by its name, and how many rows there are, under the empty name."""
        found: dict[ObjectKey, dict[str, int]] = {}
        for start in range(0, len(tables), 100):
            some = tables[start : start + 100]
            queries = (self._counting(place, table) for place, table in enumerate(some))
            for place, rows, values in self._asking.ask(" UNION ALL ".join(queries)):
                names = (column.key.part for column in self._catalog.columns(some[place].key))
                found[some[place].key] = {"": rows, **dict(zip(names, values, strict=True))}
        return found

    def _counting(self, place: int, table: Table) -> str:
        columns = [
            # A virtual one that came later cannot always be computed of rows that are there.
            "count(*)" if column.generated == "v" else f"count({quote_name(column.key.part)})"
            for column in self._catalog.columns(table.key)
        ]
        only = "" if table.partition_key is not None else "ONLY "
        return f"SELECT {place}, count(*), ARRAY[{', '.join(columns)}]::int8[] FROM {only}{qualified(table.key)}"

    def _fitting(self, values: list[str], conditions: list[str]) -> list[str]:
        return keep_fitting(self._asking, "value", values, conditions, _MOST_OF_DOMAIN)

    def _leaves(self) -> dict[ObjectKey, list[Leaf]]:
        found: dict[ObjectKey, list[Leaf]] = {}
        for schema, name, leaf, condition in self._asking.ask(_LEAVES):
            found.setdefault(ObjectKey("table", schema, name), []).append(Leaf(leaf, condition or ""))
        return found

    # Tables that reference each other

    def _close_circles(self, order: Order, cuts: Cuts) -> dict[ObjectKey, str]:
        """Let the references that waited point at rows; those that have to and cannot are broken."""
        broken: dict[ObjectKey, str] = {}
        for constraint in order.cut:
            table = constraint.key.table
            if table in self._made:
                self._point(constraint, optional=constraint.key in cuts.empty)
        for constraint in order.cut:
            table = constraint.key.table
            if table in self._made and self._asking.ask(dangling(constraint, "count(*)"))[0][0]:
                broken[table] = f"it references {constraint.referenced}, which references it"
        if not broken and order.cut and self._asking.attempt("SET CONSTRAINTS ALL IMMEDIATE") is None:
            tables = (one.key.table for one in order.cut if one.key in cuts.provisional)
            broken = dict.fromkeys(tables, self._asking.reason)
        return broken

    def _point(self, constraint: Constraint, *, optional: bool) -> None:
        """Each row at a row of its own; the last one keeps its NULL where that is allowed."""
        assert constraint.referenced is not None
        table = qualified(constraint.key.table)
        own = [quote_name(name) for name in constraint.columns]
        target = [f"{quote_name(name)}::text" for name in constraint.referenced_columns]
        given = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in constraint.referenced_columns)
        keys = self._asking.ask(
            f"SELECT {', '.join(target)} FROM {qualified(constraint.referenced)} WHERE {given} LIMIT 12"
        )
        empty = " OR ".join(f"{name} IS NULL" for name in own)
        query = (
            f"SELECT tableoid, ctid::text FROM {table} WHERE {empty}"
            if optional
            else dangling(constraint, "tableoid, ctid::text")
        )
        rows = self._asking.ask(query)
        types = {column.key.part: column.type for column in self._catalog.columns(constraint.key.table)}
        for place, (oid, ctid) in enumerate(rows[:-1] if optional and len(rows) > 1 else rows):
            for turn in range(len(keys)):
                key = keys[(place + turn) % len(keys)]
                pairs = zip(constraint.columns, key, strict=True)
                values = ", ".join(f"{quote_name(name)} = {quote_literal(text)}::{types[name]}" for name, text in pairs)
                where = f"tableoid = {oid} AND ctid = {quote_literal(ctid)}::tid"
                if self._asking.attempt(f"UPDATE {table} SET {values} WHERE {where}") is not None:
                    break


class _Waiting:
    """While it lasts, some references need not lead anywhere: they are looked at later, or their triggers are off."""

    def __init__(self, asking: Asking, constraints: Sequence[Constraint]) -> None:
        self._asking = asking
        self._off = any(not one.deferrable for one in constraints)
        self._later = bool(constraints) and not self._off

    def __enter__(self) -> None:
        if self._later:
            self._asking.ask("SET CONSTRAINTS ALL DEFERRED")
        if self._off:
            # Only for who may do it; whoever may not gets the server's refusal of the rows for a reason.
            self._asking.attempt("SET LOCAL session_replication_role = replica")

    def __exit__(self, *_: object) -> None:
        if self._off:
            self._asking.attempt("SET LOCAL session_replication_role = origin")


def rows_file(folder: Path | None, table: ObjectKey) -> Path | None:
    """The author's file with rows for a table, with the schema's name before the table's or without it."""
    if folder is None:
        return None
    names = (f"{table.schema}.{table.name}.sql", f"{table.name}.sql")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def dangling(constraint: Constraint, shown: str) -> str:
    """The rows of a table whose reference leads nowhere."""
    assert constraint.referenced is not None
    pairs = zip(constraint.columns, constraint.referenced_columns, strict=True)
    same = " AND ".join(f"r.{quote_name(target)} = t.{quote_name(own)}" for own, target in pairs)
    given = " AND ".join(f"t.{quote_name(name)} IS NOT NULL" for name in constraint.columns)
    shown = shown.replace("tableoid", "t.tableoid").replace("ctid", "t.ctid")
    return (
        f"SELECT {shown} FROM {qualified(constraint.key.table)} t WHERE {given}"
        f" AND NOT EXISTS (SELECT 1 FROM {qualified(constraint.referenced)} r WHERE {same})"
    )


def _may_hold(column: Column) -> bool:
    return not column.not_null and not column.generated


def merge(filled: Iterable[Filled]) -> Filled:
    """What came of filling several times: what was made once is made."""
    made: dict[ObjectKey, int] = {}
    not_made: dict[ObjectKey, str] = {}
    for one in filled:
        made |= one.made
        not_made |= one.not_made
    return Filled(made, {table: reason for table, reason in not_made.items() if table not in made})
