"""What nobody can know stops with the exact flags; given, they work as they stand; nothing is written before."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lamin_migrate_kit.comparison import Comparison
from lamin_migrate_kit.errors import DecisionNeeded, SettingsError
from tests.authors import Author


def note(*columns: str) -> str:
    given = "".join(f"sa.Column({column}), " for column in columns)
    return f'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), {given}schema="core")\n'


STATUS = 'sa.Enum({}, name="status", schema="core")'


@dataclass(frozen=True)
class Open:
    """A change that needs a decision.

    Attributes:
        before: The models before.
        after: The models after.
        flags: The flags that are offered, each line of them.
        recorded: The comment in the file, when the first flags are given.
        by_hand: SQL of a revision, besides the models before.
    """

    before: str
    after: str
    flags: tuple[str, ...]
    recorded: tuple[str, ...]
    by_hand: str = ""


OPEN = {
    "a new column that is required": Open(
        note(),
        note('"language", sa.String, nullable=False'),
        ("--backfill 'core.note.language='\\'''\\'''",),
        ("# migrate-kit: backfill core.note.language=''",),
    ),
    "a column that becomes required": Open(
        note('"size", sa.Integer'),
        note('"size", sa.Integer, nullable=False'),
        ("--backfill 'core.note.size=0'",),
        ("# migrate-kit: backfill core.note.size=0",),
    ),
    "another type": Open(
        note('"code", sa.String'),
        note('"code", sa.Integer'),
        ("--using 'core.note.code=code::integer'",),
        ("# migrate-kit: using core.note.code=code::integer",),
    ),
    "a narrower type": Open(
        note('"code", sa.String(20)'),
        note('"code", sa.String(5)'),
        ("--using 'core.note.code=code::character varying(5)'",),
        ("# migrate-kit: using core.note.code=code::character varying(5)",),
    ),
    "an enum value that goes": Open(
        note('"status", ' + STATUS.format("'open', 'late', 'done'")),
        note('"status", ' + STATUS.format("'open', 'done'")),
        ("--enum-map 'core.status.late=open'",),
        ("# migrate-kit: enum-map core.status.late=open",),
    ),
    "a rename that may be none": Open(
        note('"title", sa.String', '"body", sa.Text'),
        note('"heading", sa.String', '"body", sa.Text'),
        ("--rename core.note.title:heading   or   --no-rename core.note.title:heading",),
        ("# migrate-kit: rename core.note.title -> heading (said by a flag)",),
    ),
    "a rename of a name that holds what the grammar of names uses": Open(
        note("'t:x.\"y\" z', sa.String", '"body", sa.Text'),
        note('"h:i", sa.String', '"body", sa.Text'),
        ("""--rename 'core.note."t:x.""y"" z":"h:i"'   or   --no-rename 'core.note."t:x.""y"" z":"h:i"'""",),
        ("""# migrate-kit: rename core.note."t:x.""y"" z" -> "h:i" (said by a flag)""",),
    ),
    "an index by hand": Open(
        note('"size", sa.Integer'),
        note('"size", sa.Integer'),
        ("--keep core.by_hand   or   --drop core.by_hand",),
        ("# migrate-kit: keep core.by_hand because --keep says so",),
        "CREATE INDEX by_hand ON core.note (size)",
    ),
    "a view that needs what goes": Open(
        note('"size", sa.Integer'),
        note(),
        ("--drop core.w   or   --keep core.note.size",),
        ("# migrate-kit: drop core.w because --drop says so",),
        "CREATE VIEW core.w AS SELECT size FROM core.note",
    ),
    "a column whose name holds what the grammar of names uses": Open(
        note('"a=b:c d", sa.String'),
        note('"a=b:c d", sa.Integer'),
        ("""--using 'core.note."a=b:c d"="a=b:c d"::integer'""",),
        ('# migrate-kit: using core.note."a=b:c d"="a=b:c d"::integer',),
    ),
    "an enum value that holds what the grammar of names uses": Open(
        note('"status", ' + STATUS.format("'open', 'a.b=c'")),
        note('"status", ' + STATUS.format("'open'")),
        ("""--enum-map 'core.status."a.b=c"=open'""",),
        ('# migrate-kit: enum-map core.status."a.b=c"=open',),
    ),
    "names that need quotes": Open(
        'sa.Table("odd.table", metadata, sa.Column("a", sa.Integer), schema="core")',
        'sa.Table("odd.table", metadata, sa.Column("a", sa.Integer), sa.Column("it\'s", sa.Integer, nullable=False),'
        ' schema="core")',
        ("""--backfill 'core."odd.table".it'\\''s=0'""",),
        ('# migrate-kit: backfill core."odd.table".it\'s=0',),
    ),
}


