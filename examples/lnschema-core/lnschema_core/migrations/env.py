"""Plain Alembic: it needs nothing but this package."""

import logging.config
import os

import sqlalchemy as sa
from alembic import context
from lnschema_core import _schema_id, models
from sqlmodel.sql.sqltypes import AutoString

SCHEMA = "core"
VERSION_TABLE = f"migration_{_schema_id}"
METADATA = models.SQLModel.metadata


def url() -> sa.URL:
    """From `alembic -x url=…`, LNSCHEMA_CORE_URL or alembic.ini."""
    given = (
        context.get_x_argument(as_dictionary=True).get("url")
        or os.environ.get("LNSCHEMA_CORE_URL")
        or context.config.get_main_option("sqlalchemy.url")
    )
    if not given:
        raise SystemExit("No database: give `alembic -x url=postgresql://…`, or set LNSCHEMA_CORE_URL.")
    parsed = sa.make_url(given)
    # SQLAlchemy 2.1 has another default driver than 2.0.
    return parsed.set(drivername="postgresql+psycopg2") if parsed.drivername in ("postgresql", "postgres") else parsed


def include_name(name, type_, parent_names):
    """Of the database, only what is in this module's schema: others have theirs in the same database."""
    return name == SCHEMA if type_ == "schema" else True


def include_object(object, name, type_, reflected, compare_to):
    """Of the models, only this module's: all SQLModel packages share one MetaData."""
    return object.schema == SCHEMA if type_ == "table" else True


def render_item(type_, obj, autogen_context):
    """SQLModel's string type, as the revisions import it."""
    if type_ == "type" and isinstance(obj, AutoString):
        return f"sqm.sql.sqltypes.AutoString(length={obj.length})" if obj.length else "sqm.sql.sqltypes.AutoString()"
    return False


def run(**target):
    """Run what the `alembic` command asked for."""
    context.configure(
        target_metadata=METADATA,
        version_table=VERSION_TABLE,
        include_schemas=True,
        include_name=include_name,
        include_object=include_object,
        render_item=render_item,
        compare_type=True,
        compare_server_default=True,
        # A revision is whole or absent, and a later one may use an enum value that an earlier one added.
        transaction_per_migration=True,
        **target,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.config.config_file_name:
    logging.config.fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    run(dialect_name="postgresql", literal_binds=True, dialect_opts={"paramstyle": "named"})
elif connection := context.config.attributes.get("connection"):
    run(connection=connection)
else:
    with sa.create_engine(url(), poolclass=sa.NullPool).connect() as connection:
        run(connection=connection)
