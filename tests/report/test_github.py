"""A report as GitHub shows it: Markdown, and annotations beside the lines."""

from __future__ import annotations

from dataclasses import replace

from lamin_migrate_kit.report.github import annotation_lines
from lamin_migrate_kit.report.markdown import to_markdown
from lamin_migrate_kit.report.model import (
    Changes,
    ColumnAccount,
    Entity,
    Environment,
    Finding,
    Measured,
    Proof,
    Report,
    RevisionSql,
    RowsAccount,
    Status,
)

ON = Environment("0.1.0", "3.13.5", "2.1.9", "1.20.1", "compose Postgres 18.6", "compose", True)


def report(*findings: Finding, status: Status = Status.FAILED, missing: tuple[str, ...] = ()) -> Report:
    return Report("ci", "lnschema_core", ON, (Proof("match", "models | match", status, 1.5, "7", findings),), missing)


def test_markdown_begins_with_the_verdict_and_shows_every_proof() -> None:
    text = to_markdown(report(Finding("It differs.", file="a.py", line=3), missing=("op.drop_table('x')",)))
    assert text.splitlines()[0] == "### `invoke ci`, lnschema_core: 1 of 1 proofs failed"
    assert "| ❌ FAILED | models \\| match | 7 | 1.50 |" in text
    assert "It differs. `a.py:3`" in text
    assert "```python\nop.drop_table('x')\n```" in text


def test_markdown_says_all_that_it_ran_on() -> None:
    on = replace(ON, platform="Debian 13", image="sha256:abc", settings=(("fsync", "off"), ("jit", "on")))
    text = to_markdown(replace(report(), environment=on))
    folded = "platform: Debian 13\nalembic: 1.20.1\nprovider: compose\nimage: sha256:abc\nfsync: off\njit: on"
    assert f"<details><summary>what it ran on</summary>\n\n```\n{folded}\n```\n\n</details>\n" in text


def test_markdown_never_shows_a_password_and_never_grows_without_end() -> None:
    text = to_markdown(report(Finding("at postgresql://anna:secret@host/x", details="line\n" * 50_000)))
    assert "secret" not in text
    assert len(text) < 65_000
    assert text.endswith("(cut: it is too long)\n")


def test_code_that_holds_a_fence_is_fenced_by_a_longer_one() -> None:
    assert "````\n```\nx\n```\n````" in to_markdown(report(Finding("f", details="```\nx\n```")))


def test_annotations_are_escaped_and_what_failed_comes_first() -> None:
    lines = annotation_lines(report(Finding("100 %\nlost", file="a,b:c.py", line=3)))
    assert lines == ("::error file=a%2Cb%3Ac.py,line=3,title=models | match::100 %25%0Alost",)
    assert annotation_lines(report(Finding("f"), status=Status.NOT_PROVEN))[0].startswith("::warning title=")


def test_paths_of_annotations_begin_at_the_repository() -> None:
    found = report(Finding("lost", file="pkg/models.py", line=3), Finding("gone", file="/elsewhere/x.py"))
    inside, outside = annotation_lines(found, "examples/one")
    assert inside.startswith("::error file=examples/one/pkg/models.py,line=3,")
    assert outside.startswith("::error file=/elsewhere/x.py,")


def test_there_are_at_most_ten_annotations() -> None:
    assert len(annotation_lines(report(*[Finding("f")] * 30))) == 10


def test_notes_and_warnings_of_proofs_that_passed_come_after_what_failed() -> None:
    found = (Finding("note", severity="note"), Finding("warned", severity="warning"))
    passed = Proof("locks", "locks", Status.PASSED, findings=found)
    failed = Proof("match", "match", Status.FAILED, findings=(Finding("failed"), Finding("small", severity="note")))
    waived = Proof("rows", "rows", Status.NOT_PROVEN, findings=(Finding("unproven"),), waived="for a reason")
    lines = annotation_lines(Report("ci", "core", ON, (passed, waived, failed)))
    assert [line.split(" ")[0] + line.rpartition("::")[2] for line in lines] == [
        *("::errorfailed", "::warningwarned", "::noticenote", "::noticeunproven", "::noticesmall")
    ]


NOTE_COLUMNS = (("b", "character varying(3)", "new"), ("a", "text", "dropped"))
CHANGES = Changes(
    "aaaa",
    "bbbb",
    (
        RevisionSql(
            *("bbbb", "a.py", "ALTER TABLE core.note RENAME a TO b;", "ALTER TABLE core.note RENAME b TO a;"),
            'op.alter_column("note", "a", new_column_name="b", schema="core")',
        ),
    ),
    (
        Entity(
            "core.note", "changed", (("b", "character varying(3)", "new"), ("a", "text", "dropped")), ("core.author",)
        ),
        Entity("core.author", ""),
        Entity('odd "name"', "new", (("1 größe", "text", ""),)),
    ),
)


