"""Data loss without a decision fails; what is decided, or was measured to be harmless, does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamin_migrate_kit.proof.hazards import proof as proofs
from lamin_migrate_kit.proof.hazards import squawk
from lamin_migrate_kit.proof.hazards.proof import prove_hazards
from lamin_migrate_kit.proof.locks.trace import trace_unreleased
from lamin_migrate_kit.report.model import Proof, Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import ADD, CREATE, DROP, REMOVE, Project

Bench = Callable[[], Workbench]
INDEX = 'op.create_index("ix", "note", ["id"], schema="core")'
ALLOW = "# migrate-kit: allow=index-without-concurrently because it is small"


def proven(bench: Bench) -> Proof:
    opened = bench()
    return prove_hazards(opened, lambda: trace_unreleased(opened))


def rules(proof: Proof) -> list[str | None]:
    return [finding.rule for finding in proof.findings]


@pytest.fixture
def with_column(project: Project) -> Project:
    """A released table with a column to lose."""
    project.revision("aaaa", None, f"{CREATE}\n{ADD}", DROP, version="0_1_0")
    return project


def test_harmless_revision_passes(project: Project, bench: Bench) -> None:
    proof = proven(bench)
    assert (proof.status, proof.summary, proof.findings) == (Status.PASSED, "none", ())


def test_data_loss_without_a_decision_fails_with_its_line(with_column: Project, bench: Bench) -> None:
    with_column.revision("bbbb", "aaaa", REMOVE, ADD)
    proof = proven(bench)
    assert (proof.status, rules(proof)) == (Status.FAILED, ["drop-column"])
    (finding,) = proof.findings
    assert (finding.line, finding.severity, finding.revision) == (11, "error", "bbbb")
    assert "squawk says the same: ban-drop-column" in finding.details


@pytest.mark.parametrize(
    "comment",
    [
        "# migrate-kit: drop core.note.body because nobody reads it",
        '# migrate-kit: drop core."note"."body" because nobody reads it',
        "# migrate-kit: allow=drop-column because nobody reads it",
    ],
)
def test_recorded_decision_passes(with_column: Project, bench: Bench, comment: str) -> None:
    with_column.revision("bbbb", "aaaa", f"{comment}\n{REMOVE}", ADD)
    assert proven(bench).status is Status.PASSED


def test_decision_for_another_object_does_not_count(with_column: Project, bench: Bench) -> None:
    comment = "# migrate-kit: drop core.note.bod because nobody reads it"
    with_column.revision("bbbb", "aaaa", f"{comment}\n{REMOVE}", ADD)
    assert proven(bench).status is Status.FAILED


def test_recorded_rename_waives_the_warning(with_column: Project, bench: Bench) -> None:
    rename = 'op.alter_column("note", "body", new_column_name="text", schema="core")'
    with_column.revision("bbbb", "aaaa", rename)
    assert rules(proven(bench)) == ["rename-column"]
    with_column.revision("bbbb", "aaaa", f"# migrate-kit: rename core.note.body -> text (same type)\n{rename}")
    assert not proven(bench).findings


def test_column_renamed_after_its_table_is_known_by_its_former_name(with_column: Project, bench: Bench) -> None:
    up = """
        # migrate-kit: rename core.note -> memo
        op.rename_table("note", "memo", schema="core")
        # migrate-kit: rename core.note.body -> text
        op.alter_column("memo", "body", new_column_name="text", schema="core")
    """
    with_column.revision("bbbb", "aaaa", up)
    assert not proven(bench).findings


def test_warnings_do_not_fail(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", INDEX)
    proof = proven(bench)
    assert (proof.status, proof.summary) == (Status.PASSED, "2 warnings")
    assert rules(proof) == ["duplicate-index", "index-without-concurrently"]


@pytest.mark.parametrize("text", [f"{ALLOW}\n{INDEX}", f"{INDEX}  {ALLOW}", f"if True:\n    {ALLOW}\n    {INDEX}"])
def test_allow_waives_its_operation(project: Project, bench: Bench, text: str) -> None:
    project.revision("bbbb", "aaaa", text)
    assert rules(proven(bench)) == ["duplicate-index"]


def test_allow_waives_no_other_operation(project: Project, bench: Bench) -> None:
    second = INDEX.replace('"ix"', '"ix2"')
    project.revision("bbbb", "aaaa", f"{ALLOW}\n{INDEX}\n{second}")
    assert rules(proven(bench)).count("index-without-concurrently") == 1


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("# migrate-kit: allow=index-without-concurrently", "gives no reason"),
        ("# migrate-kit: allow=nonsense because x", "no rule"),
    ],
)
def test_waiver_that_waives_nothing_is_told(project: Project, bench: Bench, comment: str, says: str) -> None:
    project.revision("bbbb", "aaaa", f"{comment}\n{INDEX}")
    proof = proven(bench)
    assert "index-without-concurrently" in rules(proof)
    assert any(says in finding.message and finding.line == 11 for finding in proof.findings)


def test_comment_inside_a_text_decides_nothing(with_column: Project, bench: Bench) -> None:
    with_column.revision("bbbb", "aaaa", f'x = """\n# migrate-kit: drop core.note.body because x\n"""\n{REMOVE}', ADD)
    assert proven(bench).status is Status.FAILED


