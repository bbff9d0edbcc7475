"""A history that does not run from an empty database is found, at the line that fails."""

from __future__ import annotations

from collections.abc import Callable

from lamin_migrate_kit.proof.upgrade import prove_upgrade
from lamin_migrate_kit.report.model import Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import REMOVE, Project

Bench = Callable[[], Workbench]


def test_history_that_runs_passes(bench: Bench) -> None:
    proof = prove_upgrade(bench())
    assert (proof.status, proof.summary) == (Status.PASSED, "2 revisions")


def test_statement_that_fails_is_found_with_file_line_and_sql(project: Project, bench: Bench) -> None:
    path = project.revision("bbbb", "aaaa", 'x = 1\nop.execute("ALTER TABLE core.nothing ADD a int")', REMOVE)
    proof = prove_upgrade(bench())
    (finding,) = proof.findings
    assert proof.status is Status.FAILED
    assert (finding.file, finding.line, finding.revision) == (project.module().shown(path), 12, "bbbb")
    assert "ALTER TABLE core.nothing" in finding.details
    assert 'relation "core.nothing" does not exist' in finding.message


def test_python_that_fails_is_found_with_file_and_line(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", "x = 1\nx / 0", REMOVE)
    (finding,) = prove_upgrade(bench()).findings
    assert finding.line == 12
    assert "ZeroDivisionError" in finding.message
