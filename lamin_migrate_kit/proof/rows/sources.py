"""Where rows come from: made up, an author's files first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, Constraint, ObjectKey, Table
from lamin_migrate_kit.proof.rows.fill import ROWS_PER_TABLE, Filled, fill_tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.schema_module import SchemaModule


class Rows(Protocol):
    """Where rows come from.

    Attributes:
        private: They are somebody's: no value of theirs is shown.
    """

    private: bool

    def fill(self, connection: Connection, catalog: Catalog, revision: str | None) -> Filled:
        """Put rows into the empty tables of a scratch database.

        Args:
            connection: To the database; the caller commits.
            catalog: What it contains.
            revision: What it stands at; None below the first.
        """

    def fill_like(self, connection: Connection, catalog: Catalog, desired: Catalog, turn: int) -> Filled | None:
        """The same with rows that fit another catalog as well; None when there is no other way to try, from turn 0."""


def rows_folder(module: SchemaModule) -> Path:
    """Where an author keeps rows that the kit could not make up: `migrations/rows`."""
    return module.versions_folder.parent / "rows"


class MadeUpRows:
    """Rows that are made up.

    Args:
        module: Whose folder for rows is looked into first.
    """

    private = False

    def __init__(self, module: SchemaModule) -> None:
        self._folder = rows_folder(module)

    def fill(self, connection: Connection, catalog: Catalog, revision: str | None) -> Filled:  # noqa: ARG002
        return fill_tables(connection, catalog, extremes=True, folder=self._folder)

    def fill_like(self, connection: Connection, catalog: Catalog, desired: Catalog, turn: int) -> Filled | None:
        ways = (ROWS_PER_TABLE, 1)
        if turn >= len(ways):
            return None
        both, likes = with_desired(catalog, desired)
        return fill_tables(connection, both, rows=ways[turn], folder=self._folder, likes=likes)


def with_desired(current: Catalog, desired: Catalog) -> tuple[Catalog, dict[ObjectKey, dict[str, str]]]:
    """The current catalog with constraints that tables are going to have, and types that columns are going to have.

    Only what can be said of the current tables: a constraint on columns that are not there yet is left out.
    """
    types: dict[ObjectKey, dict[str, str]] = {}
    for column in current.of(Column):
        later = desired.objects.get(column.key)
        if isinstance(later, Column) and later.type != column.type and not later.generated:
            types.setdefault(column.key.table, {})[column.key.part] = later.type
    added = {one.key: one for one in desired.of(Constraint) if one.key not in current.objects and _fits(current, one)}
    objects = {key: _as_strict(value, desired) for key, value in {**current.objects, **added}.items()}
    return replace(current, objects=objects), types


def _fits(current: Catalog, constraint: Constraint) -> bool:
    """Whether a constraint can be said of a table as it is."""
    here = {column.key.part for column in current.columns(constraint.key.table)}
    there = {column.key.part for column in current.columns(constraint.referenced)} if constraint.referenced else set()
    known = isinstance(current.objects.get(constraint.key.table), Table)
    return known and set(constraint.columns) <= here and set(constraint.referenced_columns) <= there


def _as_strict(value: CatalogObject, desired: Catalog) -> CatalogObject:
    """A column that is going to be required is filled as if it were."""
    if not isinstance(value, Column):
        return value
    later = desired.objects.get(value.key)
    return replace(value, not_null=True) if isinstance(later, Column) and later.not_null else value
