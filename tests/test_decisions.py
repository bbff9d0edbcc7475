"""Decisions as flags say them."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.decisions import Decisions, parse_pairs
from lamin_migrate_kit.errors import SettingsError


def test_flags_add_up() -> None:
    decided = Decisions(renames=("a.b:c",)).with_flags("--rename core.note.v:version --drop core.w")
    assert decided == Decisions(renames=("a.b:c", "core.note.v:version"), drops=("core.w",))


def test_every_flag_is_understood_as_a_shell_would_read_it() -> None:
    text = (
        "--rename a:b --no-rename c:d --drop e --keep 'core.f(a integer)' --backfill 'core.t.c='\\''it'\\'''\\''s'\\'''"
        " --using core.t.d=d::integer --enum-map core.s.x=y"
    )
    decided = Decisions().with_flags(text)
    assert decided == Decisions(
        renames=("a:b",),
        no_renames=("c:d",),
        drops=("e",),
        keeps=("core.f(a integer)",),
        backfills=("core.t.c='it''s'",),
        usings=("core.t.d=d::integer",),
        enum_maps=("core.s.x=y",),
    )


@pytest.mark.parametrize("text", ["", "--rename", "yes", "--rename a:b --drop", "--renam a:b", "--drop 'a"])
def test_what_is_no_flag_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no decision"):
        Decisions().with_flags(text)


def test_pairs_are_split_at_the_first_equals_sign() -> None:
    assert parse_pairs("backfill", ["core.note.done=size = 3"]) == {"core.note.done": "size = 3"}


def test_names_in_pairs_follow_the_grammar_of_names() -> None:
    assert parse_pairs("using", ['core."odd.table"."a b"=1']) == {"core.odd.table.a b": "1"}
    assert parse_pairs("using", ['core.t."a=""b"=c = 1']) == {'core.t.a="b': "c = 1"}


@pytest.mark.parametrize("text", ["core.note.v", "core.note.v=", "core.note.v=  ", "core.note.v=<SQL expression>"])
def test_a_pair_without_a_value_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(SettingsError, match="has no value") as refused:
        parse_pairs("backfill", [text])
    assert refused.value.next_command == "--backfill 'core.note.v=…'"


def test_two_values_for_one_column_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"says two things of core\.note\.v"):
        parse_pairs("backfill", ["core.note.v=1", "core.note.v=2"])
