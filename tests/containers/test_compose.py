"""compose.yaml and the commands on it, with a real Engine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lamin_migrate_kit.fingerprint import server_settings
from lamin_migrate_kit.servers.compose import service_url
from lamin_migrate_kit.servers.server import describe_server
from lamin_migrate_kit.settings import SUPPORTED_MAJORS
from tests.containers.checkouts import (
    DOCKER_SECONDS,
    ROOT,
    Checkout,
    docker,
    finish,
    leftovers,
    postgres_image,
    require_image,
    without_times_and_ids,
)

PROFILES = ("scratch", "17", "16", "15")


def compose(project: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", "-f", str(ROOT / "compose.yaml"), "-p", project, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DOCKER_SECONDS)


# --- the definition


@pytest.mark.parametrize("profile", PROFILES)
def test_compose_accepts_every_profile(profile: str) -> None:
    done = compose("kit-test-config", "--profile", profile, "config", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
def test_every_profile_comes_up_and_is_that_major(major: int) -> None:
    require_image(postgres_image(major))
    profile = service = "scratch"
    if major != max(SUPPORTED_MAJORS):
        profile, service = str(major), f"scratch-{major}"
    project = f"kit-test-up-{major}-{os.getpid()}"
    try:
        done = compose(project, "--profile", profile, "up", "--detach", "--wait", service)
        assert done.returncode == 0, done.stderr
        host, port = compose(project, "port", service, "5432").stdout.strip().split(":")
        assert host == "127.0.0.1"
        server = describe_server("compose", service_url(host, int(port)), own=True)
        assert (server.major, dict(server_settings(server))["fsync"]) == (major, "off")
        assert docker("volume", "ls", "--quiet", "--filter", f"name={project}") == ""
    finally:
        compose(project, "--profile", "*", "down", "--volumes", "--timeout", "0")
    assert leftovers(project) == []


# --- the development server


def test_data_outlive_down_and_not_reset(checkout: Checkout) -> None:
    up = checkout.invoke("db.up")
    assert up.returncode == 0, up.stderr
    assert "compose Postgres 18" in up.stdout
    assert "waiting for the container to answer (up to 90 s)" in up.stderr
    checkout.done("db.psql", "--command", "CREATE TABLE kept (id int)")
    checkout.done("db.down")
    assert checkout.invoke("db.status").returncode == 1
    checkout.done("db.up")
    assert "kept" in checkout.done("db.psql", "--command", "\\dt")
    checkout.done("db.reset", "--yes")
    assert "kept" not in checkout.done("db.psql", "--command", "\\dt")
    assert checkout.done("db.url").startswith("postgresql://postgres:postgres@127.0.0.1:")


def test_a_warm_start_costs_one_start_of_compose(checkout: Checkout, tmp_path: Path) -> None:
    # Each program takes its time on a busy machine; this is what makes `db.up` quick.
    checkout.done("db.up")
    checkout.done("db.down")
    log, program = tmp_path / "asked", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>"{log}"\nexec {shutil.which("docker")} "$@"\n')
    program.chmod(0o755)
    checkout.done("db.up", PATH=f"{program.parent}:{os.environ['PATH']}")
    asked = [line.split()[0] for line in log.read_text().splitlines()]
    assert asked[:4] == ["ps", "volume", "compose", "ps"]
    assert set(asked[4:]) <= {"ps"}, "asked again until it answers"


def interrupt_start(checkout: Checkout) -> subprocess.CompletedProcess[str]:
    """Ctrl-C as soon as the container runs."""
    with checkout.start("db.up") as starting:
        while starting.poll() is None and not docker("ps", "--quiet", "--filter", f"name={checkout.project}"):
            time.sleep(0.02)
        starting.send_signal(signal.SIGINT)
        began = time.monotonic()
        done = finish(starting)
    assert time.monotonic() - began < 25, "what does not listen is not waited for"
    return done


def test_ctrl_c_in_the_first_start_leaves_nothing(checkout: Checkout) -> None:
    done = interrupt_start(checkout)
    assert done.returncode == 130, done.stdout + done.stderr
    assert "Stopped by Ctrl-C. The development server does not run." in done.stderr
    assert "Traceback" not in done.stderr
    assert leftovers(checkout.project) == []
    checkout.done("db.up")


def test_ctrl_c_in_a_later_start_keeps_the_data(checkout: Checkout) -> None:
    checkout.done("db.up")
    checkout.done("db.psql", "--command", "CREATE TABLE kept (id int)")
    checkout.done("db.down")
    done = interrupt_start(checkout)
    assert done.returncode in (0, 130), done.stdout + done.stderr  # 0: it was quicker
    if done.returncode == 130:
        assert leftovers(checkout.project) == [f"{checkout.project}_development"]
    checkout.done("db.up")
    assert "kept" in checkout.done("db.psql", "--command", "\\dt")


def test_data_that_the_image_cannot_use_are_told_with_the_way_out(checkout: Checkout) -> None:
    checkout.done("db.up")
    checkout.done("db.down")
    script = "rm /var/lib/postgresql/*/docker/global/pg_control"
    volume = f"{checkout.project}_development:/var/lib/postgresql"
    docker("run", "--rm", "--volume", volume, "--entrypoint", "bash", postgres_image(18), "-c", script)
    done = checkout.invoke("db.up")
    assert done.returncode == 2
    assert "The container started, and stopped again." in done.stderr
    assert "pg_control" in done.stderr
    assert "invoke db.reset" in done.stderr
    checkout.done("db.reset", "--yes")
    checkout.done("db.up")


def at_once(one: Checkout, other: Checkout, task: str) -> None:
    for done in [finish(process) for process in (one.start(task), other.start(task))]:
        assert done.returncode == 0, done.stdout + done.stderr


def test_two_worktrees_have_servers_of_their_own(make_checkout: Callable[[str], Checkout]) -> None:
    one, other = make_checkout("one"), make_checkout("other")
    at_once(one, other, "db.up")
    one.done("db.psql", "--command", "CREATE TABLE of_one (id int)")
    assert "of_one" not in other.done("db.psql", "--command", "\\dt")
    one.done("db.down")
    other.done("db.psql", "--command", "SELECT 1")


def test_two_worktrees_are_proven_at_once(make_checkout: Callable[[str], Checkout]) -> None:
    one, other = make_checkout("one"), make_checkout("other")
    at_once(one, other, "ci")
    assert [leftovers(checkout.project) for checkout in (one, other)] == [[], []]


def test_a_stranger_with_the_kits_image_is_left_alone(checkout: Checkout) -> None:
    stranger = docker("run", "--detach", "-e", "POSTGRES_HOST_AUTH_METHOD=trust", "postgres:18-trixie")
    try:
        for task in ("db.up", "db.reset --yes", "db.down"):
            checkout.done(*task.split())
        assert docker("inspect", "--format", "{{.State.Running}}", stranger) == "true"
    finally:
        docker("rm", "--force", "--volumes", stranger)


# --- proofs


def test_ci_says_in_a_container_what_it_says_with_the_embedded_postgres(checkout: Checkout) -> None:
    contained = checkout.json("ci")
    embedded = checkout.json("ci", LAMIN_MIGRATE_PROVIDER="embedded")
    assert contained["status"] == "passed"
    assert without_times_and_ids(contained) == without_times_and_ids(embedded)
    assert contained["environment"]["image"].startswith("sha256:")
    assert contained["environment"]["packages"] == embedded["environment"]["packages"]
    assert leftovers(checkout.project) == []


def test_another_major_is_used_and_marked(checkout: Checkout) -> None:
    require_image(postgres_image(17))
    found = checkout.json("ci", LAMIN_MIGRATE_POSTGRES="17")
    assert found["environment"]["postgres"].startswith("compose Postgres 17.")
    assert "not the pinned major 18" in found["environment"]["postgres"]
    assert leftovers(checkout.project) == []


DOCKERFILE = """\
FROM postgres:18-trixie
RUN folder=$(find /usr -name plpgsql.control -printf %h) \\
 && echo "default_version = '1'" >$folder/kit_probe.control \\
 && echo "CREATE FUNCTION kit_probe() RETURNS int LANGUAGE sql AS 'SELECT 42'" >$folder/kit_probe--1.sql