def full() -> Report:
    account = ColumnAccount("core.note.a", "renamed", "core.note.b", 3, 0, 0, None)
    lock = Measured(
        "bbbb", "a/b.py", 12, "ALTER TABLE x\n RENAME | y", 0.1, (("core.note", "ACCESS EXCLUSIVE"),), ("reads",)
    )
    hazard = Finding("rename-column: it breaks code.", "bbbb", "a/b.py", 12, rule="rename-column", severity="warning")
    proofs = (
        Proof(
            "rows",
            "rows",
            Status.PASSED,
            accounts=(RowsAccount("bbbb", "a.py", (("core.note", 3),), (), 1, (account,)),),
        ),
        Proof("locks", "locks", Status.PASSED, measured=(lock,)),
        Proof("hazards", "hazards", Status.PASSED, findings=(hazard,)),
    )
    return Report("ci", "lnschema_core", ON, proofs, changes=CHANGES)


def test_rows_locks_and_hazards_stand_in_tables() -> None:
    text = to_markdown(full())
    assert "| bbbb | core.note.a | core.note.b | renamed | 3 | 0 | 0 | no way back |  |" in text
    assert "| b.py:12 | `ALTER TABLE x RENAME \\| y` | ACCESS EXCLUSIVE on core.note | reads |  |  |" in text
    assert "| warning | rename-column | it breaks code. | b.py:12 |" in text


def test_both_directions_stand_in_sql_below_the_heads() -> None:
    text = to_markdown(full())
    assert "Head: `aaaa` → `bbbb`" in text
    assert "`bbbb`, upgrade:\n\n```sql\nALTER TABLE core.note RENAME a TO b;\n```" in text
    assert "`bbbb`, downgrade:\n\n```sql\nALTER TABLE core.note RENAME b TO a;\n```" in text


def test_tables_that_changed_stand_in_a_diagram_with_what_changed() -> None:
    text = to_markdown(full())
    assert 't0["core.note (changed)"] {\n        character_varying_3 b "renamed from a"\n    }' in text
    assert 't0 }o--|| t1 : ""' in text
    assert 't2["odd #quot;name#quot; (new)"] {\n        text x_1_gr_e\n    }' in text
    assert '"dropped"' not in text


def test_operations_stand_as_they_are_written() -> None:
    text = to_markdown(full())
    written = 'op.alter_column("note", "a", new_column_name="b", schema="core")'
    assert f"#### Operations\n\n`bbbb`:\n\n```python\n{written}\n```" in text


def test_rows_that_are_gone_are_said_although_they_are_decided() -> None:
    rows = RowsAccount("bbbb", "a.py", (("core.note", 3),), (("core.note", 2),), 1)
    text = to_markdown(replace(full(), proofs=(Proof("rows", "rows", Status.PASSED, accounts=(rows,)),)))
    assert "Rows that are gone: bbbb: 2 rows of core.note" in text


def test_new_column_has_no_values_to_bring_back() -> None:
    rows = RowsAccount("bbbb", "a.py", (("core.note", 3),), (), 1, (ColumnAccount("core.note.b", "new"),))
    text = to_markdown(replace(full(), proofs=(Proof("rows", "rows", Status.PASSED, accounts=(rows,)),)))
    assert "| bbbb | core.note.b |  | new | 0 | 0 | 0 |  |  |" in text


def test_names_of_any_kind_leave_tables_and_text_as_they_are() -> None:
    name = "core.a|b\n`c` <details> *d* __e__"
    sql = "SELECT '`|`' FROM t -- @somebody <b>"
    lock = Measured("bbbb", "a/b.py", 1, sql, 0.1, ((name, "SHARE"),), ("writes",))
    finding = Finding(f"{name} is gone.")
    proofs = (
        Proof("match", "match", Status.FAILED, findings=(finding,)),
        Proof("locks", "locks", Status.PASSED, measured=(lock,)),
    )
    text = to_markdown(Report("ci", "core", ON, proofs, kept=(name,)))
    shown = r"core.a\|b \`c\` &lt;details> \*d\* \_\_e\_\_"
    assert rf"| b.py:1 | ``SELECT '`\|`' FROM t -- @somebody <b>`` | SHARE on {shown} | writes |  |  |" in text
    assert "**match**: core.a|b\n\\`c\\` &lt;details> " in text
    assert text.count("<details>") == text.count("</details>") == 1


def test_columns_called_like_keys_leave_the_diagram_as_it_is() -> None:
    entity = Entity("core.note", "new", (("pk", "integer", ""), ("FK", "uk", "new")))
    text = to_markdown(replace(full(), changes=replace(CHANGES, entities=(entity,))))
    assert 'integer pk_\n        uk_ FK_ "new"\n' in text


def test_report_that_is_cut_closes_its_fence() -> None:
    long = replace(CHANGES, sql=tuple(replace(CHANGES.sql[0], upgrade="SELECT 1;\n" * 9_000) for _ in range(3)))
    text = to_markdown(replace(full(), changes=long))
    assert len(text) < 65_000
    assert text.endswith("SELECT 1;\n```\n\n(cut: it is too long)\n")
    assert text.count("```") % 2 == 0
