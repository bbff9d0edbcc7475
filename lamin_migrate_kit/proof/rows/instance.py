"""Rows of an instance in the place of rows that are made up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import current_revision
from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, ObjectKey
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.proof.rows.asking import Asking, without_values
from lamin_migrate_kit.proof.rows.fill import Filled, dangling, fill_tables, merge
from lamin_migrate_kit.proof.rows.masking import masked_columns, parse_masks
from lamin_migrate_kit.proof.rows.order import order_tables
from lamin_migrate_kit.proof.rows.sample import Copied, begin_snapshot, read_sample, read_source
from lamin_migrate_kit.proof.rows.sources import rows_folder
from lamin_migrate_kit.proof.standing import standing_at
from lamin_migrate_kit.source import recorded_renames

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.workbench import Workbench


class InstanceError(MigrateKitError):
    """An instance's rows cannot be used."""


@dataclass(frozen=True, slots=True)
class Clone:
    """Which rows to use.

    Attributes:
        connection: To the instance; it is only read, in one transaction.
        rows: How many rows of each table to begin with.
    """

    connection: Connection
    rows: int


class InstanceRows:
    """A sample of an instance's rows; what is empty there gets rows that are made up.

    Args:
        bench: The module that is deployed on the instance.
        clone: Which rows to use.

    Raises:
        InstanceError: The module is not on the instance, or not at a revision that a file has.
        SettingsError: A mask names no column.
    """

    private = True

    def __init__(self, bench: Workbench, clone: Clone) -> None:
        self._bench = bench
        self._folder = rows_folder(bench.module)
        self.total = 0
        import psycopg2

        try:
            asking = begin_snapshot(clone.connection)
            self.revision = self._read_revision(clone.connection)
            self._copied = self._read(asking, clone.rows)
        except psycopg2.Error as error:
            raise InstanceError(f"The instance's rows cannot be read: {without_values(error)}.") from error
        finally:
            clone.connection.rollback()

    def close(self) -> None:
        """Forget the rows."""
        for copied in self._copied:
            copied.file.close()

    def fill(self, connection: Connection, catalog: Catalog, revision: str | None) -> Filled:
        """Load the sample where the database is at the instance's revision; make up what is missing."""
        loaded = self._load(connection, catalog) if revision == self.revision else Filled()
        rest = fill_tables(connection, catalog, folder=self._folder)
        # What the instance has and the scratch database does not take is not made up for.
        made = {table: rows for table, rows in merge([loaded, rest]).made.items() if table not in loaded.not_made}
        return Filled(made, {**rest.not_made, **loaded.not_made})

    def fill_like(self, connection: Connection, catalog: Catalog, desired: Catalog, turn: int) -> Filled | None:  # noqa: ARG002
        """Rows of an instance are as they are: an upgrade that refuses them would refuse the instance."""
        return None

    def _read_revision(self, connection: Connection) -> str:
        revision = current_revision(connection, self._bench.module)
        if revision is None:
            raise InstanceError(f"{self._bench.module.package} is not deployed on the instance.")
        if self._bench.history.get(revision) is None:
            raise InstanceError(f"The instance is at revision {revision}, which no file has.")
        return revision

    def _read(self, asking: Asking, most: int) -> list[Copied]:
        ours = set(self._tables())
        asking.spell_values_plainly()
        leave_out = (self._bench.module.version_table, self._bench.module.deployments_table)
        source = read_source(asking, leave_out)
        masks = masked_columns(
            parse_masks(self._bench.settings.mask),
            (relation for relation in source.relations.values() if not relation.partition),
            [pair for reference in source.references for pair in reference.pairs],
            recorded_renames(self._texts()),
            {(one.key.schema, one.key.name, one.key.part) for one in self._bench.head_catalog.of(Column)},
        )
        copied = read_sample(asking, source, lambda one: one.key in ours, most, masks)
        self.total = sum(one.rows for one in copied)
        return copied

    def _load(self, connection: Connection, catalog: Catalog) -> Filled:
        """Put the sample into a scratch database, and verify that no reference leads nowhere."""
        asking = Asking(connection)
        copied = {one.table: one for one in self._copied if one.rows}
        made: dict[ObjectKey, int] = {}
        not_made: dict[ObjectKey, str] = {}
        # Triggers have done their work on the instance; without the privilege they do it once more.
        off = asking.attempt("SET LOCAL session_replication_role = replica") is not None
        for table in (one for one in order_tables(catalog).tables if one.key in copied):
            one = copied[table.key]
            one.file.seek(0)
            columns = ", ".join(map(quote_name, one.columns))
            if asking.attempt_copy(f"COPY {qualified(table.key)} ({columns}) FROM STDIN", one.file):
                made[table.key] = one.rows
                _go_on_counting(asking, catalog.columns(table.key))
            else:
                not_made[table.key] = f"the instance's rows do not fit: {asking.reason}"
        if off:
            asking.ask("SET LOCAL session_replication_role = origin")
        for constraint in (one for one in catalog.of(Constraint) if one.type == "f" and one.key.table in made):
            if constraint.referenced in catalog.objects and asking.ask(dangling(constraint, "count(*)"))[0][0]:
                not_made[constraint.key.table] = f"rows of {constraint.referenced} are missing"
        return Filled({table: rows for table, rows in made.items() if table not in not_made}, not_made)

    def _tables(self) -> Iterable[ObjectKey]:
        """The tables that there are at the instance's revision."""
        with standing_at(self._bench, self.revision, "tables") as connection:
            catalog = self._bench.inspect_connection(connection)
            connection.rollback()
        return [key for key in catalog.objects if key.kind == "table"]

    def _texts(self) -> list[str]:
        """The revisions that the instance does not have yet."""
        ids = [revision.id for revision in self._bench.history.revisions]
        later = self._bench.history.revisions[ids.index(self.revision) + 1 :]
        return [revision.path.read_text(encoding="utf-8-sig") for revision in later]


def _go_on_counting(asking: Asking, columns: Iterable[Column]) -> None:
    """Sequences continue after the values that were loaded."""
    for column in columns:
        if column.serial is not None or column.identity:
            table, name = quote_literal(qualified(column.key.table)), quote_name(column.key.part)
            asking.attempt(
                f"SELECT setval(pg_get_serial_sequence({table}, {quote_literal(column.key.part)}), max({name}))"
                f" FROM {qualified(column.key.table)} HAVING max({name}) > 0"
            )
