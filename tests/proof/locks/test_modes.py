"""Lock modes conflict exactly where the server says so."""

from __future__ import annotations

from itertools import product

from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.proof.locks.modes import LockMode, strongest
from lamin_migrate_kit.scratch import ScratchDatabase


def test_modes_conflict_where_two_sessions_cannot_hold_them(scratch: ScratchDatabase) -> None:
    with scratch.connect() as one, scratch.connect() as other:
        one.exec_driver_sql("CREATE TABLE t ()")
        one.commit()
        for held, wanted in product(LockMode, LockMode):
            one.exec_driver_sql(f"LOCK TABLE t IN {held.value} MODE")
            try:
                other.exec_driver_sql(f"LOCK TABLE t IN {wanted.value} MODE NOWAIT")
                refused = False
            except DBAPIError:
                refused = True
            other.rollback()
            one.rollback()
            assert held.conflicts_with(wanted) == refused, (held, wanted)


def test_server_names_are_understood(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t ()")
        for mode in LockMode:
            connection.exec_driver_sql(f"LOCK TABLE t IN {mode.value} MODE")
        seen = connection.exec_driver_sql("SELECT mode FROM pg_locks WHERE relation = 't'::regclass").scalars()
        assert {LockMode.from_server(name) for name in seen} == set(LockMode)


def test_who_waits() -> None:
    assert LockMode.ACCESS_EXCLUSIVE.blocks == ("reads", "writes", "other DDL")
    assert LockMode.SHARE.blocks == ("writes", "other DDL")
    assert LockMode.SHARE_UPDATE_EXCLUSIVE.blocks == ("other DDL",)
    assert LockMode.ROW_EXCLUSIVE.blocks == ()
    assert strongest([LockMode.SHARE, LockMode.ROW_SHARE]) is LockMode.SHARE
