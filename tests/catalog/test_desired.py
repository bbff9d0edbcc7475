"""The models as a database: with what they name, for whom they are, and as it was before when they cannot be built."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from lamin_migrate_kit.catalog.declared import declared_statements
from lamin_migrate_kit.catalog.desired import (
    SomethingMissing,
    build_desired,
    build_referenced,
    names_made_by,
    schemas_of,
)
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, EnumType, Schema, Table
from lamin_migrate_kit.catalog.needs import advise, extension_for
from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.scratch import ScratchDatabase


def built(scratch: ScratchDatabase, metadata: sa.MetaData, owned: set[str] | None = None) -> Catalog:
    with scratch.connect() as connection:
        build_desired(connection, metadata, owned)
        return inspect_catalog(connection)


def names(catalog: Catalog, cls: type) -> list[str]:
    return [str(value.key) for value in catalog.of(cls)]


def test_schemas_that_tables_types_and_sequences_name_are_made(scratch: ScratchDatabase) -> None:
    metadata = sa.MetaData(schema="main")
    status = sa.Enum("a", "b", name="status", schema="types")
    sa.Table("t", metadata, sa.Column("s", status), sa.Column("all", pg.ARRAY(status)), schema="core")
    sa.Sequence("numbers", schema="counts", metadata=metadata)
    assert schemas_of(metadata) == {"main", "core", "types", "counts"}
    catalog = built(scratch, metadata)
    assert names(catalog, Schema) == ["core", "counts", "main", "public", "types"]
    assert names(catalog, EnumType) == ["types.status"]


def test_schema_of_a_type_within_an_array_or_a_decorator_is_made(scratch: ScratchDatabase) -> None:
    class Wrapped(sa.TypeDecorator[str]):
        impl = sa.Enum("a", name="wrapped", schema="inside")
        cache_ok = True

    metadata = sa.MetaData()
    listed = pg.ARRAY(sa.Enum("a", name="listed", schema="within"))
    sa.Table("t", metadata, sa.Column("a", listed), sa.Column("b", Wrapped))
    assert names(built(scratch, metadata), EnumType) == ["inside.wrapped", "within.listed"]


def test_events_of_models_run(scratch: ScratchDatabase) -> None:
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("a", sa.Integer))
    sa.event.listen(metadata, "before_create", sa.DDL("CREATE EXTENSION citext"))
    sa.event.listen(table, "after_create", sa.DDL("CREATE VIEW w AS SELECT a FROM t"))
    kinds = {key.kind for key in built(scratch, metadata).objects}
    assert {"extension", "view"} <= kinds


def test_models_that_cannot_be_built_leave_nothing(scratch: ScratchDatabase) -> None:
    metadata = sa.MetaData()
    sa.Table("a", metadata, sa.Column("a", sa.Integer), schema="core")
    sa.Table("b", metadata, sa.Column("b", sa.Integer, sa.CheckConstraint("c > 0")))
    with scratch.connect() as connection:
        with pytest.raises(SchemaModuleError, match='column "c" does not exist') as refused:
            build_desired(connection, metadata)
        assert names(inspect_catalog(connection), Schema) == ["public"]
    assert not isinstance(refused.value, SomethingMissing)
    assert "mend what it names in the models" in str(refused.value.next_command)


def test_a_name_that_sqlalchemy_itself_refuses_is_told_with_the_name(scratch: ScratchDatabase) -> None:
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("a", sa.Integer), sa.Index("ix_" + "a" * 70, "a"))
    with pytest.raises(SchemaModuleError, match=r"Identifier 'ix_aaa.*' exceeds maximum length of 63") as refused:
        built(scratch, metadata)
    assert "mend what it names in the models" in str(refused.value.next_command)


@pytest.mark.parametrize(
    "column",
    [
        sa.Column("a", pg.CITEXT),
        sa.Column("a", sa.Text, server_default=sa.text("new_id()")),
        sa.Column("a", pg.ENUM("x", name="made_elsewhere", create_type=False)),
    ],
)
def test_what_models_do_not_make_themselves_is_told_as_missing(
    scratch: ScratchDatabase, column: sa.Column[object]
) -> None:
    metadata = sa.MetaData()
    sa.Table("t", metadata, column._copy())
    with pytest.raises(SomethingMissing):
        built(scratch, metadata)


def test_names_that_models_make_themselves() -> None:
    metadata = sa.MetaData()
    sa.Table(
        "t",
        metadata,
        sa.Column("a", sa.Enum("x", name="made")),
        sa.Column("b", pg.ENUM("x", name="made_elsewhere", create_type=False)),
        sa.Column("c", pg.ARRAY(sa.Enum("x", name="listed"))),
    )
    sa.Sequence("numbers", metadata=metadata)
    assert names_made_by(metadata) == {"made", "listed", "numbers"}


# Other packages' tables in the same MetaData


def shared() -> sa.MetaData:
    """`mine` references `theirs`, which references `deeper`; nobody of ours references `unrelated`."""
    metadata = sa.MetaData()
    sa.Table("deeper", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="other")
    sa.Table(
        "theirs",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("deeper", sa.ForeignKey("other.deeper.id")),
        sa.Column("kind", sa.Enum("a", "b", name="kind", metadata=metadata)),
        schema="other",
    )
    sa.Table("unrelated", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="other")
    sa.Table("mine", metadata, sa.Column("their", sa.ForeignKey("other.theirs.id")))
    return metadata


def test_only_what_own_tables_reference_is_built_of_others(scratch: ScratchDatabase) -> None:
    assert names(built(scratch, shared(), {"mine"}), Table) == ["other.deeper", "other.theirs", "public.mine"]


def test_what_revisions_reference_is_built_without_the_modules_own_tables_and_events(scratch: ScratchDatabase) -> None:
    metadata = shared()
    sa.event.listen(metadata, "after_create", sa.DDL("CREATE VIEW w AS SELECT their FROM mine"))
    with scratch.connect() as connection:
        build_referenced(connection, metadata, {"mine"})
        catalog = inspect_catalog(connection)
    assert names(catalog, Table) == ["other.deeper", "other.theirs"]
    assert [enum.key.name for enum in catalog.of(EnumType)] == ["kind"]


# Advice


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        ("3F000", 'schema "core" does not exist', 'schemas = ["core"]'),
        ("42704", 'type "citext" does not exist', 'extensions = ["citext"]'),
        ("42704", 'type "public.hstore" does not exist', 'extensions = ["hstore"]'),
        ("42704", 'operator class "gin_trgm_ops" does not exist for access method "gin"', 'extensions = ["pg_trgm"]'),
        ("42704", 'access method "hnsw" does not exist', 'extensions = ["vector"]'),
        ("42883", "function uuid_generate_v4() does not exist", "use a Postgres that has uuid-ossp"),
        ("42883", "function digest(text, unknown) does not exist", "use a Postgres that has pgcrypto"),
        ("42704", 'type "seg" does not exist', 'extensions = ["seg"]'),
        ("0A000", 'extension "postgis" is not available', "use a Postgres that has postgis"),
        ("58P01", 'could not open extension control file for extension "postgis"', "use a Postgres that has postgis"),
    ],
)
def test_what_is_missing_is_told_with_the_setting_that_gives_it(code: str, message: str, advice: str) -> None:
    given = advise(code, message, {"citext", "hstore", "pg_trgm", "vector", "seg"})
    assert given is not None
    assert advice in given


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("42704", 'type "status" does not exist'),
        ("42883", "function new_id() does not exist"),
        ("42P01", 'relation "t" does not exist'),
        (None, "connection lost"),
    ],
)
def test_what_no_extension_brings_gets_no_advice(code: str | None, message: str) -> None:
    assert advise(code, message, {"citext"}) is None


def test_extension_is_known_by_what_it_brings() -> None:
    assert extension_for('type "geometry" does not exist') == "postgis"


def test_statements_have_the_same_order_in_every_process() -> None:
    def statements() -> tuple[str, ...] | None:
        metadata = sa.MetaData()
        columns = [sa.Column(name, sa.Integer, index=True) for name in "abcdefgh"]
        sa.Table("t", metadata, *columns)
        return declared_statements(metadata, pg.dialect())

    kept = [statements() for _ in range(20)]  # alive together, so that each has other addresses in memory
    assert len(set(kept)) == 1
