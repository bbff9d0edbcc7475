"""Renames, decided by flags: in every order, both ways, with the lines that a revision has of them."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.errors import MigrateKitError, SettingsError
from tests.authors import Author


def table(*columns: str, name: str = "notebook", schema: str = "core") -> str:
    given = "".join(f'sa.Column("{column}", sa.Integer), ' for column in columns)
    return f'sa.Table("{name}", metadata, sa.Column("id", sa.Integer, primary_key=True), {given} schema="{schema}")\n'


def upgrade(author: Author, before: str, after: str, *flags: str) -> list[str]:
    """Generate both, with rows; gives the lines of the second `upgrade()`."""
    author.models(before)
    author.generate()
    author.models(after)
    result = author.generate(*flags)
    assert author.compare().empty
    return author.body(result).splitlines()


def test_renamed_column_is_the_one_line_that_people_write(author: Author) -> None:
    lines = upgrade(author, table("v"), table("version"), "--rename core.notebook.v:version")
    assert lines == [
        "# migrate-kit: rename core.notebook.v -> version (said by a flag)",
        'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")',
    ]


def test_swapped_columns(author: Author) -> None:
    lines = upgrade(
        author, table("a", "b"), table("b", "a"), "--rename core.notebook.a:b", "--rename core.notebook.b:a"
    )
    assert lines == [
        "# migrate-kit: rename core.notebook.a -> b (said by a flag)",
        'op.alter_column("notebook", column_name="a", new_column_name="a__renaming", schema="core")',
        "# migrate-kit: rename core.notebook.b -> a (said by a flag)",
        'op.alter_column("notebook", column_name="b", new_column_name="a", schema="core")',
        'op.alter_column("notebook", column_name="a__renaming", new_column_name="b", schema="core")',
    ]


def test_swap_keeps_the_values_apart(author: Author) -> None:
    author.models(table("a", "b"))
    author.generate()
    author.revise('op.execute("INSERT INTO core.notebook (a, b) VALUES (1, 2)")')
    author.models(table("a", "b"))
    author.generate("--rename core.notebook.a:b", "--rename core.notebook.b:a")
    with author.head_database() as database, database.connect() as connection:
        assert tuple(connection.exec_driver_sql("SELECT a, b FROM core.notebook").one()) == (2, 1)


def test_chain_of_columns(author: Author) -> None:
    lines = upgrade(
        author,
        table("a", "b"),
        table("b", "c"),
        "--rename core.notebook.a:b",
        "--rename core.notebook.b:c",
    )
    assert [line for line in lines if not line.startswith("#")] == [
        'op.alter_column("notebook", column_name="b", new_column_name="c", schema="core")',
        'op.alter_column("notebook", column_name="a", new_column_name="b", schema="core")',
    ]


def test_circle_of_three(author: Author) -> None:
    flags = [f"--rename core.notebook.{a}:{b}" for a, b in ("ab", "bc", "ca")]
    lines = upgrade(author, table("a", "b", "c"), table("a", "b", "c"), *flags)
    assert len([line for line in lines if line.startswith("# migrate-kit: rename")]) == 3


def test_column_that_takes_the_name_of_a_dropped_one(author: Author) -> None:
    lines = upgrade(author, table("old", "new"), table("new"), "--rename core.notebook.old:new")
    assert 'op.drop_column("notebook", "new__renaming", schema="core")' in lines
    assert lines.index("# migrate-kit: rename core.notebook.old -> new (said by a flag)") == 1


def test_drop_of_what_stepped_aside_is_recorded_under_the_name_that_people_know(author: Author) -> None:
    before = table("old", "new") + table("x", name="book")
    after = table("new", name="book")
    lines = upgrade(author, before, after, "--rename core.notebook:book", "--rename core.notebook.old:new")
    assert [line for line in lines if line.startswith("# migrate-kit: drop")] == [
        "# migrate-kit: drop core.notebook.new because the models no longer declare it",
        "# migrate-kit: drop core.book because the models no longer declare it",
    ]


def test_drop_flag_of_what_steps_aside_is_its_reason(author: Author) -> None:
    flags = ("--rename core.notebook.old:new", "--no-rename core.notebook.new")
    lines = upgrade(author, table("old", "new"), table("new"), *flags)
    assert "# migrate-kit: drop core.notebook.new because --no-rename core.notebook.new says so" in lines


def test_renamed_table(author: Author) -> None:
    lines = upgrade(author, table("v"), table("v", name="book"), "--rename core.notebook:book")
    assert lines[:2] == [
        "# migrate-kit: rename core.notebook -> book (said by a flag)",
        'op.rename_table("notebook", "book", schema="core")',
    ]


def test_swapped_tables(author: Author) -> None:
    before = table("x") + table("y", name="book")
    after = table("y") + table("x", name="book")
    upgrade(author, before, after, "--rename core.notebook:book", "--rename core.book:notebook")


def test_table_renamed_and_changed_at_once(author: Author) -> None:
    lines = upgrade(
        author,
        table("v", "gone"),
        table("version", "come", name="book"),
        "--rename core.notebook:book",
        "--rename core.notebook.v:version",
        "--no-rename core.notebook.gone:come",
    )
    assert 'op.alter_column("book", column_name="v", new_column_name="version", schema="core")' in lines
    assert "# migrate-kit: drop core.book.gone because --no-rename core.notebook.gone:come says so" in lines


def test_table_into_another_schema_that_is_new(author: Author) -> None:
    lines = upgrade(author, table("v"), table("v", schema="archive"), "--rename core.notebook:archive.notebook")
    assert lines[:3] == [
        'op.execute("CREATE SCHEMA archive")',
        "# migrate-kit: rename core.notebook -> archive.notebook (said by a flag)",
        'op.execute("ALTER TABLE core.notebook SET SCHEMA archive")',
    ]


@pytest.mark.parametrize("in_the_way", [(), ("archive.notebook",), ("archive.notebook", "core.book")])
def test_table_into_another_schema_under_another_name(author: Author, in_the_way: tuple[str, ...]) -> None:
    others = "".join(table(name=place.split(".")[1], schema=place.split(".")[0]) for place in in_the_way)
    others += table(name="there", schema="archive")
    before, after = table("v") + others, table("v", name="book", schema="archive") + others
    # Their sequences and keys would be in each other's way; that is not what this is about.
    before, after = (text.replace("primary_key=True", "nullable=True") for text in (before, after))
    upgrade(author, before, after, "--rename core.notebook:archive.book")


STATUS = """
status = sa.Enum({values}, name="{name}", schema="core")
sa.Table("run", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("status", status, server_default="{default}"),
         sa.Column("all", pg.ARRAY(status)), schema="core")
