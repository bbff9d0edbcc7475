"""What only revisions make is kept, around whatever the models change, until somebody says that it goes."""

from __future__ import annotations

import shlex

import pytest

from lamin_migrate_kit.errors import DecisionNeeded, SettingsError
from tests.authors import Author

MODELS = """
note = sa.Table(
    "note", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("v", sa.String),
    sa.Column("size", sa.Integer),
    schema="core",
)
"""
TABLE = """
op.execute("CREATE SCHEMA core")
op.execute("CREATE TABLE core.note (id serial PRIMARY KEY, v varchar, size integer)")
"""
BY_HAND = {
    "view": "CREATE VIEW core.w AS SELECT id, v FROM core.note",
    "materialized view with an index": "CREATE MATERIALIZED VIEW core.w AS SELECT id, v FROM core.note;"
    " CREATE UNIQUE INDEX w_id ON core.w (id)",
    "trigger with its function": "CREATE FUNCTION core.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
    " CREATE TRIGGER w BEFORE UPDATE ON core.note FOR EACH ROW EXECUTE FUNCTION core.f()",
    "function": "CREATE FUNCTION core.w(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a'",
    "extension": "CREATE EXTENSION citext SCHEMA core",
    "policy": "ALTER TABLE core.note ENABLE ROW LEVEL SECURITY; CREATE POLICY w ON core.note USING (size > 0)",
    "sequence": "CREATE SEQUENCE core.w",
    "domain": "CREATE DOMAIN core.w AS integer CHECK (value > 0)",
    "statistics": "CREATE STATISTICS core.w ON v, size FROM core.note",
    "rule": "CREATE RULE w AS ON DELETE TO core.note DO INSTEAD NOTHING",
    "schema": "CREATE SCHEMA w",
}


def write(author: Author, sql: str, models: str = MODELS) -> None:
    """A revision that makes the table, and more by hand."""
    author.models(models)
    author.revise(TABLE + f"op.execute({sql!r})\n", 'op.execute("DROP SCHEMA core CASCADE")')


@pytest.mark.parametrize("sql", BY_HAND.values(), ids=BY_HAND)
def test_kept_and_listed(author: Author, sql: str) -> None:
    write(author, sql)
    comparison = author.compare()
    assert comparison.empty, comparison.missing_lines()
    assert sql.startswith("CREATE SCHEMA") or comparison.kept


@pytest.mark.parametrize("sql", BY_HAND.values(), ids=BY_HAND)
def test_kept_around_a_change_of_type_and_a_new_column(author: Author, sql: str) -> None:
    write(author, sql)
    author.models(
        MODELS.replace('"size", sa.Integer', '"size", sa.BigInteger')
        .replace('"v", sa.String', '"v", sa.Text')
        .replace("    schema=", '    sa.Column("new", sa.Integer),\n    schema=')
    )
    author.generate()
    assert author.compare().empty


@pytest.mark.parametrize("sql", BY_HAND.values(), ids=BY_HAND)
def test_kept_around_a_renamed_column_and_table(author: Author, sql: str) -> None:
    write(author, sql)
    author.models(MODELS.replace('"v"', '"version"').replace('"note"', '"memo"'))
    author.generate("--rename core.note:memo", "--rename core.note.v:version")
    assert author.compare().empty


def test_dropped_function_comes_back_before_the_table_that_its_body_names_has_its_name_again(author: Author) -> None:
    sql = "CREATE FUNCTION core.w() RETURNS SETOF core.note LANGUAGE sql AS 'SELECT * FROM core.note'"
    write(author, sql)
    author.models(MODELS.replace('"note"', '"memo"'))
    author.generate("--rename core.note:memo", "--drop 'core.w()'")
    assert author.compare().empty


