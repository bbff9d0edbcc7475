"""What models declare, of every kind: generated, readable, run both ways, and nothing left to generate."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lamin_migrate_kit.proof.rows.fill import fill_tables
from tests.authors import Author


@dataclass(frozen=True)
class Kind:
    """One change of models.

    Attributes:
        name: What it is about.
        before: The models before; what they make is generated too.
        after: The models after.
        upgrade: Lines that stand in `upgrade()`, each whole, without indentation.
        downgrade: Likewise in `downgrade()`.
        flags: What is decided.
        made: Lines that stand in the `upgrade()` that makes `before`.
        made_up: What the server says of rows that were made up, where those rows do not suit what was decided.
    """

    name: str
    before: str
    after: str
    upgrade: tuple[str, ...] = ()
    downgrade: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    made_up: str = ""


def table(*parts: str, name: str = "note") -> str:
    """A table with a primary key and these columns and constraints."""
    given = ['sa.Column("id", sa.Integer, primary_key=True)', *(part for part in parts if part)]
    rows = "".join(f"    {part},\n" for part in given)
    return f'{name} = sa.Table(\n    "{name}",\n    metadata,\n{rows}    schema="core",\n)\n'


PLAIN = table()
TITLE = 'sa.Column("title", sa.String)'
SIZE = 'sa.Column("size", sa.Integer)'
STATUS = 'class Status(enum.Enum):\n    open = "open"\n    done = "done"\n\n\n'
STATUS_COLUMN = 'sa.Column("status", sa.Enum(Status, name="status", schema="core"))'


CONVENTION = (
    "metadata.naming_convention = {**metadata.naming_convention, "
    "'uq': 'uq_%(table_name)s_%(column_0_name)s', 'pk': 'pk_%(table_name)s'}\n"
)
LINK = 'sa.Table("link", metadata, sa.Column("a", sa.Integer, primary_key=True), sa.Column("b", sa.Integer, {}=True))'


def column(before: str, after: str) -> tuple[str, str]:
    return table(before), table(after)


KINDS = [
    # Schemas and tables
    Kind(
        "schema",
        PLAIN,
        PLAIN + 'sa.Table("log", metadata, sa.Column("id", sa.Uuid, primary_key=True), schema="audit")',
        upgrade=('op.execute("CREATE SCHEMA audit")',),
        downgrade=('op.drop_table("log", schema="audit")', 'op.execute("DROP SCHEMA audit")'),
        made=('op.execute("CREATE SCHEMA core")',),
    ),
    Kind(
        "table",
        PLAIN,
        PLAIN + 'sa.Table("tag", metadata, sa.Column("name", sa.String(20), primary_key=True), comment="Words", '
        'schema="core")',
        upgrade=('sa.Column("name", sa.String(length=20), nullable=False),', 'comment="Words",'),
        downgrade=('op.drop_table("tag", schema="core")',),
    ),
    Kind(
        "table dropped",
        PLAIN + table(TITLE, name="tag"),
        PLAIN,
        upgrade=(
            "# migrate-kit: drop core.tag because the models no longer declare it",
            'op.drop_table("tag", schema="core")',
        ),
        downgrade=('sa.Column("title", sa.String(), nullable=True),',),
    ),
    Kind(
        "table comment",
        PLAIN,
        PLAIN + 'note.comment = "Thoughts"',
        upgrade=('op.create_table_comment("note", "Thoughts", schema="core")',),
        downgrade=('op.drop_table_comment("note", existing_comment="Thoughts", schema="core")',),
    ),
    # Columns
    Kind(
        "column",
        PLAIN,
        table(TITLE),
        upgrade=('op.add_column("note", sa.Column("title", sa.String(), nullable=True), schema="core")',),
        downgrade=('op.drop_column("note", "title", schema="core")',),
    ),
    Kind(
        "column dropped",
        table(TITLE),
        PLAIN,
        upgrade=(
            "# migrate-kit: drop core.note.title because the models no longer declare it",
            'op.drop_column("note", "title", schema="core")',
        ),
        downgrade=('op.add_column("note", sa.Column("title", sa.String(), nullable=True), schema="core")',),
    ),
    Kind(
        "type, length",
        *column('sa.Column("title", sa.String(20))', 'sa.Column("title", sa.String(40))'),
        upgrade=(
            "existing_type=sa.String(length=20),",
            "type_=sa.String(length=40),",
        ),
    ),
    Kind("type, integer", *column(SIZE, 'sa.Column("size", sa.BigInteger)')),
    Kind("type, numeric", *column('sa.Column("n", sa.Numeric(8, 2))', 'sa.Column("n", sa.Numeric(12, 2))')),
    Kind(
        "type, time zone",
        *column('sa.Column("at", sa.DateTime)', 'sa.Column("at", sa.DateTime(timezone=True))'),
        upgrade=(
            "existing_type=sa.DateTime(),",
            "type_=sa.DateTime(timezone=True),",
        ),
    ),
    Kind("type, json", *column('sa.Column("meta", sa.JSON)', 'sa.Column("meta", pg.JSONB)')),
    Kind("type, array", *column('sa.Column("a", pg.ARRAY(sa.Integer))', 'sa.Column("a", pg.ARRAY(sa.BigInteger))')),
    Kind(
        "type, by conversion",
        *column(TITLE, 'sa.Column("title", sa.Integer)'),
        flags=("--using core.note.title=title::integer",),
        upgrade=(
            "# migrate-kit: using core.note.title=title::integer",
            'postgresql_using="title::integer",',
        ),
        made_up='invalid input syntax for type integer: "title-1"',
    ),
    Kind(
        "nullability",
        *column(TITLE, 'sa.Column("title", sa.String, nullable=False)'),
        flags=("--backfill \"core.note.title='untitled'\"",),
        upgrade=(
            "# migrate-kit: backfill core.note.title='untitled'",
            "op.execute(\"UPDATE core.note SET title = 'untitled' WHERE title IS NULL\")",
            'op.alter_column("note", "title", nullable=False, schema="core")',
        ),
        downgrade=('op.alter_column("note", "title", nullable=True, schema="core")',),
    ),
    Kind(
        "required column",
        *column("", 'sa.Column("title", sa.String, nullable=False)'),
        flags=("--backfill \"core.note.title='untitled'\"",),
        upgrade=("op.execute(\"UPDATE core.note SET title = 'untitled'\")",),
    ),
    Kind(
        "default",
        *column(SIZE, 'sa.Column("size", sa.Integer, server_default="0")'),
        upgrade=('op.alter_column("note", "size", server_default=sa.text("0"), schema="core")',),
        downgrade=('op.alter_column("note", "size", server_default=None, schema="core")',),
    ),
    Kind(
        "default, now",
        *column("", 'sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)'),
        upgrade=('sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),',),
    ),
    Kind(
        "default, text with colon and percent",
        *column("", 'sa.Column("t", sa.String, server_default=sa.text("\'a:b 5% c\'"))'),
    ),
    Kind(
        "computed",
        table(SIZE),
        table(SIZE, 'sa.Column("twice", sa.Integer, sa.Computed("size * 2", persisted=True))'),
        upgrade=('sa.Column("twice", sa.Integer(), sa.Computed("size * 2", persisted=True), nullable=True),',),
    ),
    Kind(
        "computed, expression",
        table(SIZE, 'sa.Column("twice", sa.Integer, sa.Computed("size * 2", persisted=True))'),
        table(SIZE, 'sa.Column("twice", sa.Integer, sa.Computed("size + size", persisted=True))'),
    ),
    Kind(
        "identity",
        *column("", 'sa.Column("nr", sa.BigInteger, sa.Identity(always=True, start=100))'),
        upgrade=('sa.Column("nr", sa.BigInteger(), sa.Identity(always=True, start=100), nullable=False),',),
    ),
    Kind(
        "identity, mode",
        *column(
            'sa.Column("nr", sa.BigInteger, sa.Identity(always=True))',
            'sa.Column("nr", sa.BigInteger, sa.Identity(always=False))',
        ),
    ),
    Kind(
        "column comment",
        *column(SIZE, 'sa.Column("size", sa.Integer, comment="in bytes")'),
        upgrade=('op.alter_column("note", "size", comment="in bytes", schema="core")',),
    ),
    # Constraints
    Kind(
        "primary key",
        LINK.format("nullable").replace("nullable=True", "nullable=False"),
        LINK.format("primary_key"),
        upgrade=('op.create_primary_key("link_pkey", "link", ["a", "b"])',),
    ),
    Kind(
        "foreign key",
        table(name="user") + table('sa.Column("by", sa.Integer)'),
        table(name="user") + table('sa.Column("by", sa.ForeignKey("core.user.id", ondelete="CASCADE"))'),
        upgrade=('ondelete="CASCADE",',),
        made_up='violates foreign key constraint "note_by_fkey"',
        downgrade=('op.drop_constraint("note_by_fkey", "note", schema="core", type_="foreignkey")',),
    ),
    Kind(
        "foreign keys in a circle",
        "",
        table('sa.Column("b", sa.ForeignKey("core.b.id", name="to_b", use_alter=True))', name="a")
        + table('sa.Column("a", sa.ForeignKey("core.a.id", name="to_a"))', name="b"),
    ),
    Kind(
        "unique",
        table(TITLE),
        table('sa.Column("title", sa.String, unique=True)'),
        upgrade=('op.create_unique_constraint("note_title_key", "note", ["title"], schema="core")',),
        downgrade=('op.drop_constraint("note_title_key", "note", schema="core", type_="unique")',),
    ),
    Kind(
        "check",
        table(SIZE),
        table(SIZE, 'sa.CheckConstraint("size >= 0", name="not_negative")'),
        upgrade=('op.create_check_constraint("not_negative", "note", "(size >= 0)", schema="core")',),
    ),
    Kind(
        "check, expression",
        table(SIZE, 'sa.CheckConstraint("size >= 0", name="allowed")'),
        table(SIZE, 'sa.CheckConstraint("size > 0", name="allowed")'),
    ),
    Kind(
        "check with IN",
        table(TITLE),
        table(TITLE, "sa.CheckConstraint(\"title IN ('a', 'b')\")"),
        made_up='check constraint "note_title_check" of relation "note" is violated by some row',
    ),
    # Indexes
    Kind(
        "index",
        table(TITLE),
        table('sa.Column("title", sa.String, index=True)'),
        upgrade=('op.create_index("ix_core_note_title", "note", ["title"], unique=False, schema="core")',),
        downgrade=('op.drop_index("ix_core_note_title", table_name="note", schema="core")',),
    ),
    Kind(
        "index, unique and partial",
        table(TITLE, SIZE),
        table(TITLE, SIZE, 'sa.Index("one_big", "title", unique=True, postgresql_where=sa.text("size > 9"))'),
        upgrade=('postgresql_where=sa.text("size > 9"),',),
    ),
    Kind(
        "index, expression",
        table(TITLE),
        table(TITLE, 'sa.Index("by_lower", sa.text("lower(title)"))'),
        upgrade=('op.execute("CREATE INDEX by_lower ON core.note USING btree (lower((title)::text))")',),
    ),
    Kind(
        "index, include",
        table(TITLE, SIZE),
        table(TITLE, SIZE, 'sa.Index("covering", "title", postgresql_include=["size"])'),
        upgrade=('postgresql_include=["size"],',),
    ),
    Kind(
        "index, method",
        table('sa.Column("meta", pg.JSONB)'),
        table('sa.Column("meta", pg.JSONB)', 'sa.Index("by_meta", "meta", postgresql_using="gin")'),
        upgrade=('postgresql_using="gin",',),
    ),
    Kind(
        "index, operator class and order",
        table(TITLE, SIZE),
        table(
            TITLE,
            SIZE,
            'sa.Index("by_pattern", "title", postgresql_ops={"title": "varchar_pattern_ops"})',
            'sa.Index("latest", sa.text("size DESC NULLS LAST"))',
        ),
    ),
    Kind(
        "index, columns",
        table(TITLE, SIZE, 'sa.Index("found", "title")'),
        table(TITLE, SIZE, 'sa.Index("found", "title", "size")'),
    ),
    # Types
    Kind(
        "enum type with its column",
        PLAIN,
        STATUS + table(STATUS_COLUMN),
        upgrade=("op.execute(\"CREATE TYPE core.status AS ENUM ('open', 'done')\")",),
        downgrade=('op.drop_column("note", "status", schema="core")', 'op.execute("DROP TYPE core.status")'),
    ),
    Kind(
        "enum type in an array",
        STATUS + PLAIN,
        STATUS + table('sa.Column("s", pg.ARRAY(sa.Enum(Status, name="status", schema="core")))'),
    ),
    Kind(
        "enum value added",
        STATUS + table(STATUS_COLUMN),
        STATUS.replace('    done = "done"\n', '    late = "late"\n    done = "done"\n') + table(STATUS_COLUMN),
        upgrade=("op.execute(\"ALTER TYPE core.status ADD VALUE 'late' BEFORE 'done'\")",),
    ),
    Kind(
        "enum value removed",
        STATUS.replace('    done = "done"\n', '    late = "late"\n    done = "done"\n') + table(STATUS_COLUMN),
        STATUS + table(STATUS_COLUMN),
        flags=("--enum-map core.status.late=open",),
        upgrade=("# migrate-kit: enum-map core.status.late=open",),
    ),
    Kind(
        "enum value added and used as default",
        STATUS + table(STATUS_COLUMN),
        STATUS.replace('    done = "done"\n', '    done = "done"\n    new = "new"\n')
        + table('sa.Column("status", sa.Enum(Status, name="status", schema="core"), server_default="new")'),
        upgrade=("with op.get_context().autocommit_block():",),
    ),
    # Sequences
    Kind(
        "sequence",
        PLAIN,
        PLAIN + 'sa.Sequence("ticket", metadata=metadata, schema="core", start=1000, increment=5)',
        upgrade=('op.execute("CREATE SEQUENCE core.ticket INCREMENT BY 5 START WITH 1000")',),
        downgrade=('op.execute("DROP SEQUENCE core.ticket")',),
    ),
    Kind(
        "sequence, increment",
        PLAIN + 'sa.Sequence("ticket", metadata=metadata, schema="core", increment=5)',
        PLAIN + 'sa.Sequence("ticket", metadata=metadata, schema="core", increment=10)',
        upgrade=('op.execute("ALTER SEQUENCE core.ticket INCREMENT BY 10")',),
    ),
    Kind(
        "column that reads a sequence",
        PLAIN,
        table(
            'sa.Column("nr", sa.Integer, sa.Sequence("numbers", schema="core"), '
            "server_default=sa.text(\"nextval('core.numbers')\"))"
        ),
    ),
    # Names
    Kind(
        "names that need quoting",
        PLAIN,
        table(
            'sa.Column("größe in %", sa.Integer, sa.CheckConstraint(\'"größe in %" > 0\'))',
            'sa.Column("Order", sa.Integer)',
        )
        + 'sa.Table("a \\"quoted\\" name: x", metadata, sa.Column("user", sa.Integer, primary_key=True), '
        'schema="core")',
    ),
    Kind(
        "long names",
        table(name="t" * 60),
        table(f'sa.Column("{"c" * 60}", sa.Integer, unique=True, index=True)', name="t" * 60),
    ),
    Kind(
        "naming convention",
        CONVENTION + table(TITLE),
        CONVENTION + table('sa.Column("title", sa.String, unique=True)'),
        upgrade=('op.create_unique_constraint("uq_note_title", "note", ["title"], schema="core")',),
    ),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kind_is_generated_and_proven(author: Author, kind: Kind) -> None:
    author.models(kind.before)
    if kind.before:
        made = author.generate()
        _expect_lines(author.body(made), kind.made)
    author.models(kind.after)
    result = author.generate(*kind.flags, fill=fill_tables)
    *on_empty, on_rows = result.proofs
    assert [proof.status.name for proof in on_empty] == ["PASSED"] * 3
    assert on_rows.status.name == ("NOT_PROVEN" if kind.made_up else "PASSED"), on_rows.summary
    assert kind.made_up in on_rows.summary
    _expect_lines(author.body(result), kind.upgrade)
    _expect_lines(author.body(result, "downgrade"), kind.downgrade)
    assert all(len(line) <= 120 for line in result.text.splitlines() if not line.lstrip().startswith('"'))
    author.expect_equal()


def _expect_lines(body: str, lines: tuple[str, ...]) -> None:
    found = [line.strip() for line in body.splitlines()]
    for line in lines:
        assert line in found, body
