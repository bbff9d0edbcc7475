"""What stands in a generated file: the author's own types, nothing but Alembic, and an order that people read."""

from __future__ import annotations

import sys
from pathlib import Path

from lamin_migrate_kit.scratch import ScratchDatabase
from tests.authors import Author
from tests.example import run_python

SQLMODEL = """
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import List, Optional
from uuid import UUID
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    pass


"""

DECLARATIVE = """
import datetime
import enum
import uuid
from decimal import Decimal
from typing import Annotated, Optional
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention={
        "ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s", "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    })


"""

NOTEBOOK = """
class Notebook(Base, table=True):
    __table_args__ = {"schema": "core", "comment": "Jupyter's"}
    id: str = Field(primary_key=True)
    v: str = Field(default="1", primary_key=True)
"""

EVERY_SQLMODEL_TYPE = (
    NOTEBOOK
    + """
    title: Optional[str] = Field(default=None, index=True, max_length=80)
    uid: UUID = Field(unique=True)
    price: Decimal = Field(max_digits=8, decimal_places=2)
    at: datetime = Field(sa_type=sa.DateTime(timezone=True), sa_column_kwargs={"server_default": sa.func.now()})
    meta: dict = Field(sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'{}'")})
    tags: List[str] = Field(sa_type=ARRAY(sa.String))


class Color(str, Enum):
    red = "red"
    blue = "blue"


class Pen(Base, table=True):
    __table_args__ = (sa.ForeignKeyConstraint(["notebook_id", "notebook_v"], ["core.notebook.id", "core.notebook.v"]),
                      {"schema": "core"})
    id: Optional[int] = Field(default=None, primary_key=True)
    color: Color
    colors: List[Color] = Field(sa_type=ARRAY(sa.Enum(Color, name="color")))
    notebook_id: str
    notebook_v: str
"""
)

EVERY_DECLARATIVE_TYPE = """
class Status(enum.Enum):
    OPEN = "open"
    DONE = "done"


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)


class Note(Base):
    __tablename__ = "note"
    __table_args__ = (sa.CheckConstraint("price > 0", name="positive"), sa.Index("by_price", "price", "title"))
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=sa.func.gen_random_uuid())
    title: Mapped[str] = mapped_column(index=True)
    price: Mapped[Optional[Decimal]] = mapped_column(sa.Numeric(8, 2))
    twice: Mapped[Decimal] = mapped_column(sa.Computed("price * 2", persisted=True))
    status: Mapped[Status]
    at: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    data: Mapped[dict] = mapped_column(JSONB, server_default=sa.text("'{}'::jsonb"))
    by: Mapped[Optional[int]] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"))
    blob: Mapped[bytes]
    done: Mapped[bool] = mapped_column(server_default=sa.false())
    took: Mapped[Optional[datetime.timedelta]]
    day: Mapped[datetime.date]
"""

