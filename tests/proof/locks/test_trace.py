"""What statements do to the server is read from it, statement by statement, for what existed before the revision."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamin_migrate_kit.deploy.plan import DEFAULT_LOCK_TIMEOUT
from lamin_migrate_kit.proof.hazards.proof import prove_hazards
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement
from lamin_migrate_kit.proof.locks.proof import prove_locks
from lamin_migrate_kit.proof.locks.trace import LOCK_TIMEOUT, trace_unreleased
from lamin_migrate_kit.report.model import Proof, Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import ADD, ADD_REQUIRED, CREATE, DROP, REMOVE, Project

Bench = Callable[[], Workbench]
IN_BLOCK = "with op.get_context().autocommit_block():\n    "


def traced(bench: Bench) -> RevisionTrace:
    found = trace_unreleased(bench())
    assert not found.untraced
    return found.revisions[-1]


def proven(bench: Bench) -> Proof:
    opened = bench()
    return prove_locks(opened, lambda: trace_unreleased(opened))


def locks(statement: TracedStatement) -> dict[str, str]:
    return {str(on): mode.value for on, mode in statement.strongest.items()}


def test_lock_is_named_with_its_table_and_line(project: Project, bench: Bench) -> None:
    (statement,) = traced(bench).statements
    assert locks(statement) == {"core.note": "ACCESS EXCLUSIVE"}
    assert (statement.line, statement.autocommit, statement.transaction) == (11, False, 1)
    assert statement.seconds > 0
    assert statement.rewritten == statement.scanned == ()


def test_only_locks_that_are_new_are_taken_and_all_are_held(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", f"{ADD}\nop.execute('ALTER TABLE core.note ALTER body SET DEFAULT 0')")
    first, second = traced(bench).statements
    assert first.taken
    assert not second.taken
    assert first.held == second.held


def test_what_the_revision_made_does_not_count(project: Project, bench: Bench) -> None:
    up = """
        op.execute("CREATE TABLE core.log (id int)")
        op.execute("INSERT INTO core.log VALUES (1)")
        op.execute("CREATE INDEX ix_log ON core.log (id)")
        op.execute("ALTER TABLE core.log ALTER id TYPE text")
    """
    project.revision("bbbb", "aaaa", up)
    for statement in traced(bench).statements:
        assert not statement.strongest
        assert not statement.rewritten
        assert not statement.scanned
        assert not statement.written


def test_rewrites_and_scans_come_from_the_server(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", 'op.execute("ALTER TABLE core.note ALTER id TYPE integer USING hashtext(id)")')
    (statement,) = traced(bench).statements
    assert [str(key) for key in statement.rewritten] == ["core.note_pkey", "core.note"]
    # Once for the table, once more for its index.
    assert [(str(table), rows) for table, rows in statement.scanned] == [("core.note", 6)]


def test_rewrites_are_told_from_types_that_are_stored_alike(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", 'op.execute("ALTER TABLE core.note ALTER id TYPE text")')
    (statement,) = traced(bench).statements
    assert not statement.rewritten


def test_concurrent_work_is_watched_from_a_second_connection(project: Project, bench: Bench) -> None:
    up = f'{IN_BLOCK}op.create_index("ix", "note", ["id"], schema="core", postgresql_concurrently=True)'
    project.revision("bbbb", "aaaa", up)
    (statement,) = traced(bench).statements
    assert statement.autocommit
    assert locks(statement) == {"core.note": "SHARE UPDATE EXCLUSIVE"}
    assert [str(scan.table) for scan in statement.scanned] == ["core.note"]


def test_statement_that_commits_by_itself_is_seen_although_it_is_over_at_once(project: Project, bench: Bench) -> None:
    up = f"""{IN_BLOCK}op.execute("ALTER TABLE core.note ADD COLUMN body text")
    op.execute("UPDATE core.note SET body = 1")"""
    project.revision("bbbb", "aaaa", up)
    for _ in range(3):
        first, second = traced(bench).statements
        assert locks(first) == {"core.note": "ACCESS EXCLUSIVE"}
        assert locks(second) == {"core.note": "ROW EXCLUSIVE"}
        assert first.transaction < second.transaction
        assert [written.updated for written in second.written.values()] == [3]


def test_partitions_and_their_table_are_held_shut_without_a_deadlock(project: Project, bench: Bench) -> None:
    create = f"""{CREATE}
