"""Values that are gone are found, and whether the way up or the way down lost them."""

from __future__ import annotations

from collections import Counter

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.proof.rows.account import Contents, Loss, losses, read_contents
from lamin_migrate_kit.scratch import ScratchDatabase


def column(name: str, table: str = "t") -> ObjectKey:
    return ObjectKey("column", "core", table, name)


def contents(**columns: list[str | None]) -> Contents:
    return {column(name): Counter(values) for name, values in columns.items()}


BEFORE = contents(v=["1", "2", None])


def test_nothing_is_lost_when_all_values_come_back() -> None:
    assert not list(losses(BEFORE, contents(version=["1", "2", None]), BEFORE))


def test_null_is_no_value_to_lose() -> None:
    assert not list(losses(BEFORE, BEFORE, contents(v=["1", "2"])))


def test_rename_that_the_downgrade_answers_with_drop_and_add_is_the_downgrades_loss() -> None:
    held = contents(version=["1", "2", None])
    assert list(losses(BEFORE, held, contents(v=[None, None, None]))) == [Loss(column("v"), 2, column("version"))]


def test_column_that_the_downgrade_empties_is_the_downgrades_loss() -> None:
    assert list(losses(BEFORE, BEFORE, contents(v=[None, None, None]))) == [Loss(column("v"), 2, column("v"))]


def test_column_that_the_upgrade_drops_is_the_upgrades_loss() -> None:
    assert list(losses(BEFORE, {}, contents(v=[None, None, None]))) == [Loss(column("v"), 2, None)]


def test_equal_values_in_a_column_that_was_there_before_do_not_count_as_kept() -> None:
    before = contents(a=["t"], b=["t"])
    assert list(losses(before, contents(b=["t"]), contents(a=[None], b=["t"]))) == [Loss(column("a"), 1, None)]


def test_duplicates_are_counted() -> None:
    assert list(losses(contents(v=["1", "1", "1"]), {}, contents(v=["1"]))) == [Loss(column("v"), 2, None)]


def test_contents_are_read_as_the_server_spells_them(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql(
            'CREATE TABLE "T 1" (a int, "b%%" date); INSERT INTO "T 1" VALUES (1, \'2020-01-02\'), (1, NULL)'
        )
        found = read_contents(connection, inspect_catalog(connection))
    assert found == {
        ObjectKey("column", "public", "T 1", "a"): Counter({"1": 2}),
        ObjectKey("column", "public", "T 1", "b%"): Counter({"2020-01-02": 1, None: 1}),
    }
