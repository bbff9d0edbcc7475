"""The one form in which the server's own spelling of an expression is not stable."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.expressions import normalize_expression, replayable_expression
from lamin_migrate_kit.scratch import ScratchDatabase

FIRST = "((a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))"
AGAIN = "((a)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text]))"


def test_both_spellings_of_in_on_varchar_mean_the_same() -> None:
    assert normalize_expression(FIRST) == normalize_expression(AGAIN)


def test_another_list_means_something_else() -> None:
    assert normalize_expression(FIRST) != normalize_expression(AGAIN.replace("'y'", "'z'"))


def test_commas_brackets_and_quotes_within_literals_are_not_syntax() -> None:
    text = "(ARRAY['a, ]'::text, 'it''s ('::text, f(1, 2)])::character varying[]"
    wanted = (
        "ARRAY[('a, ]'::text)::character varying, ('it''s ('::text)::character varying, (f(1, 2))::character varying]"
    )
    assert normalize_expression(text) == wanted


def test_an_array_that_is_not_cast_as_a_whole_stays() -> None:
    text = "(ARRAY['x'::text]) || (ARRAY[1"
    assert normalize_expression(text) == text
    assert replayable_expression(text) == text


@pytest.mark.parametrize(
    "condition",
    [
        "a in ('x', 'y')",
        "a not in ('x', 'y')",
        "a in ('it''s', 'b, ]', 'c::d')",
        "a = any (array['x', 'y'])",
        "a = any (array['x', 'y']::varchar[])",
        "a = any ('{x,y}'::varchar[])",
        "b in ('x', 'y')",
        "c in ('x', 'y')",
        "d in (1, 2) and e in (1, 2)",
        "lower(a) in ('x', 'y') or (a || b) not in ('x')",
        "a like any (array['x%', 'y%'])",
        "f && array['x']::varchar[]",
        "coalesce(a, 'x') in ('x', 'y') and case when a in ('x') then true else b in ('y', 'z') end",
    ],
)
def test_what_is_sent_again_deparses_to_itself(scratch: ScratchDatabase, condition: str) -> None:
    columns = "a varchar(5), b text, c char(3), d smallint, e bigint, f varchar[]"
    with scratch.connect() as connection:
        connection.exec_driver_sql(f"create table t ({columns}, constraint k check ({condition.replace('%', '%%')}))")
        ask = "select pg_get_constraintdef(oid) from pg_constraint where conname = 'k'"
        first = connection.exec_driver_sql(ask).scalar_one()
        connection.exec_driver_sql("alter table t drop constraint k")
        again = replayable_expression(first).replace("%", "%%")
        connection.exec_driver_sql(f"alter table t add constraint k {again}")
        assert connection.exec_driver_sql(ask).scalar_one() == first
