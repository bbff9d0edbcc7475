"""Tables: also into another schema, also changed at the same time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamin_migrate_kit.diff.renames import SourceChange, SourceEvidence, find_candidates, table_map, table_rename
from tests.diff.renames.shaping import asked, column, decided, key, side, table, with_outcome

COLUMNS = ("id", "title", "pages integer", "isbn", "printed_at timestamp", "weight real")


def test_a_table_in_another_schema_is_decided() -> None:
    before, after = side(table("public.book", "id", "title")), side(table("core.book", "id", "title"))
    candidates = find_candidates(before, after)
    assert decided(candidates) == ["public.book -> core.book"]
    assert (candidates[0].current, candidates[0].desired) == ("public.book", "core.book")


def test_a_plural_is_decided() -> None:
    assert decided(find_candidates(side(table("book", *COLUMNS)), side(table("books", *COLUMNS)))) == ["book -> books"]


def test_many_columns_that_are_all_the_same_need_no_name() -> None:
    assert decided(find_candidates(side(table("jupynb", *COLUMNS)), side(table("notebook", *COLUMNS)))) == [
        "jupynb -> notebook"
    ]


def test_a_renamed_and_changed_table_is_matched_first_and_its_columns_then() -> None:
    before = side(table("book", *COLUMNS))
    after = side(table("books", "id", "title", "page_count integer", "isbn", "printed_at timestamp", "cover"))
    candidates = find_candidates(before, after)
    assert decided(candidates)[0] == "book -> books"
    assert "book.pages -> page_count" in decided(candidates) + asked(candidates)


def test_foreign_keys_that_follow_need_no_name_when_most_columns_are_the_same() -> None:
    referring = table("file", "id", column("folder_id", "integer", to="folder"))
    before = side(table("folder", *COLUMNS[:4], "color"), referring)
    new = table("project", *COLUMNS[:4], "owner")
    after = side(new, table("file", "id", column("folder_id", "integer", to="project")))
    first = find_candidates(before, after)[0]
    assert (first.outcome, "foreign keys follow" in first.evidence) == ("decided", True)
    without = side(new, table("file", "id", column("folder_id", "integer")))
    assert "folder -> project" in asked(find_candidates(before, without))


def test_foreign_keys_that_follow_decide_nothing_when_half_of_the_columns_are_others() -> None:
    reference = column("folder_id", "integer", to="folder")
    before = side(table("folder", "id", "title", "isbn", "color", "size"), table("file", "id", reference))
    after = side(
        table("project", "id", "title", "isbn", "owner", "budget"),
        table("file", "id", column("folder_id", "integer", to="project")),
    )
    assert decided(find_candidates(before, after)) == []


@pytest.mark.parametrize("name", ["tag_books", "books_to_tags"])
def test_a_link_table_is_like_any_other_and_is_asked(name: str) -> None:
    before = side(table("books_tags", "book_id integer", "tag_id integer"))
    after = side(table(name, "book_id integer", "tag_id integer"))
    assert decided(find_candidates(before, after)) == []
    assert asked(find_candidates(before, after)) == [f"books_tags -> {name}"]


def test_a_link_table_follows_the_tables_that_it_links() -> None:
    before = side(
        table("dset", *COLUMNS),
        table("user", "id"),
        table("dset_user", column("dset_id", to="dset"), column("user_id", to="user")),
    )
    after = side(
        table("folder", *COLUMNS),
        table("user", "id"),
        table("folder_user", column("folder_id", to="folder"), column("user_id", to="user")),
    )
    expected = ["dset -> folder", "dset_user -> folder_user", "dset_user.dset_id -> folder_id"]
    assert decided(find_candidates(before, after)) == expected


def test_a_guess_about_one_table_decides_nothing_about_another() -> None:
    before = side(
        table("dset", "id", "isbn"), table("dset_user", column("dset_id", to="dset"), column("user_id", "text"))
    )
    after = side(
        table("folder", "id", "isbn"), table("folder_user", column("folder_id", to="folder"), column("user_id", "text"))
    )
    candidates = find_candidates(before, after)
    assert decided(candidates) == []
    assert asked(candidates)[:2] == ["dset -> folder", "dset_user -> folder_user"]


def test_tables_that_only_share_common_columns_are_not_decided() -> None:
    generic = ("id", "created_at timestamp", "name")
    before = side(table("policy", *generic, "expression json"), *(table(f"other{i}", *generic) for i in range(9)))
    after = side(table("search_filter", *generic, "subject"), *(table(f"other{i}", *generic) for i in range(9)))
    assert decided(find_candidates(before, after)) == []


def test_one_table_that_two_could_have_become_is_not_decided() -> None:
    before, after = side(table("book", *COLUMNS)), side(table("novel", *COLUMNS), table("essay", *COLUMNS))
    candidates = find_candidates(before, after)
    assert decided(candidates) == []
    assert len(asked(candidates)) == 1


def test_the_likelier_of_two_tables_that_one_may_have_been_is_asked() -> None:
    run = [column(f"{name}_id", to=name) for name in ("novel", "essay")]
    before = side(table("novel", *COLUMNS), table("essay", *COLUMNS[:5]), table("run", "id", *run))
    after = side(table("work", *COLUMNS), table("run", "id", column("work_id", to="work")))
    candidates = find_candidates(before, after)
    assert candidates[1].score > 0.8 > candidates[0].score
    assert (decided(candidates), asked(candidates)[0]) == ([], "novel -> work")


def test_two_tables_merged_into_one_are_not_both_renamed() -> None:
    before, after = side(table("novel", *COLUMNS), table("essay", *COLUMNS)), side(table("text", *COLUMNS))
    candidates = find_candidates(before, after)
    assert decided(candidates) == []
    assert len(asked(candidates)) == 1


def test_a_prefix_on_every_table_is_decided_for_all() -> None:
    names = ("user", "project", "run")
    before = side(*(table(f"core.{name}", "id", f"{name}_key") for name in names))
    after = side(*(table(f"lnschema_core_{name}", "id", f"{name}_key") for name in names))
    assert len(decided(find_candidates(before, after))) == 3


def test_a_prefix_on_every_table_goes_without_saying() -> None:
    before = side(
        table("core.user", "id", "handle"),
        table("core.run", "id", "external_key"),
        table("core.file", "id", "suffix"),
        table("core.run_in", column("run_id", to="core.run"), column("file_id", to="core.file")),
    )
    after = side(
        table("ln_core_user", "id", "handle"),
        table("ln_core_run", "id", "external_key"),
        table("ln_core_file", "id", "suffix"),
        table("ln_core_runinput", column("run_id", to="ln_core_run"), column("file_id", to="ln_core_file")),
    )
    candidates = find_candidates(before, after)
    assert "core.run_in -> ln_core_runinput" in decided(candidates)
    assert "the names of all new tables start with ln_core" in candidates[0].evidence


def test_a_table_that_is_called_as_the_prefix_of_all_others_keeps_its_name() -> None:
    before = side(*(table(name, "id", f"{name}_key") for name in ("shelf", "user", "loan")))
    after = side(table("lib", "id", "shelf_key"), *(table(f"lib_{n}", "id", f"{n}_key") for n in ("user", "loan")))
    candidates = find_candidates(before, after)
    assert decided(candidates)[:2] == ["loan -> lib_loan", "user -> lib_user"]
    assert "shelf -> lib" in asked(candidates)


def test_foreign_keys_of_a_table_that_is_itself_to_ask_decide_nothing() -> None:
    link = column("folder_id", "integer", to="folder")
    before = side(table("folder", *COLUMNS[:4], "color"), table("chapter", "number", "heading", link))
    other = column("project_id", "integer", to="project")
    after = side(table("project", *COLUMNS[:4], "owner"), table("chapters", "number", "title", other))
    candidates = find_candidates(before, after)
    assert decided(candidates) == []
    assert {"folder -> project", "chapter -> chapters"} <= set(asked(candidates))


def test_unknown_columns_do_not_speak_against_a_name_of_the_same_words() -> None:
    """Only histories have such tables; both sides of a database are known to the last column."""
    before = side(replace(table("book_tags"), complete=False), table("shelf", "id"))
    after = side(replace(table("books_tag"), complete=False), table("shelf", "id"))
    assert decided(find_candidates(before, after)) == ["book_tags -> books_tag"]
    known = side(table("book_tags", "a", "b")), side(table("books_tag", "c", "d"))
    assert decided(find_candidates(*known)) == []


def test_a_name_follows_the_renamed_table_in_it_and_changes_a_little() -> None:
    before = side(table("dset", *COLUMNS), table("run", "id", "dset_v"), table("dsets_features", "a", "b", "c"))
    after = side(table("album", *COLUMNS), table("run", "id", "album_version"), table("albumfeatures", "a", "b", "c"))
    assert decided(find_candidates(before, after)) == [
        "dset -> album",
        "dsets_features -> albumfeatures",
        "run.dset_v -> album_version",
    ]


def test_an_unchanged_class_under_a_new_name_is_evidence() -> None:
    before, after = side(table("core.a", "id", "x", "y")), side(table("core.b", "id", "x", "y"))
    change = SourceChange("table", key("core.b"), "a", "b", same_line=True, same_place=True)
    (plain,) = find_candidates(before, after)
    (told,) = find_candidates(before, after, source=SourceEvidence("abc", (change,)))
    assert told.score > plain.score
    assert "git: only the name changed" in told.evidence


def test_tables_swap_by_flags() -> None:
    both = side(table("a", "id", "x"), table("b", "id", "y"))
    flags = [table_rename(key("a"), key("b")), table_rename(key("b"), key("a"))]
    assert decided(find_candidates(both, both, flags=flags))[:2] == ["a -> b", "b -> a"]


def test_a_refused_table_is_no_candidate_and_its_columns_are_none() -> None:
    before, after = side(table("book", *COLUMNS, "v")), side(table("books", *COLUMNS, "version"))
    assert find_candidates(before, after, refused=[table_rename(key("book"), key("books"))]) == ()


def test_a_refusal_of_one_schema_leaves_the_other() -> None:
    before = side(table("a.book", *COLUMNS))
    after = side(table("b.book", *COLUMNS), table("c.book", *COLUMNS))
    candidates = find_candidates(before, after, refused=[table_rename(key("a.book"), key("b.book"))])
    assert decided(candidates) + asked(candidates) == ["a.book -> c.book"]


def test_only_decided_tables_are_mapped() -> None:
    before = side(table("book", *COLUMNS), table("x", "id", "a"))
    after = side(table("books", *COLUMNS), table("y", "id", "a"))
    assert table_map(find_candidates(before, after)) == {key("book"): key("books")}


def test_unlikely_pairs_are_listed_as_none() -> None:
    before = side(table("book", *COLUMNS), table("paper", *COLUMNS))
    after = side(table("text", *COLUMNS, "margin"), table("leaf", *COLUMNS, "border"))
    candidates = find_candidates(before, after)
    assert len(asked(candidates)) == 2
    assert len(with_outcome(candidates, "none")) == 2


def test_the_same_input_gives_the_same_output_whatever_the_order() -> None:
    tables = [table(f"t{i}", "id", f"c{i}", "name") for i in range(4)]
    renamed = [table(f"u{i}", "id", f"c{i}", "name") for i in range(4)]
    one = find_candidates(side(*tables), side(*renamed))
    assert one == find_candidates(side(*reversed(tables)), side(*reversed(renamed)))
