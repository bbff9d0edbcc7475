"""What holds on one Postgres may not hold on another: each major that is named is tried, or shown as not proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.proof.run import prove_module
from lamin_migrate_kit.report.model import Proof, Status
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.servers import Server, compose, system
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.settings import Settings, read_settings
from tests.proof.project import ADD, REMOVE, Project

pytestmark = pytest.mark.slow


@pytest.fixture
def here(project: Project, server: Server) -> Settings:
    url = server.url.render_as_string(hide_password=False)
    return replace(project.settings(), server_url=url, provider="url")


def proven(settings: Settings, *majors: int) -> list[Proof]:
    report = prove_module(replace(settings, postgres=majors), command="ci", every=False, progress=Progress())
    return [proof for proof in report.proofs if proof.name.startswith("postgres-")]


def test_every_other_major_is_proven_on_a_server_of_its_own(here: Settings, server15: Server) -> None:
    (proof,) = proven(here, 15, 18)
    assert (proof.name, proof.status, proof.summary) == (
        "postgres-15",
        Status.PASSED,
        f"system Postgres {server15.version} (not the pinned major 18), 7 proofs",
    )


def test_what_is_proven_nowhere_is_not_counted_as_proven_on_another_major(
    project: Project, here: Settings, server15: Server
) -> None:
    project.revision("bbbb", "aaaa", ADD)
    (proof,) = proven(here, 15, 18)
    assert proof.status is Status.PASSED
    assert proof.summary.endswith(", 6 proofs; stairway NOT PROVEN there either")


def test_what_the_lowest_does_not_know_is_found_there(project: Project, here: Settings, server15: Server) -> None:
    project.revision("bbbb", "aaaa", f'{ADD}\nop.execute("SELECT uuidv7()")', REMOVE)
    (proof,) = proven(here, 15, 18)
    assert proof.status is Status.FAILED
    assert "upgrade failed" in proof.summary
    assert "On Postgres 15, upgrade: Revision bbbb failed in upgrade(): function uuidv7() does not exist" in (
        proof.findings[0].message
    )
    assert proof.findings[0].file is not None


def test_major_that_is_not_to_be_had_is_not_proven_with_the_reason(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object) -> None:
        raise Unavailable("nobody has installed it")

    monkeypatch.setattr(system, "find_binaries", nowhere)
    monkeypatch.setattr(compose, "refuse_without_engine", nowhere)
    (proof,) = proven(replace(here, waive=(("postgres-16", "ours are all 18"),)), 16, 18)
    assert (proof.status, proof.waived) == (Status.NOT_PROVEN, "ours are all 18")
    assert proof.summary.startswith("no Postgres 16 is to be had")


def test_server_of_the_only_major_needs_no_other_one(here: Settings) -> None:
    assert proven(here, 18) == []


@pytest.mark.parametrize("value", ['"15"', "[15, 18]", '["9.6"]', "[]", '["15", 18]'])
def test_majors_that_are_none_are_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.lamin_migrate_kit]\npostgres = {value}\n")
    with pytest.raises(SettingsError, match="postgres must be a list of supported majors"):
        read_settings(tmp_path, {})


def test_majors_are_read_in_order_and_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.lamin_migrate_kit]\npostgres = ["18", "15", "18"]\n')
    assert read_settings(tmp_path, {}).postgres == (15, 18)


def test_what_is_generated_is_proven_on_the_lowest(project: Project, server15: Server) -> None:
    from contextlib import ExitStack

    from lamin_migrate_kit.tasks.generating import _on_lowest

    with ExitStack() as stack:
        settings = replace(project.settings(), provider="system", postgres=(15, 18))
        assert _on_lowest(stack, settings).server.major == 15
    with ExitStack() as stack:
        # The wheel has the newest alone: better there than not at all.
        settings = replace(project.settings(), provider="embedded", postgres=(15, 18))
        assert _on_lowest(stack, settings).server.major == 18
