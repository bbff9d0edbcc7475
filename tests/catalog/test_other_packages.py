"""Desired state that other packages declare: sqlalchemy-declarative-extensions and alembic_utils, the real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic_utils.replaceable_entity import registry

from tests.authors import Author

NOTE = 'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="core")\n'
EXTENSIONS = """
from sqlalchemy_declarative_extensions import Function, Functions, Schemas, Trigger, Triggers, View, Views
from sqlalchemy_declarative_extensions import register_sqlalchemy_events
from sqlalchemy_declarative_extensions.dialects.postgresql import Function as PgFunction, Trigger as PgTrigger

metadata.info["schemas"] = Schemas().are("core")
metadata.info["views"] = Views().are(View("shown", "SELECT id FROM core.note", schema="core"))
metadata.info["functions"] = Functions().are(
    PgFunction("touch", "BEGIN RETURN NEW; END", returns="trigger", language="plpgsql", schema="core")
)
metadata.info["triggers"] = Triggers().are(
    PgTrigger.before("update", on="core.note", execute="core.touch", name="touched").for_each_row()
)
register_sqlalchemy_events(metadata, schemas=True, views=True, functions=True, triggers=True)
"""
ENTITIES = """
from alembic_utils.pg_extension import PGExtension
from alembic_utils.pg_function import PGFunction
from alembic_utils.pg_policy import PGPolicy
from alembic_utils.pg_trigger import PGTrigger
from alembic_utils.pg_view import PGView
from alembic_utils.replaceable_entity import register_entities

register_entities([
    PGView(schema="core", signature="b_shown", definition="SELECT id FROM core.z_shown"),
    PGView(schema="core", signature="z_shown", definition="SELECT id FROM core.note"),
    PGFunction(schema="core", signature="touch()", definition='''
        RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$'''),
    PGTrigger(schema="core", signature="touched", on_entity="core.note",
              definition="BEFORE UPDATE ON core.note FOR EACH ROW EXECUTE FUNCTION core.touch()"),
    PGPolicy(schema="core", signature="own", on_entity="core.note", definition="FOR SELECT USING (id > 0)"),
    PGExtension(schema="core", signature="citext"),
])
"""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    registry.clear()
    yield
    registry.clear()


def test_declarative_extensions_are_desired_state(author: Author) -> None:
    author.models(NOTE + EXTENSIONS)
    body = author.body(author.generate())
    for made in ("CREATE VIEW core.shown", "FUNCTION core.touch()", "CREATE TRIGGER touched"):
        assert made in body
    author.models(NOTE + EXTENSIONS)
    author.expect_equal()
    author.models(NOTE + EXTENSIONS.replace("SELECT id FROM", "SELECT id, id + 1 AS next FROM"))
    assert "CREATE OR REPLACE VIEW core.shown" in author.body(author.generate())


def test_registered_entities_are_desired_state(author: Author) -> None:
    author.models(NOTE + ENTITIES)
    body = author.body(author.generate())
    for made in ("VIEW core.b_shown", "FUNCTION core.touch()", "TRIGGER touched", "POLICY own", "EXTENSION citext"):
        assert made in body
    registry.clear()
    author.models(NOTE + ENTITIES)
    author.expect_equal()


def test_entity_that_is_no_longer_registered_is_asked_about(author: Author) -> None:
    author.models(NOTE + ENTITIES)
    author.generate()
    registry.clear()
    lines = [line for line in ENTITIES.splitlines() if "b_shown" not in line]
    author.models(NOTE + "\n".join(lines))
    (question,) = author.compare().questions
    assert "core.b_shown" in question.text


def test_entity_that_the_server_refuses_is_said(author: Author) -> None:
    author.models(NOTE + ENTITIES.replace("SELECT id FROM core.note", "SELECT nothing FROM core.note"))
    with pytest.raises(Exception, match="cannot be built on an empty database"):
        author.compare()
