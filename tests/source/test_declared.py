"""Declarations are read from the models' MetaData, recorded renames from revision files."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from lamin_migrate_kit.diff.renames import Declaration, TableKey, part_rename, table_rename
from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.source import declared_renames, recorded_renames


def test_tables_come_first_and_tables_without_a_schema_are_in_the_default_one() -> None:
    metadata = MetaData()
    Table("b", metadata, Column("id", Integer), Column("version", String, info={"renamed_from": "v"}), schema="core")
    Table("a", metadata, Column("id", Integer), info={"renamed_from": "core.old"})
    assert declared_renames(metadata) == (
        Declaration(TableKey("public", "a"), "", "core.old"),
        Declaration(TableKey("core", "b"), "version", "v"),
    )


def test_models_without_declarations_declare_nothing() -> None:
    metadata = MetaData()
    Table("a", metadata, Column("id", Integer))
    assert declared_renames(metadata) == ()
    assert declared_renames(MetaData()) == ()


@pytest.mark.parametrize("value", [None, 3, "", ["v"]])
def test_a_declaration_that_is_no_text_is_an_error_with_its_place(value: object) -> None:
    metadata = MetaData()
    Table("a", metadata, Column("id", Integer, info={"renamed_from": value}), schema="core")
    with pytest.raises(SchemaModuleError, match="former name") as caught:
        declared_renames(metadata)
    assert caught.value.where == "core.a.id"


@pytest.mark.parametrize("value", ["a.b.c", "a..b", "a b"])
def test_a_table_that_was_named_what_no_table_is_named_is_an_error(value: str) -> None:
    metadata = MetaData()
    Table("a", metadata, Column("id", Integer), info={"renamed_from": value})
    with pytest.raises(SchemaModuleError) as caught:
        declared_renames(metadata)
    assert caught.value.where == "public.a"


def test_tables_that_reference_each_other_are_read_all_the_same() -> None:
    from sqlalchemy import ForeignKey

    metadata = MetaData()
    Table("a", metadata, Column("id", Integer, ForeignKey("b.id"), info={"renamed_from": "x"}))
    Table("b", metadata, Column("id", Integer, ForeignKey("a.id")))
    assert len(declared_renames(metadata)) == 1


def test_comments_in_revisions_record_renames() -> None:
    text = """
def upgrade() -> None:
    # migrate-kit: rename core.notebook.v -> version (same type)
    op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")
    # migrate-kit: rename core.run -> core.job
    # migrate-kit: rename core.run -> other.run
    # migrate-kit: drop core.notebook.notes because it is empty
"""
    core = TableKey("core", "run")
    assert recorded_renames([text]) == (
        part_rename("column", TableKey("core", "notebook"), "v", "version"),
        table_rename(core, TableKey("core", "job")),
        table_rename(core, TableKey("other", "run")),
    )
