"""Every value is accounted for; a revision that loses some without saying so is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamin_migrate_kit.proof.rows.proof import prove_rows
from lamin_migrate_kit.report.model import ColumnAccount, Finding, Proof, Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import ADD, ADD_REQUIRED, CREATE, DROP, REMOVE, Project

Bench = Callable[[], Workbench]

WITH_BODY = f"{CREATE}\n{ADD}"
RENAME = 'op.alter_column("note", column_name="body", new_column_name="text", schema="core")'
RENAME_BACK = 'op.alter_column("note", column_name="text", new_column_name="body", schema="core")'
ADD_TEXT = 'op.add_column("note", sa.Column("text", sa.Text()), schema="core")'
COPY = 'op.execute("UPDATE core.note SET text = body")'
COPY_BACK = 'op.execute("UPDATE core.note SET body = text")'
REMOVE_TEXT = 'op.drop_column("note", "text", schema="core")'


def sql(*statements: str) -> str:
    return "\n".join(f"op.execute({statement!r})" for statement in statements)


@pytest.fixture
def revise(project: Project, bench: Bench) -> Callable[..., Proof]:
    """Proves rows of a revision on `core.note (id, body)`."""

    def prove(upgrade: str, downgrade: str = "raise NotImplementedError", create: str = WITH_BODY) -> Proof:
        project.revision("aaaa", None, create, DROP, version="0_1_0")
        project.revision("bbbb", "aaaa", upgrade, downgrade)
        return prove_rows(bench())

    return prove


Revise = Callable[..., Proof]


def only(proof: Proof) -> Finding:
    assert proof.status is Status.FAILED, proof
    (finding,) = proof.findings
    assert finding.revision == "bbbb"
    assert finding.file is not None
    assert finding.line is not None
    return finding


def account(proof: Proof) -> dict[str, ColumnAccount]:
    (one,) = proof.accounts
    return {column.column: column for column in one.columns}


def test_good_revision_passes_with_rows(bench: Bench) -> None:
    proof = prove_rows(bench())
    assert (proof.status, proof.summary) == (Status.PASSED, "3 rows, 1 column new")
    (one,) = proof.accounts
    assert (one.revision, one.rows, one.kept) == ("bbbb", (("core.note", 3),), 1)


def test_newest_revision_is_proven_where_all_are_released(project: Project, bench: Bench) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    project.revision("bbbb", "aaaa", ADD, REMOVE, version="0_1_0")
    proof = prove_rows(bench())
    assert (proof.status, proof.summary) == (Status.PASSED, "3 rows, 1 column new")
    assert [one.revision for one in proof.accounts] == ["bbbb"]


def test_no_revision_is_not_proven(project: Project, bench: Bench) -> None:
    for path in project.versions.glob("*.py"):
        path.unlink()
    proof = prove_rows(bench())
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "no revision")


def test_every_revision_is_proven_when_asked(bench: Bench) -> None:
    assert [one.revision for one in prove_rows(bench(), every=True).accounts] == ["aaaa", "bbbb"]


# What keeps values


def test_rename_keeps_values(revise: Revise) -> None:
    proof = revise(RENAME, RENAME_BACK)
    assert proof.status is Status.PASSED
    assert account(proof)["core.note.body"] == ColumnAccount(
        "core.note.body", "renamed", "core.note.text", values=2, not_back=0
    )


def test_renamed_table_keeps_values(revise: Revise) -> None:
    proof = revise('op.rename_table("note", "page", schema="core")', 'op.rename_table("page", "note", schema="core")')
    assert proof.status is Status.PASSED
    assert {one.became for one in account(proof).values()} == {"core.page.id", "core.page.body"}


def test_copy_before_the_drop_keeps_values(revise: Revise) -> None:
    proof = revise(f"{ADD_TEXT}\n{COPY}\n{REMOVE}", f"{ADD}\n{COPY_BACK}\n{REMOVE_TEXT}")
    assert proof.status is Status.PASSED
    assert (account(proof)["core.note.body"].fate, account(proof)["core.note.body"].not_back) == ("moved", 0)


def test_table_that_is_made_anew_with_its_rows_keeps_them(revise: Revise) -> None:
    proof = revise(
        sql(
            "CREATE TABLE core.new (body text, id varchar PRIMARY KEY)",
            "INSERT INTO core.new (id, body) SELECT id, body FROM core.note",
            "DROP TABLE core.note",
            "ALTER TABLE core.new RENAME TO note",
        )
    )
    assert proof.status is Status.PASSED
    assert not account(proof)


def test_values_that_move_to_a_table_of_their_own_are_found(revise: Revise) -> None:
    proof = revise(
        sql(
            "CREATE TABLE core.text (id varchar PRIMARY KEY, content text)",
            "INSERT INTO core.text SELECT id, body FROM core.note WHERE body IS NOT NULL",
            "ALTER TABLE core.note DROP COLUMN body",
        )
    )
    assert proof.status is Status.PASSED
    assert account(proof)["core.note.body"].became == "core.text.content"


def test_conversion_that_loses_nothing_needs_no_decision(revise: Revise) -> None:
    create = WITH_BODY.replace("sa.Text()", "sa.Integer()")
    proof = revise(
        'op.alter_column("note", "body", type_=sa.Numeric(12, 2), schema="core")',
        'op.alter_column("note", "body", type_=sa.Integer(), schema="core")',
        create,
    )
    assert proof.status is Status.PASSED
    assert (account(proof)["core.note.body"].fate, account(proof)["core.note.body"].changed) == ("converted", 0)


# What loses values


def test_column_that_is_dropped_without_a_decision_is_found(revise: Revise) -> None:
    finding = only(revise(REMOVE, ADD))
    assert "drops core.note.body with its 2 values" in finding.message
    assert (finding.next_command or "").startswith("# migrate-kit: drop core.note.body because …")


def test_column_that_is_dropped_with_a_decision_is_accounted_for(revise: Revise) -> None:
    proof = revise(f"# migrate-kit: drop core.note.body because nobody reads it\n{REMOVE}", ADD)
    assert proof.status is Status.PASSED
    body = account(proof)["core.note.body"]
    assert (body.fate, body.values, body.lost, body.not_back) == ("dropped", 2, 2, 2)
    assert body.decided == "drop core.note.body"


def test_rename_written_as_drop_and_add_fails_with_the_rename_to_use(revise: Revise) -> None:
    finding = only(revise(f"{REMOVE}\n{ADD_TEXT}", f"{REMOVE_TEXT}\n{ADD}"))
    assert RENAME in (finding.next_command or "")
    assert "written as a drop and an add" in finding.details


def test_table_renamed_as_drop_and_create_fails_with_the_rename_to_use(revise: Revise) -> None:
    again = sql("CREATE TABLE core.notes (id varchar PRIMARY KEY, body text)")
    finding = only(revise(f'op.drop_table("note", schema="core")\n{again}'))
    assert "loses 3 of 3 rows of core.note" in finding.message
    assert 'op.rename_table("note", "notes", schema="core")' in (finding.next_command or "")


def test_table_that_is_dropped_without_a_decision_is_found(revise: Revise) -> None:
    finding = only(revise('op.drop_table("note", schema="core")'))
    assert "# migrate-kit: drop core.note because …" in (finding.next_command or "")


def test_column_that_is_made_anew_under_its_name_is_found_emptied(revise: Revise) -> None:
    assert "empties core.note.body, which held 2 values" in only(revise(f"{REMOVE}\n{ADD}")).message


def test_rows_that_are_deleted_are_found(revise: Revise) -> None:
    finding = only(revise(sql("DELETE FROM core.note WHERE body IS NULL")))
    assert "loses 1 of 3 rows of core.note" in finding.message
    assert "allow=delete-rows" in (finding.next_command or "")


def test_deleted_rows_with_a_decision_are_accounted_for(revise: Revise) -> None:
    waived = f"# migrate-kit: allow=delete-rows because empty notes were never shown\n{sql('DELETE FROM core.note')}"
    proof = revise(waived)
    assert proof.status is Status.PASSED
    assert proof.accounts[0].lost_rows == (("core.note", 3),)


def test_values_that_are_overwritten_are_found(revise: Revise) -> None:
    finding = only(revise(sql("UPDATE core.note SET body = 'x'")))
    assert "changes 2 of the 2 values of core.note.body" in finding.message
    assert "# migrate-kit: using core.note.body=<expression>" in (finding.next_command or "")


def test_values_that_change_places_among_rows_are_found(revise: Revise) -> None:
    shuffled = "(SELECT n.body FROM core.note n WHERE n.body <> note.body AND n.body IS NOT NULL)"
    finding = only(revise(sql(f"UPDATE core.note SET body = {shuffled} WHERE body IS NOT NULL")))
    assert "changes 2 of the 2 values of core.note.body" in finding.message


def test_truncated_texts_are_found(revise: Revise) -> None:
    finding = only(revise(sql("ALTER TABLE core.note ALTER body TYPE varchar(3) USING left(body, 3)")))
    assert "changes 2 of the 2 values of core.note.body (text -> character varying(3))" in finding.message


def test_conversion_with_a_decision_is_accounted_for(revise: Revise) -> None:
    decided = "# migrate-kit: using core.note.body=left(body, 3)\n"
    proof = revise(decided + sql("ALTER TABLE core.note ALTER body TYPE varchar(3) USING left(body, 3)"))
    assert proof.status is Status.PASSED
    assert account(proof)["core.note.body"].changed == 2


def test_upgrade_that_works_on_empty_tables_only_is_found(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", ADD_REQUIRED, REMOVE)
    finding = only(prove_rows(bench()))
    assert "it works on empty ones" in finding.message
    assert "null values" in finding.message


def test_what_a_released_revision_loses_is_a_remark(project: Project, bench: Bench) -> None:
    project.revision("aaaa", None, WITH_BODY, DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", REMOVE, ADD, version="0_2_0")
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    proof = prove_rows(bench(), every=True)
    assert proof.status is Status.PASSED
    assert [finding.severity for finding in proof.findings] == ["note"]


def test_what_one_revision_loses_does_not_hide_the_next(project: Project, bench: Bench) -> None:
    project.revision("aaaa", None, WITH_BODY, DROP, version="0_1_0")
    project.revision(
        "bbbb", "aaaa", ADD_REQUIRED.replace("body", "size"), "op.drop_column('note', 'size', schema='core')"
    )
    project.revision("cccc", "bbbb", REMOVE, ADD)
    assert [finding.revision for finding in prove_rows(bench()).findings] == ["bbbb", "cccc"]


# The way back


def test_downgrade_that_destroys_what_the_upgrade_kept_is_found(revise: Revise) -> None:
    finding = only(revise(RENAME, f"{REMOVE_TEXT}\n{ADD}"))
    assert "downgrade() of bbbb destroys values of core.note" in finding.message
    assert "core.note.body: 2 values gone, still there in core.note.text after the upgrade" in finding.details


def test_downgrade_that_rebuilds_a_table_empty_is_found(project: Project, bench: Bench) -> None:
    project.revision("bbbb", "aaaa", ADD, f"{DROP}\n{CREATE}")
    finding = only(prove_rows(bench()))
    assert "downgrade() of bbbb destroys values of core.note" in finding.message
    assert "3 rows of 3 gone" in finding.details


def test_downgrade_that_works_on_empty_tables_only_is_found(project: Project, bench: Bench) -> None:
    project.revision("aaaa", None, f"{CREATE}\n{ADD_REQUIRED}", DROP, version="0_1_0")
    decided = "# migrate-kit: drop core.note.body because nobody reads it\n"
    project.revision("bbbb", "aaaa", decided + REMOVE, ADD_REQUIRED)
    finding = only(prove_rows(bench()))
    assert "downgrade" in finding.message
    assert "it works on empty ones" in finding.message


# What cannot be proven


def test_table_that_no_rows_can_be_made_for_is_named_with_what_to_write(revise: Revise) -> None:
    create = sql("CREATE SCHEMA core", "CREATE TABLE core.note (id int NOT NULL CHECK (id * id = 1522756), body text)")
    proof = revise(RENAME, RENAME_BACK, create)
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "no rows for core.note")
    assert "No rows could be made for core.note: " in proof.findings[0].message
    assert "migrations/rows/core.note.sql" in (proof.findings[0].next_command or "")


# What some rows stop


@pytest.mark.parametrize(
    ("create", "upgrade"),
    [
        (WITH_BODY, sql("ALTER TABLE core.note ADD CHECK (body IN ('open', 'closed'))")),
        (WITH_BODY, sql("ALTER TABLE core.note ALTER body TYPE varchar(20)")),
        (WITH_BODY, sql("ALTER TABLE core.note ALTER body TYPE integer USING body::integer")),
        (WITH_BODY, sql("ALTER TABLE core.note ALTER body TYPE timestamptz USING body::timestamptz")),
        (
            WITH_BODY.replace("sa.Text()", "sa.Boolean(), nullable=False"),
            sql("ALTER TABLE core.note ADD UNIQUE (body)"),
        ),
        (WITH_BODY.replace("sa.Text()", "sa.BigInteger()"), sql("ALTER TABLE core.note ALTER body TYPE smallint")),
        (
            WITH_BODY + "\n" + sql("CREATE TABLE core.page (id text PRIMARY KEY)"),
            sql("ALTER TABLE core.note ADD FOREIGN KEY (body) REFERENCES core.page"),
        ),
    ],
    ids=["check", "length", "integer", "timestamp", "unique", "smallint", "foreign key"],
)
def test_revision_that_refuses_some_rows_is_proven_with_others(revise: Revise, create: str, upgrade: str) -> None:
    proof = revise(upgrade, create=create)
    assert proof.status is Status.PASSED, proof.findings
    (finding,) = proof.findings
    assert "some rows stop the upgrade, which loses nothing then" in finding.message
    assert finding.severity == "note"
    assert min(count for _, count in proof.accounts[0].rows) > 0


def test_rows_that_fit_still_show_what_is_lost(revise: Revise) -> None:
    proof = revise(sql("ALTER TABLE core.note ALTER body TYPE integer USING body::integer / 1000"))
    assert proof.status is Status.FAILED
    assert "changes" in proof.findings[0].message


def test_upgrade_that_no_rows_can_pass_asks_for_rows(revise: Revise) -> None:
    finding = only(revise(sql("SELECT 1 / (count(*) - count(*))::int FROM core.note HAVING count(*) > 0")))
    assert "division by zero" in finding.message
    assert "migrations/rows/" in (finding.next_command or "")


# Rows of the author's own


HARD = sql("CREATE SCHEMA core", "CREATE TABLE core.note (id int NOT NULL CHECK (id * id = 1522756), body text)")


@pytest.mark.parametrize("name", ["core.note.sql", "note.sql"])
def test_rows_of_a_file_are_used(project: Project, revise: Revise, name: str) -> None:
    folder = project.versions.parent / "rows"
    folder.mkdir()
    (folder / name).write_text("INSERT INTO core.note VALUES (1234, '50%'), (-1234, ':b');")
    proof = revise(RENAME, RENAME_BACK, HARD)
    assert (proof.status, proof.accounts[0].rows) == (Status.PASSED, (("core.note", 2),))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("INSERT INTO core.note VALUES (1)", "core.note.sql failed: "),
        ("SELECT 1", "core.note.sql put no row into it"),
        ("", "core.note.sql failed: "),
        ("INSERT INTO core.note VALUES (1234); COMMIT", "core.note.sql says COMMIT, and runs within a transaction"),
    ],
)
def test_file_that_gives_no_rows_is_named_with_the_reason(
    project: Project, revise: Revise, text: str, reason: str
) -> None:
    folder = project.versions.parent / "rows"
    folder.mkdir()
    (folder / "core.note.sql").write_text(text)
    proof = revise(RENAME, RENAME_BACK, HARD)
    assert proof.status is Status.NOT_PROVEN
    assert reason in proof.findings[0].message


# What a drop is called, and what it excuses


ASIDE = 'op.alter_column("note", column_name="text", new_column_name="text__renaming", schema="core")'
DROP_ASIDE = """# migrate-kit: drop core.note.text because the models no longer declare it
op.drop_column("note", "text__renaming", schema="core")"""


def test_drop_in_a_renamed_table_is_decided_under_either_name(revise: Revise) -> None:
    rename = 'op.rename_table("note", "notes", schema="core")'
    drop = 'op.drop_column("notes", "body", schema="core")'
    for name in ("core.note.body", "core.notes.body"):
        proof = revise(f"{rename}\n# migrate-kit: drop {name} because nobody reads it\n{drop}")
        assert proof.status is Status.PASSED, proof


def test_drop_of_what_stepped_aside_is_decided_under_the_name_that_people_know(revise: Revise) -> None:
    proof = revise(f"{ASIDE}\n{RENAME}\n{DROP_ASIDE}", create=f"{WITH_BODY}\n{ADD_TEXT}")
    assert proof.status is Status.PASSED, proof
    assert {name: one.fate for name, one in account(proof).items()} == {
        "core.note.body": "renamed",
        "core.note.text": "dropped",
    }


def test_drop_of_what_stepped_aside_excuses_nothing_in_what_took_its_name(revise: Revise) -> None:
    lose = sql("UPDATE core.note SET text = NULL")
    proof = revise(f"{ASIDE}\n{RENAME}\n{lose}\n{DROP_ASIDE}", create=f"{WITH_BODY}\n{ADD_TEXT}")
    assert "core.note.body" in only(proof).message


def test_drop_of_a_table_excuses_nothing_in_the_table_that_took_its_name(revise: Revise) -> None:
    other = sql("CREATE TABLE core.book (id integer PRIMARY KEY, body text)")
    upgrade = [
        'op.rename_table("book", "book__renaming", schema="core")',
        'op.rename_table("note", "book", schema="core")',
        sql("UPDATE core.book SET body = NULL"),
        "# migrate-kit: drop core.book because the models no longer declare it",
        'op.drop_table("book__renaming", schema="core")',
    ]
    proof = revise("\n".join(upgrade), create=f"{WITH_BODY}\n{other}")
    assert "core.note.body" in only(proof).message
