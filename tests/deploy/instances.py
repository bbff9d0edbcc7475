"""What the tests of deploying share: somebody to ask, a release to deploy, and a look into an instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event, text

from lamin_migrate_kit.deploy import Instance, Plan
from tests.histories import History, words

NOTEBOOK = """
op.execute("CREATE SCHEMA small")
op.create_table(
    "notebook",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("v", sqm.sql.sqltypes.AutoString(), nullable=False, server_default="1"),
    schema="small",
)
"""
RENAME = 'op.alter_column("notebook", column_name="v", new_column_name="version", schema="small")'
UNRENAME = 'op.alter_column("notebook", column_name="version", new_column_name="v", schema="small")'
MODELS = """
from typing import Optional
from sqlmodel import Field, MetaData, SQLModel

class Base(SQLModel):
    metadata = MetaData()

class Notebook(Base, table=True):
    __table_args__ = {"schema": "small"}
    id: Optional[int] = Field(default=None, primary_key=True)
    version: str = Field(default="1", sa_column_kwargs={"server_default": "1"})
"""


class Yes:
    """Says yes, and remembers what it was asked."""

    answer = True

    def __init__(self) -> None:
        self.asked: list[Plan] = []

    def __call__(self, plan: Plan) -> bool:
        self.asked.append(plan)
        return self.answer


class No(Yes):
    """Says no."""

    answer = False


def release_rename(package: History) -> str:
    package.version = "1.0.0"
    return package.add(RENAME, UNRENAME, released="1.0.0")


def run(instance: Instance, sql: str) -> None:
    """Run a statement on an instance, and commit it."""
    with instance.connect() as connection:
        connection.execute(text(sql))
        connection.commit()


def rows(instance: Instance, query: str) -> list[tuple[object, ...]]:
    """The rows of a query on an instance."""
    with instance.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def value(instance: Instance, query: str) -> object:
    """The one value of a query on an instance."""
    ((only,),) = rows(instance, query)
    return only


@contextmanager
def record_everything(sent: list[str]) -> Iterator[None]:
    """Collect every statement that any connection of this process sends, as it is sent."""

    def record(conn: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        sent.append(words(cursor.mogrify(statement, parameters).decode()))  # type: ignore[attr-defined]

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def changes(sent: list[str]) -> list[str]:
    """Of what was sent, what does not only ask."""
    return [one for one in sent if not one.startswith(("SELECT", "select", "SHOW", "show"))]


def shown_statements(plan: Plan) -> list[str]:
    """The statements of a plan's script, but for BEGIN and COMMIT, which only psql has to be told."""
    shown = [words(strip_comments(one)) for one in plan.sql.split(";\n")]
    return [one for one in shown if one not in ("", "BEGIN", "COMMIT")]


def strip_comments(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
