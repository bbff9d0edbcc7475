"""What the names in a flag mean is found out from both sides."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.renames import (
    TableKey,
    parse_rename,
    part_rename,
    resolve,
    resolve_all,
    resolve_refusals,
    table_rename,
)
from lamin_migrate_kit.errors import SettingsError
from tests.diff.renames.shaping import enum, key, side, table

CURRENT = side(
    table("core.notebook", "id", "v"),
    table("core.user", "id"),
    table("audit.user", "id"),
    enum("core.status", "draft", "done"),
)
DESIRED = side(
    table("core.notebook", "id", "version"),
    table("core.account", "id"),
    table("audit.user", "id"),
    enum("core.status", "open", "done"),
    enum("core.state", "draft"),
)


@pytest.mark.parametrize(
    ("text", "rename"),
    [
        ("core.notebook.v:version", part_rename("column", key("core.notebook"), "v", "version")),
        ("notebook.v:version", part_rename("column", key("core.notebook"), "v", "version")),
        ("core.notebook.v:core.notebook.version", part_rename("column", key("core.notebook"), "v", "version")),
        ("core.user:account", table_rename(key("core.user"), key("core.account"))),
        ("core.notebook:audit.user", table_rename(key("core.notebook"), key("audit.user"))),
        ("core.status.draft:open", part_rename("enum_value", key("core.status"), "draft", "open")),
        ("core.status:state", table_rename(key("core.status"), key("core.state"), "enum")),
        ("core.notebook.v", part_rename("column", key("core.notebook"), "v", "")),
        ("core.user", table_rename(key("core.user"), TableKey("core", ""))),
    ],
)
def test_a_flag_is_a_column_a_table_a_type_or_a_value(text: str, rename: object) -> None:
    assert resolve(parse_rename(text), CURRENT, DESIRED) == rename


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("core.notebok.v:version", "Near it: core.notebook.v"),
        ("core.notebook.v:versoin", "the models have no such column (versoin). Near it: version"),
        ("core.user:acount", "Near it: core.account"),
        ("core.status.draft:opn", "the models have no such value"),
        ("core.status:nothing", "the models have no such type"),
        ("user.id:x", "may mean several: audit.user.id, core.user.id"),
        ("core.notebook.v:core.user.v", "no rename does"),
    ],
)
def test_a_flag_that_names_nothing_shows_what_is_near(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(parse_rename(text), CURRENT, DESIRED)
    assert expected in caught.value.what
    assert caught.value.next_command


def test_a_column_of_a_table_that_is_renamed_too_is_named_by_the_current_table() -> None:
    desired = side(table("core.book", "id", "version"))
    renames = resolve_all(["core.notebook:book", "core.notebook.v:version"], CURRENT, desired)
    assert [rename.kind for rename in renames] == ["table", "column"]


def test_a_swap_is_no_contradiction() -> None:
    both = side(table("t", "a", "b"))
    assert len(resolve_all(["t.a:b", "t.b:a"], both, both)) == 2


@pytest.mark.parametrize("texts", [["t.a:b", "t.a:c"], ["t.a:c", "t.b:c"]])
def test_two_flags_about_one_object_contradict_each_other(texts: list[str]) -> None:
    with pytest.raises(SettingsError, match="contradict"):
        resolve_all(texts, side(table("t", "a", "b")), side(table("t", "b", "c")))


def test_the_same_flag_twice_counts_once() -> None:
    assert len(resolve_all(["t.a:b", "t.a:b"], side(table("t", "a")), side(table("t", "b")))) == 1


@pytest.mark.parametrize("text", ["core.notebook.v", "core.user", "core.status.draft"])
def test_a_rename_without_a_new_name_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_all([text], CURRENT, DESIRED)
    assert caught.value.what == f"--rename {text} says no new name."
    assert caught.value.next_command == f"--rename {text}:new_name"


@pytest.mark.parametrize(
    ("no_renames", "drops"),
    [(["core.notebook.v:version"], []), (["core.notebook.v"], []), ([], ["core.notebook.v"])],
)
def test_a_rename_that_another_flag_refuses_is_a_contradiction(no_renames: list[str], drops: list[str]) -> None:
    renames = resolve_all(["core.notebook.v:version"], CURRENT, DESIRED)
    with pytest.raises(SettingsError, match="contradict each other"):
        resolve_refusals(no_renames, drops, renames, CURRENT, DESIRED)


def test_what_is_dropped_by_a_flag_has_no_new_name() -> None:
    drops = ["core.notebook.v", "core.user", "core.ix_of_nobody"]
    assert resolve_refusals([], drops, (), CURRENT, DESIRED) == (
        part_rename("column", key("core.notebook"), "v", ""),
        table_rename(key("core.user"), TableKey("core", "")),
    )