@pytest.mark.parametrize(
    ("sql", "flag"),
    [
        (BY_HAND["view"], "--drop core.w"),
        (BY_HAND["materialized view with an index"], "--drop core.w"),
        (BY_HAND["function"], "--drop 'core.w(integer)'"),
        (BY_HAND["trigger with its function"], "--drop core.note.w --drop 'core.f()'"),
        (BY_HAND["extension"], "--drop citext"),
        (BY_HAND["policy"], "--drop core.note.w"),
        (BY_HAND["sequence"], "--drop core.w"),
        (BY_HAND["domain"], "--drop core.w"),
        (BY_HAND["statistics"], "--drop core.w"),
        (BY_HAND["rule"], "--drop core.note.w"),
        (BY_HAND["schema"], "--drop w"),
    ],
)
def test_drop_drops_it_and_the_downgrade_restores_it(author: Author, sql: str, flag: str) -> None:
    write(author, sql)
    result = author.generate(flag)
    names = shlex.split(flag)[1::2]
    assert result.comparison is not None
    for name in names:
        assert f"# migrate-kit: drop {name} because --drop says so" in author.body(result)
        assert name not in result.comparison.kept
    assert author.compare().empty


def test_view_keeps_its_own_name_of_a_renamed_column_and_that_is_said(author: Author) -> None:
    write(author, BY_HAND["view"])
    author.models(MODELS.replace('"v"', '"version"'))
    comparison = author.compare("--rename core.note.v:version")
    assert len(comparison.upgrade) == 1
    assert "view core.w goes on calling its own column v." in comparison.notes


def test_view_over_a_column_whose_type_changes_goes_and_comes_back(author: Author) -> None:
    write(author, "CREATE VIEW core.w AS SELECT id FROM core.note WHERE v = 'x'; COMMENT ON VIEW core.w IS 'W'")
    author.models(MODELS.replace('"v", sa.String', '"v", sa.Text'))
    statements = [s for operation in author.compare().upgrade for s in operation.statements]
    assert statements[0] == "DROP VIEW core.w"
    assert statements[-1] == "COMMENT ON VIEW core.w IS 'W'"
    author.generate()
    assert author.compare().empty


def test_view_that_needs_a_dropped_column_is_a_question(author: Author) -> None:
    write(author, BY_HAND["view"])
    author.models(MODELS.replace('    sa.Column("v", sa.String),\n', ""))
    with pytest.raises(DecisionNeeded) as stopped:
        author.generate()
    assert "view core.w needs column core.note.v, which goes: does it go too?" in str(stopped.value)
    assert "--drop core.w   or   --keep core.note.v" in str(stopped.value)
    kept = author.compare("--keep core.note.v")
    assert kept.upgrade == ()
    result = author.generate("--drop core.w")
    assert author.body(result).splitlines()[:2] == [
        "# migrate-kit: drop core.w because --drop says so",
        'op.execute("DROP VIEW core.w")',
    ]


def test_view_that_does_not_fit_the_models_any_more_is_a_question(author: Author) -> None:
    write(author, "CREATE VIEW core.w AS SELECT size + 1 AS more FROM core.note")
    author.models(MODELS.replace('"size", sa.Integer', '"size", sa.Text'))
    with pytest.raises(
        DecisionNeeded, match=r"view core\.w does not fit the models any more \(operator does not exist"
    ):
        author.generate("--using core.note.size=size::text")
    author.generate("--using core.note.size=size::text", "--drop core.w")
    assert author.compare().empty


def test_partitions_that_revisions_make_are_kept(author: Author) -> None:
    models = """
    sa.Table("log", metadata, sa.Column("at", sa.Date, primary_key=True), sa.Column("a", sa.Integer, index=True),
             schema="core", postgresql_partition_by="RANGE (at)")
    """
    author.models(models)
    author.generate()
    author.revise(
        'op.execute("CREATE TABLE core.log_1 PARTITION OF core.log '
        "FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')\")\n"
        'op.execute("CREATE INDEX log_1_own ON core.log_1 (at, a)")',
        'op.execute("DROP TABLE core.log_1")',
        released=None,
    )
    author.models(models)
    comparison = author.compare()
    assert comparison.empty
    assert comparison.kept == ("core.log_1",)
    author.models(
        models.replace('"a", sa.Integer', '"a", sa.BigInteger').replace('"at"', '"day"').replace("(at)", "(day)")
    )
    author.generate("--rename core.log.at:day")
    assert author.compare().empty


