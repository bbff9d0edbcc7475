"""The instance's own record of its deployments: the table `version_{schema_id}`, one row a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from lamin_migrate_kit.catalog.quoting import quote_literal, quote_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.deploy.release import Release
    from lamin_migrate_kit.schema_module import SchemaModule

# The columns that the record needs: version, migration, who, when.
_COLUMNS = ("v", "migration", "user_id", "created_at")


def latest_version(connection: Connection, module: SchemaModule, migration: str) -> str | None:
    """The version with which a migration was last deployed; None when there is no record that we may read."""
    if not {"v", "migration", "created_at"} <= _columns(connection, module):
        return None
    query = f"SELECT v FROM {_quoted(module)} WHERE migration = :migration ORDER BY created_at DESC LIMIT 1"
    version: str | None = connection.scalar(text(query), {"migration": migration})
    return version


def record_statements(connection: Connection, module: SchemaModule, release: Release, user: str | None) -> list[str]:
    """What records a deployment, ready to be shown and to be sent as it is.

    A table that an older tool made is used as it is. Where it allows only one row a version, the row is renewed.

    Args:
        connection: To the instance.
        module: The schema module.
        release: What is deployed.
        user: Who deploys; None for the database's user.
    """
    table = _quoted(module)
    columns = _columns(connection, module)
    statements = [] if columns else [_create(table)]
    values = {
        "v": quote_literal(release.version or ""),
        "migration": quote_literal(release.migration or ""),
        "user_id": quote_literal(user) if user else "current_user",
        "created_at": "now()",
    }
    used = [name for name in _COLUMNS if name in (columns or set(_COLUMNS))]
    insert = f"INSERT INTO {table} ({', '.join(used)}) VALUES ({', '.join(values[name] for name in used)})"
    if columns and _one_row_a_version(connection, module):
        renewed = ", ".join(f"{name} = EXCLUDED.{name}" for name in used if name != "v")
        insert += f" ON CONFLICT (v) DO UPDATE SET {renewed}"
    return [*statements, insert]


def _create(table: str) -> str:
    # No key on the version: the same one may be deployed again after a downgrade, and every deployment is kept.
    return (
        f"CREATE TABLE {table} (\n"
        "    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
        "    v text NOT NULL,\n"
        "    migration text NOT NULL,\n"
        "    user_id text NOT NULL,\n"
        "    created_at timestamptz NOT NULL\n)"
    )


def _columns(connection: Connection, module: SchemaModule) -> set[str]:
    """The columns of the table; empty when it is not there or may not be read."""
    query = text(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped"
        " AND has_table_privilege(attrelid, 'SELECT')"
    )
    return set(connection.scalars(query, {"name": _quoted(module)}))


def _one_row_a_version(connection: Connection, module: SchemaModule) -> bool:
    query = text(
        "SELECT count(*) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attname = 'v'"
        " WHERE indrelid = to_regclass(:name) AND indisunique AND indnkeyatts = 1 AND indkey[0] = attnum"
        " AND indpred IS NULL"
    )
    return bool(connection.scalar(query, {"name": _quoted(module)}))


def _quoted(module: SchemaModule) -> str:
    return quote_name(module.deployments_table)
