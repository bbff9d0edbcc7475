"""Put a few rows into every table that has none, so that revisions run on tables as instances have them.

What satisfies a table's checks is found by the server: it gets a few candidates for every column and picks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, ObjectKey, Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.proof.rows.values import Values, literals_in

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROWS_PER_TABLE = 3
_MAX_COMBINATIONS = 20_000
_SHIFTS = (0, 10, 20)
"""Added to a row's number when a row was refused, so that all its values are others."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of filling.

    Attributes:
        made: How many rows were put into which table.
        not_made: Why a table has no rows.
    """

    made: Mapping[ObjectKey, int] = field(default_factory=dict)
    not_made: Mapping[ObjectKey, str] = field(default_factory=dict)


def fill_tables(connection: Connection, catalog: Catalog, *, rows: int = ROWS_PER_TABLE) -> Filled:
    """Put rows into every empty table of a scratch database, referenced tables first.

    Works inside the caller's transaction, each row in a savepoint; never raises for a table it cannot fill.

    Args:
        connection: To the scratch database, which is as `catalog` says.
        catalog: What the database contains.
        rows: How many rows a table gets; the last one has NULL wherever NULL is allowed.
    """
    made: dict[ObjectKey, int] = {}
    not_made: dict[ObjectKey, str] = {}
    values = Values(catalog)
    for table in _in_order(catalog):
        filler = _Filler(connection, catalog, values, table)
        if not filler.is_empty():
            continue
        count = sum(filler.add_row(number, with_nulls=number == rows) for number in range(1, rows + 1))
        if count:
            made[table.key] = count
        else:
            not_made[table.key] = filler.reason
    return Filled(made, not_made)


def _in_order(catalog: Catalog) -> list[Table]:
    """Tables that rows are inserted into, referenced ones first; what is in a cycle of references comes by name."""
    tables = {table.key: table for table in catalog.of(Table) if table.partition_of is None}
    references: dict[ObjectKey, set[ObjectKey]] = {key: set() for key in tables}
    optional: set[tuple[ObjectKey, ObjectKey]] = set()
    for constraint in catalog.of(Constraint):
        here, target = constraint.key.table, constraint.referenced
        if constraint.type == "f" and target in tables and here in tables and target != here:
            references[here].add(target)
            if any(not c.not_null for c in catalog.columns(here) if c.key.part in constraint.columns):
                optional.add((here, target))
    while True:
        try:
            order = TopologicalSorter({key: sorted(targets) for key, targets in references.items()})
            return [tables[key] for key in order.static_order()]
        except CycleError as error:
            # Cut the cycle where NULL is allowed, else anywhere: then one of the tables stays empty, and says so.
            edges = [(needing, needed) for needed, needing in pairwise(error.args[1])]
            needing, needed = next((edge for edge in edges if edge in optional), edges[0])
            references[needing].discard(needed)


class _Filler:
    """Fills one table."""

    def __init__(self, connection: Connection, catalog: Catalog, values: Values, table: Table) -> None:
        self.reason = "no value is known for one of its columns"
        self._connection = connection
        self._values = values
        self._table = table
        self._columns = [c for c in catalog.columns(table.key) if not c.generated and c.identity != "a"]
        own = [c for c in catalog.of(Constraint) if c.key.table == table.key]
        self._checks = [c for c in own if c.type == "c"]
        self._foreign = [c for c in own if c.type == "f"]
        self._keys = {c.key: self._referenced_keys(c) for c in self._foreign}
        self._literals = {c.key.part: self._literals_for(c) for c in self._columns}

    def is_empty(self) -> bool:
        return not self._ask(f"SELECT 1 FROM {qualified(self._table.key)} LIMIT 1")

    def add_row(self, number: int, *, with_nulls: bool) -> bool:
        """Whether a row could be added; if not, `reason` says why."""
        # The other way about when the server refuses: a check may want a value, or a type may take none of ours.
        for nulls in (with_nulls, not with_nulls):
            for shift in _SHIFTS:
                row = self._choose(number, number + shift, nulls)
                if row is not None and self._insert(row):
                    return True
        return False

    def _choose(self, number: int, seed: int, nulls: bool) -> dict[str, str] | None:
        """One expression for every column; None when there is none."""
        candidates = {c.key.part: self._candidates(c, seed, nulls) for c in self._columns}
        if not self._reference(candidates, number, nulls):
            return None
        for column, choices in candidates.items():
            if not choices:
                self.reason = f"no value is known for its column {column}"
                return None
        chosen = {column: choices[0] for column, choices in candidates.items()}
        for group in _linked(self._checks):
            if not self._solve(group, candidates, chosen):
                return None
        return chosen

    def _candidates(self, column: Column, seed: int, nulls: bool) -> list[str]:
        if nulls and not column.not_null:
            return [f"NULL::{column.type}"]
        if column.serial is not None or column.identity:
            return ["DEFAULT"]
        own = list(self._values.of(column.type, column.key.part, seed))
        literals = self._literals[column.key.part]
        # The check's own literals are turned with the row, so that rows differ where they can.
        turned = literals[seed % len(literals) :] + literals[: seed % len(literals)] if literals else []
        if self._values.is_domain(column.type):
            own = [value for value in [*own, *turned] if self._ask(f"SELECT {value}")]
        checked = any(column.key.part in check.columns for check in self._checks)
        null = [f"NULL::{column.type}"] if not column.not_null and (checked or not own) else []
        return list(dict.fromkeys([*own[:1], *turned, *own[1:], *null]))

    def _literals_for(self, column: Column) -> list[str]:
        """What stands in the column's checks and in those of its domain, as far as it is of the column's type."""
        checks = [check.definition for check in self._checks if column.key.part in check.columns]
        texts = dict.fromkeys(literal for definition in checks for literal in literals_in(definition))
        shown = [f"{literal}::{column.type}" for literal in [*texts, *self._values.of_domain(column.type)]]
        return [literal for literal in shown if self._ask(f"SELECT {literal}")]

    def _reference(self, candidates: dict[str, list[str]], number: int, nulls: bool) -> bool:
        """Let foreign keys point at rows that are there."""
        types = {c.key.part: c for c in self._columns}
        for constraint in self._foreign:
            optional = [c for c in constraint.columns if c in types and not types[c].not_null]
            keys = self._keys[constraint.key]
            if keys and not (nulls and optional):
                for column, text in zip(constraint.columns, keys[(number - 1) % len(keys)], strict=True):
                    candidates[column] = [f"{quote_literal(text)}::{types[column].type}"]
            elif optional:
                candidates.update({column: [f"NULL::{types[column].type}"] for column in optional})
            elif constraint.referenced == self._table.key:
                # The first row of a table that references itself references itself.
                for column, target in zip(constraint.columns, constraint.referenced_columns, strict=True):
                    candidates[column] = candidates.get(target, [])
            else:
                self.reason = f"it references {constraint.referenced}, which has no rows"
                return False
        return True

    def _referenced_keys(self, constraint: Constraint) -> list[Sequence[Any]]:
        if constraint.referenced is None or constraint.referenced == self._table.key:
            return []
        shown = ", ".join(f"{quote_name(c)}::text" for c in constraint.referenced_columns)
        given = " AND ".join(f"{quote_name(c)} IS NOT NULL" for c in constraint.referenced_columns)
        return self._ask(f"SELECT {shown} FROM {qualified(constraint.referenced)} WHERE {given} ORDER BY 1 LIMIT 10")

    def _solve(self, checks: Sequence[Constraint], candidates: Mapping[str, list[str]], chosen: dict[str, str]) -> bool:
        """Let the server find values for the columns that some checks link."""
        columns = sorted({c for check in checks for c in check.columns if c in candidates})
        if not columns or any("DEFAULT" in candidates[c] for c in columns):
            return True
        most = max(2, int(_MAX_COMBINATIONS ** (1 / len(columns))))
        lists = {c: candidates[c][:most] for c in columns}
        found = self._ask(_solving_query(lists, [_expression(check) for check in checks]))
        if not found:
            self.reason = "no values were found for " + ", ".join(check.key.part for check in checks)
            return False
        chosen.update({c: lists[c][rank] for c, rank in zip(columns, found[0], strict=True)})
        return True

    def _insert(self, row: Mapping[str, str]) -> bool:
        names = ", ".join(quote_name(column) for column in row)
        into = f"INSERT INTO {qualified(self._table.key)}"
        whole = f"{into} ({names}) VALUES ({', '.join(row.values())})" if row else f"{into} DEFAULT VALUES"
        return self._ask(f"{whole} RETURNING 1") != []

    def _ask(self, query: str) -> list[Sequence[Any]]:
        """The rows of a query that may fail; failing gives none, and the reason."""
        import psycopg2

        try:
            # On the driver's own cursor: without parameters it leaves every `%` of an expression alone.
            with self._connection.begin_nested(), closing(self._connection.connection.cursor()) as cursor:
                cursor.execute(query)
                return list(cursor.fetchall())
        except psycopg2.Error as error:
            self.reason = str(error).strip().splitlines()[0]
            return []


def _linked(checks: Iterable[Constraint]) -> Iterator[list[Constraint]]:
    """Checks in groups that share columns, because one value has to satisfy all of them."""
    groups: list[tuple[set[str], list[Constraint]]] = []
    for check in checks:
        columns, members = set(check.columns), [check]
        for group in [g for g in groups if g[0] & columns]:
            groups.remove(group)
            columns |= group[0]
            members = group[1] + members
        groups.append((columns, members))
    yield from (members for _, members in groups)


def _expression(check: Constraint) -> str:
    """`CHECK ((a > 0)) NOT VALID` -> `((a > 0))`."""
    text = check.definition.removeprefix("CHECK ")
    for ending in (" NOT VALID", " NOT ENFORCED", " NO INHERIT"):
        text = text.removesuffix(ending)
    return text


def _solving_query(lists: Mapping[str, list[str]], expressions: Sequence[str]) -> str:
    """A query for the ranks of the best combination: candidates crossed, those kept that no check refuses."""
    sources = []
    for number, (column, choices) in enumerate(lists.items()):
        rows = ", ".join(f"({rank}, {choice})" for rank, choice in enumerate(choices))
        sources.append(f"(VALUES {rows}) AS s{number} (rank{number}, {quote_name(column)})")
    ranks = [f"rank{number}" for number in range(len(lists))]
    where = " AND ".join(f"({expression}) IS NOT FALSE" for expression in expressions)
    return f"SELECT {', '.join(ranks)} FROM {', '.join(sources)} WHERE {where} ORDER BY {' + '.join(ranks)} LIMIT 1"
