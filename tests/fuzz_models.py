"""Models that nobody wrote: random, small, buildable, and of every kind that SQLAlchemy has words for.

A model is drawn as plain values and then built as MetaData, so that two models can share what did not change. Names
come from small pools: two models that are drawn apart still have tables and columns in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql as pg

TABLES = ("book", "page", "User Note")
SCHEMAS = (None, "core", "core", "Other Space")
COLUMNS = ("a", "b", "select", "Größe")
REFERENCES = ("book_id", "other_id")
VALUES = (("x", "y"), ("x", "y", "z"), ("y", "x"), ("z",), ("it's", "x"))

Types = dict[str, tuple[Callable[[], Any], tuple[str, ...]]]
# A name, the type, and defaults that it accepts as SQL.
TYPES: Types = {
    "smallint": (sa.SmallInteger, ("0", "7")),
    "integer": (sa.Integer, ("0", "7")),
    "bigint": (sa.BigInteger, ("0", "'7'")),
    "numeric": (lambda: sa.Numeric(10, 2), ("0", "1.5")),
    "numeric, narrow": (lambda: sa.Numeric(4), ("0",)),
    "double": (sa.Double, ("0",)),
    "varchar": (sa.String, ("''", "'50%'")),
    "varchar, short": (lambda: sa.String(20), ("''", "'a:b'")),
    "char": (lambda: sa.CHAR(4), ("''",)),
    "text": (sa.Text, ("'it''s'", "lower('A')")),
    "text, collated": (lambda: sa.Text(collation="C"), ("''",)),
    "boolean": (sa.Boolean, ("true", "false")),
    "date": (sa.Date, ("CURRENT_DATE",)),
    "timestamp": (sa.DateTime, ("now()",)),
    "timestamptz": (lambda: sa.DateTime(timezone=True), ("now()",)),
    "time": (sa.Time, ("'00:00'",)),
    "interval": (sa.Interval, ("'1 day'",)),
    "json": (sa.JSON, ("'{}'",)),
    "jsonb": (pg.JSONB, ("'{}'",)),
    "uuid": (sa.Uuid, ("gen_random_uuid()",)),
    "bytea": (sa.LargeBinary, ("''",)),
    "inet": (pg.INET, ("'::1'",)),
    "int4range": (pg.INT4RANGE, ("'[1,2)'",)),
    "tsvector": (pg.TSVECTOR, ("''",)),
    "integer[]": (lambda: pg.ARRAY(sa.Integer), ("'{}'",)),
    "text[]": (lambda: pg.ARRAY(sa.Text), ("'{}'", "ARRAY['a', 'b']")),
}
NUMBERS = ("smallint", "integer", "bigint", "numeric", "double")
WORDS = ("varchar", "varchar, short", "text")


@dataclass(frozen=True)
class ColumnSpec:
    """A column: its type by its name in TYPES, or `enum`, `enum[]`, `domain`."""

    name: str
    type: str
    not_null: bool = False
    default: int | None = None
    computed: str = ""  # stored or virtual
    identity: str = ""  # always or default
    comment: str | None = None


@dataclass(frozen=True)
class TableSpec:
    """A table, with what belongs to it; `extras` are names in EXTRAS."""

    name: str
    schema: str | None
    key: str  # how `id` gets its values, or `composite`
    columns: tuple[ColumnSpec, ...] = ()
    references: tuple[tuple[str, int, str | None, bool], ...] = ()  # name, target, ON DELETE, deferrable
    extras: tuple[str, ...] = ()
    comment: str | None = None
    unlogged: bool = False
    fillfactor: int | None = None


@dataclass(frozen=True)
class ModelSpec:
    """All of a model; `code` are names in CODE."""

    tables: tuple[TableSpec, ...]
    values: tuple[str, ...] = VALUES[0]
    domain: str = "value > 0"
    sequence: int | None = None
    code: tuple[str, ...] = ()


# What is drawn


def columns(name: str) -> st.SearchStrategy[ColumnSpec]:
    """A column of this name."""
    return st.builds(
        ColumnSpec,
        name=st.just(name),
        type=st.sampled_from([*TYPES, "enum", "enum", "enum[]", "domain", "domain", "int4range", "int4range"]),
        not_null=st.booleans(),
        default=st.none() | st.integers(0, 1),
        computed=st.sampled_from(["", "", "", "", "stored", "virtual"]),
        identity=st.sampled_from(["", "", "", "", "always", "default"]),
        comment=st.none() | st.sampled_from(["plain", "it's 50%", ":x"]),
    )


def tables(name: str) -> st.SearchStrategy[TableSpec]:
    """A table of this name."""
    parts = st.lists(st.sampled_from(COLUMNS), unique=True, max_size=4).flatmap(
        lambda names: st.tuples(*[columns(one) for one in names])
    )
    reference = st.tuples(
        st.sampled_from(REFERENCES),
        st.integers(0, len(TABLES) - 1),
        st.sampled_from([None, "CASCADE", "SET NULL", "RESTRICT"]),
        st.booleans(),
    )
    return st.builds(
        TableSpec,
        name=st.just(name),
        schema=st.sampled_from(SCHEMAS),
        key=st.sampled_from(["serial", "serial", "identity", "plain", "uuid", "sequence", "composite"]),
        columns=parts,
        references=st.lists(reference, unique_by=lambda one: one[0], max_size=2).map(tuple),
        extras=st.lists(st.sampled_from([*sorted(EXTRAS), "exclude"]), unique=True, max_size=5).map(tuple),
        comment=st.none() | st.sampled_from(["words", "it's"]),
        unlogged=st.sampled_from([False, False, False, True]),
        fillfactor=st.sampled_from([None, None, 70, 80]),
    )


def models() -> st.SearchStrategy[ModelSpec]:
    """A whole model."""
    return st.builds(
        ModelSpec,
        tables=st.lists(st.sampled_from(TABLES), unique=True, min_size=1, max_size=3).flatmap(
            lambda names: st.tuples(*[tables(one) for one in names])
        ),
        values=st.sampled_from(VALUES),
        domain=st.sampled_from(["value > 0", "value > 10", "value <> 5"]),
        sequence=st.none() | st.integers(1, 3),
        code=st.lists(st.sampled_from(sorted(CODE)), unique=True, max_size=3).map(tuple),
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[ModelSpec, ModelSpec]:
    """Two models, in which about half of the tables are the same."""
    before, after = draw(models()), draw(models())
    known = {table.name: table for table in before.tables}
    kept = tuple(known[one.name] if one.name in known and draw(st.booleans()) else one for one in after.tables)
    return before, ModelSpec(kept, after.values, after.domain, after.sequence, after.code)


# How it is built


def build(model: ModelSpec) -> sa.MetaData:
    """The model as SQLAlchemy has it."""
    metadata = sa.MetaData()
    if model.sequence is not None:
        sa.Sequence("numbers", increment=model.sequence, start=7, schema="core", metadata=metadata)
    enum = sa.Enum(*model.values, name="kind", schema="core", metadata=metadata)
    domain = pg.DOMAIN("positive", sa.Integer, check=model.domain, schema="core", metadata=metadata)
    by_name = {table.name: table for table in model.tables}
    for table in model.tables:
        _table(table, metadata, by_name, enum, domain)
    for name in model.code:
        for statement in CODE[name](model.tables[0]):
            sa.event.listen(metadata, "after_create", sa.DDL(statement.replace("%", "%%")))
    return metadata


def _table(
    table: TableSpec, metadata: sa.MetaData, by_name: dict[str, TableSpec], enum: sa.Enum, domain: pg.DOMAIN
) -> None:
    own: list[Any] = [*_key(table, metadata), *(_column(column, enum, domain) for column in table.columns)]
    known = {column.name: column for column in table.columns}
    for name, target, on_delete, deferrable in table.references:
        referenced = by_name.get(TABLES[target])
        fits = referenced is not None and (table.unlogged or not referenced.unlogged)
        if referenced is not None and fits and referenced.key not in ("composite", "uuid"):
            key = f"{referenced.schema}.{referenced.name}.id" if referenced.schema else f"{referenced.name}.id"
            link = sa.ForeignKey(
                key, ondelete=on_delete, deferrable=deferrable or None, use_alter=True, name=f"{table.name}_{name}_fkey"
            )
            own.append(sa.Column(name, sa.Integer, link))
    for extra in table.extras:
        own += EXTRAS[extra](table.name, known)
    options: dict[str, Any] = {"postgresql_with": {"fillfactor": table.fillfactor}} if table.fillfactor else {}
    prefixes = ["UNLOGGED"] if table.unlogged else []
    sa.Table(table.name, metadata, *own, schema=table.schema, comment=table.comment, prefixes=prefixes, **options)


def _key(table: TableSpec, metadata: sa.MetaData) -> Iterator[sa.Column[Any]]:
    match table.key:
        case "identity":
            yield sa.Column("id", sa.Integer, sa.Identity(start=5, increment=2), primary_key=True)
        case "plain":
            yield sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
        case "uuid":
            yield sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()"))
        case "sequence":
            numbers = sa.Sequence(f"{table.name} ids", schema=table.schema, metadata=metadata)
            yield sa.Column("id", sa.Integer, numbers, server_default=numbers.next_value(), primary_key=True)
        case "composite":
            yield sa.Column("id", sa.Integer, primary_key=True)
            yield sa.Column("part", sa.String(5), primary_key=True)
        case _:
            yield sa.Column("id", sa.Integer, primary_key=True)


def _column(column: ColumnSpec, enum: sa.Enum, domain: pg.DOMAIN) -> sa.Column[Any]:
    common: dict[str, Any] = {"nullable": not column.not_null, "comment": column.comment}
    if column.identity and column.type in ("smallint", "integer", "bigint"):
        common["nullable"] = False
        return sa.Column(
            column.name, TYPES[column.type][0](), sa.Identity(always=column.identity == "always"), **common
        )
    if column.computed and column.type in NUMBERS:
        stored = column.computed == "stored"
        return sa.Column(
            column.name, TYPES[column.type][0](), sa.Computed(f"{1 + stored} + 1", persisted=stored), **common
        )
    type_, defaults = _type(column.type, enum, domain)
    if column.default is not None and defaults:
        common["server_default"] = sa.text(defaults[column.default % len(defaults)].replace(":", "\\:"))
    return sa.Column(column.name, type_, **common)


def _type(name: str, enum: sa.Enum, domain: pg.DOMAIN) -> tuple[Any, tuple[str, ...]]:
    match name:
        case "enum":
            return enum, tuple("'" + value.replace("'", "''") + "'" for value in enum.enums)
        case "enum[]":
            return pg.ARRAY(enum), ("'{}'",)
        case "domain":
            return domain, ("20",)
    make, defaults = TYPES[name]
    return make(), defaults


Known = dict[str, ColumnSpec]


def _named(known: Known, *types: str) -> list[str]:
    virtual = {name for name, column in known.items() if column.computed == "virtual"}
    return [name for name, column in known.items() if column.type in types and name not in virtual]


def _first(known: Known) -> str:
    return next(iter(known), "id")


def _plain(known: Known) -> str:
    """A column that btree can sort and that may be part of a unique constraint."""
    return next(iter(_named(known, *NUMBERS, *WORDS, "date", "uuid")), "id")


# Each gives what belongs into the table, or nothing where its columns do not suit.
EXTRAS: dict[str, Callable[[str, Known], list[Any]]] = {
    "unique": lambda table, known: [sa.UniqueConstraint("id", _plain(known))] if _plain(known) != "id" else [],
    "unique, named": lambda table, known: [sa.UniqueConstraint("id", name=f"one_{table}")],
    "unique, deferrable": lambda table, known: [
        sa.UniqueConstraint("id", name=f"{table}_later", deferrable=True, initially="DEFERRED")
    ],
    "unique, nulls": lambda table, known: (
        [sa.UniqueConstraint("id", _plain(known), name=f"{table}_nulls", postgresql_nulls_not_distinct=True)]
        if _plain(known) != "id"
        else []
    ),
    "unique, include": lambda table, known: (
        [sa.UniqueConstraint("id", name=f"{table}_covering", postgresql_include=[_plain(known)])]
        if _plain(known) != "id"
        else []
    ),
    "check": lambda table, known: [
        sa.CheckConstraint(f'"{name}" > -100', name=f"{table}_enough") for name in _named(known, *NUMBERS)[:1]
    ],
    "check, unnamed": lambda table, known: [
        sa.CheckConstraint(f'"{name}" > -5') for name in _named(known, *NUMBERS)[:2]
    ],
    "check, words": lambda table, known: [
        sa.CheckConstraint(sa.column(name).in_(["a", "50%"]) | sa.column(name).is_not(None), name=f"{table}_few")
        for name in _named(known, *WORDS)[:1]
    ],
    "exclude": lambda table, known: [
        pg.ExcludeConstraint((sa.column(name), "&&"), name=f"{table}_apart") for name in _named(known, "int4range")[:1]
    ],
    "index": lambda table, known: [sa.Index(f"ix_{table}_one", _plain(known))],
    "index, two": lambda table, known: (
        [sa.Index(f"ix_{table}_two", _plain(known), "id")] if _plain(known) != "id" else []
    ),
    "index, unique": lambda table, known: [sa.Index(f"ix_{table}_id", "id", unique=True)],
    "index, where": lambda table, known: [
        sa.Index(f"ix_{table}_where", "id", postgresql_where=sa.text("id IS NOT NULL"))
    ],
    "index, expression": lambda table, known: [
        sa.Index(f"ix_{table}_lower", sa.func.lower(sa.column(name))) for name in _named(known, *WORDS)[:1]
    ],
    "index, options": lambda table, known: [
        sa.Index(f"ix_{table}_ops", name, postgresql_ops={name: "text_pattern_ops"}, postgresql_with={"fillfactor": 70})
        for name in _named(known, "text", "varchar")[:1]
    ],
    "index, gin": lambda table, known: [
        sa.Index(f"ix_{table}_gin", name, postgresql_using="gin")
        for name in _named(known, "jsonb", "integer[]", "text[]", "tsvector")[:1]
    ],
    "index, include": lambda table, known: (
        [sa.Index(f"ix_{table}_include", "id", postgresql_include=[_plain(known)])] if _plain(known) != "id" else []
    ),
    "index, descending": lambda table, known: [sa.Index(f"ix_{table}_desc", sa.column("id").desc().nulls_last())],
}


def _name(table: TableSpec) -> str:
    return f'"{table.schema or "public"}"."{table.name}"'


# What models make by DDL events, each about their first table.
CODE: dict[str, Callable[[TableSpec], tuple[str, ...]]] = {
    "view": lambda table: (f"CREATE VIEW core.shown AS SELECT id FROM {_name(table)}",),
    "view, all": lambda table: (f"CREATE VIEW core.shown_whole AS SELECT * FROM {_name(table)}",),
    "materialized view": lambda table: (
        f"CREATE MATERIALIZED VIEW core.counted AS SELECT count(*) AS n FROM {_name(table)}",
        "CREATE UNIQUE INDEX counted_n ON core.counted (n)",
    ),
    "function": lambda table: ("CREATE FUNCTION core.twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'",),
    "function, typed": lambda table: (
        f"CREATE FUNCTION core.rows() RETURNS SETOF {_name(table)} LANGUAGE sql AS 'SELECT * FROM {_name(table)}'",
    ),
    "procedure": lambda table: ("CREATE PROCEDURE core.nothing() LANGUAGE sql AS ''",),
    "aggregate": lambda table: ("CREATE AGGREGATE core.total(int) (SFUNC = int4pl, STYPE = int)",),
    "trigger": lambda table: (
        "CREATE FUNCTION core.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
        f"CREATE TRIGGER touched BEFORE UPDATE ON {_name(table)} FOR EACH ROW EXECUTE FUNCTION core.touch()",
    ),
    "policy": lambda table: (
        f"ALTER TABLE {_name(table)} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON {_name(table)} USING (id IS NOT NULL)",
    ),
    "statistics": lambda table: (f"CREATE STATISTICS core.both ON (id), (id IS NULL) FROM {_name(table)}",),
    "rule": lambda table: (f"CREATE RULE keep AS ON DELETE TO {_name(table)} DO INSTEAD NOTHING",),
    "composite": lambda table: ("CREATE TYPE core.point AS (x int, y int)",),
    "range": lambda table: ("CREATE TYPE core.span AS RANGE (SUBTYPE = float8)",),
}
