"""In which order tables are filled, and which references wait until both ends have rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from lamin_migrate_kit.catalog.model import Catalog, Constraint, ObjectKey, Table
from lamin_migrate_kit.proof.rows.table_rows import Cuts


@dataclass(frozen=True, slots=True)
class Order:
    """Tables, referenced ones first, and the references that are followed later.

    Attributes:
        tables: Every table that rows are inserted into; partitions get theirs through the partitioned table.
        cut: References that would close a circle, in the order of their tables.
    """

    tables: tuple[Table, ...]
    cut: tuple[Constraint, ...]

    def cuts(self, catalog: Catalog) -> Cuts:
        """What the cut references get while tables are filled."""
        empty = {one.key for one in self.cut if is_optional(catalog, one)}
        return Cuts(empty, {one.key for one in self.cut} - empty)


def is_optional(catalog: Catalog, constraint: Constraint) -> bool:
    """Whether a reference may be NULL."""
    columns = catalog.columns(constraint.key.table)
    return any(not column.not_null for column in columns if column.key.part in constraint.columns)


def order_tables(catalog: Catalog) -> Order:
    """Put referenced tables first; circles are cut where NULL is allowed, else where checks can wait, else anywhere."""
    tables = {table.key: table for table in catalog.of(Table) if table.partition_of is None}
    edges: dict[tuple[ObjectKey, ObjectKey], list[Constraint]] = {}
    for constraint in catalog.of(Constraint):
        here, target = constraint.key.table, constraint.referenced
        if constraint.type == "f" and target is not None and {here, target} <= tables.keys() and target != here:
            edges.setdefault((here, target), []).append(constraint)
    cut: list[Constraint] = []
    while True:
        references = {key: sorted(target for here, target in edges if here == key) for key in tables}
        try:
            order = tuple(tables[key] for key in TopologicalSorter(references).static_order())
        except CycleError as error:
            circle = [(needing, needed) for needed, needing in pairwise(error.args[1])]
            cut += edges.pop(min(circle, key=lambda edge: (_cost(catalog, edges[edge]), edge)))
        else:
            return Order(order, tuple(sorted(cut, key=lambda one: one.key)))


def _cost(catalog: Catalog, constraints: list[Constraint]) -> int:
    if all(is_optional(catalog, one) for one in constraints):
        return 0
    return 1 if all(one.deferrable for one in constraints) else 2
