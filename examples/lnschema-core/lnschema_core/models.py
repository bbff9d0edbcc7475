"""The tables of the schema `core`."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, SQLModel

from lnschema_core import ids

NOW = {"server_default": sa.func.now()}


class UsageType(StrEnum):
    """What somebody did with a data object."""

    ingest = "ingest"
    insert = "insert"
    select = "select"
    update = "update"
    delete = "delete"
    load = "load"
    link = "link"


class User(SQLModel, table=True):
    """Who works with data."""

    __table_args__ = {"schema": "core"}

    id: str = Field(default_factory=ids.user, primary_key=True)
    email: str = Field(index=True, unique=True)
    handle: str = Field(index=True, unique=True)
    name: str | None = Field(default=None, index=True)
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )
    updated_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class Project(SQLModel, table=True):
    """What runs belong to."""

    __table_args__ = {"schema": "core", "comment": "What runs belong to"}

    id: str = Field(default_factory=ids.project, primary_key=True)
    name: str = Field(index=True)
    created_by: str = Field(foreign_key="core.user.id", index=True)
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )
    updated_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class Storage(SQLModel, table=True):
    """Where data objects are: a folder, or a bucket."""

    __table_args__ = (sa.UniqueConstraint("root"), {"schema": "core"})

    id: str = Field(default_factory=ids.storage, primary_key=True)
    root: str
    type: str = Field(default="local", sa_column_kwargs={"server_default": "local"})
    region: str | None = None
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )
    updated_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class Notebook(SQLModel, table=True):
    """A Jupyter notebook in one of its versions."""

    __table_args__ = {"schema": "core"}

    id: str = Field(default_factory=ids.notebook, primary_key=True)
    v: str = Field(default="1", primary_key=True)
    name: str = Field(index=True)
    title: str | None = Field(default=None, index=True)
    created_by: str = Field(foreign_key="core.user.id", index=True)
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )
    updated_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class RunIn(SQLModel, table=True):
    """The inputs of a run."""

    __tablename__ = "run_in"
    __table_args__ = {"schema": "core"}

    run_id: str = Field(foreign_key="core.run.id", primary_key=True)
    dobject_id: str = Field(foreign_key="core.dobject.id", primary_key=True, index=True)


class Run(SQLModel, table=True):
    """One execution of a notebook, or of something outside of any notebook."""

    __table_args__ = (
        # A notebook's primary key, whatever its columns are called.
        sa.ForeignKeyConstraint(["notebook_id", "notebook_v"], list(Notebook.__table__.primary_key)),
        sa.Index("ix_core_run_notebook_id_notebook_v", "notebook_id", "notebook_v"),
        {"schema": "core"},
    )

    id: str = Field(default_factory=ids.run, primary_key=True)
    name: str | None = Field(default=None, index=True)
    notebook_id: str | None = None
    notebook_v: str | None = None
    project_id: str | None = Field(default=None, foreign_key="core.project.id", index=True)
    params: dict = Field(
        default_factory=dict, sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": sa.text("'{}'::jsonb")}
    )
    created_by: str = Field(foreign_key="core.user.id", index=True)
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )

    inputs: list["DObject"] = Relationship(back_populates="targets", link_model=RunIn)
    outputs: list["DObject"] = Relationship(back_populates="source")


class DObject(SQLModel, table=True):
    """A data object: a file, or an array, in a storage."""

    __table_args__ = (
        sa.CheckConstraint("size >= 0", name="dobject_size_not_negative"),
        sa.Index("ix_core_dobject_hash", "hash", postgresql_where=sa.text("hash IS NOT NULL")),
        {"schema": "core"},
    )

    id: str = Field(default_factory=ids.dobject, primary_key=True)
    name: str | None = Field(default=None, index=True)
    suffix: str | None = Field(default=None, index=True)
    size: int | None = Field(default=None, sa_type=sa.BigInteger, sa_column_kwargs={"comment": "In bytes"})
    hash: str | None = None
    source_id: str = Field(foreign_key="core.run.id", index=True)
    storage_id: str = Field(foreign_key="core.storage.id", index=True)
    created_at: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )
    updated_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))

    source: Run = Relationship(back_populates="outputs")
    targets: list[Run] = Relationship(back_populates="inputs", link_model=RunIn)


class Usage(SQLModel, table=True):
    """Who did what with which data object, and when."""

    __table_args__ = (sa.Index("ix_core_usage_time", sa.text("time DESC")), {"schema": "core"})

    id: int | None = Field(default=None, primary_key=True)
    type: UsageType = Field(sa_type=sa.Enum(UsageType, name="usage_type", schema="core"), index=True)
    user_id: str = Field(foreign_key="core.user.id", index=True)
    time: datetime | None = Field(
        default=None, nullable=False, sa_type=sa.DateTime(timezone=True), sa_column_kwargs=NOW
    )
    dobject_id: str = Field(foreign_key="core.dobject.id", index=True)
