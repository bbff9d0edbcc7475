"""Enum types and their values."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.renames import find_candidates, part_rename
from tests.diff.renames.shaping import asked, column, decided, enum, key, side, table


@pytest.mark.parametrize(
    ("current", "desired"),
    [("DRAFT", "draft"), ("cancelled", "canceled"), ("in_progress", "inprogress"), ("desc", "description")],
)
def test_a_value_in_another_spelling_is_decided(current: str, desired: str) -> None:
    before, after = side(enum("core.status", "new", current, "done")), side(enum("core.status", "new", desired, "done"))
    candidates = find_candidates(before, after)
    assert decided(candidates) == [f"core.status.{current} -> {desired}"]
    assert candidates[0].kind == "enum_value"


def test_a_value_with_another_name_at_the_same_place_is_asked() -> None:
    before, after = side(enum("core.status", "new", "draft", "done")), side(enum("core.status", "new", "open", "done"))
    candidates = find_candidates(before, after)
    assert asked(candidates) == ["core.status.draft -> open"]
    assert "same place in the type" in candidates[0].evidence


def test_opposite_values_are_not_decided() -> None:
    before, after = side(enum("core.access", "is_public", "x")), side(enum("core.access", "is_private", "x"))
    assert decided(find_candidates(before, after)) == []


def test_all_values_in_small_letters_are_decided_one_by_one() -> None:
    before, after = side(enum("s", "NEW", "OPEN", "DONE")), side(enum("s", "new", "open", "done"))
    assert decided(find_candidates(before, after)) == ["s.DONE -> done", "s.NEW -> new", "s.OPEN -> open"]


def test_an_answer_about_one_value_changes_no_place_of_another() -> None:
    before, after = enum("core.use", "load", "link", "end"), enum("core.use", "read", "join", "end")
    flag = part_rename("enum_value", key("core.use"), "load", "read")
    (rest,) = [c for c in find_candidates(side(before), side(after), flags=[flag]) if c.current == "link"]
    assert "same place in the type" in rest.evidence


def test_a_flag_renames_a_value() -> None:
    before, after = side(enum("s", "a", "b")), side(enum("s", "a", "z", "y"))
    candidates = find_candidates(before, after, flags=[part_rename("enum_value", key("s"), "b", "y")])
    assert decided(candidates) == ["s.b -> y"]


def test_a_type_with_the_same_values_is_decided_and_columns_of_it_keep_their_type() -> None:
    values = ("new", "open", "done", "lost")
    before = side(enum("core.runstatus", *values), table("core.run", "id", column("state", "core.runstatus")))
    after = side(enum("core.status_of_run", *values), table("core.run", "id", column("states", "core.status_of_run")))
    candidates = find_candidates(before, after)
    assert decided(candidates) == ["core.runstatus -> core.status_of_run", "core.run.state -> states"]
    assert "same type" in candidates[1].evidence


def test_types_with_other_values_are_not_decided() -> None:
    before, after = side(enum("core.status", "a", "b")), side(enum("core.statuses", "c", "d"))
    assert decided(find_candidates(before, after)) == []


def test_a_value_that_is_empty_is_left_alone() -> None:
    assert find_candidates(side(enum("s", "", "a")), side(enum("s", "x", "a"))) == ()
