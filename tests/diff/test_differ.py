"""The rules of comparison, on what a real server says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.diff.differ import CatalogDiff, diff_catalogs
from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.servers import Server


@contextmanager
def made(scratch: ScratchDatabase, ddl: str) -> Iterator[Catalog]:
    """The catalog after some DDL, which is taken back."""
    with scratch.connect() as connection:
        if ddl:
            connection.exec_driver_sql(ddl)
        yield inspect_catalog(connection)
        connection.rollback()


def diff_of(scratch: ScratchDatabase, current: str, desired: str, *, exact_names: bool = False) -> CatalogDiff:
    with made(scratch, current) as before:
        pass
    with made(scratch, desired) as after:
        pass
    return diff_catalogs(before, after, exact_names=exact_names)


def test_two_empty_databases_are_equal(scratch: ScratchDatabase) -> None:
    assert diff_of(scratch, "", "").empty


def test_unnamed_checks_made_in_another_order_are_no_difference(scratch: ScratchDatabase) -> None:
    one = "create table t (a int, check (a > 0), check (a < 9))"
    other = "create table t (a int, check (a < 9), check (a > 0))"
    assert diff_of(scratch, one, other).empty


def test_the_names_of_unnamed_checks_are_facts_between_two_databases(scratch: ScratchDatabase) -> None:
    one = "create table t (a int, check (a > 0), check (a < 9))"
    other = "create table t (a int, check (a < 9), check (a > 0))"
    assert not diff_of(scratch, one, other, exact_names=True).empty


def test_a_numbered_check_that_says_something_else_is_a_difference(scratch: ScratchDatabase) -> None:
    one = "create table t (a int, check (a > 0), check (a < 9))"
    other = "create table t (a int, check (a < 8), check (a > 0))"
    found = diff_of(scratch, one, other)
    assert len(found.changed) == 1 or (len(found.created), len(found.dropped)) == (1, 1)


def test_a_name_that_somebody_chose_is_a_difference(scratch: ScratchDatabase) -> None:
    one, other = (f"create table t (a int constraint {name} check (a > 0))" for name in ("positive", "above_zero"))
    found = diff_of(scratch, one, other)
    assert [change.fields for change in found.changed] == [frozenset({"key"})]


def test_the_name_of_a_not_null_constraint_is_a_fact_only_between_two_databases(scratch: ScratchDatabase) -> None:
    one, other = (f"create table t (a int constraint {name} not null)" for name in ("x", "y"))
    assert diff_of(scratch, one, other).empty
    assert not diff_of(scratch, one, other, exact_names=True).empty


def test_the_name_of_an_identity_sequence_is_a_fact_only_between_two_databases(scratch: ScratchDatabase) -> None:
    one, other = (f"create table t (a int generated always as identity (sequence name {name}))" for name in "xy")
    assert diff_of(scratch, one, other).empty
    assert not diff_of(scratch, one, other, exact_names=True).empty


def test_the_order_of_columns_is_reported_once_and_is_no_difference(scratch: ScratchDatabase) -> None:
    found = diff_of(scratch, "create table t (a int, b text, c date)", "create table t (c date, b text, a int)")
    assert found.empty
    assert [str(table) for table in found.reordered] == ["public.t"]


def test_a_column_that_comes_before_others_is_no_other_order(scratch: ScratchDatabase) -> None:
    found = diff_of(scratch, "create table t (a int, b text)", "create table t (n int, a int, b text)")
    assert found.reordered == ()


def test_the_order_of_storage_parameters_is_no_difference(scratch: ScratchDatabase) -> None:
    one = "create table t (a int) with (fillfactor = 50, parallel_workers = 2)"
    other = "create table t (a int) with (parallel_workers = 2, fillfactor = 50)"
    assert diff_of(scratch, one, other, exact_names=True).empty


@pytest.mark.parametrize("condition", ["a in ('x', 'y')", "a not in ('x')", "lower(a) in ('x', 'y')"])
def test_a_check_sent_as_the_server_says_it_is_no_difference(scratch: ScratchDatabase, condition: str) -> None:
    made_by_hand = f"create table t (a varchar(9), constraint k check ({condition}))"
    with scratch.connect() as connection:
        connection.exec_driver_sql(made_by_hand)
        spelled = connection.exec_driver_sql(
            "select pg_get_constraintdef(oid) from pg_constraint where conname = 'k'"
        ).scalar_one()
        connection.rollback()
    assert diff_of(scratch, made_by_hand, f"create table t (a varchar(9), constraint k {spelled})").empty


def test_an_index_under_another_name_is_renamed_and_not_built_again(scratch: ScratchDatabase) -> None:
    one, other = (f"create table t (a int, b int); create index {name} on t (a) where b > 0" for name in "ij")
    found = diff_of(scratch, one, other)
    assert [change.fields for change in found.changed] == [frozenset({"key"})]
    assert not found.created
    assert not found.dropped


def test_objects_of_an_extension_belong_to_it(scratch: ScratchDatabase) -> None:
    found = diff_of(scratch, "", "create extension citext")
    assert [str(value.key) for value in found.created] == ["citext"]


def test_what_differs_is_said_in_sentences(scratch: ScratchDatabase) -> None:
    current = "create table t (a int, b int); create index i on t (a)"
    desired = "create table t (a bigint, c int); create index j on t (a)"
    assert diff_of(scratch, current, desired).describe() == (
        "column public.t.c is missing",
        "column public.t.b is there and should not be",
        "column public.t.a: type is 'integer' and should be 'bigint'",
        "index public.i should be named public.j",
    )


def test_the_same_input_gives_the_same_output(scratch: ScratchDatabase, server: Server) -> None:
    ddl = "create table t (a int, b int unique, check (a > b)); create view v as select a from t"
    assert diff_of(scratch, "", ddl) == diff_of(scratch, "", ddl)
