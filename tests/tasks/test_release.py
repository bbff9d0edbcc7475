"""`release` as it is typed: proofs first, then all changes or none; each refusal by its own message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.stage import RENAME, Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """One unreleased revision, all of it committed."""
    stage.rename_v()
    path = stage.versions / "2023-02-16-dd2b4a9499f2-vx_x_x.py"
    newest = sorted(stage.versions.glob("*.py"))[-1].read_text()
    head = newest.partition("def upgrade")[0].replace('"""v0.33.8', '"""vX.X.X')
    head = head.replace("8280855a5064", "dd2b4a9499f2").replace("6a73c00555b4", "8280855a5064")
    back = RENAME.replace('"v"', '"x"').replace('"version"', '"v"').replace('"x"', '"version"')
    path.write_text(f"{head}def upgrade() -> None:\n    {RENAME}\n\n\ndef downgrade() -> None:\n    {back}\n")
    stage.edit(stage.init_file, "8280855a5064", "dd2b4a9499f2")
    stage.commit()
    return stage


def refused(stage: Stage, *arguments: str, code: int = 2) -> str:
    before = stage.files()
    done = stage.invoke("release", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert stage.files() == before
    return done.stderr


def test_release_says_what_to_commit(ready: Stage) -> None:
    done = ready.invoke("release", "1.0.0")
    assert done.returncode == 0, done.stderr
    assert "released lnschema_core 1.0.0" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("next: git add --all lnschema_core")


def test_dry_run_shows_a_diff_and_changes_nothing(ready: Stage) -> None:
    before = ready.files()
    done = ready.invoke("release", "1.0.0", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert '+__version__ = "1.0.0"' in done.stdout.splitlines()
    assert ready.files() == before


def test_invokes_dry_run_changes_nothing_either(ready: Stage) -> None:
    before = ready.files()
    assert ready.invoke("--dry", "release", "1.0.0").returncode == 0
    assert ready.files() == before


def test_json_lists_the_changes(ready: Stage) -> None:
    code, shown = ready.json("release", "1.0.0")
    assert (code, shown["status"], shown["version"]) == (0, "released", "1.0.0")
    assert shown["environment"]["settings"]
    assert shown["revisions"] == ["dd2b4a9499f2"]
    assert any(change["target"].endswith("2023-02-16-dd2b4a9499f2-v1_0_0.py") for change in shown["files"])


def test_failed_proofs_refuse_and_are_shown(ready: Stage) -> None:
    ready.edit(ready.models, "    version: str = Field(", "    edition: str = Field(")
    ready.commit()
    assert "1.0.0 was not released: 1 of 12 proofs failed" in refused(ready, "1.0.0", code=1)
    code, shown = ready.json("release", "1.0.0")
    assert (code, shown["status"], shown["error"]["kind"]) == (1, "failed", "ProofFailed")


def test_what_is_not_proven_refuses_unless_it_is_waived_with_a_reason(ready: Stage) -> None:
    (path,) = ready.versions.glob("*-vx_x_x.py")
    path.write_text(path.read_text().partition("def downgrade")[0] + "def downgrade() -> None:\n    pass\n")
    ready.commit()
    said = refused(ready, "1.0.0", code=1)
    assert "1.0.0 was not released: schema proven; rows proven; the way back NOT PROVEN" in said
    assert "[tool.lamin_migrate_kit.waive]" in said
    ready.edit(
        ready.root / "pyproject.toml", "[tool.lamin", '[tool.lamin_migrate_kit.waive]\nstairways = "x"\n\n[tool.lamin'
    )
    assert "stairways, and there is no such proof" in refused(ready, "1.0.0", "--allow-dirty")
    ready.edit(ready.root / "pyproject.toml", 'stairways = "x"', 'stairway = "the rename is not taken back"')
    done = ready.invoke("release", "1.0.0", "--allow-dirty")
    assert done.returncode == 0, done.stderr
    assert "the way back NOT PROVEN (waived)" in done.stdout


def test_uncommitted_changes_refuse_unless_allowed(ready: Stage) -> None:
    ready.edit(ready.init_file, '_name = "core"', '_name = "core"  # kept')
    assert "uncommitted" in refused(ready, "1.0.0")
    assert ready.invoke("release", "1.0.0", "--allow-dirty").returncode == 0


@pytest.mark.parametrize(("version", "said"), [("one", "PEP 440"), ("0.33.8", "not greater"), ("0.1.0", "not greater")])
def test_version_that_cannot_be_is_refused(ready: Stage, version: str, said: str) -> None:
    assert said in refused(ready, version)


def test_nothing_unreleased_refuses_unless_allowed(stage: Stage) -> None:
    stage.commit()
    assert "no unreleased revision" in refused(stage, "1.0.0")
    done = stage.invoke("release", "1.0.0", "--no-migration")
    assert done.returncode == 0, done.stderr
    assert '__version__ = "1.0.0"' in stage.init_file.read_text()


def test_released_module_still_holds_all_its_proofs(ready: Stage) -> None:
    assert ready.invoke("release", "1.0.0").returncode == 0
    code, shown = ready.json("ci")
    assert (code, shown["status"]) == (0, "passed")


def test_released_revision_that_changes_afterwards_is_found(ready: Stage) -> None:
    assert ready.invoke("release", "1.0.0").returncode == 0
    (path,) = ready.versions.glob("*-v1_0_0.py")
    path.write_text(path.read_text() + "\n# one more line\n")
    code, shown = ready.json("ci")
    failed = [proof["name"] for proof in shown["proofs"] if proof["status"] == "FAILED"]
    assert (code, failed) == (1, ["checksums"])


def test_paths_are_relative_to_the_project(ready: Stage, tmp_path: Path) -> None:
    assert str(tmp_path) not in ready.invoke("release", "1.0.0").stdout