def test_row_level_security_set_by_hand_stays(author: Author) -> None:
    write(author, "ALTER TABLE core.note ENABLE ROW LEVEL SECURITY; ALTER TABLE core.note FORCE ROW LEVEL SECURITY")
    assert author.compare().empty


def test_physical_settings_by_hand_stay(author: Author) -> None:
    write(
        author,
        "ALTER TABLE core.note ALTER v SET STORAGE external, ALTER size SET STATISTICS 50, REPLICA IDENTITY FULL;"
        " COMMENT ON CONSTRAINT note_pkey ON core.note IS 'K'; CLUSTER core.note USING note_pkey",
    )
    assert author.compare().empty


# Indexes and constraints by hand

INDEX = "CREATE INDEX by_hand ON core.note (v)"
CHECK = "ALTER TABLE core.note ADD CONSTRAINT by_hand CHECK (size > 0)"


@pytest.mark.parametrize(("sql", "name"), [(INDEX, "core.by_hand"), (CHECK, "core.note.by_hand")])
def test_index_or_constraint_by_hand_is_a_question(author: Author, sql: str, name: str) -> None:
    write(author, sql)
    before = author.files
    with pytest.raises(DecisionNeeded) as stopped:
        author.generate()
    assert f"--keep {name}   or   --drop {name}" in str(stopped.value)
    assert author.files == before


@pytest.mark.parametrize(("sql", "name"), [(INDEX, "core.by_hand"), (CHECK, "core.note.by_hand")])
def test_dropped_by_flag_and_restored_by_the_downgrade(author: Author, sql: str, name: str) -> None:
    write(author, sql)
    result = author.generate(f"--drop {name}")
    assert f"# migrate-kit: drop {name} because --drop says so" in author.body(result)
    assert author.compare().empty


@pytest.mark.parametrize(("sql", "name"), [(INDEX, "core.by_hand"), (CHECK, "core.note.by_hand")])
def test_keep_is_recorded_and_quiet_from_then_on(author: Author, sql: str, name: str) -> None:
    write(author, sql)
    result = author.generate(f"--keep {name}")
    assert author.body(result) == f"# migrate-kit: keep {name} because --keep says so\npass"
    comparison = author.compare()
    assert comparison.empty
    assert comparison.kept == (name,)


def test_keep_is_recorded_with_the_change_that_it_was_asked_at(author: Author) -> None:
    write(author, INDEX)
    author.models(MODELS.replace("    schema=", '    sa.Column("new", sa.Integer),\n    schema='))
    body = author.body(author.generate("--keep core.by_hand"))
    assert body.splitlines()[0] == "# migrate-kit: keep core.by_hand because --keep says so"
    assert 'op.add_column("note"' in body
    assert author.compare().empty


def test_keep_that_was_answered_at_a_prompt_is_recorded(author: Author) -> None:
    write(author, INDEX)
    asked = []

    def answer(question: object, _: object) -> str:
        asked.append(question)
        return str(question.flags[0])  # type: ignore[attr-defined]

    body = author.body(author.generate(ask=answer))
    assert len(asked) == 1
    assert body.startswith("# migrate-kit: keep core.by_hand")


def test_keep_in_the_settings_is_quiet(author: Author) -> None:
    write(author, INDEX)
    author.settings["keep"] = ("core.by_hand",)
    comparison = author.compare()
    assert comparison.empty
    assert comparison.kept == ("core.by_hand",)


