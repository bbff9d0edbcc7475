"""`migrate.generate` as it is typed: options, questions, and nothing written when it stops."""

from __future__ import annotations

import json

import pytest

from tests.tasks.stage import RENAME, Stage

pytestmark = pytest.mark.slow
FLAG = "core.notebook.v:language"


@pytest.fixture
def undecided(stage: Stage) -> Stage:
    """A field has gone and another has come; nobody can know whether it is the same."""
    stage.edit(stage.models, "    v: str = Field(", "    language: str = Field(")
    return stage


def test_nothing_to_generate_writes_nothing(stage: Stage) -> None:
    before = stage.files()
    done = stage.invoke("migrate.generate")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "nothing to generate: models and revisions agree"
    assert stage.files() == before


def test_what_is_said_when_there_is_nothing_to_generate_has_no_gaps(stage: Stage) -> None:
    shown = stage.invoke("migrate.generate").stdout
    assert shown.endswith("\n\nnothing to generate: models and revisions agree\n")
    assert "\n\n\n" not in shown


def test_undecided_rename_stops_with_both_flags_and_writes_nothing(undecided: Stage) -> None:
    before = undecided.files()
    done = undecided.invoke("migrate.generate")
    assert done.returncode == 2
    assert f"--rename {FLAG}" in done.stderr
    assert f"--no-rename {FLAG}" in done.stderr
    assert undecided.files() == before


def test_undecided_rename_in_json_is_an_error_with_both_flags(undecided: Stage) -> None:
    code, shown = undecided.json("migrate.generate")
    assert (code, shown["status"], shown["error"]["kind"]) == (2, "error", "DecisionNeeded")
    assert f"--rename {FLAG}" in shown["error"]["next"]


def test_flag_decides(undecided: Stage) -> None:
    done = undecided.invoke("migrate.generate", "--rename", FLAG)
    assert done.returncode == 0, done.stderr
    assert RENAME.replace("version", "language") in undecided.unreleased.read_text()


def test_at_a_terminal_it_asks_shows_the_evidence_and_takes_the_best_guess(undecided: Stage) -> None:
    code, shown = undecided.at_a_terminal("migrate.generate", answers=["?", "what", ""])
    assert code == 0, shown
    assert "same type" in shown
    assert "ALTER TABLE core.notebook RENAME COLUMN v TO language" in shown
    assert "ALTER TABLE core.notebook DROP COLUMN v" in shown
    assert "Please answer with a number" in shown
    assert RENAME.replace("version", "language") in undecided.unreleased.read_text()


def test_end_of_input_at_the_question_writes_nothing(undecided: Stage) -> None:
    before = undecided.files()
    code, shown = undecided.at_a_terminal("migrate.generate", answers=["^D"])
    assert code == 2, shown
    assert f"--rename {FLAG}" in shown
    assert undecided.files() == before


def test_no_input_at_a_terminal_asks_nothing(undecided: Stage) -> None:
    code, shown = undecided.at_a_terminal("migrate.generate", "--no-input", answers=[])
    assert code == 2, shown
    assert "for why" not in shown


def test_message_and_id_stand_in_the_file(stage: Stage) -> None:
    stage.rename_v()
    done = stage.invoke("migrate.generate", "--message", "Say version.", "--revision-id", "dd2b4a9499f2")
    assert done.returncode == 0, done.stderr
    text = stage.unreleased.read_text()
    assert text.startswith('"""vX.X.X.\n\nSay version.\n"""')
    assert "revision = 'dd2b4a9499f2'" in text


def test_json_says_what_was_written(stage: Stage) -> None:
    stage.rename_v()
    code, shown = stage.json("migrate.generate")
    assert (code, shown["status"]) == (0, "generated")
    assert (stage.root / shown["path"]).read_text() == shown["text"]
    assert shown["upgrade"][-1] == RENAME
    assert [proof["status"] for proof in shown["proofs"]] == ["PASSED"] * len(shown["proofs"])
    assert shown["proofs"]
    assert shown["renames"][0]["outcome"] == "decided"


def test_json_of_nothing_to_generate(stage: Stage) -> None:
    code, shown = stage.json("migrate.generate")
    assert (code, shown["status"], shown["path"]) == (0, "nothing", None)


def test_dry_run_of_invoke_writes_nothing(stage: Stage) -> None:
    stage.rename_v()
    before = stage.files()
    done = stage.invoke("--dry", "migrate.generate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == RENAME
    code, shown = stage.json("--dry", "migrate.generate")
    assert (code, shown["status"], shown["operations"][-1]) == (0, "planned", RENAME)
    assert shown["environment"]["settings"]
    assert stage.files() == before


def test_decision_about_what_is_not_there_is_refused(stage: Stage) -> None:
    stage.rename_v()
    before = stage.files()
    done = stage.invoke("migrate.generate", "--rename", "core.nothing.a:b")
    assert done.returncode == 2
    assert "core.nothing" in done.stderr
    assert stage.files() == before


@pytest.mark.parametrize("argument", ["--format=json", "--format=text"])
def test_machines_get_one_document_and_people_get_text(stage: Stage, argument: str) -> None:
    done = stage.invoke("migrate.generate", argument)
    if argument.endswith("json"):
        json.loads(done.stdout)
    else:
        assert done.stdout.startswith("lamin_migrate_kit")
