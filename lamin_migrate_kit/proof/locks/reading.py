"""What a backend holds and has done, read from the server with two queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.driver import psycopg2
from lamin_migrate_kit.proof.locks.model import Identity, Known, Registry
from lamin_migrate_kit.proof.locks.modes import LockMode

if TYPE_CHECKING:
    from sqlalchemy import Connection

_USERS_SCHEMAS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

_LOCKS = """
SELECT relation::bigint, mode FROM pg_locks
WHERE pid = {pid} AND granted AND locktype = 'relation'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

# Whether the catalogs were written is told by the server's own counters: a cheap question that leaves nothing out.
_STATE = """
SELECT current_setting('lock_timeout'),
       (SELECT sum(pg_stat_get{x}_tuples_inserted(c.oid) + pg_stat_get{x}_tuples_updated(c.oid)
                   + pg_stat_get{x}_tuples_deleted(c.oid))::bigint
        FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r')
"""

_COUNTERS = f"""
SELECT c.oid::bigint, pg_stat_get{{x}}_numscans(c.oid), pg_stat_get{{x}}_tuples_returned(c.oid),
       pg_stat_get{{x}}_tuples_inserted(c.oid), pg_stat_get{{x}}_tuples_updated(c.oid),
       pg_stat_get{{x}}_tuples_deleted(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND {_USERS_SCHEMAS}
"""

_REGISTRY = f"""
SELECT 'n', n.oid::bigint, 0, 'schema', '', n.nspname, '', NULL::bigint, 0::bigint, n.nspacl::text,
       EXISTS (SELECT FROM aclexplode(n.nspacl) WHERE grantee = 0)
FROM pg_namespace n WHERE {_USERS_SCHEMAS}
UNION ALL
SELECT 'r', c.oid::bigint, 0,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized_view' WHEN 'S' THEN 'sequence'
                      WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END,
       n.nspname, c.relname, '', pg_relation_filenode(c.oid)::bigint, coalesce(i.indrelid, 0)::bigint, c.relacl::text,
       EXISTS (SELECT FROM aclexplode(c.relacl) WHERE grantee = 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I') AND {_USERS_SCHEMAS}
UNION ALL
SELECT 'r', a.attrelid::bigint, a.attnum, 'column', n.nspname, c.relname, a.attname, NULL, 0, NULL, false
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND {_USERS_SCHEMAS}
UNION ALL
SELECT 'c', o.oid::bigint, 0, 'constraint', n.nspname, c.relname, o.conname, NULL, 0, NULL, false
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE o.contype IN ('p', 'u', 'f', 'c', 'x') AND {_USERS_SCHEMAS}
UNION ALL
SELECT 't', t.oid::bigint, 0, CASE t.typtype WHEN 'e' THEN 'enum' ELSE 'domain' END, n.nspname, t.typname, '',
       NULL, 0, NULL, false
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd') AND {_USERS_SCHEMAS}
UNION ALL
SELECT 'f', p.oid::bigint, 0,
       CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), NULL, 0, p.proacl::text, false
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_USERS_SCHEMAS}
"""

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE source = 'session'"


class Counters(NamedTuple):
    """What was done to a table since the transaction began, or ever."""

    scans: int
    read: int
    inserted: int
    updated: int
    deleted: int

    def since(self, earlier: Counters | None) -> Counters:
        """What was done after `earlier`; counters that went back were set to zero in between."""
        if earlier is None or self.scans < earlier.scans:
            return self
        return Counters(*(max(0, now - then) for now, then in zip(self, earlier, strict=True)))


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a backend.

    Attributes:
        locks: (oid of the relation, mode).
        lock_timeout: As the server spells it.
        catalog_writes: How often the system catalogs were written.
        counters: By a table's oid.
    """

    locks: frozenset[tuple[int, LockMode]]
    lock_timeout: str
    catalog_writes: int
    counters: dict[int, Counters]


def read_backend(connection: Connection) -> Reading:
    """Look at the connection's own backend, past what watches the connection's statements.

    In a transaction the counters are those of the transaction; outside of one those of the whole database.
    """
    with _cursor(connection) as (cursor, autocommit):
        if autocommit:
            cursor.execute("SELECT pg_stat_force_next_flush()")
        x = "" if autocommit else "_xact"
        cursor.execute(_LOCKS.format(pid="pg_backend_pid()"))
        locks = frozenset((oid, LockMode.from_server(mode)) for oid, mode in cursor.fetchall())
        cursor.execute(_STATE.format(x=x))
        lock_timeout, writes = cursor.fetchone()
        cursor.execute(_COUNTERS.format(x=x))
        counters = {row[0]: Counters(*row[1:]) for row in cursor.fetchall()}
    return Reading(locks, lock_timeout, writes or 0, counters)


def read_registry(connection: Connection) -> Registry:
    """Every object of the database by its identity."""
    with _cursor(connection) as (cursor, _):
        cursor.execute(_REGISTRY)
        return {
            Identity(catalog, oid, number): Known(ObjectKey(kind, schema, name, part), file, table, granted, public)
            if kind != "schema"
            else Known(ObjectKey(kind, "", name), file, table, granted, public)
            for catalog, oid, number, kind, schema, name, part, file, table, granted, public in cursor.fetchall()
        }


def read_session_settings(connection: Connection) -> dict[str, str]:
    """The settings that were set for this session."""
    with _cursor(connection) as (cursor, _):
        cursor.execute(_SETTINGS)
        return dict(cursor.fetchall())


def read_backend_pid(connection: Connection) -> int:
    """The process id of the connection's backend."""
    with _cursor(connection) as (cursor, _):
        return int(cursor.connection.info.backend_pid)


@contextmanager
def _cursor(connection: Connection) -> Iterator[tuple[Any, bool]]:
    """The driver's own cursor, so that what watches SQLAlchemy's statements does not see ours."""
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor:
        yield cursor, commits_by_itself(driver)


def commits_by_itself(driver: Any) -> bool:
    """Whether the next statement is a transaction of its own.

    After a COMMIT that a revision sends itself it is as well: psycopg2 believes that its BEGIN still holds.
    """
    in_transaction = driver.get_transaction_status() != psycopg2.extensions.TRANSACTION_STATUS_IDLE
    return bool(driver.autocommit) or (driver.status == psycopg2.extensions.STATUS_BEGIN and not in_transaction)
