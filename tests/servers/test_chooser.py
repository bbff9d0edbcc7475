"""Which server a command gets, and what it says when there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ServerError, ServerGone, SettingsError
from lamin_migrate_kit.servers import Server, chooser, docker, embedded, folders, open_server, system
from lamin_migrate_kit.servers.development import start_development, stop_development
from lamin_migrate_kit.settings import PROVIDERS, Settings, read_settings

from .leftovers import run_folders

NEITHER_DOCKER_NOR_PG_CONFIG = "/nowhere"


def quiet(_line: str) -> None:
    pass


@pytest.fixture
def project(shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A project without Docker, whose development server may be started."""
    monkeypatch.setenv("PATH", NEITHER_DOCKER_NOR_PG_CONFIG)
    settings = Settings(root=shared_folder, state_home=shared_folder / "state")
    yield settings
    stop_development(settings, quiet)


def without_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_PLACES", ())


def test_every_provider_of_the_settings_is_known() -> None:
    assert set(PROVIDERS) == set(chooser._PROVIDERS) - {chooser.DEVELOPMENT}


def test_the_order_is_the_documented_one() -> None:
    assert list(chooser._PROVIDERS) == ["url", "devcontainer", "development server", "compose", "system", "embedded"]


def test_a_given_url_comes_before_everything_else(project: Settings, server: Server) -> None:
    url = server.url.render_as_string(hide_password=False)
    start_development(project, quiet)
    with open_server(dataclasses.replace(project, server_url=url)) as chosen:
        assert (chosen.provider, chosen.own) == ("url", False)


def test_a_given_url_that_does_not_work_is_an_error_and_not_skipped(project: Settings) -> None:
    settings = dataclasses.replace(project, server_url="postgresql://ada@127.0.0.1:1/db")
    with pytest.raises(ServerError, match="cannot be reached"), open_server(settings):
        pass


def test_in_the_devcontainer_its_server_is_the_only_one_that_counts(project: Settings) -> None:
    settings = dataclasses.replace(project, devcontainer=True)
    with pytest.raises(ServerError, match="The devcontainer's Postgres") as caught, open_server(settings):
        pass
    assert "LAMIN_MIGRATE_PROVIDER=embedded" in str(caught.value.next_command)


def test_a_running_development_server_is_used_and_left_running(project: Settings) -> None:
    started = start_development(project, quiet)
    with open_server(project) as one:
        assert one == started
    with open_server(project) as two:
        assert two == started


def test_a_development_server_of_another_project_is_not_used(project: Settings, tmp_path: Path) -> None:
    started = start_development(project, quiet)
    with open_server(dataclasses.replace(project, root=tmp_path)) as chosen:
        assert chosen.url != started.url


def test_a_named_provider_is_the_only_one(project: Settings, server: Server) -> None:
    url = server.url.render_as_string(hide_password=False)
    with open_server(dataclasses.replace(project, server_url=url, provider="embedded")) as chosen:
        assert chosen.provider == "embedded"


def test_the_embedded_server_comes_last(project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    without_system(monkeypatch)
    with open_server(project) as chosen:
        assert chosen.provider == "embedded"


def test_when_there_is_none_everything_that_was_tried_is_listed(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_system(monkeypatch)
    monkeypatch.setattr(embedded, "_installed_package", lambda: None)
    with pytest.raises(ServerError, match="No Postgres could be had") as caught, open_server(project):
        pass
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:7]] == list(chooser._PROVIDERS)
    assert "LAMIN_MIGRATE_SERVER_URL is not set" in lines[1]
    assert "docker is not installed" in lines[4]
    assert lines[7].strip() == 'next:  pip install "lamin_migrate_kit[postgres]"'


@pytest.mark.parametrize("provider", ["devcontainer", "compose"])
def test_a_named_provider_that_is_not_here_is_an_error(project: Settings, provider: str) -> None:
    with pytest.raises(ServerError) as caught, open_server(dataclasses.replace(project, provider=provider)):
        pass
    assert f"{provider}: " in str(caught.value)
    assert "embedded:" not in str(caught.value)


def test_a_major_that_is_asked_for_is_had_from_whoever_has_it(project: Settings, server15: Server) -> None:
    with open_server(project, major=15) as chosen:
        assert (chosen.provider, chosen.major) == ("system", 15)
    with open_server(project, major=18) as chosen:
        assert chosen.major == 18


def test_a_development_server_of_another_major_is_passed_over(project: Settings, server15: Server) -> None:
    start_development(project, quiet)
    with open_server(project, major=15) as chosen:
        assert chosen.major == 15


def test_a_needed_extension_takes_part_in_the_choice(project: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    without_system(monkeypatch)
    with open_server(dataclasses.replace(project, extensions=("citext", "vector"))) as chosen:
        assert chosen.provider == "embedded"
    with pytest.raises(ServerError) as caught, open_server(project, extensions=["no_such_extension"]):
        pass
    assert "does not have the extension no_such_extension" in str(caught.value)
    assert 'image = "..."' in str(caught.value)


def test_a_server_that_is_rejected_is_stopped_again(
    project: Settings, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_system(monkeypatch)
    monkeypatch.setattr(folders, "_MEMORY", Path("/no/memory/here"))
    monkeypatch.setattr("tempfile.tempdir", str(shared_folder))
    with pytest.raises(ServerError), open_server(project, extensions=["no_such_extension"]):
        pass
    assert run_folders(shared_folder) == []


def test_a_stopped_development_server_is_said_so_with_what_to_do(project: Settings) -> None:
    server = start_development(project, quiet)

    def use() -> None:
        with open_server(project) as chosen:
            assert chosen == server
            stop_development(project, quiet)
            raise ConnectionError("lost")

    with pytest.raises(ServerGone) as caught:
        use()
    assert "invoke db.up" in str(caught.value)


def test_without_docker_the_probe_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", NEITHER_DOCKER_NOR_PG_CONFIG)
    with pytest.raises(Exception, match="docker is not installed"):
        docker.refuse_without_docker()


def test_a_major_that_the_settings_name_is_taken_instead_of_the_pinned_one(tmp_path: Path) -> None:
    named = Settings(root=tmp_path, provider="embedded", major=15)
    with pytest.raises(ServerError, match="No Postgres could be had") as caught, open_server(named):
        pass
    assert "the wheel has Postgres 18, not 15" in str(caught.value)


@pytest.mark.parametrize("value", ["14", "x", "18.1"])
def test_a_major_that_is_not_supported_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="no supported major") as caught:
        read_settings(tmp_path, {"LAMIN_MIGRATE_POSTGRES": value})
    assert caught.value.next_command
    assert read_settings(tmp_path, {"LAMIN_MIGRATE_POSTGRES": "16"}).major == 16
