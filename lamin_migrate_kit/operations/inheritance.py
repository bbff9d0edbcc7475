"""What reaches a table's children by itself, so that only the rest has to be said of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from lamin_migrate_kit.catalog.model import Catalog, Column, ObjectKey, Table
from lamin_migrate_kit.diff.differ import Change, differing_fields
from lamin_migrate_kit.operations.links import parents_of, with_not_null_name
from lamin_migrate_kit.operations.spelling.context import not_null_name

# ALTER COLUMN reaches children for these; options, compression and comments it leaves alone.
_REACHES_CHILDREN = frozenset(("type", "collation", "storage", "statistics", "identity"))


def follow_parents(
    current: Catalog,
    desired: Catalog,
    changes: Mapping[ObjectKey, Change],
    fresh_defaults: Collection[ObjectKey],
    gone: Collection[ObjectKey],
    *,
    exact_names: bool,
) -> dict[ObjectKey, Change | None]:
    """The changes that remain for the columns of children once their parents have changed.

    Args:
        current: The catalog to start from, without links that are only made later.
        desired: The catalog to reach, likewise.
        changes: All changes, by the desired key.
        fresh_defaults: Keys (kind `default`) that are dropped and set again.
        gone: Objects that are dropped and made anew.
        exact_names: See `diff_catalogs`.

    Returns:
        For every column that something reaches from its parent, by key: what is left to do, None where nothing is.
    """
    follower = _Follower(current, desired, changes, fresh_defaults, gone, exact_names)
    return dict(follower.run())


class _Follower:
    def __init__(
        self,
        current: Catalog,
        desired: Catalog,
        changes: Mapping[ObjectKey, Change],
        fresh_defaults: Collection[ObjectKey],
        gone: Collection[ObjectKey],
        exact_names: bool,
    ) -> None:
        self.current = current
        self.desired = desired
        self.changes = changes
        self.fresh_defaults = fresh_defaults
        self.gone = gone
        self.exact_names = exact_names

    def run(self) -> Iterator[tuple[ObjectKey, Change | None]]:
        for table in self.desired.of(Table):
            new = table.key not in self.current.objects or table.key in self.gone
            for column in self.desired.columns(table.key) if parents_of(table) else ():
                parent = parent_column(column, self.desired)
                if parent is None or (new and column.local):
                    continue
                reached = self._made_by_inherits(parent, column.key) if new else self._reached(column, parent)
                if reached is not None:
                    yield column.key, self._left(reached, column)

    def _left(self, reached: Column, column: Column) -> Change | None:
        fields = differing_fields(reached, column, exact_names=self.exact_names)
        return Change(reached, column, fields) if fields else None

    def _reached(self, column: Column, parent: Column) -> Column | None:
        """The column as it is after what happens to its parent; None when nothing does."""
        before, above = self.current.objects.get(column.key), self.current.objects.get(parent.key)
        if not isinstance(above, Column) or parent.key in self.gone:
            came_along = not isinstance(before, Column) or column.key in self.gone
            return self._named(_as_child(parent, column.key), parent) if came_along else None
        if not isinstance(before, Column) or column.key in self.gone:
            return None
        change = self.changes.get(parent.key)
        default = parent.key._replace(kind="default") in self.fresh_defaults
        if change is None:
            return replace(before, default=parent.default) if default else None
        return self._follow(before, above, parent, change.fields, default)

    def _made_by_inherits(self, parent: Column, key: ObjectKey) -> Column:
        child = replace(_as_child(parent, key), compression=parent.compression, statistics=None)
        return self._named(child, parent)

    def _named(self, child: Column, parent: Column) -> Column:
        """The child with the name that its not-null constraint gets from its parent's."""
        known = self.current.server_version >= 180000
        return with_not_null_name(child, not_null_name(parent)) if known else child

    def _follow(self, before: Column, above: Column, parent: Column, fields: frozenset[str], default: bool) -> Column:
        followed = {name: getattr(parent, name) for name in fields & _REACHES_CHILDREN}
        if default or fields & {"default", "generated"}:
            followed |= {"default": parent.default, "generated": parent.generated}
        if parent.not_null and not above.not_null and not before.not_null:
            followed |= {"not_null": True, "not_null_local": False, "not_null_valid": parent.not_null_valid}
            before = self._named(before, parent)
        elif above.not_null and not parent.not_null:
            known = self.current.server_version >= 180000
            followed["not_null"] = known and before.not_null and before.not_null_local
        elif "not_null_name" in fields and _shares_not_null(before, above) and not parent.not_null_no_inherit:
            before = self._named(before, parent)
        return replace(before, **followed)


def _shares_not_null(child: Column, parent: Column) -> bool:
    """Whether the parent's not-null constraint is the child's too, so that both get another name together."""
    inherited = child.not_null and parent.not_null and not parent.not_null_no_inherit
    return inherited and not_null_name(child) == not_null_name(parent)


def _as_child(parent: Column, key: ObjectKey) -> Column:
    """The column that ADD COLUMN, and ALTER COLUMN after it, give to a child."""
    return replace(
        parent,
        key=key,
        local=False,
        serial=None,
        comment=None,
        compression=None,
        options=(),
        identity_options=None,
        identity_sequence=None,
        not_null_local=False,
        not_null_name=None,
        not_null_comment=None,
    )


def parent_column(column: Column, catalog: Catalog) -> Column | None:
    """The same column of the table that this one comes from, for columns that are not only the table's own."""
    table = catalog.objects.get(column.key.table)
    if not isinstance(table, Table):
        return None
    for parent in parents_of(table):
        found = catalog.objects.get(column.key._replace(schema=parent.schema, name=parent.name))
        if isinstance(found, Column):
            return found
    return None
