"""A rename carries along what is named after the old name, and leaves alone what somebody named."""

from __future__ import annotations

from tests.authors import Author

NOTE = """
note = sa.Table(
    "note", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String, index=True),
    sa.UniqueConstraint("title"),
    sa.Column("size", sa.Integer),
    sa.Column("by", sa.ForeignKey("core.user.id")),
    sa.Column("nr", sa.BigInteger, sa.Identity()),
    sa.CheckConstraint("size > 0"),
    sa.UniqueConstraint("size", name="somebodys_own"),
    sa.Index("ix_own", "size"),
    schema="core",
)
user = sa.Table("user", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="core")
"""


def statements(author: Author, *flags: str) -> list[str]:
    comparison = author.compare(*flags)
    comparison.require_decisions()
    return [statement for operation in comparison.upgrade for statement in operation.statements]


def test_renamed_column_takes_along_what_the_server_named_after_it(author: Author) -> None:
    author.models(NOTE)
    author.generate()
    author.models(NOTE.replace('"title"', '"name"').replace('"size', '"bytes').replace('"by"', '"author"'))
    flags = [f"--rename core.note.{old}:{new}" for old, new in (("title", "name"), ("size", "bytes"), ("by", "author"))]
    done = statements(author, *flags)
    assert sorted(done[:3]) == [
        "ALTER TABLE core.note RENAME COLUMN by TO author",
        "ALTER TABLE core.note RENAME COLUMN size TO bytes",
        "ALTER TABLE core.note RENAME COLUMN title TO name",
    ]
    assert sorted(done[3:]) == [
        "ALTER INDEX core.ix_core_note_title RENAME TO ix_core_note_name",
        "ALTER TABLE core.note RENAME CONSTRAINT note_by_fkey TO note_author_fkey",
        "ALTER TABLE core.note RENAME CONSTRAINT note_size_check TO note_bytes_check",
        "ALTER TABLE core.note RENAME CONSTRAINT note_title_key TO note_name_key",
    ]
    author.generate(*flags)
    author.expect_equal()


def test_renamed_table_takes_along_keys_indexes_and_sequences(author: Author) -> None:
    author.models(NOTE)
    author.generate()
    author.models(NOTE.replace('"note"', '"memo"'))
    done = statements(author, "--rename core.note:memo")
    assert done[0] == "ALTER TABLE core.note RENAME TO memo"
    assert set(done[1:]) == {
        "ALTER SEQUENCE core.note_id_seq RENAME TO memo_id_seq",
        "ALTER SEQUENCE core.note_nr_seq RENAME TO memo_nr_seq",
        "ALTER INDEX core.ix_core_note_title RENAME TO ix_core_memo_title",
        "ALTER TABLE core.memo RENAME CONSTRAINT note_pkey TO memo_pkey",
        "ALTER TABLE core.memo RENAME CONSTRAINT note_title_key TO memo_title_key",
        "ALTER TABLE core.memo RENAME CONSTRAINT note_size_check TO memo_size_check",
        "ALTER TABLE core.memo RENAME CONSTRAINT note_by_fkey TO memo_by_fkey",
    }
    author.generate("--rename core.note:memo")
    author.expect_equal(dump=False)


def test_names_of_a_convention_follow(author: Author) -> None:
    convention = (
        "metadata.naming_convention = {**metadata.naming_convention, "
        "'uq': 'uq_%(table_name)s_%(column_0_name)s', 'pk': 'pk_%(table_name)s'}\n"
    )
    author.models(convention + NOTE)
    author.generate()
    author.models(convention + NOTE.replace('"title"', '"name"'))
    assert "ALTER TABLE core.note RENAME CONSTRAINT uq_note_title TO uq_note_name" in statements(
        author, "--rename core.note.title:name"
    )


def test_name_that_a_revision_chose_stays_where_the_models_leave_it_to_the_server(author: Author) -> None:
    made = """
        op.execute("CREATE SCHEMA core")
        op.execute("CREATE TABLE core.note (id serial, title varchar, CONSTRAINT chosen UNIQUE (title), "
                   "CONSTRAINT also_chosen PRIMARY KEY (id))")
        op.execute("ALTER SEQUENCE core.note_id_seq RENAME TO numbers")
    """
    models = """
    sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True),
             sa.Column("title", sa.String, unique=True), schema="core")
    """
    author.models(models)
    author.revise(made, 'op.execute("DROP SCHEMA core CASCADE")')
    assert author.compare().empty
    author.models(models.replace('"title"', '"name"'))
    assert statements(author, "--rename core.note.title:name") == ["ALTER TABLE core.note RENAME COLUMN title TO name"]
    author.generate("--rename core.note.title:name")
    author.models(models.replace('"title"', '"name"'))
    assert author.compare().empty


def test_not_null_constraints_keep_their_names(author: Author) -> None:
    models = """
    sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True),
             sa.Column("title", sa.String, nullable=False), schema="core")
    """
    author.models(models)
    author.generate()
    author.models(models.replace('"title"', '"name"'))
    renamed = statements(author, "--rename core.note.title:name")
    assert renamed == ["ALTER TABLE core.note RENAME COLUMN title TO name"]


def test_numbered_names_that_swap_are_no_difference(author: Author) -> None:
    checks = ['sa.CheckConstraint("a > 0")', 'sa.CheckConstraint("a < 9")']
    models = 'sa.Table("t", metadata, sa.Column("a", sa.Integer), {})'
    author.models(models.format(", ".join(checks)))
    author.generate()
    author.models(models.format(", ".join(reversed(checks))))
    assert author.compare().empty


def test_physical_order_of_columns_is_said_once_and_nothing_proposed(author: Author) -> None:
    author.models('sa.Table("t", metadata, sa.Column("a", sa.Integer), sa.Column("b", sa.Integer))')
    author.generate()
    author.models('sa.Table("t", metadata, sa.Column("b", sa.Integer), sa.Column("a", sa.Integer))')
    comparison = author.compare()
    assert comparison.empty
    assert [note for note in comparison.notes if "order" in note] == [
        "Columns stand in another physical order, which Postgres cannot change and nothing depends on: public.t."
    ]


def test_sequences_of_swapped_tables_go_with_their_rows(author: Author) -> None:
    """The names of their sequences swap too: else one would count from where the other stands."""
    models = """
    sa.Table("a", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Integer, index=True))
    sa.Table("b", metadata, sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True), sa.Column("y", sa.Integer))
    sa.Table("c", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("z", sa.Integer, unique=True))
    """
    author.models(models)
    author.generate()
    author.revise('op.execute("INSERT INTO a (x) SELECT generate_series(1, 50); INSERT INTO c (z) VALUES (7)")')
    author.models(models.replace('"a"', '"_"').replace('"c"', '"a"').replace('"b"', '"c"').replace('"_"', '"b"'))
    result = author.generate("--rename a:b", "--rename b:c", "--rename c:a")
    assert "DROP" not in author.body(result)
    with author.head_database() as database, database.connect() as connection:
        assert connection.exec_driver_sql("INSERT INTO b (x) VALUES (1) RETURNING id").scalar_one() == 51
        assert connection.exec_driver_sql("INSERT INTO a (z) VALUES (1) RETURNING id").scalar_one() == 2
        assert connection.exec_driver_sql("INSERT INTO c (y) VALUES (1) RETURNING id").scalar_one() == 1
    author.expect_equal(dump=False)
