"""One grammar of names for flags and comments; what is rendered reads back the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamin_migrate_kit.diff.renames import (
    Recorded,
    RenameFlag,
    TableKey,
    flag_of,
    parse_comment,
    parse_names,
    parse_rename,
    part_rename,
    render_comment,
    render_flag,
    stored_name,
    table_rename,
)
from lamin_migrate_kit.diff.renames.grammar import render_name
from lamin_migrate_kit.errors import SettingsError

NOTEBOOK = TableKey("core", "notebook")


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("core.notebook.v:version", RenameFlag(("core", "notebook", "v"), ("version",))),
        ("core.notebook:book", RenameFlag(("core", "notebook"), ("book",))),
        ("core.notebook:other.notebook", RenameFlag(("core", "notebook"), ("other", "notebook"))),
        ("core.Status.DRAFT:Open", RenameFlag(("core", "Status", "DRAFT"), ("Open",))),
        ('core."odd.table"."a:b":"x ""y"""', RenameFlag(("core", "odd.table", "a:b"), ('x "y"',))),
        ("core.notebook.v", RenameFlag(("core", "notebook", "v"))),
        ("  notebook.v:version ", RenameFlag(("notebook", "v"), ("version",))),
        (r'core.t.U&"tab\0009\\":plain', RenameFlag(("core", "t", "tab\t\\"), ("plain",))),
        (r'core.t.U&"\+01F600":plain', RenameFlag(("core", "t", "😀"), ("plain",))),
    ],
)
def test_flags_are_read(text: str, flag: RenameFlag) -> None:
    assert parse_rename(text) == flag


@pytest.mark.parametrize(
    "text",
    ["", ":", "a:", ":b", "a..b", "a.b.", 'a."b', "a b", "a:b:c", 'a."b"c', "a.b: c d", r'a.U&"\+FFFFFF"', '""'],
)
def test_what_does_not_follow_the_grammar_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_rename(text)
    assert repr(text.strip()) in caught.value.what
    assert "--rename core.notebook.v:version" in str(caught.value.next_command)


def test_names_are_cut_as_the_server_cuts_them() -> None:
    assert parse_names("core." + "a" * 70) == ("core", "a" * 63)


def test_quotes_stand_only_where_they_are_needed() -> None:
    assert [render_name(name) for name in ("v", "V", "größe", "a b", "a.b", 'a"b', "(x)", "a=b")] == [
        "v",
        "V",
        "größe",
        '"a b"',
        '"a.b"',
        '"a""b"',
        '"(x)"',
        '"a=b"',
    ]


def test_a_name_cannot_break_out_of_its_comment() -> None:
    comment = render_comment(part_rename("column", NOTEBOOK, "v\nimport os", "x\u202ey"), ("type a\nb",))
    assert comment == r'# migrate-kit: rename core.notebook.U&"v\000Aimport os" -> U&"x\202Ey" (type a b)'
    assert comment.isprintable()


def test_a_comment_records_a_rename_and_its_evidence() -> None:
    line = "# migrate-kit: rename core.notebook.v -> version (same type, same place, git: only the name changed)"
    evidence = ("same type", "same place", "git: only the name changed")
    assert parse_comment(f"    {line}\n") == Recorded(RenameFlag(("core", "notebook", "v"), ("version",)), evidence)
    assert render_comment(part_rename("column", NOTEBOOK, "v", "version"), evidence) == line


@pytest.mark.parametrize(
    "line", ["", "op.drop_column()", "# a comment", "# migrate-kit: drop core.notebook.v because …"]
)
def test_other_lines_record_no_rename(line: str) -> None:
    assert parse_comment(line) is None


@pytest.mark.parametrize("rest", ["core.notebook.v", "core.notebook.v => x", "core.notebook.v -> x nonsense", "-> x"])
def test_a_damaged_comment_is_an_error_and_not_passed_over(rest: str) -> None:
    with pytest.raises(SettingsError, match="not understood"):
        parse_comment(f"# migrate-kit: rename {rest}")


def test_every_kind_of_rename_is_written_as_a_flag() -> None:
    assert render_flag(part_rename("column", NOTEBOOK, "v", "version")) == "core.notebook.v:version"
    assert (
        render_flag(part_rename("enum_value", TableKey("core", "status"), "draft", "open")) == "core.status.draft:open"
    )
    assert render_flag(table_rename(NOTEBOOK, TableKey("core", "book"))) == "core.notebook:book"
    assert render_flag(table_rename(NOTEBOOK, TableKey("other", "notebook"))) == "core.notebook:other.notebook"
    assert render_flag(part_rename("column", NOTEBOOK, "v", "")) == "core.notebook.v"


names = st.text(min_size=1).map(stored_name).filter(lambda name: name and "\0" not in name)


@given(st.lists(names, min_size=2, max_size=3).map(tuple), st.lists(names, min_size=1, max_size=2).map(tuple))
def test_whatever_is_rendered_reads_back_the_same(current: tuple[str, ...], desired: tuple[str, ...]) -> None:
    flag = RenameFlag(current, desired)
    assert parse_rename(render_flag(flag)) == flag
    assert parse_comment(render_comment(flag, ("same type",))) == Recorded(flag, ("same type",))
    assert render_comment(flag).isprintable()


def test_a_flag_of_a_rename_leaves_out_a_schema_that_is_not_known() -> None:
    assert flag_of(part_rename("column", TableKey("", "notebook"), "v", "version")).current == ("notebook", "v")