def test_index_on_a_table_of_the_same_revision_is_no_hazard_whatever_squawk_says(
    project: Project, bench: Bench
) -> None:
    up = """
        op.execute("CREATE TABLE core.log (id bigint PRIMARY KEY, at timestamptz)")
        op.execute("CREATE INDEX ix_log ON core.log (at)")
        op.execute("ALTER TABLE core.log ADD CHECK (id > 0)")
        op.execute("ALTER TABLE core.log ALTER at TYPE date")
        op.execute("DROP TABLE core.log")
    """
    project.revision("bbbb", "aaaa", up)
    assert not proven(bench).findings


def test_revision_that_cannot_run_is_explained(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", INDEX.replace("schema", "postgresql_concurrently=True, schema"))
    proof = proven(bench)
    assert (proof.status, rules(proof)) == (Status.FAILED, ["concurrently-in-transaction"])
    assert proof.findings[0].line == 11


def test_revision_that_fails_on_rows_for_another_reason_is_not_proven(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", 'op.execute("SELECT 1 / (3 - count(*)) FROM core.note")')
    proof = proven(bench)
    assert proof.status is Status.NOT_PROVEN
    assert "bbbb could not be run on rows" in proof.summary


def test_squawk_that_is_not_there_is_said(project: Project, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squawk.shutil, "which", lambda *_, **__: None)
    assert proven(bench).summary == "none; no second opinion: squawk is not installed"


def test_squawk_that_fails_is_said(
    project: Project, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "squawk"
    broken.write_text("#!/bin/sh\necho 'not json'\n")
    broken.chmod(0o755)
    monkeypatch.setattr(proofs, "find_squawk", lambda: broken)
    assert "no second opinion: squawk cannot be asked" in proven(bench).summary


def test_what_only_squawk_says_is_a_note_that_can_be_waived(project: Project, bench: Bench) -> None:
    drop = (
        'op.execute("ALTER TABLE core.note DROP CONSTRAINT note_pkey; ALTER DATABASE postgres SET work_mem = DEFAULT")'
    )
    project.revision("bbbb", "aaaa", drop)
    said = [finding for finding in proven(bench).findings if (finding.rule or "").startswith("squawk/")]
    assert all((finding.severity, finding.line) == ("note", 11) for finding in said)
    for finding in said:
        project.revision("bbbb", "aaaa", f"# migrate-kit: allow={finding.rule} because x\n{drop}")
        assert finding.rule not in rules(proven(bench))


def test_no_unreleased_revision_is_said(project: Project, bench: Bench) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    proof = proven(bench)
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "no unreleased revision")