def test_kept_constraint_stays_kept_when_its_table_is_renamed(author: Author) -> None:
    write(author, CHECK)
    author.generate("--keep core.note.by_hand")
    author.models(MODELS.replace('"note"', '"memo"'))
    author.generate("--rename core.note:memo")
    comparison = author.compare()
    assert comparison.empty
    assert comparison.kept == ("core.memo.by_hand",)


def test_kept_index_goes_with_its_column(author: Author) -> None:
    write(author, INDEX)
    author.settings["keep"] = ("core.by_hand",)
    author.models(MODELS.replace('    sa.Column("v", sa.String),\n', ""))
    author.generate()
    assert author.compare().empty


def test_index_that_the_models_no_longer_declare_is_dropped_without_a_question(author: Author) -> None:
    indexed = MODELS.replace('"v", sa.String', '"v", sa.String, index=True')
    author.models(indexed)
    author.generate()
    author.models(MODELS)
    body = author.body(author.generate())
    assert body == 'op.drop_index("ix_core_note_v", table_name="note", schema="core")'


def test_constraint_named_by_the_models_own_convention_is_theirs(author: Author) -> None:
    convention = (
        "metadata.naming_convention = "
        "{**metadata.naming_convention, 'uq': '%(table_name)s_has_one_%(column_0_name)s'}\n"
    )
    author.models(convention + MODELS.replace('"v", sa.String', '"v", sa.String, unique=True'))
    author.generate()
    author.models(convention + MODELS)
    assert author.body(author.generate()) == (
        'op.drop_constraint("note_has_one_v", "note", schema="core", type_="unique")'
    )


def test_table_by_hand_is_dropped_unless_it_is_kept(author: Author) -> None:
    write(
        author,
        "CREATE TABLE core.audit (id integer PRIMARY KEY, what text CHECK (what <> ''));"
        " CREATE INDEX found ON core.audit (what)",
    )
    assert "# migrate-kit: drop core.audit because the models no longer declare it" in author.compare().missing_lines()
    kept = author.compare("--keep core.audit")
    assert (kept.upgrade, kept.kept) == ((), ("core.audit",))


# Models that do declare such kinds

VIEW = (
    MODELS
    + """
sa.event.listen(metadata, "after_create", sa.DDL("CREATE VIEW core.shown AS SELECT id FROM core.note"))
"""
)


def test_view_that_models_declare_by_an_event_is_generated_and_changed(author: Author) -> None:
    author.models(VIEW)
    assert "CREATE VIEW core.shown" in author.body(author.generate())
    author.models(VIEW.replace("SELECT id", "SELECT id, v"))
    assert "CREATE OR REPLACE VIEW core.shown" in author.body(author.generate())
    author.expect_equal()


def test_view_by_hand_beside_declared_ones_is_a_question(author: Author) -> None:
    author.models(VIEW)
    author.generate()
    author.revise('op.execute("CREATE VIEW core.w AS SELECT id FROM core.note")', 'op.execute("DROP VIEW core.w")')
    author.models(VIEW)
    with pytest.raises(DecisionNeeded, match=r"view core\.w was made by a revision and is not in the models"):
        author.generate()
    author.generate("--drop core.w")
    assert author.compare().empty


def test_models_may_build_on_what_revisions_make(author: Author) -> None:
    author.revise(
        'op.execute("CREATE EXTENSION citext")\n'
        "op.execute(\"CREATE FUNCTION new_id() RETURNS text LANGUAGE sql AS 'SELECT gen_random_uuid()::text'\")\n"
        'op.execute("CREATE DOMAIN positive AS integer CHECK (value > 0)")\n'
        "op.execute(\"CREATE FUNCTION other() RETURNS text LANGUAGE sql AS 'SELECT 1::text'\")\n",
        'op.execute("DROP FUNCTION other(), new_id(); DROP DOMAIN positive; DROP EXTENSION citext")',
    )
    author.models("""
    class Positive(sa.types.UserDefinedType):
        cache_ok = True
        def get_col_spec(self, **kw):
            return "positive"
        def __repr__(self):
            return "Positive()"

    sa.Table("t", metadata, sa.Column("id", sa.Text, primary_key=True, server_default=sa.text("new_id()")),
             sa.Column("name", pg.CITEXT), sa.Column("n", Positive))
    """)
    author.generate()
    comparison = author.compare()
    assert comparison.empty
    assert set(comparison.kept) == {"citext", "public.new_id()", "public.other()", "public.positive"}


