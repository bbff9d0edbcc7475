"""A synthetic history of model edits: what the source says, and what is decided with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.diff.renames import NO_SOURCE, Candidate, stale_declarations
from lamin_migrate_kit.source import declared_renames, read_source_evidence
from lamin_migrate_kit.source.evidence import find_bases
from tests.diff.renames.shaping import asked, decided
from tests.source.checkout import Checkout

NOTEBOOK = """
class Notebook(Base, table=True):
    id: str = Field(primary_key=True)
    v: str = Field(default="1", primary_key=True)
    name: str = Field(index=True)
    is_confirmed: bool = Field(default=False)
    checksum: Optional[str] = None
    size: int = 0
"""

ONLY_THE_NAME = "git: only the name changed"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A release with one table."""
    made = Checkout(tmp_path / "a lab")
    made.write(NOTEBOOK).release()
    return made


@pytest.fixture(autouse=True)
def _no_global_git_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "none"))


def about(candidates: tuple[Candidate, ...], current: str) -> Candidate:
    """The likeliest candidate for one column."""
    return next(candidate for candidate in candidates if candidate.current == current and candidate.outcome != "none")


def test_nothing_changed_is_nothing_to_say(checkout: Checkout) -> None:
    assert read_source_evidence(checkout.folder) == NO_SOURCE
    assert checkout.candidates() == ()


