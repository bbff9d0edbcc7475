"""Rows of several moments are kept apart, and take no more room however often they are saved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.proof.rows.asking import Asking
from lamin_migrate_kit.proof.rows.relations import Relations, read_relations
from lamin_migrate_kit.proof.rows.saved import MOMENTS, SavedRows, Side
from lamin_migrate_kit.scratch import ScratchDatabase


@pytest.fixture
def connection(scratch: ScratchDatabase) -> Iterator[Connection]:
    with scratch.connect() as opened:
        opened.exec_driver_sql("CREATE TABLE note (id int, body text); INSERT INTO note VALUES (1, 'a'), (2, 'b')")
        yield opened


def side(moment: int, relations: Relations) -> Side:
    (relation,) = relations.values()
    return Side(moment, relation, tuple(relation.attributes))


def test_moments_are_told_apart(connection: Connection) -> None:
    asking = Asking(connection)
    relations, saved = read_relations(asking, ()), SavedRows(asking)
    assert list(saved.save(0, relations).values()) == [2]
    connection.exec_driver_sql("UPDATE public.note SET body = 'c' WHERE id = 2")
    saved.save(1, relations)
    connection.exec_driver_sql("UPDATE public.note SET body = 'b' WHERE id = 2")
    saved.save(2, relations)
    sides = [side(moment, relations) for moment in range(MOMENTS)]
    assert saved.same_rows([(sides[0], sides[1]), (sides[0], sides[2])]) == [False, True]


def test_what_was_saved_of_a_later_moment_is_forgotten(connection: Connection) -> None:
    asking = Asking(connection)
    relations, saved = read_relations(asking, ()), SavedRows(asking)
    for moment in (0, 1):
        saved.save(moment, relations)
    saved.save(0, relations)
    assert saved.values(0)
    assert saved.values(1) == {}


def test_rows_that_were_saved_before_are_not_read_again(connection: Connection) -> None:
    asking = Asking(connection)
    relations = read_relations(asking, ())

    def pages() -> int:
        SavedRows(asking).save(0, relations)
        ((size,),) = asking.ask("SELECT pg_relation_size('pg_temp.lamin_migrate_rows_0')")
        return int(size)

    connection.exec_driver_sql("INSERT INTO note SELECT n, repeat('x', 50) FROM generate_series(1, 200) n")
    first = pages()
    assert first > 0
    assert [pages() for _ in range(5)] == [first] * 5