"""


def test_another_image_has_the_extension_that_the_official_one_lacks(checkout: Checkout, tmp_path: Path) -> None:
    image = f"kit-test-{os.getpid()}:18"
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    checkout.set('extensions = ["kit_probe"]')
    refused = checkout.invoke("ci")
    assert refused.returncode == 2
    assert "does not have the extension kit_probe" in refused.stderr
    assert "a container image that has it" in refused.stderr
    docker("build", "--quiet", "--tag", image, str(tmp_path))
    try:
        checkout.set(f'image = "{image}"')
        found = checkout.json("ci")
        assert found["status"] == "passed"
        assert found["environment"]["image"] == docker("image", "inspect", "--format", "{{.Id}}", image)
        extensions = [one for one in checkout.json("doctor")["checks"] if one["name"] == "extensions"]
        assert [(one["state"], one["found"]) for one in extensions] == [("ready", "kit_probe")]
    finally:
        docker("image", "rm", "--force", image)


# --- what goes wrong: a clear message, and nothing left


def test_an_image_that_cannot_be_pulled(checkout: Checkout) -> None:
    checkout.set('image = "127.0.0.1:9/nobody/postgres:18"')
    for task in ("db.up", "ci"):
        done = checkout.invoke(task)
        assert done.returncode == 2
        assert "The image 127.0.0.1:9/nobody/postgres:18 cannot be pulled." in done.stderr
        assert "connection refused" in done.stderr
        assert "LAMIN_MIGRATE_PROVIDER=embedded" in done.stderr
        assert leftovers(checkout.project) == []


def test_a_broken_compose_file(checkout: Checkout) -> None:
    checkout.compose_file("services:\n  postgres: [\n")
    done = checkout.invoke("ci")
    assert done.returncode == 2
    assert "compose.yaml cannot be used." in done.stderr
    assert "yaml" in done.stderr
    assert str(checkout.root / "compose.yaml") in done.stderr
    assert leftovers(checkout.project) == []


def test_an_engine_that_does_not_run(checkout: Checkout, tmp_path: Path) -> None:
    for task in ("db.up", "ci"):
        done = checkout.invoke(task, DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
        assert done.returncode == 2
        assert "No Postgres could be had." in done.stderr
        assert "compose: no Docker Engine answers" in done.stderr
        assert "docker info" in done.stderr


def test_data_in_a_volume_are_not_replaced_by_an_empty_server(checkout: Checkout, tmp_path: Path) -> None:
    checkout.done("db.up")
    checkout.done("db.psql", "--command", "CREATE TABLE kept (id int)")
    checkout.done("db.down")
    nobody = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock", "LAMIN_MIGRATE_PROVIDER": ""}
    for task in ("db.up", "db.url", "db.psql"):
        done = checkout.invoke(task, **nobody)
        assert done.returncode == 2, done.stdout
        assert "The data of the development server are out of reach: no Docker Engine answers." in done.stderr
        assert f"volume {checkout.project}_development" in done.stderr
        assert "sudo systemctl start docker" in done.stderr
    status = checkout.invoke("db.status", **nobody)
    assert status.returncode == 1
    assert "It cannot be told whether the development server runs: no Docker Engine answers." in status.stdout
    assert "sudo systemctl start docker" in status.stdout
    assert checkout.json("db.status", **nobody)["status"] == "unknown"
    down = checkout.invoke("db.down", **nobody)
    assert down.returncode == 2
    assert "The development server is a container, and no Docker Engine answers." in down.stderr
    assert "compose Postgres 18" in checkout.done("db.up", LAMIN_MIGRATE_PROVIDER="")
    assert "kept" in checkout.done("db.psql", "--command", "\\dt")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be tried by root only")
def test_a_user_who_may_not_use_the_engine_is_told_so(ordinary_user: int) -> None:
    script = f"""
