"""The way of the README, as an author types it."""

from __future__ import annotations

import pytest

from tests.tasks.stage import RENAME, Stage

pytestmark = pytest.mark.slow


def test_generate_prove_release(stage: Stage) -> None:
    stage.rename_v()
    generated = stage.invoke("migrate.generate", "--revision-id", "dd2b4a9499f2")
    assert generated.returncode == 0, generated.stderr
    assert f"    {RENAME}" in stage.unreleased.read_text().splitlines()
    assert '_migration = "dd2b4a9499f2"' in stage.init_file.read_text()
    proven = stage.invoke("ci")
    assert proven.returncode == 0, proven.stdout
    assert proven.stdout.splitlines()[-1].startswith("schema proven; rows proven")
    stage.commit()
    released = stage.invoke("release", "1.0.0")
    assert released.returncode == 0, released.stderr
    (path,) = stage.versions.glob("*-dd2b4a9499f2-v1_0_0.py")
    assert path.read_text().startswith('"""v1.0.0."""')
    assert '__version__ = "1.0.0"' in stage.init_file.read_text()


def test_manual_way(stage: Stage) -> None:
    stage.rename_v()
    assert stage.invoke("migrate.generate", "--empty").returncode == 0
    failed = stage.invoke("ci")
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-1] == RENAME
    head, _, tail = stage.unreleased.read_text().partition("    pass")
    stage.unreleased.write_text(f"{head}    {RENAME}{tail}")
    proven = stage.invoke("ci")
    assert proven.returncode == 0, proven.stdout
    assert "NOT PROVEN  up, down and up again" in proven.stdout


def test_ci_writes_nothing(stage: Stage) -> None:
    stage.rename_v()
    before = stage.files()
    assert stage.invoke("ci", "--all").returncode == 1
    assert stage.files() == before


def test_whole_history_of_the_example_holds(stage: Stage) -> None:
    code, shown = stage.json("ci", "--all")
    assert (code, shown["status"]) == (0, "passed")
    assert {proof["name"]: proof["status"] for proof in shown["proofs"]}["stairway"] == "PASSED"


def test_ci_in_json_names_the_missing_operation(stage: Stage) -> None:
    stage.rename_v()
    code, shown = stage.json("ci")
    assert (code, shown["status"], shown["command"], shown["format"]) == (1, "failed", "ci", 1)
    assert shown["missing"][-1] == RENAME
    assert shown["environment"]["provider"] == "url"


def test_two_runs_give_the_same_json_but_for_times(stage: Stage) -> None:
    def without_times() -> object:
        _, shown = stage.json("ci")
        for proof in shown["proofs"]:
            proof.pop("seconds")
        return shown

    assert without_times() == without_times()


def test_two_heads_are_a_failed_proof(stage: Stage) -> None:
    newest = sorted(stage.versions.glob("*.py"))[-1]
    for id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        text = newest.read_text().replace("8280855a5064", id).replace("6a73c00555b4", "8280855a5064")
        (stage.versions / f"2023-03-01-{id}-vx_x_x.py").write_text(text)
    done = stage.invoke("ci")
    assert done.returncode == 1
    assert "aaaaaaaaaaaa" in done.stdout
    assert "bbbbbbbbbbbb" in done.stdout
    assert "invoke migrate.rebase" in done.stdout


def test_two_heads_that_do_not_touch_come_into_line(stage: Stage) -> None:
    newest = sorted(stage.versions.glob("*.py"))[-1].read_text()
    head = newest.partition("def upgrade")[0].replace("v0.33.8", "vX.X.X").replace("6a73c00555b4", "8280855a5064")
    for id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        up, down = (
            f'op.execute("{word} TABLE core.by_{id}{rest}")' for word, rest in (("CREATE", " ()"), ("DROP", ""))
        )
        text = head.replace('"8280855a5064"', f'"{id}"', 1).replace("'8280855a5064'", f"'{id}'", 1)
        text = f"{text}def upgrade() -> None:\n    {up}\n\n\ndef downgrade() -> None:\n    {down}\n"
        (stage.versions / f"2023-03-01-{id}-vx_x_x.py").write_text(text)
    planned = stage.invoke("migrate.rebase", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert 'would set down_revision = "aaaaaaaaaaaa"' in planned.stdout
    code, shown = stage.json("migrate.rebase")
    assert (code, shown["status"], shown["moved"], shown["onto"]) == (0, "rebased", ["bbbbbbbbbbbb"], "aaaaaaaaaaaa")
    assert '_migration = "bbbbbbbbbbbb"' in stage.init_file.read_text()
    assert stage.json("migrate.rebase")[1]["status"] == "nothing"


def test_models_that_do_not_import_are_shown_by_the_authors_line(stage: Stage) -> None:
    stage.models.write_text("import nonsense_that_is_not_there\n" + stage.models.read_text())
    done = stage.invoke("ci")
    assert done.returncode == 2
    assert "models.py:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_server_that_is_not_there_is_said_without_the_password(stage: Stage) -> None:
    done = stage.invoke("ci", LAMIN_MIGRATE_SERVER_URL="postgresql://ada:hunter2@127.0.0.1:1/x")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
