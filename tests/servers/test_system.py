"""A Postgres that the machine has: its binaries as a private server of ours, never the machine's own server."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, open_server, system
from lamin_migrate_kit.servers.server import open_engine, server_answers
from lamin_migrate_kit.settings import Settings

from .leftovers import eventually


def test_another_major_than_the_pinned_one_is_marked(server15: Server) -> None:
    assert server15.provider == "system"
    assert server15.major == 15
    assert not server15.pinned
    assert server15.label.endswith("(not the pinned major 18)")


def test_it_listens_on_a_private_socket_only(server15: Server) -> None:
    with open_engine(server15.url, own=True).connect() as connection:
        assert connection.exec_driver_sql("SHOW listen_addresses").scalar() == ""
        assert connection.exec_driver_sql("SHOW fsync").scalar() == "off"


def test_its_scratch_databases_order_by_code_point_too(server15: Server) -> None:
    with scratch_database(server15) as scratch, scratch.connect() as connection:
        ordered = connection.exec_driver_sql("SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,A,a,B,é}'::text[]) x")
        assert ordered.scalar() == "ABabé"


def test_its_scratch_databases_can_be_cloned(server15: Server) -> None:
    with scratch_database(server15) as one:
        with one.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE notebook (id int)")
            connection.commit()
        with scratch_database(server15, template=one) as two, two.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM notebook").scalar() == 0


def test_a_killed_server_of_15_is_a_clear_error(server15: Server) -> None:
    def use() -> None:
        with open_server(Settings(root=Path("/"), provider="system"), major=15) as server:
            data = Path(str(server.url.query["host"])) / "data"
            with scratch_database(server) as scratch, scratch.connect() as connection:
                os.kill(int((data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
                assert eventually(lambda: not server_answers(server))
                connection.exec_driver_sql("SELECT 1")  # this backend may live on for a moment

    with pytest.raises(ServerGone):
        use()


def test_a_major_that_is_not_installed_is_said_so() -> None:
    settings = Settings(root=Path("/"), provider="system")
    with pytest.raises(ServerError, match="this machine has no Postgres 42"), open_server(settings, major=42):
        pass


def test_pg_config_on_path_counts(server15: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries = system.find_binaries(Settings(root=Path("/")), 15)
    monkeypatch.setattr(system, "_PLACES", ())
    monkeypatch.setenv("PATH", f"{binaries.folder}:{os.environ['PATH']}")
    found = list(system._candidates(15))
    if not (binaries.folder / "pg_config").exists():
        pytest.skip("this Postgres 15 comes without pg_config")
    assert [folder.resolve() for folder in found] == [binaries.folder.resolve()]
    assert list(system._candidates(16)) == []
