"""Models and revisions that have come apart are found, and what is missing is said in operations."""

from __future__ import annotations

import functools
from collections.abc import Callable

from lamin_migrate_kit.comparison import Comparison, compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.proof.match import prove_alembic_check, prove_match
from lamin_migrate_kit.report.model import Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import ADD, MODELS, REMOVE, Project

Bench = Callable[[], Workbench]


def compared(bench: Workbench) -> Callable[[], Comparison]:
    return functools.cache(lambda: compare_module(bench, Decisions()))


def test_equal_catalogs_pass(bench: Bench) -> None:
    opened = bench()
    assert prove_match(opened, compared(opened)).status is Status.PASSED
    assert prove_alembic_check(opened, compared(opened)).status is Status.PASSED


def test_column_that_no_revision_adds_is_found_at_the_unreleased_revision(project: Project, bench: Bench) -> None:
    path = project.revision("bbbb", "aaaa")
    opened = bench()
    proof = prove_match(opened, compared(opened))
    (finding,) = proof.findings
    assert (proof.status, proof.summary) == (Status.FAILED, "1 operation missing")
    assert (finding.file, finding.line, finding.revision) == (project.module().shown(path), 10, "bbbb")
    assert "core.note.body" in finding.details
    assert compared(opened)().missing_lines()[-1].startswith('op.add_column("note"')


def test_without_an_unreleased_revision_generate_is_the_next_command(project: Project, bench: Bench) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    opened = bench()
    (finding,) = prove_match(opened, compared(opened)).findings
    assert finding.next_command == "invoke migrate.generate"


def test_rename_in_the_models_is_one_missing_operation(project: Project, bench: Bench) -> None:
    project.models(MODELS.replace('Column("body"', 'Column("body_text"'))
    opened = bench()
    assert prove_match(opened, compared(opened)).summary == "1 operation missing"


def test_second_opinion_finds_what_differs_too(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa")
    opened = bench()
    proof = prove_alembic_check(opened, compared(opened))
    assert (proof.status, proof.summary) == (Status.FAILED, "1 operation")
    assert "add_column" in proof.findings[0].details


def test_second_opinion_is_not_proven_where_alembic_crashes(project: Project, bench: Bench) -> None:
    # Alembic compares the two defaults on the server, with an operator that type json does not have.
    json = 'Column("facts", JSON, server_default="{}")'
    project.models(
        MODELS.replace("Text\n", "Text, JSON\n").replace('Column("body", Text)', f'Column("body", Text), {json}')
    )
    project.revision(
        "bbbb",
        "aaaa",
        f'{ADD}\nop.add_column("note", sa.Column("facts", sa.JSON(), server_default="{{}}"), schema="core")',
        f'{REMOVE}\nop.drop_column("note", "facts", schema="core")',
    )
    opened = bench()
    assert prove_match(opened, compared(opened)).status is Status.PASSED
    proof = prove_alembic_check(opened, compared(opened))
    assert proof.status is Status.NOT_PROVEN
    assert "json" in proof.summary


def test_index_that_only_a_revision_makes_and_that_is_kept_is_no_difference(project: Project, bench: Bench) -> None:
    said = "# migrate-kit: keep core.ix_by_hand because it is fast"
    made = 'op.create_index("ix_by_hand", "note", ["body"], schema="core")'
    project.revision("bbbb", "aaaa", f"{ADD}\n{said}\n{made}", f'op.drop_index("ix_by_hand", schema="core")\n{REMOVE}')
    opened = bench()
    assert prove_match(opened, compared(opened)).status is Status.PASSED
    assert prove_alembic_check(opened, compared(opened)).status is Status.PASSED