def test_drop_of_what_models_declare_is_refused(author: Author) -> None:
    write(author, INDEX)
    with pytest.raises(SettingsError, match="the models declare or need it"):
        author.generate("--drop core.note")


def test_version_tables_are_never_compared(author: Author) -> None:
    write(author, "CREATE TABLE public.version_smal (v text, migration text, user_id text, created_at timestamptz)")
    assert author.compare().empty


def test_other_tables_named_alike_are_compared(author: Author) -> None:
    write(author, "CREATE TABLE core.migration_log (version_num text); CREATE TABLE public.version_of_it (v text)")
    dropped = [str(operation.key) for operation in author.compare().upgrade]
    assert dropped == ["core.migration_log", "public.version_of_it"]


def test_flags_may_name_what_a_renamed_table_is_called_now_or_then(author: Author) -> None:
    write(author, CHECK)
    author.models(MODELS.replace('"note"', '"memo"'))
    for name in ("core.note.by_hand", "core.memo.by_hand"):
        comparison = author.compare("--rename core.note:memo", f"--keep {name}")
        comparison.require_decisions()
        assert comparison.kept == ("core.memo.by_hand",)
        assert "# migrate-kit: keep core.memo.by_hand because --keep says so" in comparison.upgrade_lines()


def test_views_on_views_are_told_what_they_all_need(author: Author) -> None:
    write(author, "CREATE VIEW core.w AS SELECT v FROM core.note; CREATE VIEW core.x AS SELECT v FROM core.w")
    author.models(MODELS.replace('    sa.Column("v", sa.String),\n', ""))
    comparison = author.compare()
    assert [question.flags for question in comparison.questions] == [
        ("--drop core.w", "--keep core.note.v"),
        ("--drop core.x", "--keep core.note.v"),
    ]
    half = author.compare("--drop core.w")
    assert [question.flags for question in half.questions] == [("--drop core.x",)]
    body = author.body(author.generate("--drop core.w", "--drop core.x"))
    assert body.index("DROP VIEW core.x") < body.index("DROP VIEW core.w") < body.index("op.drop_column")


def test_function_that_may_still_say_an_old_name_is_told_of(author: Author) -> None:
    """Postgres renames what a view reads, and does not look into the text of a function."""
    write(
        author,
        "CREATE FUNCTION core.f() RETURNS bigint LANGUAGE sql AS 'SELECT count(v) FROM core.note';"
        " CREATE FUNCTION core.g() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    )
    author.models(MODELS.replace('"v"', '"version"').replace('"note"', '"memo"'))
    notes = author.compare("--rename core.note:memo", "--rename core.note.v:version").notes
    assert notes == (
        "function core.f() has note and v in its text, where Postgres renames nothing: does it have to be changed?",
    )


def test_what_is_granted_on_a_view_stays_when_it_is_made_again(author: Author) -> None:
    write(author, "CREATE VIEW core.w AS SELECT id FROM core.note WHERE v = 'x'; GRANT SELECT ON core.w TO pg_monitor")
    author.models(MODELS.replace('"v", sa.String', '"v", sa.Text'))
    comparison = author.compare()
    for operations in (comparison.upgrade, comparison.downgrade):
        assert operations[-1].statements[-1] == "GRANT SELECT ON TABLE core.w TO pg_monitor"
    author.generate()
    with author.head_database() as database, database.connect() as connection:
        assert connection.exec_driver_sql("SELECT has_table_privilege('pg_monitor', 'core.w', 'select')").scalar_one()
