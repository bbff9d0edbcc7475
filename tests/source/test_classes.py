"""Models are read as they are written, without importing them."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.source.classes import TableSource, read_tables


def only(source: str) -> TableSource:
    """The one table of a source."""
    (table,) = read_tables({"models.py": source})
    return table


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("class NoteBook(SQLModel, table=True):\n    id: int", ".notebook"),
        ("class N(SQLModel, table=True):\n    __tablename__ = 'note'\n    id: int", ".note"),
        ("class N(Base):\n    __tablename__: str = 'note'\n    id: int", ".note"),
        ("class N(Base):\n    __tablename__ = 'note'\n    __table_args__ = {'schema': 'core'}", "core.note"),
        (
            "class N(Base):\n    __tablename__ = 'note'\n    __table_args__ = (Index('i'), {'schema': 'core'})",
            "core.note",
        ),
        ("note = Table('note', metadata, Column('id', Integer), schema='core')", "core.note"),
        ("class N(Base):\n    __tablename__ = 'note'\n    __table_args__ = {'schema': SCHEMA}", ".note"),
    ],
)
def test_a_table_has_its_name_and_the_schema_that_the_source_says(source: str, key: str) -> None:
    found = only(source).key
    assert f"{found.schema}.{found.name}" == key


def test_what_is_no_table_is_none() -> None:
    assert read_tables({"models.py": "class Mixin(SQLModel):\n    id: int\nx = 1\nTable()\n"}) == ()


def test_columns_are_in_order_and_relationships_are_none() -> None:
    table = only("""
class N(SQLModel, table=True):
    model_config = {}
    id: int = Field(primary_key=True)
    author: User = Relationship(back_populates="n")
    LIMIT: ClassVar[int] = 3
    v: Mapped[str] = mapped_column("version", String)
    w = Column(Integer)
    other = relationship("X")
    def method(self): ...
""")
    assert [field.name for field in table.fields] == ["id", "version", "w"]


def test_a_line_is_the_same_in_every_formatting_and_without_the_name() -> None:
    one = only("class N(SQLModel, table=True):\n    a: str = Field(sa_column=Column('a', String))")
    other = only('class N(SQLModel, table=True):\n    b: str = Field(\n        sa_column=Column("b", String),\n    )')
    assert one.fields[0].line == other.fields[0].line
    assert [one.fields[0].name, other.fields[0].name] == ["a", "b"]


def test_inherited_columns_come_first_also_from_another_file() -> None:
    files = {
        "a.py": "class Stamped(Base):\n    created: datetime\n",
        "b.py": "class N(Stamped, table=True):\n    id: int\n    created: date\n",
    }
    (table,) = read_tables(files)
    assert [(field.name, field.line) for field in table.fields] == [("created", "date"), ("id", "int")]


def test_classes_that_inherit_from_each_other_end() -> None:
    (table,) = read_tables({"a.py": "class A(B, table=True):\n    x: int\nclass B(A):\n    y: int\n"})
    assert {field.name for field in table.fields} == {"x", "y"}


@pytest.mark.parametrize("source", ["class A(:", "\0", "(" * 500, "\ufeffclass N(S, table=True):\n    id: int"])
def test_what_cannot_be_parsed_is_left_out_and_a_byte_order_mark_is_not(source: str) -> None:
    assert len(read_tables({"a.py": source})) == (1 if source.startswith("\ufeff") else 0)


def test_names_are_cut_as_the_server_cuts_them() -> None:
    table = only(f"class N(SQLModel, table=True):\n    __tablename__ = {'t' * 70!r}\n    {'a' * 70}: int")
    assert (len(table.key.name), len(table.fields[0].name)) == (63, 63)