"""


def test_renamed_enum_value(author: Author) -> None:
    lines = upgrade(
        author,
        STATUS.format(values="'draft', 'done'", name="status", default="draft"),
        STATUS.format(values="'open', 'done'", name="status", default="open"),
        "--rename core.status.draft:open",
    )
    assert lines == [
        "# migrate-kit: rename core.status.draft -> open (said by a flag)",
        "op.execute(\"ALTER TYPE core.status RENAME VALUE 'draft' TO 'open'\")",
    ]


def test_renamed_enum_type_and_value(author: Author) -> None:
    lines = upgrade(
        author,
        STATUS.format(values="'draft', 'done'", name="status", default="draft"),
        STATUS.format(values="'open', 'done'", name="state", default="open"),
        "--rename core.status:state",
        "--rename core.status.draft:open",
    )
    assert [line for line in lines if not line.startswith("#")] == [
        'op.execute("ALTER TYPE core.status RENAME TO state")',
        "op.execute(\"ALTER TYPE core.state RENAME VALUE 'draft' TO 'open'\")",
    ]


def test_downgrade_goes_the_other_way_about(author: Author) -> None:
    author.models(table("v"))
    author.generate()
    author.models(table("version", name="book"))
    result = author.generate("--rename core.notebook:book", "--rename core.notebook.v:version")
    lines = author.body(result, "downgrade").splitlines()
    assert lines[-2:] == [
        'op.alter_column("book", column_name="version", new_column_name="v", schema="core")',
        'op.rename_table("book", "notebook", schema="core")',
    ]


def test_columns_of_partitions_follow_their_table(author: Author) -> None:
    models = """
    sa.Table("log", metadata, sa.Column("at", sa.Date, primary_key=True), sa.Column("a", sa.Integer),
             postgresql_partition_by="RANGE (at)")
    """
    author.models(models)
    author.generate()
    part = "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')"
    author.revise(f'op.execute("{part}")', 'op.execute("DROP TABLE log_1")', released=None)
    author.models(models.replace('"a"', '"b"'))
    body = author.body(author.generate("--rename public.log.a:b"))
    assert body.splitlines()[1:] == ['op.alter_column("log", column_name="a", new_column_name="b")']


def test_names_that_need_quoting(author: Author) -> None:
    before = 'sa.Table("odd.table", metadata, sa.Column("a:b", sa.Integer), schema="core")'
    after = 'sa.Table("odd.table", metadata, sa.Column("plain %s", sa.Integer), schema="core")'
    lines = upgrade(author, before, after, """--rename 'core."odd.table"."a:b":"plain %s"'""")
    assert lines == [
        '# migrate-kit: rename core."odd.table"."a:b" -> "plain %s" (said by a flag)',
        'op.alter_column("odd.table", column_name="a:b", new_column_name="plain %s", schema="core")',
    ]


@pytest.mark.parametrize(
    "flag",
    [
        "--rename core.notebok.v:version",
        "--rename core.notebook.w:version",
        "--rename core.notebook.v:verison",
        "--rename core.notebook:book",
        "--no-rename core.notebook.w:version",
        "--rename core.notebook..v:x",
    ],
)
def test_rename_that_names_nothing_is_refused(author: Author, flag: str) -> None:
    author.models(table("v"))
    author.generate()
    author.models(table("version"))
    before = author.files
    with pytest.raises(SettingsError):
        author.generate(flag)
    assert author.files == before


def test_rename_that_the_server_refuses_is_told_as_such(author: Author) -> None:
    author.models(table("v") + table(name="there", schema="archive"))
    author.generate()
    author.revise("op.execute('CREATE SEQUENCE archive.notebook_id_seq')")
    author.models(table("v", schema="archive") + table(name="there", schema="archive"))
    with pytest.raises(MigrateKitError, match=r"rename archive\.notebook cannot be done: relation .* already exists"):
        author.generate("--rename core.notebook:archive.notebook")