import os
from lamin_migrate_kit.servers.docker import refuse_without_docker
os.setgroups([])
os.setgid({ordinary_user})
os.setuid({ordinary_user})
refuse_without_docker()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "Unavailable: this user may not use the Docker Engine" in done.stderr


SERVICE = """\
services:
  {name}:
    image: postgres:18-trixie
    environment: {{POSTGRES_PASSWORD: postgres}}
    command: postgres {options}
    ports: ["127.0.0.1:{port}:5432"]
    healthcheck: {{test: [CMD, pg_isready, --host=127.0.0.1], interval: 1s, retries: 60}}
"""


def test_a_port_that_is_taken(checkout: Checkout) -> None:
    # The kit's own file takes a free one; a project's own may name one.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        checkout.compose_file(SERVICE.format(name="postgres", options="", port=port))
        done = checkout.invoke("db.up")
    assert done.returncode == 2
    assert "The container did not start." in done.stderr
    assert str(port) in done.stderr
    assert done.stderr.count("waiting for the container") == 1
    assert "address already in use" in done.stderr
    assert leftovers(checkout.project) == []


def test_a_volume_that_somebody_else_made_outlives_a_start_that_fails(checkout: Checkout) -> None:
    volume = f"kit-test-shared-{os.getpid()}"
    service = SERVICE.format(name="postgres", options="-c nonsense=1", port=0)
    checkout.compose_file(
        f"{service}    volumes: [shared:/var/lib/postgresql]\nvolumes: {{shared: {{name: {volume}}}}}\n"
    )
    docker("volume", "create", volume)
    try:
        assert checkout.invoke("db.up").returncode == 2
        assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == volume
        assert leftovers(checkout.project) == []
    finally:
        docker("volume", "rm", "--force", volume)


