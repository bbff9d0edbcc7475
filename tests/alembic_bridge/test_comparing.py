from __future__ import annotations

import logging

import pytest
from sqlalchemy import Connection, text

from lamin_migrate_kit.alembic_bridge import SecondOpinionUnavailable, compare
from tests.histories import History

MODELS = """
from typing import Optional
from sqlmodel import Field, SQLModel, MetaData

class Base(SQLModel):
    metadata = MetaData()

class Note(Base, table=True):
    __table_args__ = {"schema": "core"}
    id: Optional[int] = Field(default=None, primary_key=True)
    title: str
"""
TABLES = "CREATE SCHEMA core; CREATE TABLE core.note (id serial PRIMARY KEY, title varchar NOT NULL)"


@pytest.fixture
def modelled(history: History, connection: Connection) -> History:
    """A module with one model, on a database that has exactly its table."""
    history.package = "lnschema_compared_" + connection.execute(text("SELECT current_database()")).scalar_one()[-20:]
    (history.root / "lnschema_small").rename(history.folder)
    history.write_models(MODELS)
    connection.execute(text(TABLES))
    connection.commit()
    return history


def run(connection: Connection, sql: str) -> None:
    connection.execute(text(sql))


def test_equal_is_empty(connection: Connection, modelled: History) -> None:
    assert compare(connection, modelled.module) == ()
    assert not connection.in_transaction()


def test_differences_are_lines_that_can_be_pasted(connection: Connection, modelled: History) -> None:
    run(connection, "ALTER TABLE core.note DROP COLUMN title, ADD COLUMN extra integer")
    assert compare(connection, modelled.module) == (
        "op.add_column('note', sa.Column('title', sqm.sql.sqltypes.AutoString(), nullable=False), schema='core')",
        "op.drop_column('note', 'extra', schema='core')",
    )


def test_types_and_server_defaults_are_compared(connection: Connection, modelled: History) -> None:
    run(connection, "ALTER TABLE core.note ALTER title TYPE integer USING 1, ALTER title SET DEFAULT 5")
    text_of = "\n".join(compare(connection, modelled.module))
    assert "type_=sqm.sql.sqltypes.AutoString()" in text_of
    assert "server_default=None" in text_of


def test_names_that_the_server_cuts_are_no_second_opinion_and_that_is_said(
    connection: Connection, modelled: History
) -> None:
    long = "x" * 62 + "é"
    modelled.write_models(MODELS + f"    {long}: Optional[str] = None\n")
    run(connection, f"ALTER TABLE core.note ADD COLUMN {long} varchar")
    with pytest.raises(SecondOpinionUnavailable) as caught:
        compare(connection, modelled.module)
    assert long in caught.value.reason


def test_only_the_schemas_of_the_models_are_looked_at(connection: Connection, modelled: History) -> None:
    run(connection, "CREATE TABLE public.other (); CREATE SCHEMA x; CREATE TABLE x.y ()")
    assert compare(connection, modelled.module) == ()


def test_tables_of_another_package_in_the_same_metadata_are_left_out(connection: Connection, modelled: History) -> None:
    """All SQLModel packages share one MetaData."""
    elsewhere = modelled.root / f"{modelled.package}_elsewhere.py"
    elsewhere.write_text(
        "from typing import Optional\nfrom sqlmodel import Field, SQLModel, MetaData\n"
        "class Elsewhere(SQLModel):\n    metadata = MetaData()\n"
        "class Missing(Elsewhere, table=True):\n    __table_args__ = {'schema': 'core'}\n"
        "    id: Optional[int] = Field(default=None, primary_key=True)\n"
        "class Present(Elsewhere, table=True):\n    __table_args__ = {'schema': 'core'}\n"
        "    id: Optional[int] = Field(default=None, primary_key=True)\n    more: str\n"
    )
    run(connection, "CREATE TABLE core.present (id integer)")
    source = f"from {elsewhere.stem} import Elsewhere\n" + MODELS.replace(
        "metadata = MetaData()", "metadata = Elsewhere.metadata"
    )
    modelled.write_models(source)
    assert compare(connection, modelled.module) == ()


def test_the_kits_own_tables_are_never_compared(connection: Connection, modelled: History) -> None:
    run(connection, "CREATE TABLE core.migration_smal (); CREATE TABLE core.version_smal ()")
    assert compare(connection, modelled.module) == ()


def test_what_only_revisions_make_can_be_kept(connection: Connection, modelled: History) -> None:
    run(connection, "CREATE TABLE core.by_hand (); CREATE INDEX ix_by_hand ON core.note (title)")
    assert len(compare(connection, modelled.module)) == 2
    assert compare(connection, modelled.module, keep={"core.by_hand", "core.ix_by_hand"}) == ()


def test_kept_constraints_and_columns_are_named_with_their_table(connection: Connection, modelled: History) -> None:
    run(connection, "ALTER TABLE core.note ADD COLUMN hand integer, ADD CONSTRAINT by_hand UNIQUE (title)")
    assert len(compare(connection, modelled.module)) == 2
    assert compare(connection, modelled.module, keep={"core.note.hand", "core.note.by_hand"}) == ()


def test_a_crash_of_alembic_is_no_opinion(connection: Connection, modelled: History) -> None:
    source = MODELS.replace("import Field", "import Column, JSON, Field") + (
        '    extra: dict = Field(default={}, sa_column=Column(JSON, server_default="{}"))\n'
    )
    modelled.write_models(source)
    run(connection, "ALTER TABLE core.note ADD COLUMN extra json DEFAULT '{}'")
    with pytest.raises(SecondOpinionUnavailable) as caught:
        compare(connection, modelled.module)
    assert "operator does not exist: json = unknown" in caught.value.reason
    # The caller's transaction lives on, with what it had done.
    assert connection.execute(text("SELECT count(extra) FROM core.note")).scalar() == 0


def test_it_is_quiet(connection: Connection, modelled: History, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # A column of a type that SQLAlchemy does not know makes it warn, and warnings are errors here.
    run(connection, "ALTER TABLE core.note ADD COLUMN box box")
    assert compare(connection, modelled.module) == ("op.drop_column('note', 'box', schema='core')",)
    assert [record for record in caplog.records if record.name.startswith("alembic")] == []
