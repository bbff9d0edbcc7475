"""A database -> its Catalog, with a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.assemble import assemble_catalog
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.catalog.rows import reading_rows
from lamin_migrate_kit.garbage import uncollected

if TYPE_CHECKING:
    from sqlalchemy import Connection


def inspect_catalog(connection: Connection, *, ignore: Collection[str] = (), privileges: bool = False) -> Catalog:
    """Read what a database contains. Writes nothing; works inside the caller's transaction.

    Args:
        connection: An SQLAlchemy connection whose driver is psycopg2.
        ignore: Names of tables that are left out, such as Alembic's version table.
        privileges: Whether privileges are objects too, and not only known.
    """
    with uncollected(), reading_rows(connection) as rows:
        return assemble_catalog(rows, ignore, privileges=privileges)
