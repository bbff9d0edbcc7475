"""One thread at a time has Alembic's `op`, and lets go of it while the server works."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import alembic.op
import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from lamin_migrate_kit.alembic_bridge import open_script, turns, upgrade
from lamin_migrate_kit.alembic_bridge.turns import TurnLost, installed, letting_others, turn
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server
from tests.histories import History


def operations() -> Operations:
    return Operations(MigrationContext.configure(dialect_name="postgresql"))


def standing() -> object:
    """What `op` stands for, as a revision finds it."""
    return None if getattr(alembic.op, "_proxy", None) is None else alembic.op.get_context()


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    """Another thread."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def take_turn() -> float:
    """Have one for a moment; when."""
    with turn(), installed(operations()):
        return time.monotonic()


def test_another_thread_waits_for_its_turn(other: ThreadPoolExecutor) -> None:
    with turn():
        waiting = other.submit(take_turn)
        time.sleep(0.1)
        assert not waiting.done()
        ended = time.monotonic()
    assert waiting.result() >= ended


def test_turn_within_a_turn_is_the_same(other: ThreadPoolExecutor) -> None:
    with turn():
        with turn():
            pass
        waiting = other.submit(take_turn)
        time.sleep(0.05)
        assert not waiting.done()
    waiting.result()


def test_who_waits_for_the_server_lets_another_thread_go_on(other: ThreadPoolExecutor) -> None:
    with turn(), installed(operations()):
        mine = standing()
        assert letting_others(lambda: other.submit(take_turn).result(timeout=5))
        assert standing() is mine
    assert standing() is None


def test_who_has_no_turn_lets_nobody_go_on(other: ThreadPoolExecutor) -> None:
    with turn():
        waiting = other.submit(letting_others, lambda: standing())
        assert waiting.result(timeout=5) is None


def test_error_of_the_server_comes_back_with_the_turn(other: ThreadPoolExecutor) -> None:
    def fail() -> None:
        other.submit(take_turn).result(timeout=5)
        raise ValueError("refused")

    with turn(), installed(operations()):
        mine = standing()
        with pytest.raises(ValueError, match="refused"):
            letting_others(fail)
        assert standing() is mine
        assert not other.submit(take_turn).done()
    other.submit(take_turn).result(timeout=5)


def test_who_is_interrupted_while_another_has_the_turn_still_finds_its_own(other: ThreadPoolExecutor) -> None:
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with turn(), installed(operations()):
            begun.set()
            over.wait(timeout=5)

    def wait() -> None:
        other.submit(hold)
        begun.wait(timeout=5)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    with turn(), installed(operations()):
        mine = standing()
        with pytest.raises(KeyboardInterrupt):
            letting_others(wait)
        assert standing() is mine
        over.set()
    other.submit(take_turn).result(timeout=5)
    assert standing() is None


def test_two_that_wait_for_each_other_do_not_wait_for_ever(
    other: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LONGEST_WAIT", 0.2)
    begun, rolled_back = threading.Event(), threading.Event()
    holding: list[Future[bool]] = []

    def hold() -> bool:
        with turn(), installed(operations()):
            begun.set()
            return rolled_back.wait(timeout=5)  # for what the first one has locked

    def wait() -> None:
        holding.append(other.submit(hold))
        begun.wait(timeout=5)

    with turn(), installed(operations()):
        mine = standing()
        with pytest.raises(TurnLost):
            letting_others(wait)
        assert standing() is mine
        rolled_back.set()
    assert holding[0].result(timeout=5)
    other.submit(take_turn).result(timeout=5)
    assert standing() is None


def test_who_ends_without_a_turn_takes_nothing_from_who_waits_for_the_server(
    other: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LONGEST_WAIT", 0.2)
    begun, lost, ended = threading.Event(), threading.Event(), threading.Event()

    def long() -> bool:
        with turn(), installed(operations()):
            mine = standing()
            begun.set()
            lost.wait(timeout=5)  # its Python takes long
            letting_others(ended.wait, 5)
            return standing() is mine

    def lose() -> None:
        running.append(other.submit(long))
        begun.wait(timeout=5)

    running: list[Future[bool]] = []
    with turn(), installed(operations()):
        with pytest.raises(TurnLost):
            letting_others(lose)
        lost.set()
        time.sleep(0.1)
    ended.set()
    assert running[0].result(timeout=5)


def test_stdout_that_a_revision_redirects_is_its_own(other: ThreadPoolExecutor) -> None:
    real, first, second = sys.stdout, io.StringIO(), io.StringIO()

    def redirecting() -> None:
        with turn(), redirect_stdout(second):
            letting_others(one.set)
            letting_others(two.wait, 5)
            print("second")

    one, two = threading.Event(), threading.Event()
    with turn():
        with redirect_stdout(first):
            running = other.submit(redirecting)
            letting_others(one.wait, 5)
            print("first")
        assert sys.stdout is real
        two.set()
        letting_others(running.result, 5)
    assert (first.getvalue(), second.getvalue()) == ("first\n", "second\n")
    assert sys.stdout is real


def test_thread_that_a_revision_starts_finds_what_the_revision_has(other: ThreadPoolExecutor) -> None:
    with turn(), installed(operations()):
        assert other.submit(standing).result(timeout=5) is standing()


def test_what_a_revision_leaves_in_place_is_removed() -> None:
    with turn(), installed(operations()):
        operations()._install_proxy()
    assert standing() is None


def test_revisions_of_two_threads_write_into_their_own_databases(server: Server, tmp_path: Path) -> None:
    def take_up(name: str) -> set[str]:
        history = History(tmp_path / name, package=f"lnschema_{name}", schema_id=name[:4])
        for number in range(12):
            history.add(
                f'op.execute("SELECT pg_sleep(0.005)")\nop.create_table("{name}_{number}", sa.Column("id", sa.Integer))'
            )
        with scratch_database(server, hint=name) as database, database.connect() as connection:
            upgrade(connection, history.module, open_script(history.module))
            found = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
            return {one for one in found if not one.startswith("migration_")}

    names = ("left", "right")
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(take_up, names))
    assert found == [{f"{name}_{number}" for number in range(12)} for name in names]
