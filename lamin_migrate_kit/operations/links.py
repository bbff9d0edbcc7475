"""Tables taken off their parents and put on again: around everything else, they are tables of their own. Pure.

A partition that comes, goes to another parent or gets other bounds is made and changed as a plain table and attached at
the end; one that leaves is detached at the beginning. What happens in between never has to think of partitions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, Constraint, Index, ObjectKey, Table, Trigger
from lamin_migrate_kit.operations.spelling.context import not_null_name


@dataclass(frozen=True, slots=True)
class Links:
    """What is taken off and put on.

    Attributes:
        detached: Tables as they are now, by key.
        attached: Tables as they should be, by key.
    """

    detached: Mapping[ObjectKey, Table]
    attached: Mapping[ObjectKey, Table]


def parents_of(table: Table) -> tuple[ObjectKey, ...]:
    """The tables that a table is a partition or a child of."""
    return (table.partition_of,) if table.partition_of else table.inherits


def ancestors(key: ObjectKey, catalog: Catalog) -> Iterator[ObjectKey]:
    """A table's parents, their parents, and so on."""
    table = catalog.objects.get(key)
    for parent in parents_of(table) if isinstance(table, Table) else ():
        yield parent
        yield from ancestors(parent, catalog)


def find_links(current: Catalog, desired: Catalog, anew: Collection[ObjectKey], *, exact_names: bool) -> Links:
    """Which tables change their parents or bounds.

    Args:
        current: The catalog to start from.
        desired: The catalog to reach.
        anew: Tables that are dropped and made anew.
        exact_names: Whether the names of not-null constraints are facts.
    """
    finder = _Finder(current, desired, anew, exact_names)
    detached = {table.key: table for table in current.of(Table) if finder.leaves(table)}
    attached = {table.key: table for table in desired.of(Table) if finder.joins(table)}
    return Links(detached, attached)


class _Finder:
    def __init__(self, current: Catalog, desired: Catalog, anew: Collection[ObjectKey], exact_names: bool) -> None:
        self.current = current
        self.desired = desired
        self.anew = set(anew)
        self.exact_names = exact_names
        self.referenced = {key.referenced for key in current.of(Constraint) if key.type == "f"}

    def leaves(self, table: Table) -> bool:
        if not parents_of(table):
            return False
        if table.key in self.anew or table.key not in self.desired.objects:
            return self._held(table)
        after = self.desired.objects[table.key]
        assert isinstance(after, Table)
        return not self._stays(table, after)

    def joins(self, table: Table) -> bool:
        if not parents_of(table):
            return False
        before = self.current.objects.get(table.key)
        if not isinstance(before, Table) or table.key in self.anew:
            return table.partition_of is not None  # a child is made with INHERITS
        return not self._stays(before, table)

    def _stays(self, before: Table, after: Table) -> bool:
        same = (before.partition_bound, parents_of(before)) == (after.partition_bound, parents_of(after))
        return same and not self.anew & set(parents_of(after)) and not self._has_to_step_aside(after)

    def _held(self, table: Table) -> bool:
        """Whether a partition that goes has to be detached first: a foreign key refers to rows of the whole table."""
        above = list(ancestors(table.key, self.current))
        stays = any(key in self.desired.objects and key not in self.anew for key in above)
        return table.partition_of is not None and stays and bool(self.referenced & set(above))

    def _has_to_step_aside(self, table: Table) -> bool:
        """Whether a not-null constraint gets a name that it cannot get while it is inherited."""
        if not self.exact_names or table.partition_of is None or self.desired.server_version < 180000:
            return False
        return any(self._renamed_below(column, table.partition_of) for column in self.desired.columns(table.key))

    def _renamed_below(self, column: Column, parent: ObjectKey) -> bool:
        above = ObjectKey("column", parent.schema, parent.name, column.key.part)
        wanted, theirs = self.desired.objects.get(above), self.current.objects.get(above)
        ours = self.current.objects.get(column.key)
        if not column.not_null or not isinstance(wanted, Column) or not wanted.not_null:
            return False
        if not isinstance(ours, Column) or not ours.not_null:
            return not_null_name(column) != not_null_name(wanted)
        if isinstance(theirs, Column) and theirs.not_null and not_null_name(theirs) != not_null_name(wanted):
            return True
        return not_null_name(ours) != not_null_name(column)


def with_not_null_name(column: Column, name: str) -> Column:
    """The column with a not-null constraint of this name."""
    unnamed = replace(column, not_null_name=None)
    return unnamed if not_null_name(unnamed) == name else replace(column, not_null_name=name)


def after_detaching(catalog: Catalog, tables: Mapping[ObjectKey, Table]) -> Catalog:
    """The catalog that DETACH leaves: inherited checks and foreign keys stay, clones of triggers go."""
    return _apart(catalog, tables, keeps=("c", "f"), clones=False)


def before_attaching(catalog: Catalog, tables: Mapping[ObjectKey, Table]) -> Catalog:
    """The catalog that ATTACH needs: the parents' checks are there, foreign keys and triggers come along."""
    return _apart(catalog, tables, keeps=("c",), clones=True)


def _apart(catalog: Catalog, tables: Mapping[ObjectKey, Table], *, keeps: tuple[str, ...], clones: bool) -> Catalog:
    if not tables:
        return catalog
    objects: dict[ObjectKey, CatalogObject] = {
        key: own for key, value in catalog.objects.items() if (own := _on_its_own(value, tables, clones)) is not None
    }
    kept = (one for one in catalog.inherited if one.key.table in tables and one.type in keeps)
    objects |= {constraint.key: replace(constraint, local=True) for constraint in kept}
    dependencies = frozenset(
        (dependent, needed)
        for dependent, needed in catalog.dependencies
        if not (dependent in tables and needed in parents_of(tables[dependent]))
    )
    inherited = tuple(one for one in catalog.inherited if one.key.table not in tables)
    return replace(catalog, objects=dict(sorted(objects.items())), dependencies=dependencies, inherited=inherited)


def _on_its_own(value: CatalogObject, tables: Mapping[ObjectKey, Table], clones: bool) -> CatalogObject | None:
    if isinstance(value, Index):
        return replace(value, partition_of=None) if value.table in tables else value
    if value.key.table not in tables or value.key.kind not in ("table", "column", "constraint", "trigger"):
        return value
    if isinstance(value, Trigger):
        return value if clones or not value.clone_of else None
    if isinstance(value, Column):
        own = replace(value, local=True, not_null_local=True)
        partition = tables[value.key.table].partition_of is not None
        return replace(own, identity="", identity_options=None) if partition else own
    if isinstance(value, Constraint):
        return replace(value, local=True, partition_of=None)
    assert isinstance(value, Table)
    return replace(value, partition_of=None, partition_bound=None, inherits=())
