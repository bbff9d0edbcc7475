"""Names are compared by their words."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.renames.names import compare_names, word_likeness, words
from lamin_migrate_kit.diff.renames.shapes import stored_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("time_created", ("time", "created")),
        ("timeCreated", ("time", "created")),
        ("HTTPServer2", ("http", "server", "2")),
        ("_objectkey", ("objectkey",)),
        ("größe_name", ("gr", "öß", "e", "name")),
        ("__", ("__",)),
        ("v", ("v",)),
    ],
)
def test_a_name_is_a_list_of_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    ("one", "other", "at_least"),
    [
        ("session", "sessions", 0.9),
        ("category", "categories", 0.9),
        ("assume", "assumed", 0.9),
        ("hide", "hidden", 0.9),
        ("submission", "submitted", 0.9),
        ("mastadon", "mastodon", 0.7),
        ("desc", "description", 0.7),
        ("msg", "message", 0.7),
        ("qty", "quantity", 0.7),
        ("v", "version", 0.7),
        ("params", "parameters", 0.7),
        ("catalog", "catalogue", 0.9),
        ("dfolder", "folder", 0.7),
        ("num", "count", 0.5),
    ],
)
def test_words_are_known_in_other_forms(one: str, other: str, at_least: float) -> None:
    assert word_likeness(one, other) == word_likeness(other, one) >= at_least


@pytest.mark.parametrize(
    ("one", "other"),
    [("content", "contact"), ("user", "role"), ("in", "invoice"), ("start", "state"), ("event", "vent")],
)
def test_words_that_only_look_alike_are_different(one: str, other: str) -> None:
    assert word_likeness(one, other) < 0.7


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        ("created_time", "time_created"),
        ("file_name", "filename"),
        ("base_duration_s", "base_duration__s"),
        ("featured", "is_featured"),
        ("created_by", "created_by_id"),
        ("uses_video_conference", "uses_vc"),
        ("date_of_submission", "submission_date"),
        ("createdAt", "created_at"),
    ],
)
def test_the_same_words_in_another_order_or_spelling_leave_none_over(current: str, desired: str) -> None:
    names = compare_names(current, desired)
    assert (names.only_current, names.only_desired) == ((), ())
    assert names.shared > 0.6


def test_the_words_of_the_table_go_without_saying() -> None:
    assert compare_names("url", "event_url").only_desired == ("event",)
    assert compare_names("url", "event_url", ("events",)).only_desired == ()


@pytest.mark.parametrize(("current", "desired"), [("username", "name"), ("_filekey", "key"), ("id", "userid")])
def test_a_word_of_the_table_may_be_glued_to_another(current: str, desired: str) -> None:
    names = compare_names(current, desired, ("users", "file"))
    assert (names.only_current, names.only_desired, names.exact) == ((), (), False)
    assert names.shared > 0.6


def test_only_a_word_of_the_table_may_be_glued_to_another() -> None:
    assert compare_names("username", "name", ("books",)).only_current == ("username",)


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        ("start_date", "end_date"),
        ("created_at", "updated_at"),
        ("is_active", "is_archived"),
        ("is_public", "not_public"),
        ("password", "password_hash"),
        ("client_secret", "secure_client_secret"),
        ("username", "password"),
    ],
)
def test_opposites_negations_and_other_representations_are_no_renames(current: str, desired: str) -> None:
    assert compare_names(current, desired).opposite
    assert compare_names(desired, current).opposite


def test_words_that_both_names_have_oppose_nothing() -> None:
    assert not compare_names("start_to_end", "start_until_end").opposite


def test_words_for_one_thing_are_synonymous_and_light_words_are_not_enough() -> None:
    assert compare_names("checksum", "hash").synonymous
    assert not compare_names("is_confirmed", "is_candidate").synonymous


def test_names_are_cut_at_63_bytes_and_never_inside_a_character() -> None:
    assert stored_name("a" * 70) == "a" * 63
    assert stored_name("é" * 40) == "é" * 31
    assert stored_name("short") == "short"