ENV = """
import sqlalchemy as sa
from alembic import context
url = context.get_x_argument(as_dictionary=True)["url"]
with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
    context.configure(connection=connection, version_table="migration_smal", transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_types_of_sqlmodel_stay_what_they_are(author: Author) -> None:
    author.models(NOTEBOOK, head=SQLMODEL)
    body = author.body(author.generate())
    assert 'sa.Column("id", sqm.sql.sqltypes.AutoString(), nullable=False),' in body
    author.models(NOTEBOOK + "    title: Optional[str] = None\n", head=SQLMODEL)
    added = author.generate()
    assert '    sa.Column("title", sqm.sql.sqltypes.AutoString(), nullable=True),' in author.body(added)
    assert author.body(added, "downgrade") == 'op.drop_column("notebook", "title", schema="core")'


def test_models_of_sqlmodel_of_every_type(author: Author) -> None:
    author.models(EVERY_SQLMODEL_TYPE, head=SQLMODEL)
    text = author.generate().text
    assert 'sa.Column("title", sqm.sql.sqltypes.AutoString(length=80), nullable=True),' in text
    assert text.count("from sqlalchemy.dialects import postgresql\n") == 1
    author.expect_equal()


def test_declarative_models_of_every_type(author: Author) -> None:
    author.models(EVERY_DECLARATIVE_TYPE, head=DECLARATIVE)
    text = author.generate().text
    assert 'sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),' in text
    assert 'name="uq_user_name"' in text
    author.expect_equal()


def test_generated_files_run_with_alembic_alone(author: Author, scratch: ScratchDatabase) -> None:
    author.models(NOTEBOOK, head=SQLMODEL)
    author.generate()
    author.models(EVERY_SQLMODEL_TYPE, head=SQLMODEL)
    decided = [f'--backfill "core.notebook.{name}={value}"' for name, value in BACKFILLS.items()]
    author.generate(*decided)
    alembic(author, scratch, "upgrade", "head")
    with author.bench() as bench, scratch.connect() as connection:
        reached = bench.inspect_connection(connection)
        assert reached.objects == bench.desired_catalog.objects
    alembic(author, scratch, "downgrade", "base")
    with author.bench() as bench, scratch.connect() as connection:
        assert [key for key in bench.inspect_connection(connection).objects if key.name != "public"] == []


BACKFILLS = {"uid": "gen_random_uuid()", "price": "0", "tags": "'{}'"}


def alembic(author: Author, database: ScratchDatabase, *arguments: str) -> None:
    """Run Alembic's command line where the kit cannot be imported."""
    root = author.history.root
    migrations = author.history.folder / "migrations"
    (migrations / "env.py").write_text(ENV)
    Path(root, "alembic.ini").write_text(f"[alembic]\nscript_location = {migrations}\n")
    alone = "import sys; sys.modules['lamin_migrate_kit'] = None; from alembic.config import main; main()"
    run_python(root, alone, "-x", f"url={database.url.render_as_string(hide_password=False)}", *arguments)


def test_file_has_the_form_of_all_revisions(author: Author) -> None:
    author.models(NOTEBOOK, head=SQLMODEL)
    first = author.generate(revision_id="8280855a5064")
    assert first.path is not None
    assert first.path.name == "2023-02-16-8280855a5064-vx_x_x.py"
    author.models(NOTEBOOK.replace("v: str", "version: str"), head=SQLMODEL)
    second = author.generate("--rename core.notebook.v:version", revision_id="dd2b4a9499f2", message="Say what it is")
    assert second.path is not None
    assert second.path.read_text() == second.text
    assert (
        second.text
        == '''"""vX.X.X.

Say what it is
"""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = 'dd2b4a9499f2'
down_revision = '8280855a5064'


def upgrade() -> None:
    # migrate-kit: rename core.notebook.v -> version (said by a flag)
    op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")


def downgrade() -> None:
    op.alter_column("notebook", column_name="version", new_column_name="v", schema="core")
'''
    )
    assert "_migration = 'dd2b4a9499f2'" in author.module.init_file.read_text()


def test_same_models_give_the_same_bytes(author: Author) -> None:
    author.models(EVERY_DECLARATIVE_TYPE, head=DECLARATIVE)
    first = author.generate(revision_id="aaaa")
    assert first.path is not None
    first.path.unlink()
    author.history.revisions.clear()
    author.models(EVERY_DECLARATIVE_TYPE, head=DECLARATIVE)
    assert author.generate(revision_id="aaaa").text == first.text


def test_nothing_to_generate_writes_nothing(author: Author) -> None:
    author.models(NOTEBOOK, head=SQLMODEL)
    author.generate()
    author.models(NOTEBOOK, head=SQLMODEL)
    before = author.files
    result = author.generate()
    assert (result.path, result.text, author.files) == (None, "", before)


def test_what_a_downgrade_cannot_bring_back_is_said_in_the_docstring(author: Author) -> None:
    author.models(NOTEBOOK + "    title: Optional[str] = None\n", head=SQLMODEL)
    author.generate()
    author.models(NOTEBOOK, head=SQLMODEL)
    text = author.generate().text
    assert '"""vX.X.X.\n\nThe downgrade does not bring back the values of core.notebook.title.\n"""' in text


def test_authors_modules_are_not_left_loaded(author: Author) -> None:
    author.models(NOTEBOOK, head=SQLMODEL)
    author.generate()
    author.close()
    assert not [name for name in sys.modules if name.startswith(author.history.package)]