@pytest.mark.parametrize("case", OPEN.values(), ids=OPEN)
def test_open_decision_stops_and_its_flags_work_as_they_stand(author: Author, case: Open) -> None:
    author.models(case.before)
    author.generate()
    if case.by_hand:
        author.revise(f"op.execute({case.by_hand!r})", released=None)
    author.models(case.after)
    before = author.files
    with pytest.raises(DecisionNeeded) as stopped:
        author.generate()
    assert author.files == before
    assert stopped.value.exit_code == 2
    assert stopped.value.next_command is not None
    head, *offered = stopped.value.next_command.splitlines()
    assert head == "run the same command with"
    assert tuple(offered) == case.flags
    for way in ("   or   ".join(case.flags)).split("   or   "):
        comparison = author.compare(way)
        comparison.require_decisions()
    result = author.generate(case.flags[0].split("   or   ")[0])
    for comment in case.recorded:
        assert comment in author.body(result).splitlines()
    assert author.compare().empty


def test_several_decisions_are_asked_for_at_once(author: Author) -> None:
    author.models(note('"code", sa.String'))
    author.generate()
    author.models(note('"code", sa.Integer', '"size", sa.Integer, nullable=False'))
    with pytest.raises(DecisionNeeded, match="Decisions are needed; nothing was written") as stopped:
        author.generate()
    assert "--using" in str(stopped.value)
    assert "--backfill" in str(stopped.value)


def test_downgrade_does_not_take_the_decisions_of_the_upgrade_for_its_own(author: Author) -> None:
    author.models(note('"code", sa.String'))
    author.generate()
    author.models(note('"code", sa.Integer'))
    result = author.generate("--using 'core.note.code=length(code)'")
    assert "length" in author.body(result)
    assert "length" not in author.body(result, "downgrade")


def test_refused_rename_is_recorded_at_the_drop(author: Author) -> None:
    author.models(note('"title", sa.String'))
    author.generate()
    author.models(note('"heading", sa.String'))
    body = author.body(author.generate("--no-rename core.note.title:heading"))
    assert "# migrate-kit: drop core.note.title because --no-rename core.note.title:heading says so" in body


def test_drop_by_a_flag_is_no_rename_however_good_the_evidence(author: Author) -> None:
    author.models(note('"is_open", sa.Boolean'))
    author.generate()
    author.models(note('"open", sa.Boolean'))
    assert "new_column_name" in "".join(author.compare().upgrade_lines())
    body = author.body(author.generate("--drop core.note.is_open"))
    assert "new_column_name" not in body
    assert "# migrate-kit: drop core.note.is_open because --drop says so" in body


def test_answers_at_a_prompt_lead_to_the_same_file_as_flags(author: Author) -> None:
    author.models(note('"title", sa.String', '"code", sa.String'))
    author.generate()
    author.models(note('"heading", sa.String', '"code", sa.Integer'))
    asked: list[str] = []

    def answer(question: object, _: object) -> str:
        asked.append(question.kind)  # type: ignore[attr-defined]
        return str(question.flags[0])  # type: ignore[attr-defined]

    comparison = author.compare(ask=answer)
    assert sorted(asked) == ["rename", "using"]
    flags = ("--rename core.note.title:heading", "--using 'core.note.code=code::integer'")
    assert comparison.upgrade_lines() == author.compare(*flags).upgrade_lines()


# Flags that are mistakes

SAME = note('"size", sa.Integer', '"title", sa.String')


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--drop core.w", "--drop core.w: there is nothing of that name."),
        ("--keep core.note.titel", "--keep core.note.titel: there is nothing of that name. Near it: core.note.title"),
        ("--backfill core.note.titel=1", "Near it: core.note.title"),
        ("--using core.note.titel=1", "Near it: core.note.title"),
        ("--enum-map core.status.draft=open", "there is nothing of that name"),
        ("--backfill core.note.size=1", "--backfill core.note.size=1: nothing there needs it."),
        ("--using core.note.size=size", "--using core.note.size=size: nothing there needs it."),
        ("--drop core.note.size", "--drop core.note.size: the models declare or need it."),
        ("--rename core.note.size:bytes", "cannot be followed"),
        ("--rename 'core.note.size:'", "is not understood"),
        ("--keep 'core..x'", "is not understood"),
    ],
)
def test_flag_that_names_nothing_or_does_nothing_is_refused(author: Author, flag: str, says: str) -> None:
    author.models(SAME)
    author.generate()
    before = author.files
    with pytest.raises(SettingsError) as refused:
        author.generate(flag)
    assert says in str(refused.value)
    assert author.files == before