def test_a_server_that_does_not_start_shows_its_last_log_lines(checkout: Checkout) -> None:
    checkout.compose_file(SERVICE.format(name="scratch", options="-c nonsense=1", port=0))
    done = checkout.invoke("ci")
    assert done.returncode == 2
    assert 'unrecognized configuration parameter "nonsense"' in done.stderr
    assert "was not ready within" not in done.stderr, "a container that has ended is not waited for"
    assert leftovers(checkout.project) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("    healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}", "The container is not healthy."),
        ("    healthcheck: {disable: true}", "The container runs, and gives no port of this machine to its port 5432."),
    ],
)
def test_a_server_that_nobody_can_reach_is_not_waited_for(checkout: Checkout, line: str, says: str) -> None:
    ports = "ports: ['127.0.0.1:0:5432']" if "false" in line else "ports: ['127.0.0.1:0:5433']"
    checkout.compose_file(
        f"services:\n  postgres:\n    image: postgres:18-trixie\n    command: sleep infinity\n    {ports}\n{line}\n"
    )
    began = time.monotonic()
    done = checkout.invoke("db.up")
    assert done.returncode == 2
    assert says in done.stderr
    assert time.monotonic() - began < 60
    assert leftovers(checkout.project) == []


def wait_for_container(project: str) -> str:
    """The id of the first container of a project that is healthy."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        listed = docker("ps", "--filter", "health=healthy", "--format", "{{.ID}} {{.Names}}")
        for line in listed.splitlines():
            container, name = line.split()
            if name.startswith(project):
                return container
        time.sleep(0.1)
    raise AssertionError("no container became healthy")


def test_a_container_that_is_killed_while_ci_runs(checkout: Checkout) -> None:
    with checkout.start("ci", "--all") as running:
        assert running.stdout
        for line in running.stdout:
            if "chain with one head" in line:
                break
        docker("kill", wait_for_container(checkout.project))
        rest, errors = running.communicate(timeout=120)
    assert running.returncode == 2, rest + errors
    assert "compose Postgres 18" in errors
    assert "stopped answering while it was in use" in errors
    assert "Traceback" not in rest + errors
    assert leftovers(checkout.project) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_ci_that_is_stopped_takes_its_container_along(checkout: Checkout, number: signal.Signals) -> None:
    with checkout.start("ci", "--all") as running:
        wait_for_container(checkout.project)
        running.send_signal(number)
        running.communicate(timeout=120)
    assert running.returncode != 0
    assert leftovers(checkout.project) == []
