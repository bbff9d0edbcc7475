"""What can be known of the Compose provider without an Engine; tests/containers runs it for real."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path

import pytest
import yaml

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers import compose, docker, open_server
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.settings import PINNED_MAJOR, SUPPORTED_MAJORS, Settings

ROOT = Path(__file__).parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path)


def fake_docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program named docker that does as the script says: for what an Engine in trouble answers."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


# --- the definition


def test_the_pinned_major_is_the_one_of_the_kit() -> None:
    images = re.findall(r"postgres:(\d+)-", (ROOT / "compose.yaml").read_text())
    assert sorted(map(int, images)) == sorted(SUPPORTED_MAJORS)
    assert f"postgres:{PINNED_MAJOR}-trixie" in SERVICES["postgres"]["image"]
    assert SERVICES["scratch"]["image"] == SERVICES["postgres"]["image"]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_is_bound_to_this_machine_on_a_free_port(service: str) -> None:
    assert SERVICES[service]["ports"] == ["127.0.0.1:0:5432"]
    assert not {"restart", "container_name"} & set(SERVICES[service])
    assert "mem_limit" in SERVICES[service]
    assert "--host=127.0.0.1" in SERVICES[service]["healthcheck"]["test"]
    assert "start_interval" not in SERVICES[service]["healthcheck"]


def test_only_the_development_server_has_data_that_outlive_it() -> None:
    assert SERVICES["postgres"]["volumes"] == ["development:/var/lib/postgresql"]
    assert all("volumes" not in SERVICES[name] for name in SERVICES if name != "postgres")
    assert all("profiles" in SERVICES[name] for name in SERVICES if name != "postgres")


def test_data_in_memory_lie_where_each_major_keeps_them() -> None:
    assert SERVICES["scratch"]["tmpfs"] == "/var/lib/postgresql"
    assert all(SERVICES[f"scratch-{major}"]["tmpfs"] == "/var/lib/postgresql/data" for major in (15, 16, 17))


def test_every_supported_major_has_a_service() -> None:
    assert {compose._scratch_service(major) for major in SUPPORTED_MAJORS} <= set(SERVICES)
    assert {profile for one in SERVICES.values() for profile in one.get("profiles", [])} == set(compose._PROFILES)


def test_the_kits_definition_is_used_where_the_project_has_none_for_it(settings: Settings) -> None:
    assert compose.definition(settings) == ROOT / "compose.yaml"
    (settings.root / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    assert compose.definition(settings) == ROOT / "compose.yaml"
    (settings.root / "compose.yaml").write_text("x-lamin-migrate-kit: 1\nservices: {postgres: {image: ours}}\n")
    assert compose.definition(settings) == settings.root / "compose.yaml"


def test_two_worktrees_have_projects_of_their_own(settings: Settings) -> None:
    other = dataclasses.replace(settings, root=settings.root / "worktree")
    assert compose.project_name(settings) != compose.project_name(other)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", compose.project_name(settings))


# --- an Engine that is not there, or in trouble


def test_no_docker_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="docker is not installed"):
        docker.refuse_without_docker()


def test_a_docker_whose_engine_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # `docker info` with a format prints an empty line and, before release 23, says that all is well.
    for script in ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "echo; exit 0"):
        fake_docker(tmp_path, monkeypatch, script)
        with pytest.raises(Unavailable, match="no Docker Engine answers"):
            docker.refuse_without_docker()


def test_a_docker_without_compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_docker(tmp_path, monkeypatch, '[ "$1" = info ] && echo 20.10 || exit 1')
    with pytest.raises(Unavailable, match="no Compose v2"):
        docker.refuse_without_docker()


def test_an_engine_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "_PROBE_SECONDS", 0.2)
    fake_docker(tmp_path, monkeypatch, "sleep 20; true")  # a child that holds the output, as Compose is
    began = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer"):
        docker.refuse_without_docker()
    assert time.monotonic() - began < 10


CONFIG = '{"services": {"scratch": {"image": "postgres:18-trixie"}}}'


@pytest.mark.parametrize(
    ("script", "says", "details"),
    [
        (
            """*config* | *" up "*) echo 'yaml: line 3: mapping values' >&2; exit 15;;""",
            "compose.yaml cannot be used",
            "line 3",
        ),
        (
            f"""*config*) echo '{CONFIG}';; *inspect*) exit 1;; *pull*) echo 'no such host' >&2; exit 1;;""",
            "The image postgres:18-trixie cannot be pulled",
            "no such host",
        ),
        (
            f"""*config*) echo '{CONFIG}';; *up*) echo 'is unhealthy' >&2; exit 1;; *logs*) echo 'FATAL: full';;""",
            "The container did not start",
            "FATAL: full",
        ),
        ("""*"project=lamin"*) ;;""", "started, and stopped again", ""),
        ("""*"project=lamin"*) printf 'exited\\tExited (1) 1 second ago\\tp\\ts\\t\\n';;""", "and stopped again", ""),
        ("""*"project=lamin"*) printf 'running\\tUp 1 second\\tp\\ts\\t5432/tcp\\n';;""", "gives no port of this", ""),
        (
            """*"project=lamin"*) printf 'running\\tUp 1 minute (unhealthy)\\tp\\ts\\t127.0.0.1:9->5432/tcp\\n';;
            *logs*) echo 'FATAL: full';;""",
            "The container is not healthy",
            "FATAL: full",
        ),
        (
            """*"project=lamin"*) printf 'running\\tUp 1 minute (healthy)\\tp\\ts\\t127.0.0.1:9->5432/tcp\\n';;""",
            "The server cannot be reached",
            "Connection refused",
        ),
        ("""*config*) echo '{}';; *" up "*) exit 1;;""", "has no service 'scratch'", ""),
    ],
)
def test_an_engine_in_trouble_is_a_clear_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str, details: str
) -> None:
    log = tmp_path / "calls"
    fake_docker(
        tmp_path, monkeypatch, f'echo "$*" >>"{log}"\ncase "$*" in "info "* | *version*) echo 20.10;; {script} esac'
    )
    named = dataclasses.replace(settings, provider="compose")
    with pytest.raises(ServerError, match=re.escape(says)) as caught, open_server(named):
        pass
    assert details in str(caught.value)
    assert "LAMIN_MIGRATE_PROVIDER=embedded" in str(caught.value.next_command)
    # And nothing of it stays.
    last = log.read_text().splitlines()[-1]
    assert "down --volumes" in last
    assert f"-p {compose.project_name(settings)}-" in last
