"""A file is proven before it is kept: what is planted in it is caught, shown, and not written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lamin_migrate_kit.errors import ProofFailed
from lamin_migrate_kit.operations import lowering
from lamin_migrate_kit.operations.lowering import plan_operations
from lamin_migrate_kit.operations.model import Answers, Operation, Plan
from lamin_migrate_kit.proof.rows.fill import fill_tables
from tests.authors import Author

BEFORE = 'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("size", sa.Integer))\n'
AFTER = BEFORE.replace('sa.Column("size"', 'sa.Column("title", sa.String(20)), sa.Column("size"')


@pytest.fixture
def changed(author: Author) -> Author:
    """An author who has added a column."""
    author.models(BEFORE)
    author.generate()
    author.models(AFTER)
    return author


def plant(monkeypatch: pytest.MonkeyPatch, spoil: Any) -> None:
    """Spoil what the lowering gives: the words of the file, and the statements of nothing else."""

    def plan(*args: Any, **options: Any) -> Plan:
        whole = plan_operations(*args, **options)
        return replace(whole, operations=tuple(spoil(operation) for operation in whole.operations))

    monkeypatch.setattr(lowering, "plan_operations", plan)


def spelled(old: str, new: str) -> Any:
    def spoil(operation: Operation) -> Operation:
        return replace(operation, words=tuple(word.replace(old, new) for word in operation.words))

    return spoil


def test_upgrade_that_makes_something_else_is_shown_and_not_kept(
    changed: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, spelled("length=20", "length=21"))
    before = changed.files
    with pytest.raises(ProofFailed) as failed:
        changed.generate()
    assert changed.files == before
    assert failed.value.exit_code == 1
    assert "does not hold that the upgrade makes what the models declare" in failed.value.what
    shown = str(failed.value)
    assert "column public.note.title: type is 'character varying(21)' and should be 'character varying(20)'" in shown
    assert 'op.add_column("note", sa.Column("title", sa.String(length=21), nullable=True))' in shown


def test_upgrade_that_fails_is_shown_with_its_line_and_not_kept(
    changed: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, spelled('"note"', '"nota"'))
    before = changed.files
    with pytest.raises(ProofFailed, match="the upgrade makes what the models declare") as failed:
        changed.generate()
    assert changed.files == before
    assert 'relation "nota" does not exist' in str(failed.value)


def test_downgrade_that_leaves_something_behind_is_caught(changed: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, spelled('op.drop_column("note", "title")', "pass"))
    before = changed.files
    with pytest.raises(ProofFailed, match="the downgrade restores what was there") as failed:
        changed.generate()
    assert changed.files == before
    assert "column public.note.title is there and should not be" in str(failed.value)


def test_upgrade_that_does_not_run_twice_is_caught(changed: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that the catalogs do not see, and that is there the second time."""
    once = 'op.execute("CREATE ROLE lamin_migrate_kit_planted")\\nop.add_column('
    plant(monkeypatch, lambda one: spelled("op.add_column(", once.replace("\\n", "\n"))(one))
    before = changed.files
    try:
        with pytest.raises(ProofFailed, match="the upgrade runs again after it"):
            changed.generate()
    finally:
        with changed.bench() as bench, bench.head_database.connect() as connection:
            connection.exec_driver_sql("DROP ROLE IF EXISTS lamin_migrate_kit_planted")
            connection.commit()
    assert changed.files == before


def test_file_that_fails_on_rows_is_caught(changed: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renderer that forgets the values that rows need; empty tables would never tell."""

    def plan(*args: Any, **options: Any) -> Plan:
        return plan_operations(*args, **{**options, "answers": Answers(assume_empty=True)})

    changed.models(AFTER.replace("sa.String(20)", "sa.String(20), nullable=False"))
    monkeypatch.setattr(lowering, "plan_operations", plan)
    before = changed.files
    with pytest.raises(ProofFailed, match=r"it runs on tables with rows \(upgrade\)") as failed:
        changed.generate(fill=fill_tables)
    assert changed.files == before
    assert 'column "title" of relation "note" contains null values' in str(failed.value)


def test_downgrade_that_fails_on_rows_is_caught(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    author.models(BEFORE.replace('sa.Column("size", sa.Integer)', 'sa.Column("size", sa.Integer, nullable=False)'))
    author.generate()
    author.models(BEFORE.replace(', sa.Column("size", sa.Integer)', ""))

    def plan(*args: Any, **options: Any) -> Plan:
        return plan_operations(*args, **{**options, "answers": Answers(assume_empty=True)})

    monkeypatch.setattr(lowering, "plan_operations", plan)
    with pytest.raises(ProofFailed, match=r"it runs on tables with rows \(downgrade\)"):
        author.generate(fill=fill_tables)


def test_required_column_comes_back_to_rows_on_the_way_down(author: Author) -> None:
    author.models(BEFORE.replace('sa.Column("size", sa.Integer)', 'sa.Column("size", sa.Integer, nullable=False)'))
    author.generate()
    author.models(BEFORE.replace(', sa.Column("size", sa.Integer)', ""))
    result = author.generate(fill=fill_tables)
    assert result.proofs[-1].name == "rows"
    assert result.proofs[-1].status.name == "PASSED"


def test_proofs_are_told_in_the_order_in_which_they_ran(changed: Author) -> None:
    result = changed.generate(fill=fill_tables)
    assert [proof.name for proof in result.proofs] == ["upgrade", "downgrade", "upgrade-again", "rows"]


def test_without_rows_nothing_is_said_of_them(changed: Author) -> None:
    assert [proof.name for proof in changed.generate().proofs] == ["upgrade", "downgrade", "upgrade-again"]


def test_nothing_is_left_on_the_server(changed: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, spelled("length=20", "length=21"))
    with pytest.raises(ProofFailed):
        changed.generate(fill=fill_tables)
    assert changed.scratch_databases() == []


def test_words_that_a_type_does_not_read_are_no_failure_of_the_file(author: Author) -> None:
    author.models(BEFORE.replace('sa.Column("size", sa.Integer)', 'sa.Column("words", pg.JSONB)'))
    author.generate()
    author.models(BEFORE.replace('sa.Column("size", sa.Integer)', 'sa.Column("words", pg.TSVECTOR)'))
    result = author.generate("--using 'public.note.words=words::text::tsvector'", fill=fill_tables)
    assert (result.proofs[-1].name, result.proofs[-1].status.name) == ("rows", "NOT_PROVEN")
