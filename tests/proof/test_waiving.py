"""What may stay NOT PROVEN is named, with a reason; a proof that failed cannot be waived."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.proof.run import PROVERS, prove_module
from lamin_migrate_kit.proof.waiving import check_waivers, idle_waivers, waived
from lamin_migrate_kit.report.model import Environment, Proof, Report, Status
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.settings import Settings, read_settings

ON = Environment("0.1.0", "3.13.5", "2.1.9", "1.20.1", "system Postgres 18.6", "system", True)
UNPROVEN = Proof("stairway", "up, down and up again", Status.NOT_PROVEN, summary="bbbb cannot be taken back")


def settings_of(folder: Path, table: str) -> Settings:
    (folder / "pyproject.toml").write_text(f"[tool.lamin_migrate_kit]\n{table}\n")
    return read_settings(folder, {})


def test_waivers_are_read_with_their_reasons(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 'waive = { stairway = "no way back", old-code = "first release" }')
    assert settings.waive == (("old-code", "first release"), ("stairway", "no way back"))
    assert hash(settings.waive)


@pytest.mark.parametrize("table", ['waive = ["rows"]', 'waive = "rows"', "waive.rows = true", 'waive.rows = "  "'])
def test_waiver_without_a_reason_in_words_is_refused(tmp_path: Path, table: str) -> None:
    with pytest.raises(SettingsError, match="must be a table of reasons"):
        settings_of(tmp_path, table)


def test_waiver_of_a_proof_that_does_not_exist_is_refused_before_anything_runs(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, waive=(("stairways", "a slip"),))
    with pytest.raises(SettingsError, match="waives stairways, and there is no such proof; there are: history"):
        prove_module(settings, command="ci", every=False, progress=Progress())


def test_every_proof_may_be_waived_by_its_name() -> None:
    names = [prover.name for prover in PROVERS]
    check_waivers(dict.fromkeys(names, "for a reason"), names)


def test_what_was_not_proven_carries_its_waiver_and_lets_a_release_go_on() -> None:
    report = Report("release", "core", ON, (waived(UNPROVEN, {"stairway": "data is folded"}),))
    assert report.proofs[0].waived == "data is folded"
    assert report.unwaived == ()
    assert Report("release", "core", ON, (waived(UNPROVEN, {}),)).unwaived == (UNPROVEN,)


def test_what_failed_is_not_waived() -> None:
    failed = replace(UNPROVEN, status=Status.FAILED)
    assert waived(failed, {"stairway": "data is folded"}) == failed


def test_waiver_that_nothing_needs_any_more_is_said() -> None:
    proven = replace(UNPROVEN, status=Status.PASSED)
    assert "stairway" in idle_waivers((proven,), {"stairway": "data is folded"})[0]
    assert not idle_waivers((UNPROVEN,), {"stairway": "data is folded"})