def test_a_renamed_field_is_decided(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace("    v:", "    version:"))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook.v -> version"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_a_field_replaced_by_one_with_an_equal_line_comes_first_and_asks(checkout: Checkout) -> None:
    changed = NOTEBOOK.replace("is_confirmed: bool", "is_candidate: bool")
    checkout.write(changed + "    is_visible: bool = Field(default=False)\n")
    candidates = checkout.candidates()
    assert decided(candidates) == []
    assert asked(candidates) == ["public.notebook.is_confirmed -> is_candidate"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_another_word_for_the_same_thing_decides_with_an_unchanged_line(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace("checksum:", "hash:"))
    assert decided(checkout.candidates()) == ["public.notebook.checksum -> hash"]


def test_a_field_that_also_moved_is_decided(checkout: Checkout) -> None:
    without = NOTEBOOK.replace('    v: str = Field(default="1", primary_key=True)\n', "")
    checkout.write(without + '    version: str = Field(default="1", primary_key=True)\n')
    candidate = about(checkout.candidates(), "v")
    assert (candidate.desired, candidate.outcome) == ("version", "decided")
    assert "git: only the name and its place changed" in candidate.evidence


def test_reordered_fields_are_no_renames(checkout: Checkout) -> None:
    head, *fields = NOTEBOOK.strip().splitlines()
    checkout.write("\n".join((head, *reversed(fields))) + "\n")
    assert checkout.candidates() == ()


def test_reordered_and_renamed_is_still_found(checkout: Checkout) -> None:
    head, *fields = NOTEBOOK.replace("    v:", "    version:").strip().splitlines()
    checkout.write("\n".join((head, *reversed(fields))) + "\n")
    assert decided(checkout.candidates()) == ["public.notebook.v -> version"]


def test_a_formatter_changes_nothing(checkout: Checkout) -> None:
    formatted = NOTEBOOK.replace(
        '    v: str = Field(default="1", primary_key=True)\n',
        "    version: str = Field(  # the first\n        default='1',\n        primary_key=True,\n    )\n",
    ).replace("    size: int = 0", '\n    size: int = (0)\n    """In bytes."""')
    checkout.write(formatted)
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook.v -> version"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_a_formatter_alone_is_no_rename(checkout: Checkout) -> None:
    checkout.write(
        NOTEBOOK.replace('Field(default="1", primary_key=True)', "Field(\n default='1',\n primary_key=True,\n)")
    )
    assert checkout.candidates() == ()


def test_a_class_that_moved_to_another_file_keeps_its_history(checkout: Checkout) -> None:
    checkout.remove("models.py").write(NOTEBOOK.replace("    v:", "    version:"), "core/notebooks.py")
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook.v -> version"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_a_field_renamed_and_changed_at_once_is_no_unchanged_line(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace("    size: int = 0", "    size_bytes: float = 0.0"))
    candidates = checkout.candidates()
    assert decided(candidates) == []
    candidate = about(candidates, "size")
    assert (candidate.desired, candidate.outcome) == ("size_bytes", "ask")
    assert "git: changed at the same place" in candidate.evidence


def test_a_new_default_with_the_same_words_is_decided(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace('    v: str = Field(default="1"', '    version: str = Field(default="0"'))
    candidate = about(checkout.candidates(), "v")
    assert (candidate.desired, candidate.outcome) == ("version", "decided")
    assert ONLY_THE_NAME not in candidate.evidence


def test_several_fields_with_equal_lines_are_told_apart_by_their_places(tmp_path: Path) -> None:
    fields = "class Place(Base, table=True):\n    id: int = Field(primary_key=True)\n    alpha: str\n    beta: str\n"
    checkout = Checkout(tmp_path / "lab")
    checkout.write(fields).release()
    checkout.write(fields.replace("alpha", "gamma").replace("beta", "delta"))
    candidates = checkout.candidates()
    assert asked(candidates) == ["public.place.alpha -> gamma", "public.place.beta -> delta"]
    assert all(ONLY_THE_NAME in candidate.evidence for candidate in candidates if candidate.outcome == "ask")


def test_a_renamed_class_is_decided_with_its_columns(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace("class Notebook", "class Notebooks").replace("    v:", "    version:"))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook -> public.notebooks", "public.notebook.v -> version"]
    assert "git: changed at the same place" in candidates[0].evidence


def test_a_table_renamed_in_an_unchanged_class_is_decided(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace("table=True):", 'table=True):\n    __tablename__ = "page"'))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook -> public.page"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_a_field_of_a_mixin_is_renamed_in_every_table(tmp_path: Path) -> None:
    source = """
class Stamped(SQLModel):
    time_created: datetime

class Note(Base, Stamped, table=True):
    id: int = Field(primary_key=True)

class Page(Base, Stamped, table=True):
    id: int = Field(primary_key=True)
"""
    checkout = Checkout(tmp_path / "lab")
    checkout.write("from sqlmodel import SQLModel\n" + source).release()
    checkout.write("from sqlmodel import SQLModel\n" + source.replace("time_created", "created_at"))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.note.time_created -> created_at", "public.page.time_created -> created_at"]
    assert all(ONLY_THE_NAME in candidate.evidence for candidate in candidates)
    assert len({candidate.question for candidate in candidates}) == 1


def test_an_attribute_with_an_unchanged_column_name_is_no_rename(tmp_path: Path) -> None:
    source = """
class Note(Base, table=True):
    id: int = Field(primary_key=True)
    v: str = Field(sa_column=Column("v", String))
"""
    checkout = Checkout(tmp_path / "lab")
    checkout.write(source).release()
    checkout.write(source.replace("    v: str", "    version: str"))
    assert checkout.candidates() == ()
    assert read_source_evidence(checkout.folder) == NO_SOURCE


def test_an_explicit_column_name_that_changes_is_a_rename(tmp_path: Path) -> None:
    source = """
class Note(Base, table=True):
    id: int = Field(primary_key=True)
    x: str = Field(sa_column=Column("v", String))
"""
    checkout = Checkout(tmp_path / "lab")
    checkout.write(source).release()
    checkout.write(source.replace('"v"', '"version"'))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.note.v -> version"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_work_that_is_committed_already_is_compared_with_the_last_revision(checkout: Checkout) -> None:
    checkout.write(NOTEBOOK.replace("    v:", "    version:")).commit("rename v")
    checkout.write(NOTEBOOK.replace("    v:", "    version:"), "unrelated.txt").commit("something else")
    candidates = checkout.candidates()
    assert ONLY_THE_NAME in candidates[0].evidence


def test_what_the_last_revision_made_is_the_base_and_not_an_earlier_one(checkout: Checkout) -> None:
    second = NOTEBOOK.replace("    v:", "    ver:")
    checkout.write(second).release(2)
    checkout.write(second.replace("    ver:", "    version:"))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook.ver -> version"]
    assert ONLY_THE_NAME in candidates[0].evidence


def test_a_revision_that_is_not_committed_yet_hides_nothing(checkout: Checkout) -> None:
    (checkout.folder / "migrations" / "versions" / "2023-02-01-aaaaaaaaaaaa-vx_x_x.py").write_text('"""vX.X.X."""\n')
    checkout.write(NOTEBOOK.replace("    v:", "    version:"))
    assert ONLY_THE_NAME in checkout.candidates()[0].evidence


def test_the_bases_are_the_last_revision_the_last_version_and_the_last_tag(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "lab")
    first = checkout.write(NOTEBOOK).release()
    checkout.tag("v1.0.0")
    second = checkout.write(NOTEBOOK + "    x: int = 0\n").release(2)
    checkout.commit("later")
    assert find_bases(checkout.folder) == (second, first)


def test_without_a_checkout_there_is_no_evidence_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("class A: pass\n")
    assert read_source_evidence(tmp_path) == NO_SOURCE
    assert read_source_evidence(tmp_path / "nothing") == NO_SOURCE


def test_without_git_there_is_no_evidence_and_no_error(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.write(NOTEBOOK.replace("    v:", "    version:"))
    monkeypatch.setenv("PATH", "/nothing")
    assert read_source_evidence(checkout.folder) == NO_SOURCE


def test_inside_a_git_hook_the_package_is_still_the_one_that_is_looked_at(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.write(NOTEBOOK.replace("    v:", "    version:"))
    expected = read_source_evidence(checkout.folder)
    monkeypatch.setenv("GIT_DIR", ".git")
    assert read_source_evidence(checkout.folder) == expected != NO_SOURCE


def test_a_checkout_without_commits_has_no_evidence(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "lab")
    checkout.write(NOTEBOOK)
    assert read_source_evidence(checkout.folder) == NO_SOURCE


def test_a_commit_that_is_not_there_has_no_evidence(checkout: Checkout) -> None:
    assert read_source_evidence(checkout.folder, bases=["0" * 40]) == NO_SOURCE


def test_a_base_can_be_given(checkout: Checkout) -> None:
    base = checkout.commit("base")
    checkout.write(NOTEBOOK.replace("    v:", "    version:")).release(2)
    evidence = read_source_evidence(checkout.folder, bases=[base])
    assert [(change.current, change.desired) for change in evidence.changes] == [("v", "version")]
    assert base.startswith(evidence.base)


def test_a_file_that_is_half_written_or_no_text_is_left_out(checkout: Checkout) -> None:
    checkout.write("class Broken(:\n", "broken.py")
    (checkout.folder / "binary.py").write_bytes(b"\xff\xfe\x00")
    checkout.write(NOTEBOOK.replace("    v:", "    version:"))
    assert len(read_source_evidence(checkout.folder).changes) == 1


def test_file_names_with_spaces_and_other_letters_are_read(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "größe und mehr")
    checkout.write(NOTEBOOK, "modelle/notiz büch.py").release()
    checkout.write(NOTEBOOK.replace("    v:", "    version:"), "modelle/notiz büch.py")
    assert ONLY_THE_NAME in checkout.candidates()[0].evidence


def test_a_declared_rename_is_decided_whatever_the_line(checkout: Checkout) -> None:
    said = 'anything: int = Field(sa_column_kwargs={"info": {"renamed_from": "is_confirmed"}})'
    checkout.write(NOTEBOOK.replace("is_confirmed: bool = Field(default=False)", said))
    candidates = checkout.candidates()
    assert decided(candidates) == ["public.notebook.is_confirmed -> anything"]
    assert candidates[0].decided_by == "declared"


def test_a_declaration_that_is_done_is_pointed_out(checkout: Checkout) -> None:
    said = 'version: str = Field(default="1", primary_key=True, sa_column_kwargs={"info": {"renamed_from": "v"}})'
    checkout.write(NOTEBOOK.replace('v: str = Field(default="1", primary_key=True)', said)).release(2)
    assert checkout.candidates() == ()
    declared, both = declared_renames(checkout.metadata()), checkout.shapes()
    (sentence,) = stale_declarations(declared, [], both, both)
    assert "the declaration can go" in sentence
