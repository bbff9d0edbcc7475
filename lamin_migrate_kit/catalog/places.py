"""Objects by the relation that they are a part of."""

from __future__ import annotations

from collections.abc import Iterable

from lamin_migrate_kit.catalog.model import CatalogObject, Index, ObjectKey, Sequence, Statistics

Place = tuple[str, str]
"""(schema, name) of a relation; tables, views and sequences share their names."""

NOWHERE: Place = ("", "")
"""Where the objects are that belong to no relation."""

_PARTS = ("table", "column", "constraint", "trigger", "policy", "rule", "view", "materialized_view")


def by_place(objects: Iterable[CatalogObject]) -> dict[Place, dict[ObjectKey, CatalogObject]]:
    """Objects by the relation that they belong to."""
    found: dict[Place, dict[ObjectKey, CatalogObject]] = {}
    for value in objects:
        found.setdefault(_place(value), {})[value.key] = value
    return found


def _place(value: CatalogObject) -> Place:
    if isinstance(value, Index | Statistics):
        return value.table.schema, value.table.name
    if isinstance(value, Sequence) or value.key.kind in _PARTS:
        return value.key.schema, value.key.name
    return NOWHERE
