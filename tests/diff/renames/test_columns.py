"""Columns: what is decided, what is asked, and what is no rename."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.renames import (
    SourceChange,
    SourceEvidence,
    find_candidates,
    part_rename,
    table_rename,
)
from tests.diff.renames.shaping import asked, column, decided, key, shown, side, table


def found(*columns: tuple[list[object], list[object]], name: str = "core.notebook", **how: object):  # type: ignore[no-untyped-def]
    """Candidates for one table with these columns before and after."""
    ((before, after),) = columns
    return find_candidates(side(table(name, *before)), side(table(name, *after)), **how)  # type: ignore[arg-type]


def test_a_column_with_an_abbreviated_name_is_decided_with_its_evidence() -> None:
    facts = {"nullable": False, "default": "'1'", "in_primary_key": True}
    before = ["id", column("v", "character varying", **facts), "name"]
    after = ["id", column("version", "character varying", **facts), "name"]
    (candidate,) = found((before, after))
    assert shown(candidate) == "core.notebook.v -> version"
    assert (candidate.outcome, candidate.decided_by) == ("decided", "evidence")
    assert {"same type", "same default", "same place in the table", "both in the primary key"} <= set(
        candidate.evidence
    )


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        ("time_created", "created_at"),
        ("featured", "is_featured"),
        ("desc", "description"),
        ("mastadon", "mastodon"),
        ("created_by", "created_by_id"),
        ("notebook_title", "title"),
        ("submissionDate", "submission_date"),
    ],
)
def test_names_that_say_the_same_are_decided(current: str, desired: str) -> None:
    assert decided(found((["id", current], ["id", desired]))) == [f"core.notebook.{current} -> {desired}"]


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        ("is_confirmed", "is_candidate"),
        ("is_active", "is_archived"),
        ("icon_color", "icon_name"),
        ("start_date", "end_date"),
        ("client_secret", "secure_client_secret"),
        ("branding", "postage"),
        ("parent_name", "parent_id"),
    ],
)
def test_names_that_say_something_else_are_asked_at_most(current: str, desired: str) -> None:
    same = {"default": "'x'", "comment": "the same words", "in_unique": True, "indexed": True}
    before, after = ["id", column(current, **same), "name"], ["id", column(desired, **same), "name"]
    candidates = found((before, after))
    assert decided(candidates) == []
    assert asked(candidates) == [f"core.notebook.{current} -> {desired}"]


def test_another_type_is_never_decided() -> None:
    candidates = found(((["id", column("type", "text")]), ["id", column("type_id", "integer")]))
    assert decided(candidates) == []


def test_a_type_of_the_same_family_may_be() -> None:
    before, after = [column("desc", "character varying(50)")], [column("description", "text")]
    assert decided(found((before, after))) == ["core.notebook.desc -> description"]


def test_two_equally_good_readings_are_asked_once() -> None:
    candidates = found((["name"], ["first_name", "last_name"]))
    assert decided(candidates) == []
    assert len(asked(candidates)) == 1


def test_what_is_on_both_sides_is_no_candidate() -> None:
    assert found((["id", "name"], ["name", "id"])) == ()


def test_nothing_to_compare_gives_nothing() -> None:
    assert find_candidates(side(), side()) == ()


def test_the_same_pair_in_several_tables_is_one_question() -> None:
    before = side(*(table(f"core.{name}", "id", "roles") for name in ("a", "b", "c")))
    after = side(*(table(f"core.{name}", "id", "permissions") for name in ("a", "b", "c")))
    candidates = find_candidates(before, after)
    assert [candidate.outcome for candidate in candidates] == ["ask"] * 3
    assert len({candidate.question for candidate in candidates}) == 1
    assert "the same pair in 3 tables" in candidates[0].evidence


def test_words_for_the_same_thing_are_decided_in_three_tables_and_asked_in_two() -> None:
    for count, outcome in ((2, "ask"), (3, "decided")):
        before = side(*(table(f"core.t{n}", "id", "trash_date timestamp") for n in range(count)))
        after = side(*(table(f"core.t{n}", "id", "deleted_at timestamp") for n in range(count)))
        assert [candidate.outcome for candidate in find_candidates(before, after)] == [outcome] * count


@pytest.mark.parametrize(
    ("current", "desired"),
    [("num_docs_indexed", "total_docs_indexed"), ("member_photo_url", "member_picture_url")],
)
def test_a_word_for_the_same_thing_is_decided_where_the_rest_of_the_name_stays(current: str, desired: str) -> None:
    (candidate,) = found((["id", current], ["id", desired]))
    assert candidate.outcome == "decided"
    assert "words for the same thing" in candidate.evidence


def test_of_several_new_names_the_one_of_the_same_words_is_decided() -> None:
    after = [f"{what}_template_document_id" for what in ("notebook", "executive", "review", "tracking")]
    assert decided(found((["id", "template_document_id"], ["id", *after]))) == [
        "core.notebook.template_document_id -> notebook_template_document_id"
    ]


def test_a_name_that_is_divided_in_two_is_asked() -> None:
    candidates = found((["id", "code"], ["id", "code_name", "code_credential"]))
    assert (decided(candidates), len(asked(candidates))) == ([], 1)


def test_words_that_change_in_many_names_are_decided() -> None:
    before = ["id", "organizer_name", "organizer_url", "organizer_text"]
    after = ["id", "owner_name", "owner_url", "owner_text"]
    assert decided(found((before, after))) == [
        "core.notebook.organizer_name -> owner_name",
        "core.notebook.organizer_text -> owner_text",
        "core.notebook.organizer_url -> owner_url",
    ]


def test_a_foreign_key_to_another_table_is_never_decided() -> None:
    before = side(table("t", column("app_id", "integer", to="external")), table("external", "id"), table("gated", "id"))
    after = side(table("t", column("my_app_id", "integer", to="gated")), table("external", "id"), table("gated", "id"))
    assert decided(find_candidates(before, after)) == []


def test_a_foreign_key_follows_the_rename_of_its_table() -> None:
    columns = ["id", "title", "kind", "pages", "slug", "isbn"]
    before = side(table("jupynb", *columns), table("run", "id", column("jupynb_id", "text", to="jupynb")))
    after = side(table("notebook", *columns), table("run", "id", column("notebook_id", "text", to="notebook")))
    assert decided(find_candidates(before, after)) == ["jupynb -> notebook", "run.jupynb_id -> notebook_id"]


def test_a_column_waits_for_the_answer_about_its_table() -> None:
    before = side(table("jupynb", "id", "isbn", "v"), table("run", "id", column("jupynb_id", "text", to="jupynb")))
    after = side(
        table("notebook", "id", "isbn", "version"), table("run", "id", column("notebook_id", "text", to="notebook"))
    )
    candidates = find_candidates(before, after)
    assert decided(candidates) == []
    assert asked(candidates) == ["jupynb -> notebook", "jupynb.v -> version", "run.jupynb_id -> notebook_id"]
    assert {c.depends_on for c in candidates if c.kind == "column"} == {candidates[0].question}
    answered = find_candidates(before, after, flags=[candidates[0].rename])
    assert decided(answered) == ["jupynb -> notebook", "jupynb.v -> version", "run.jupynb_id -> notebook_id"]


def test_the_place_in_the_table_tells_equal_columns_apart() -> None:
    before = ["id", "alpha", "name", "beta", "size"]
    after = ["id", "gamma", "name", "delta", "size"]
    assert asked(found((before, after))) == ["core.notebook.alpha -> gamma", "core.notebook.beta -> delta"]


def test_an_answer_about_one_column_changes_no_place_of_another() -> None:
    before, after = ["id", "alpha", "beta", "size"], ["id", "gamma", "delta", "size"]
    rest = found((before, after), flags=[part_rename("column", NOTEBOOK, "alpha", "gamma")])[1:]
    assert asked(rest) == ["core.notebook.beta -> delta"]
    assert "same place in the table" in rest[0].evidence


def test_a_column_that_takes_the_name_of_a_renamed_one_is_not_taken_for_it() -> None:
    before, after = ["id", "a", "b", "size"], ["id", "b", "c", "size"]
    rest = found((before, after), flags=[part_rename("column", NOTEBOOK, "a", "b")])[1:]
    assert asked(rest) == ["core.notebook.b -> c"]
    assert "same place in the table" in rest[0].evidence


def test_unknown_facts_are_no_evidence() -> None:
    (with_facts,) = found(([column("desc", nullable=None)], [column("description", nullable=None)]))
    assert with_facts.outcome == "decided"
    assert not {"same default", "another nullability"} & set(with_facts.evidence)


def test_what_differs_lowers_the_score() -> None:
    (alike,) = found(([column("desc", default="''")], [column("description", default="''")]))
    (unlike,) = found(
        (
            [column("desc", default="''", in_primary_key=True)],
            [column("description", default="'x'", in_primary_key=False)],
        )
    )
    assert unlike.score < alike.score
    assert "another default" in unlike.evidence


NOTEBOOK = key("core.notebook")
CONFIRMED = SourceChange("column", NOTEBOOK, "is_confirmed", "is_candidate", same_line=True, same_place=True)


def test_an_unchanged_line_comes_first_and_asks_without_evidence_from_the_names() -> None:
    before, after = (
        ["id", column("is_confirmed", "boolean")],
        ["id", column("is_visible", "boolean"), column("is_candidate", "boolean")],
    )
    candidates = found((before, after), source=SourceEvidence("abc", (CONFIRMED,)))
    assert asked(candidates) == ["core.notebook.is_confirmed -> is_candidate"]
    assert decided(candidates) == []
    assert candidates[0].evidence[0] == "git: only the name changed"


def test_an_unchanged_line_decides_with_words_for_the_same_thing() -> None:
    before, after = ["id", "checksum"], ["id", "hash"]
    assert decided(found((before, after))) == []
    change = SourceChange("column", NOTEBOOK, "checksum", "hash", same_line=True, same_place=True)
    assert decided(found((before, after), source=SourceEvidence("abc", (change,)))) == [
        "core.notebook.checksum -> hash"
    ]


def test_a_flag_decides_whatever_the_evidence() -> None:
    rename = part_rename("column", NOTEBOOK, "count", "title")
    candidates = found(([column("count", "integer"), "desc"], ["title", "description"]), flags=[rename])
    assert decided(candidates) == ["core.notebook.count -> title", "core.notebook.desc -> description"]
    assert [candidate.decided_by for candidate in candidates] == ["flag", "evidence"]


def test_a_refused_pair_is_no_candidate() -> None:
    no = part_rename("column", NOTEBOOK, "desc", "description")
    assert found((["desc"], ["description"]), refused=[no]) == ()


def test_a_column_that_has_no_new_name_has_no_candidates() -> None:
    no = part_rename("column", NOTEBOOK, "desc", "")
    assert found((["desc"], ["description", "desc_text"]), refused=[no]) == ()


def test_who_said_no_once_is_not_asked_lightly_again() -> None:
    before, after = [column("alpha", "boolean")], [column("beta", "boolean"), column("gamma", "boolean")]
    first = asked(found((before, after)))
    assert len(first) == 1
    desired = first[0].rsplit(" ", 1)[1]
    again = found((before, after), refused=[part_rename("column", NOTEBOOK, "alpha", desired)])
    assert [candidate.score < 0.2 for candidate in again] == [True]


def test_a_swap_is_invisible_and_a_flag_makes_it() -> None:
    both = side(table("t", "a", "b"))
    assert find_candidates(both, both) == ()
    flags = [part_rename("column", key("t"), "a", "b"), part_rename("column", key("t"), "b", "a")]
    assert decided(find_candidates(both, both, flags=flags)) == ["t.a -> b", "t.b -> a"]


def test_a_chain_is_made_by_flags_together() -> None:
    flags = [part_rename("column", NOTEBOOK, "a", "b"), part_rename("column", NOTEBOOK, "b", "c")]
    assert decided(found((["a", "b"], ["b", "c"]), flags=flags)) == ["core.notebook.a -> b", "core.notebook.b -> c"]


def test_a_new_column_takes_the_name_of_a_dropped_one() -> None:
    """`a` becomes `title`; what was `title` is dropped, and is a candidate for the new `label`."""
    flags = [part_rename("column", NOTEBOOK, "a", "title")]
    candidates = found((["a", "title"], ["title", "title_text"]), flags=flags)
    assert decided(candidates) == ["core.notebook.a -> title", "core.notebook.title -> title_text"]


def test_a_flag_about_a_column_holds_in_a_renamed_table() -> None:
    before, after = side(table("core.notebook", "id", "v")), side(table("core.book", "id", "label"))
    flags = [table_rename(NOTEBOOK, key("core.book")), part_rename("column", NOTEBOOK, "v", "label")]
    candidates = find_candidates(before, after, flags=flags)
    assert decided(candidates) == ["core.notebook -> core.book", "core.notebook.v -> label"]
    assert candidates[1].rename.desired_table == "book"


def test_json_names_what_issue_and_machines_expect() -> None:
    (candidate,) = found((["desc"], ["description"]))
    assert candidate.as_json() == {
        "kind": "column",
        "schema": "core",
        "table": "notebook",
        "current": "desc",
        "desired": "description",
        "score": round(candidate.score, 4),
        "evidence": list(candidate.evidence),
        "outcome": "decided",
    }


def test_evidence_never_holds_a_comma() -> None:
    before, after = [column("price", "numeric(5,2)")], [column("prices", "numeric(7,2)")]
    (candidate,) = found((before, after))
    assert candidate.evidence
    assert not any("," in sentence for sentence in candidate.evidence)
