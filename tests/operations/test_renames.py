"""Renames lowered to operations: pure, in an order in which no name is taken twice."""

from __future__ import annotations

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, ObjectKey, Schema, Table
from lamin_migrate_kit.diff.renames import Candidate, Rename, TableKey, part_rename, table_rename
from lamin_migrate_kit.operations.spelling.renames import lower_renames

NOTE = TableKey("core", "note")


def catalog(*tables: str, columns: str = "") -> Catalog:
    objects: list[CatalogObject] = [Schema(ObjectKey("schema", "", name.split(".")[0])) for name in tables]
    objects += [Table(ObjectKey("table", *name.split("."))) for name in tables]
    objects += [Column(ObjectKey("column", *tables[0].split("."), column), "integer") for column in columns]
    return Catalog(180000, {value.key: value for value in objects})


def decided(*renames: Rename) -> list[Candidate]:
    return [Candidate(rename, 1.0, ("said by a flag",), "decided", "flag") for rename in renames]


def statements(
    renames: list[Candidate], current: Catalog, desired: Catalog | None = None
) -> tuple[list[str], list[str]]:
    """Of the upgrade and of the downgrade."""
    found = lower_renames(renames, current, desired or current)
    up, down = ([s for operation in way for s in operation.statements] for way in (found.upgrade, found.downgrade))
    return up, down


def column(current: str, desired: str, table: TableKey = NOTE, now: TableKey | None = None) -> Rename:
    return part_rename("column", table, current, desired, now)


def test_no_renames_are_no_operations() -> None:
    assert statements([], catalog("core.note")) == ([], [])


def test_downgrade_is_the_upgrade_backwards() -> None:
    book = TableKey("core", "book")
    renames = decided(table_rename(NOTE, book), column("a", "b", NOTE, book))
    assert statements(renames, catalog("core.note", columns="a")) == (
        ["ALTER TABLE core.note RENAME TO book", "ALTER TABLE core.book RENAME COLUMN a TO b"],
        ["ALTER TABLE core.book RENAME COLUMN b TO a", "ALTER TABLE core.book RENAME TO note"],
    )


def test_order_of_what_is_given_makes_no_difference() -> None:
    renames = decided(column("a", "b"), column("b", "c"), column("c", "d"))
    current = catalog("core.note", columns="abc")
    assert statements(renames, current) == statements(renames[::-1], current)
    assert statements(renames, current)[0] == [
        "ALTER TABLE core.note RENAME COLUMN c TO d",
        "ALTER TABLE core.note RENAME COLUMN b TO c",
        "ALTER TABLE core.note RENAME COLUMN a TO b",
    ]


def test_in_a_circle_one_steps_aside_and_every_decision_is_recorded() -> None:
    renames = decided(column("a", "b"), column("b", "c"), column("c", "a"))
    current = catalog("core.note", columns="abc")
    up, down = statements(renames, current)
    assert up == [
        "ALTER TABLE core.note RENAME COLUMN a TO a__renaming",
        "ALTER TABLE core.note RENAME COLUMN c TO a",
        "ALTER TABLE core.note RENAME COLUMN b TO c",
        "ALTER TABLE core.note RENAME COLUMN a__renaming TO b",
    ]
    assert down == [
        "ALTER TABLE core.note RENAME COLUMN b TO a__renaming",
        "ALTER TABLE core.note RENAME COLUMN c TO b",
        "ALTER TABLE core.note RENAME COLUMN a TO c",
        "ALTER TABLE core.note RENAME COLUMN a__renaming TO a",
    ]
    comments = [comment for one in lower_renames(renames, current, current).upgrade for comment in one.comments]
    assert len(comments) == 3


def test_two_circles_do_not_disturb_each_other() -> None:
    renames = decided(column("a", "b"), column("b", "a"), column("c", "d"), column("d", "c"))
    up, _ = statements(renames, catalog("core.note", columns="abcd"))
    assert len(up) == 6


def test_name_aside_fits_into_63_bytes() -> None:
    long = "ü" * 31
    up, _ = statements(decided(column(long, "b"), column("b", long)), catalog("core.note"))
    aside = up[0].rpartition(' TO "')[2].removesuffix('"')
    assert len(aside.encode()) <= 63
    assert aside.endswith("__renaming")


def test_table_moves_by_the_way_that_is_free() -> None:
    goal = TableKey("archive", "book")
    rename = decided(table_rename(NOTE, goal))
    assert statements(rename, catalog("core.note", "archive.x"))[0] == [
        "ALTER TABLE core.note SET SCHEMA archive",
        "ALTER TABLE archive.note RENAME TO book",
    ]
    assert statements(rename, catalog("core.note", "archive.note"))[0] == [
        "ALTER TABLE core.note RENAME TO book",
        "ALTER TABLE core.book SET SCHEMA archive",
    ]
    assert statements(rename, catalog("core.note", "archive.note", "core.book"))[0] == [
        "ALTER TABLE core.note RENAME TO note__renaming",
        "ALTER TABLE core.note__renaming SET SCHEMA archive",
        "ALTER TABLE archive.note__renaming RENAME TO book",
    ]


def test_schema_that_a_table_moves_into_is_made_before_and_dropped_on_the_way_back() -> None:
    rename = decided(table_rename(NOTE, TableKey("archive", "note")))
    up, down = statements(rename, catalog("core.note"), catalog("archive.note", "core.x"))
    assert up == ["CREATE SCHEMA archive", "ALTER TABLE core.note SET SCHEMA archive"]
    assert down == ["ALTER TABLE archive.note SET SCHEMA core", "DROP SCHEMA archive"]
