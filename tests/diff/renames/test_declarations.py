"""`renamed_from` is followed while there is something to rename, and pointed out when there is not."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.renames import Declaration, find_candidates, part_rename, stale_declarations, table_rename
from lamin_migrate_kit.diff.renames.declarations import live_renames
from tests.diff.renames.shaping import decided, key, side, table

NOTEBOOK = key("core.notebook")


def column_said(name: str, former: str) -> Declaration:
    return Declaration(NOTEBOOK, name, former)


def notebook(*columns: str):  # type: ignore[no-untyped-def]
    return side(table("core.notebook", *columns))


def stale(declared: list[Declaration], before, after, recorded=()) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    candidates = find_candidates(before, after, declared=declared, recorded=recorded)
    followed = [candidate.rename for candidate in candidates if candidate.outcome == "decided"]
    return stale_declarations(declared, followed, before, after)


def test_a_declared_column_is_decided_against_all_evidence() -> None:
    before, after = notebook("id", "v integer"), notebook("id", "anything text")
    candidates = find_candidates(before, after, declared=[column_said("anything", "v")])
    assert decided(candidates) == ["core.notebook.v -> anything"]
    assert (candidates[0].decided_by, candidates[0].evidence) == ("declared", ("declared in the models",))


def test_a_declaration_that_is_done_is_not_followed_and_pointed_out() -> None:
    both = notebook("id", "version")
    assert find_candidates(both, both, declared=[column_said("version", "v")]) == ()
    (sentence,) = stale([column_said("version", "v")], both, both)
    assert "core.notebook.version" in sentence
    assert "the declaration can go" in sentence


def test_a_declaration_that_never_fitted_is_pointed_out() -> None:
    (sentence,) = stale([column_said("version", "vv")], notebook("id"), notebook("id", "version"))
    assert "the revisions make nothing of that name" in sentence


def test_a_declaration_that_is_followed_is_not_stale() -> None:
    assert stale([column_said("version", "v")], notebook("v"), notebook("version")) == ()


def test_a_declared_chain_is_done_together() -> None:
    declared = [column_said("b", "a"), column_said("c", "b")]
    candidates = find_candidates(notebook("a", "b"), notebook("b", "c"), declared=declared)
    assert decided(candidates) == ["core.notebook.a -> b", "core.notebook.b -> c"]


def test_a_declared_swap_is_done_once() -> None:
    both, declared = notebook("a", "b"), [column_said("b", "a"), column_said("a", "b")]
    todo = find_candidates(both, both, declared=declared)
    assert decided(todo) == ["core.notebook.a -> b", "core.notebook.b -> a"]
    done = [candidate.rename for candidate in todo]
    assert find_candidates(both, both, declared=declared, recorded=done) == ()
    assert len(stale(declared, both, both, done)) == 2


def test_both_names_on_both_sides_is_nothing_to_rename() -> None:
    both = notebook("a", "b")
    assert find_candidates(both, both, declared=[column_said("b", "a")]) == ()


def test_a_declared_column_in_a_table_that_evidence_renames() -> None:
    columns = ("id", "title", "pages integer", "isbn", "size real")
    before = side(table("core.notebooks", *columns, "x"))
    after = side(table("core.notebook", *columns, "y"))
    candidates = find_candidates(before, after, declared=[column_said("y", "x")])
    assert decided(candidates) == ["core.notebooks -> core.notebook", "core.notebooks.x -> y"]


@pytest.mark.parametrize(("said", "before"), [("book", "core.book"), ("old.book", "old.book")])
def test_a_declared_table_also_from_another_schema(said: str, before: str) -> None:
    candidates = find_candidates(
        side(table(before, "a")), side(table("core.notebook", "z")), declared=[Declaration(NOTEBOOK, "", said)]
    )
    assert decided(candidates)[0] == f"{before} -> core.notebook"


def test_a_flag_goes_before_a_declaration() -> None:
    flags = [part_rename("column", NOTEBOOK, "w", "version")]
    before, after = notebook("v", "w"), notebook("version")
    candidates = find_candidates(before, after, declared=[column_said("version", "v")], flags=flags)
    assert decided(candidates) == ["core.notebook.w -> version"]


def test_a_refusal_goes_before_a_declaration() -> None:
    refused = [part_rename("column", NOTEBOOK, "v", "version")]
    declared = [column_said("version", "v")]
    assert find_candidates(notebook("v"), notebook("version"), declared=declared, refused=refused) == ()


def test_two_columns_cannot_both_have_been_one() -> None:
    declared = [column_said("b", "a"), column_said("c", "a")]
    candidates = find_candidates(notebook("a"), notebook("b", "c"), declared=declared)
    assert len(decided(candidates)) == 1
    (sentence,) = stale(declared, notebook("a"), notebook("b", "c"))
    assert "something else was decided" in sentence


def test_a_table_that_the_models_do_not_make_is_none_of_ours() -> None:
    assert stale([Declaration(key("other.thing"), "a", "b")], notebook("a"), notebook("a")) == ()


def test_a_swap_of_tables_that_was_done_is_not_done_again() -> None:
    edges = [(key("a"), key("b")), (key("b"), key("a"))]
    both = [key("a"), key("b")]
    assert live_renames(edges, both, both) == edges
    assert live_renames(edges, both, both, edges) == []
    declared = [Declaration(key("a"), "", "b"), Declaration(key("b"), "", "a")]
    sides = side(table("a", "x"), table("b", "y"))
    done = [table_rename(a, b) for a, b in edges]
    assert find_candidates(sides, sides, declared=declared, recorded=done) == ()