def test_value_of_a_renamed_type_is_known_by_the_new_name_of_the_type_while_a_guess_renames_it(author: Author) -> None:
    author.models(note('"status", ' + STATUS.format("'draft', 'late', 'early', 'done'")))
    author.generate()
    author.models(note("\"status\", sa.Enum('draft', 'urgent', 'done', name=\"progress\", schema=\"core\")"))
    flags = (
        "--rename core.status:progress",
        "--enum-map core.progress.late=done",
        "--enum-map core.progress.early=done",
    )
    open_ = author.compare(*flags)
    assert [question.kind for question in open_.questions][:1] == ["rename"]
    refusals = [question.flags[1] for question in open_.questions if question.kind == "rename"]
    while author.compare(*flags, *refusals).questions:
        refusals += [q.flags[1] for q in author.compare(*flags, *refusals).questions]
    author.generate(*flags, *refusals)
    assert author.compare().empty


def test_flag_that_says_what_would_be_taken_anyway_is_no_mistake(author: Author) -> None:
    author.models(note('"size", sa.Integer, server_default="0"'))
    author.generate()
    author.models(note('"size", sa.Integer, server_default="0", nullable=False'))
    author.generate("--backfill core.note.size=0")


# Readings


def readings(author: Author, before: str, after: str, *flags: str) -> Comparison:
    author.models(before)
    author.generate()
    author.models(after)
    return author.compare(*flags)


def test_missing_lines_give_other_readings_as_comments_and_the_best_one_last(author: Author) -> None:
    comparison = readings(author, note('"title", sa.String'), note('"heading", sa.String'))
    assert comparison.missing_lines() == (
        "# if that is no rename (--no-rename core.note.title:heading):",
        '#   op.add_column("note", sa.Column("heading", sa.String(), nullable=True), schema="core")',
        "#   # migrate-kit: drop core.note.title because --no-rename core.note.title:heading says so",
        '#   op.drop_column("note", "title", schema="core")',
        "# most likely:",
        comparison.missing_lines()[-2],
        'op.alter_column("note", column_name="title", new_column_name="heading", schema="core")',
    )
    assert comparison.missing_lines()[-2].startswith("# migrate-kit: rename core.note.title -> heading (")


def test_a_name_that_holds_a_colon_has_two_readings_too(author: Author) -> None:
    comparison = readings(author, note('"a:b", sa.String'), note('"heading", sa.String'))
    assert comparison.questions[0].text == 'Is column core.note."a:b" now called heading?'
    flag = """--no-rename 'core.note."a:b":heading'"""
    assert comparison.missing_lines()[0] == f"# if that is no rename ({flag}):"
    assert 'drop core.note."a:b" because --no-rename core.note."a:b":heading says so' in comparison.missing_lines()[2]


def test_missing_lines_without_another_reading_are_the_operations_alone(author: Author) -> None:
    comparison = readings(author, note(), note('"a", sa.Integer'))
    assert comparison.missing_lines() == (
        'op.add_column("note", sa.Column("a", sa.Integer(), nullable=True), schema="core")',
    )


def test_two_guesses_that_exclude_each_other_are_two_readings(author: Author) -> None:
    comparison = readings(author, note('"alpha", sa.String'), note('"alpha_one", sa.String', '"alpha_two", sa.String'))
    titles = [title for title, _ in comparison.other_readings]
    assert len(titles) >= 1
    assert all("--no-rename core.note.alpha:alpha_" in title for title in titles)
    assert not comparison.missing_lines()[-1].startswith("#")
    last = comparison.other_readings[-1][1]
    assert {operation.action for operation in last} == {"create", "drop"}


def test_index_by_hand_is_kept_in_the_best_reading(author: Author) -> None:
    author.models(SAME)
    author.generate()
    author.revise('op.execute("CREATE INDEX by_hand ON core.note (size)")', released=None)
    author.models(SAME)
    comparison = author.compare()
    assert comparison.upgrade == ()
    assert not comparison.empty
    assert comparison.missing_lines()[-1].startswith("# migrate-kit: keep core.by_hand because")