op.execute("CREATE TABLE core.log (at date NOT NULL) PARTITION BY RANGE (at)")
op.execute("CREATE TABLE core.log_one PARTITION OF core.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')")
"""
    project.revision("aaaa", None, create, DROP, version="0_1_0")
    up = f'{IN_BLOCK}op.execute("ALTER TABLE core.log DETACH PARTITION core.log_one CONCURRENTLY")'
    project.revision("bbbb", "aaaa", up)
    (statement,) = traced(bench).statements
    assert locks(statement)["core.log"] == "SHARE UPDATE EXCLUSIVE"


def test_renamed_objects_stay_known(project: Project, bench: Bench) -> None:
    up = """
        op.rename_table("note", "memo", schema="core")
        op.execute("ALTER TABLE core.memo RENAME id TO key")
    """
    project.revision("bbbb", "aaaa", up)
    first, second = traced(bench).statements
    assert {str(a): str(b) for a, b in first.renamed.items() if a.kind == "table"} == {"core.note": "core.memo"}
    assert {str(a): str(b) for a, b in second.renamed.items()} == {"core.memo.id": "core.memo.key"}
    assert [str(on) for on, _ in second.held if on.kind == "table"] == ["core.memo"]


def test_revision_that_fails_on_rows_is_traced_on_empty_tables_and_not_proven(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", ADD_REQUIRED, REMOVE)
    trace = traced(bench)
    assert trace.failure is not None
    assert (trace.failure.sqlstate, trace.failure.on_rows, trace.failure.line) == ("23502", True, 11)
    assert locks(trace.statements[0]) == {"core.note": "ACCESS EXCLUSIVE"}
    proof = proven(bench)
    assert proof.status is Status.NOT_PROVEN
    assert "on rows it fails" in proof.summary


@pytest.mark.parametrize(
    ("upgrade", "rule"),
    [
        ("ALTER TABLE core.note ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES core.author", "add-foreign-key"),
        ("ALTER TABLE core.note ADD CONSTRAINT c CHECK (n < 50)", "add-check"),
        ("ALTER TABLE core.note ADD CONSTRAINT u UNIQUE (open)", "add-unique"),
        ("ALTER TABLE core.note ALTER n TYPE smallint", "type-change-rewrites"),
    ],
)
def test_revision_that_refuses_rows_is_traced_on_rows_that_it_takes(
    project: Project, bench: Bench, upgrade: str, rule: str
) -> None:
    create = "CREATE SCHEMA core; CREATE TABLE core.author (id int PRIMARY KEY);"
    create += "CREATE TABLE core.note (id int PRIMARY KEY, n int, open boolean NOT NULL)"
    project.revision("aaaa", None, f"op.execute({create!r})", DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", f"op.execute({upgrade!r})")
    found = trace_unreleased(bench())
    assert found.revisions[0].failure is None
    proof = prove_locks(bench(), lambda: found)
    assert proof.status is Status.PASSED, proof.summary
    assert dict(proof.measured[0].scanned)["core.note"] > 0
    hazards = prove_hazards(bench(), lambda: found)
    assert hazards.status is Status.PASSED, hazards.summary
    (said,) = (finding.message for finding in hazards.findings if finding.rule == rule)
    assert ("on the rows here it fails" in said) == (found.revisions[0].refused is not None)


def test_table_without_rows_is_not_proven_when_it_is_locked(project: Project, bench: Bench) -> None:
    create = 'op.execute("CREATE SCHEMA core; CREATE TABLE core.note (id int NOT NULL CHECK (id * id = 1522756))")'
    project.revision("aaaa", None, create, DROP, version="0_1_0")
    proof = proven(bench)
    assert proof.status is Status.NOT_PROVEN
    assert "core.note had no rows" in proof.summary


def test_every_statement_is_measured_and_what_blocks_is_a_note(project: Project, bench: Bench) -> None:
    proof = proven(bench)
    assert (proof.status, proof.summary) == (Status.PASSED, "1 statement, reads and writes wait")
    (row,) = proof.measured
    assert (row.revision, row.line, row.locks) == ("bbbb", 11, (("core.note", "ACCESS EXCLUSIVE"),))
    assert row.blocks == ("reads", "writes", "other DDL")
    (finding,) = proof.findings
    assert (finding.line, finding.severity) == (11, "note")
    assert finding.message == "ACCESS EXCLUSIVE on core.note: reads and writes wait."


def test_several_revisions_are_traced_one_after_the_other(project: Project, bench: Bench) -> None:
    project.revision("cccc", "bbbb", 'op.create_index("ix", "note", ["body"], schema="core")')
    found = trace_unreleased(bench())
    assert [trace.revision for trace in found.revisions] == ["bbbb", "cccc"]
    assert locks(found.revisions[1].statements[0]) == {"core.note": "SHARE"}


def test_no_unreleased_revision_is_said(project: Project, bench: Bench) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    proof = proven(bench)
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "no unreleased revision")


def test_lock_timeout_is_that_of_a_deployment(project: Project, bench: Bench) -> None:
    assert f"{DEFAULT_LOCK_TIMEOUT:g}s" == LOCK_TIMEOUT
    assert traced(bench).statements[0].lock_timeout == LOCK_TIMEOUT


def test_setting_that_stays_is_seen(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", "op.execute(\"SET work_mem = '8MB'\")")
    assert traced(bench).settings_left == ("work_mem",)


@pytest.mark.parametrize("sql", ["LOCK TABLE core.note NOWAIT", "SELECT 1"])
def test_statement_that_will_not_wait_is_not_held_up(project: Project, bench: Bench, sql: str) -> None:
    project.revision("bbbb", "aaaa", f'{IN_BLOCK}op.execute("BEGIN; {sql}; COMMIT")')
    assert traced(bench).failure is None


def test_statements_after_a_commit_by_hand_are_watched_from_outside(project: Project, bench: Bench) -> None:
    up = """
        op.execute("COMMIT")
        op.execute("ALTER TABLE core.note ADD COLUMN body text")
    """
    project.revision("bbbb", "aaaa", up)
    statement = traced(bench).statements[-1]
    assert statement.autocommit
    assert locks(statement) == {"core.note": "ACCESS EXCLUSIVE"}


def test_statement_that_gives_up_too_soon_to_be_seen_is_not_proven(project: Project, bench: Bench) -> None:
    up = f"{IN_BLOCK}op.execute(\"SET lock_timeout = '1ms'\")\n    op.execute('VACUUM core.note')"
    project.revision("bbbb", "aaaa", up)
    proof = proven(bench)
    assert proof.status in (Status.NOT_PROVEN, Status.PASSED)
    seen = dict(proof.measured[-1].locks)
    assert (proof.status is Status.PASSED) == bool(seen)
