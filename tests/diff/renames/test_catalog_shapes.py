"""Shapes of a real database's catalog hold what renames are found from."""

from __future__ import annotations

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.diff.renames import ForeignTarget, TableKey, find_candidates, shapes_of
from lamin_migrate_kit.scratch import ScratchDatabase
from tests.diff.renames.shaping import asked, decided

BEFORE = """
CREATE SCHEMA core;
CREATE TYPE core.status AS ENUM ('draft', 'done');
CREATE TABLE core."user" (id serial PRIMARY KEY, handle text UNIQUE);
CREATE TABLE core.notebook (
    id varchar(12), v text DEFAULT '1', author_id int NOT NULL REFERENCES core."user", state core.status,
    number int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id, v));
CREATE INDEX ON core.notebook (author_id);
COMMENT ON COLUMN core.notebook.state IS 'where it stands';
"""
AFTER = (
    BEFORE.replace("v text", "version text")
    .replace("(id, v)", "(id, version)")
    .replace("core.notebook", "core.notebooks")
    .replace("'draft'", "'DRAFT'")
)


def _shapes(database: ScratchDatabase, script: str):  # type: ignore[no-untyped-def]
    with database.connect() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        shapes = shapes_of(inspect_catalog(connection))
        connection.rollback()
    return shapes


def test_everything_that_is_evidence_is_known(scratch: ScratchDatabase) -> None:
    shapes = _shapes(scratch, BEFORE)
    notebook = shapes.table(TableKey("core", "notebook"))
    assert notebook is not None
    id_, v, author, state, number = notebook.columns
    assert (id_.type, id_.nullable, id_.in_primary_key, id_.position) == ("character varying(12)", False, True, 1)
    assert v.default == "'1'::text"
    assert author.foreign_keys == (ForeignTarget(TableKey("core", "user"), "id"),)
    assert (author.indexed, author.in_unique, author.comment) == (True, False, "")
    assert (state.type, state.comment, state.foreign_keys) == ("core.status", "where it stands", ())
    assert number.default == "identity a"
    user = shapes.table(TableKey("core", "user"))
    assert user is not None
    assert [column.default for column in user.columns] == ["serial", ""]
    assert user.columns[1].in_unique
    status = shapes.enum(TableKey("core", "status"))
    assert status is not None
    assert status.values == ("draft", "done")


def test_renames_between_two_databases_are_decided(scratch: ScratchDatabase) -> None:
    candidates = find_candidates(_shapes(scratch, BEFORE), _shapes(scratch, AFTER))
    expected = ["core.notebook -> core.notebooks", "core.notebook.v -> version", "core.status.draft -> DRAFT"]
    assert decided(candidates) == expected
    assert asked(candidates) == []


def test_a_database_and_itself_have_no_candidates(scratch: ScratchDatabase) -> None:
    shapes = _shapes(scratch, BEFORE)
    assert find_candidates(shapes, shapes) == ()
