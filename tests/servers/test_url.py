"""A server that is given: checked before it is used, used as it is, and its password never shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.servers.server import libpq_url, open_engine, refuse_unsupported
from lamin_migrate_kit.servers.url import parse_url
from lamin_migrate_kit.settings import Settings

PASSWORD = "hunter2 & 'co'"


def given(url: URL | str) -> Settings:
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    return Settings(root=Path("/"), server_url=text)


def refused(url: URL | str) -> ServerError:
    with pytest.raises(ServerError) as caught, open_server(given(url)):
        pass
    shown = f"{caught.value} {caught.value.__cause__} {caught.value!r}"
    assert "hunter2" not in shown
    return caught.value


def run_sql(server: Server, *statements: str) -> None:
    with open_engine(server.url, own=True).connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


def run_sql_in(database: ScratchDatabase, statement: str) -> None:
    with database.connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that asks for passwords, on a TCP port as well, with a role that may not create databases."""
    settings = Settings(root=Path("/"), provider="embedded")
    with open_server(settings) as server:
        folder = Path(str(server.url.query["host"]))
        literal = PASSWORD.replace("'", "''")
        run_sql(
            server,
            f"CREATE ROLE ada LOGIN CREATEDB PASSWORD '{literal}'",
            f"CREATE ROLE \"May Not\" LOGIN PASSWORD '{literal}'",
        )
        (folder / "data" / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        run_sql(server, "SELECT pg_reload_conf()")
        yield server


def as_role(server: Server, role: str, password: str | None) -> URL:
    return server.url.set(username=role, password=password)


# --- reading the URL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://ada@host", "postgresql+psycopg2://ada@host/postgres"),
        ("postgresql://ada@host:5433/db", "postgresql+psycopg2://ada@host:5433/db"),
        ("postgresql+psycopg://ada@host/db", "postgresql+psycopg2://ada@host/db"),
        ("postgresql+asyncpg://ada:x%2Fy@host/db", "postgresql+psycopg2://ada:x%2Fy@host/db"),
        ("postgresql:///db?host=/run/pg", "postgresql+psycopg2:///db?host=%2Frun%2Fpg"),
        ("postgresql://ada@host/db?sslmode=require", "postgresql+psycopg2://ada@host/db?sslmode=require"),
        ("postgresql://ada@host/db?password=x", "postgresql+psycopg2://ada:x@host/db"),
    ],
)
def test_every_spelling_gets_the_kits_driver(text: str, expected: str) -> None:
    assert parse_url(text).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hunter2", "cannot be read as a URL"),
        ("postgresql://ada:hunter2@host:port/db", "cannot be read as a URL"),
        ("postgresql://ada:x@hunter2@host/db", "'@' or '/' is not quoted"),
        ("postgresql://ada:x@y/hunter2@host/db", "'@' or '/' is not quoted"),
        ("mysql://ada:hunter2@host/db", "is for 'mysql', not for Postgres"),
        ("sqlite:///hunter2.db", "is for 'sqlite', not for Postgres"),
    ],
)
def test_what_is_no_postgres_url_is_refused_without_being_repeated(text: str, says: str) -> None:
    error = refused(text)
    assert says in str(error)
    assert "export LAMIN_MIGRATE_SERVER_URL=postgresql://" in str(error.next_command)


def test_a_url_for_psql_has_no_driver_and_no_plus_signs() -> None:
    url = parse_url("postgresql://ada:a+b%40%20c@/d%20b?host=/run/with%20space")
    assert libpq_url(url) == "postgresql://ada:a%2Bb%40%20c@/d%20b?host=%2Frun%2Fwith%20space"
    assert libpq_url(parse_url("postgres://[::1]:5433/db")) == "postgresql://[::1]:5433/db"


# --- whether it can be used


def test_a_given_server_is_used_as_it_is(guarded: Server) -> None:
    with open_server(given(as_role(guarded, "ada", PASSWORD))) as server, scratch_database(server) as scratch:
        assert server.provider == "url"
        assert not server.own
        assert PASSWORD not in repr(server)
        with scratch.connect() as connection:
            assert connection.exec_driver_sql("SHOW application_name").scalar() == "lamin_migrate_kit"


