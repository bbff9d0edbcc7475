"""An instance: how its URL is read and shown, how it is connected to, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from lamin_migrate_kit.alembic_bridge import current_revision
from lamin_migrate_kit.deploy.errors import InstanceUnreadable, InstanceUnversioned
from lamin_migrate_kit.deploy.record import latest_version
from lamin_migrate_kit.deploy.release import Release, release_of
from lamin_migrate_kit.errors import RevisionError, ServerError
from lamin_migrate_kit.interruption import statement_cancelled_by_interrupt
from lamin_migrate_kit.report.redact import redact
from lamin_migrate_kit.servers import open_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.revisions.history import History
    from lamin_migrate_kit.schema_module import SchemaModule

_EXAMPLE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
_SECRETS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class Instance:
    """A user's database.

    Attributes:
        url: Where it is; the driver is `postgresql+psycopg2`. Holds the password: show `shown` instead.
    """

    url: URL = field(repr=False)

    @property
    def shown(self) -> str:
        """The URL as a message may show it."""
        plain = self.url.set(drivername="postgresql").difference_update_query(_SECRETS)
        return redact(plain.render_as_string(hide_password=True))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection of its own, closed at the end of the block; what was not committed is rolled back.

        Raises:
            InstanceUnreadable: It cannot be reached, or refuses us.
        """
        try:
            connection = open_engine(self.url).connect()
        except OperationalError as error:
            raise _unreachable(self, str(error.orig).strip()) from None
        driver = connection.connection.dbapi_connection
        assert driver is not None
        with connection, statement_cancelled_by_interrupt(driver.cancel):
            yield connection


def parse_instance_url(given: str | URL) -> Instance:
    """Read the URL of an instance, in any spelling that a Postgres driver has.

    Raises:
        InstanceUnreadable: It is no URL of a Postgres database. It is not repeated: it may hold a password.
    """
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise _malformed("cannot be read as a URL") from None
    kind = url.drivername.partition("+")[0]
    if kind not in ("postgresql", "postgres"):
        raise _malformed(f"is for {kind}, not for Postgres")
    if "@" in (url.host or "") + (url.database or ""):
        # What follows an unquoted @ in a password would be taken, and shown, as the host.
        raise _malformed("has an unquoted '@' in its password (write %40)")
    if not url.database and not url.query.get("dbname"):
        raise _malformed("names no database")
    return Instance(url.set(drivername="postgresql+psycopg2"))


def _malformed(why: str) -> InstanceUnreadable:
    return InstanceUnreadable(f"The instance's URL {why}.", next_command=f"use one like {_EXAMPLE}")


def _unreachable(instance: Instance, said: str) -> InstanceUnreadable:
    return InstanceUnreadable(
        "The instance cannot be connected to.",
        where=instance.shown,
        details=redact(said),
        next_command="check that the server runs and that host, port, database, user and password are right",
    )


def inspect_release(connection: Connection, instance: Instance, module: SchemaModule, history: History) -> Release:
    """What an instance is at; `migration` is None for a database without anything of the module.

    Args:
        connection: To the instance; its transaction is ended.
        instance: For messages.
        module: The schema module.
        history: The revisions of the package at hand, for an instance that has no record.

    Raises:
        InstanceUnversioned: It has tables of the module, and no revision.
        InstanceUnreadable: It does not let us read what it is at, or says several things.
    """
    try:
        migration = current_revision(connection, module)
        if migration is None:
            _refuse_unversioned(connection, instance, module, history)
            return Release(None, None)
        version = latest_version(connection, module, migration)
        return Release(version, migration) if version else release_of(history, migration)
    except RevisionError as error:
        raise InstanceUnreadable(
            f"{error.what} The kit deploys along a single line.",
            where=instance.shown,
            next_command="alembic stamp --purge REVISION   # with the one that the tables are at; then deploy",
        ) from error
    except (ServerError, DBAPIError) as error:
        said = str(error.orig).strip() if isinstance(error, DBAPIError) else error.what
        raise InstanceUnreadable(
            "The instance cannot be read.",
            where=instance.shown,
            details=said,
            next_command="connect as a role that may read the module's tables; to deploy, as their owner",
        ) from error
    finally:
        # No snapshot may stay: somebody's CREATE INDEX CONCURRENTLY would wait for us.
        connection.rollback()


def _refuse_unversioned(connection: Connection, instance: Instance, module: SchemaModule, history: History) -> None:
    tables = [module.metadata().tables[key] for key in sorted(module.owned_tables())]
    quote = connection.dialect.identifier_preparer.format_table
    names = [quote(table) for table in tables]
    query = text("SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NOT NULL")
    found = list(connection.scalars(query, {"names": names}))
    if not found:
        return
    newest = [f"{one.id}  {one.version or 'unreleased'}" for one in history.revisions[-5:]]
    raise InstanceUnversioned(
        f"The database has {len(found)} of the {len(tables)} tables of {module.package} ({found[0]}, …), and its table"
        f" {module.version_table} names no revision: it was not made by deploying. Nothing was changed.",
        where=instance.shown,
        details="\n".join(["the newest revisions:", *newest]),
        next_command="alembic stamp REVISION   # with the revision that the tables are at; then deploy",
    )
