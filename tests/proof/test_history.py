"""What is wrong with revision files, their names and their checksums is found, with the place and the cure."""

from __future__ import annotations

import shlex

import pytest

from lamin_migrate_kit.proof.history import prove_checksums, prove_history, prove_names
from lamin_migrate_kit.report.model import Finding, Proof, Status
from lamin_migrate_kit.revisions.checksums import Checksum, checksum, render_checksums
from lamin_migrate_kit.revisions.history import read_history
from lamin_migrate_kit.schema_module import SchemaModule
from tests.proof.project import Project


def history_of(module: SchemaModule) -> Proof:
    return prove_history(module, lambda: read_history(module))


def names(project: Project) -> Proof:
    module = project.module()
    return prove_names(module, read_history(module))


def checksums(project: Project) -> Proof:
    module = project.module()
    return prove_checksums(module, read_history(module))


def only(proof: Proof) -> Finding:
    assert proof.status is Status.FAILED
    (finding,) = proof.findings
    return finding


def record(project: Project) -> None:
    module = project.module()
    recorded = {
        one.id: Checksum(one.id, one.version or "", checksum(one.path.read_bytes()))
        for one in read_history(module).released
    }
    module.checksums_file.write_bytes(render_checksums(recorded))


def test_linear_history_passes(project: Project) -> None:
    proof = history_of(project.module())
    assert (proof.status, proof.summary) == (Status.PASSED, "2 revisions, 1 unreleased")


def test_two_heads_are_both_named(project: Project) -> None:
    project.revision("cccc", "aaaa")
    finding = only(history_of(project.module()))
    assert "bbbb" in finding.message + finding.details
    assert "cccc" in finding.message + finding.details
    assert finding.next_command


def test_syntax_error_is_found_with_file_and_line(project: Project) -> None:
    path = project.revision("bbbb", "aaaa", "x = (")
    finding = only(history_of(project.module()))
    assert finding.file == project.module().shown(path)
    assert finding.line is not None


def test_broken_down_revision_is_found(project: Project) -> None:
    project.revision("bbbb", "nowhere")
    assert "nowhere" in only(history_of(project.module())).message


def test_agreeing_names_pass(project: Project) -> None:
    assert names(project).status is Status.PASSED


def test_stale_migration_is_found_with_the_line_to_write(project: Project) -> None:
    project.init("aaaa", "0.1.0")
    finding = only(names(project))
    assert (finding.file, finding.line) == (f"{project.package}/__init__.py", 2)
    assert '_migration = "bbbb"' in (finding.next_command or "")


def test_version_behind_the_last_release_is_found(project: Project) -> None:
    project.init("bbbb", "0.0.9")
    assert "0.0.9" in only(names(project)).message


def test_version_ahead_of_the_last_release_is_a_release_without_migration(project: Project) -> None:
    project.init("bbbb", "0.2.0")
    assert names(project).status is Status.PASSED


def test_version_that_is_none_is_found(project: Project) -> None:
    project.init("bbbb", "banana")
    assert "PEP 440" in only(names(project)).message


def test_docstring_that_says_another_version_than_the_file_is_found(project: Project) -> None:
    path = project.revision("bbbb", "aaaa", doc="v1.0.0.")
    finding = only(names(project))
    assert (finding.file, finding.line) == (project.module().shown(path), 1)
    assert '"""vX.X.X."""' in (finding.next_command or "")


def test_docstring_may_say_more_below_its_first_line(project: Project) -> None:
    project.revision("bbbb", "aaaa", doc="vX.X.X.\n\nNotes get a body.\n")
    assert names(project).status is Status.PASSED


def test_file_named_after_another_revision_is_found(project: Project) -> None:
    path = project.revision("bbbb", "aaaa")
    path.rename(path.with_name("2023-01-01-cccc-vx_x_x.py"))
    finding = only(names(project))
    assert (finding.next_command or "").endswith("2023-01-01-bbbb-vx_x_x.py")


def test_file_that_is_not_named_by_the_convention_is_found(project: Project) -> None:
    path = project.revision("bbbb", "aaaa")
    path.rename(path.with_name("bbbb add body (copy).py"))
    finding = only(names(project))
    assert "convention" in finding.message
    command = shlex.split(str(finding.next_command))
    assert [word.rpartition("/")[2] for word in command] == [
        "git",
        "mv",
        "bbbb add body (copy).py",
        "YYYY-MM-DD-bbbb-vx_x_x.py",
    ]


def test_names_that_alembic_gave_are_fine_in_a_package_that_only_has_alembic(project: Project) -> None:
    project.init_file.write_text('__version__ = "0.1.0"\n')
    path = project.revision("bbbb", "aaaa")
    path.rename(path.with_name("bbbb_add_body.py"))
    assert names(project).status is Status.PASSED


def test_released_revision_after_an_unreleased_one_is_found(project: Project) -> None:
    project.revision("cccc", "bbbb", version="0_1_0")
    project.init("cccc", "0.1.0")
    assert "cccc was released with 0.1.0" in only(names(project)).message


def test_versions_that_go_down_are_found(project: Project) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    project.revision("bbbb", "aaaa", version="0_0_9")
    assert "0.0.9" in only(names(project)).message


def test_unchanged_released_revision_passes(project: Project) -> None:
    record(project)
    assert (checksums(project).status, checksums(project).summary) == (Status.PASSED, "1 revision")


def test_changed_released_revision_is_found(project: Project) -> None:
    record(project)
    path = project.revision("aaaa", None, "op.execute('SELECT 2')", version="0_1_0")
    finding = only(checksums(project))
    assert finding.file == project.module().shown(path)
    assert finding.revision == "aaaa"


def test_missing_released_revision_is_found(project: Project) -> None:
    record(project)
    (project.versions / "2023-01-01-aaaa-v0_1_0.py").unlink()
    project.revision("bbbb", None)
    assert "is not there" in only(checksums(project)).message


def test_released_revision_without_checksum_is_not_proven(project: Project) -> None:
    proof = checksums(project)
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "1 revision without a checksum")


@pytest.mark.parametrize("content", ["<<<<<<< ours\n", "nonsense\n"])
def test_checksums_after_a_merge_conflict_are_found(project: Project, content: str) -> None:
    module = project.module()
    module.checksums_file.write_text(content)
    assert only(history_of(module)).line == 1