def test_nothing_but_scratch_databases_changes_on_a_given_server(guarded: Server) -> None:
    def facts() -> list[object]:
        with open_engine(guarded.url, own=True).connect() as connection:
            return [
                connection.exec_driver_sql(sql).scalars().all()
                for sql in (
                    "SELECT datname FROM pg_database ORDER BY 1",
                    "SELECT rolname FROM pg_roles ORDER BY 1",
                    "SELECT name || setting FROM pg_settings WHERE context <> 'internal' ORDER BY 1",
                )
            ]

    before = facts()
    given_server = open_server(given(as_role(guarded, "ada", PASSWORD)))
    with given_server as server, scratch_database(server) as one, scratch_database(server, template=one):
        pass
    assert facts() == before


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    error = refused("postgresql://ada:hunter2@127.0.0.1:1/db")
    assert "The server cannot be reached." in str(error)
    assert "ada:***@127.0.0.1:1" in str(error)
    assert "unset LAMIN_MIGRATE_SERVER_URL" in str(error)


def test_a_host_that_does_not_exist_cannot_be_reached() -> None:
    assert "cannot be reached" in str(refused("postgresql://ada:hunter2@no-such-host.invalid/db"))


def test_a_wrong_password_is_refused_and_never_shown(guarded: Server) -> None:
    error = refused(as_role(guarded, "ada", "hunter2"))
    assert "The server refused the password of ada." in str(error)


def test_a_missing_password_is_asked_for(guarded: Server) -> None:
    error = refused(as_role(guarded, "ada", None))
    assert "wants a password for ada, and the URL has none" in str(error)


def test_a_database_that_does_not_exist_is_refused_with_the_servers_words(guarded: Server) -> None:
    error = refused(as_role(guarded, "ada", PASSWORD).set(database="nowhere"))
    assert "The server refused the connection." in str(error)
    assert 'database "nowhere" does not exist' in str(error)


def test_a_role_that_may_not_create_databases_is_refused_at_once(guarded: Server) -> None:
    error = refused(as_role(guarded, "May Not", PASSWORD))
    assert "The role May Not may not create databases" in str(error)
    assert 'ALTER ROLE "May Not" CREATEDB' in str(error.next_command)


def test_the_right_to_create_databases_is_enough_to_clone_one(guarded: Server) -> None:
    with open_server(given(as_role(guarded, "ada", PASSWORD))) as server, scratch_database(server) as one:
        run_sql_in(one, "CREATE TABLE notebook (id int)")
        with scratch_database(server, template=one) as two, two.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM notebook").scalar() == 0


@pytest.mark.parametrize("version_num", [90624, 140019])
def test_a_server_older_than_15_is_refused(version_num: int) -> None:
    # There is no such server here: the rule is tried on the value that one would give.
    old = Server("url", parse_url("postgresql://ada:hunter2@h/d"), "14.19", version_num, own=False)
    with pytest.raises(ServerError, match=r"Postgres 14\.19; the kit needs 15 or later") as caught:
        refuse_unsupported(old)
    assert "hunter2" not in str(caught.value)


def test_a_server_of_15_and_one_newer_than_the_pinned_one_are_not_refused(server: Server) -> None:
    refuse_unsupported(dataclasses.replace(server, version_num=150000))
    refuse_unsupported(dataclasses.replace(server, version_num=190000))


def test_an_ambient_database_url_is_never_used(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    for name in ("DATABASE_URL", "PGHOST", "POSTGRES_URL"):
        monkeypatch.setenv(name, "postgresql://ada@127.0.0.1:1/production")
    with open_server(settings) as server:
        assert server.provider == "embedded"


def test_a_given_server_of_another_major_is_not_taken_for_a_wanted_one(guarded: Server) -> None:
    settings = dataclasses.replace(given(as_role(guarded, "ada", PASSWORD)), provider="url")
    with pytest.raises(ServerError, match=r"names a Postgres 18\..*, not 15"), open_server(settings, major=15):
        pass


def test_the_provider_url_without_a_url_says_what_to_set() -> None:
    with (
        pytest.raises(ServerError, match="No Postgres") as caught,
        open_server(Settings(root=Path("/"), provider="url")),
    ):
        pass
    assert "LAMIN_MIGRATE_SERVER_URL is not set" in str(caught.value)
