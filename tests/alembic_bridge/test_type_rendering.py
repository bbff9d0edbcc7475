from __future__ import annotations

import enum
from typing import Any

import pytest
import sqlalchemy as sa
import sqlmodel as sqm
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from lamin_migrate_kit.alembic_bridge import render_type


class Color(enum.Enum):
    red = 1
    blue = 2


class Wrapped(sa.types.TypeDecorator[str]):
    """A type of an author's own, with an argument of its own."""

    impl = sa.String
    cache_ok = True

    def __init__(self, places: int = 3) -> None:
        super().__init__(places)
        self.places = places


POSTGRESQL = "from sqlalchemy.dialects import postgresql"
CASES: list[tuple[TypeEngine[Any], str, set[str]]] = [
    (sqm.sql.sqltypes.AutoString(), "sqm.sql.sqltypes.AutoString()", set()),
    (sqm.sql.sqltypes.AutoString(length=50), "sqm.sql.sqltypes.AutoString(length=50)", set()),
    (sa.Integer(), "sa.Integer()", set()),
    (sa.BigInteger(), "sa.BigInteger()", set()),
    (sa.String(5), "sa.String(length=5)", set()),
    (sa.String(collation="C"), "sa.String(collation='C')", set()),
    (sa.DateTime(timezone=True), "sa.DateTime(timezone=True)", set()),
    (sa.Numeric(10, 2), "sa.Numeric(precision=10, scale=2)", set()),
    (sa.Uuid(), "sa.Uuid()", set()),
    (sa.LargeBinary(), "sa.LargeBinary()", set()),
    (sa.JSON(), "sa.JSON()", set()),
    (sa.ARRAY(sa.Integer()), "sa.ARRAY(sa.Integer())", set()),
    (sa.ARRAY(sqm.AutoString()), "sa.ARRAY(sqm.sql.sqltypes.AutoString())", set()),
    (sa.Enum(Color, name="color", schema="core"), "sa.Enum('red', 'blue', name='color', schema='core')", set()),
    (sa.Enum("a", name="x", metadata=sa.MetaData()), "sa.Enum('a', name='x')", set()),
    (sa.Enum("a'b", name="x y"), """sa.Enum("a'b", name='x y')""", set()),
    (postgresql.JSONB(), "postgresql.JSONB(astext_type=sa.Text())", {POSTGRESQL}),
    (postgresql.ARRAY(sa.String(3)), "postgresql.ARRAY(sa.String(length=3))", {POSTGRESQL}),
    (postgresql.TSVECTOR(), "postgresql.TSVECTOR()", {POSTGRESQL}),
    (postgresql.INET(), "postgresql.INET()", {POSTGRESQL}),
    (postgresql.TIMESTAMP(precision=3), "postgresql.TIMESTAMP(precision=3)", {POSTGRESQL}),
    (
        postgresql.ENUM("a", name="q", create_type=False),
        "postgresql.ENUM('a', name='q', create_type=False)",
        {POSTGRESQL},
    ),
    (
        sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
        "sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')",
        {POSTGRESQL},
    ),
    (Wrapped(), f"{__name__}.Wrapped()", {f"import {__name__}"}),
    (Wrapped(4), f"{__name__}.Wrapped(places=4)", {f"import {__name__}"}),
    (
        postgresql.ARRAY(Wrapped(4)),
        f"postgresql.ARRAY({__name__}.Wrapped(places=4))",
        {POSTGRESQL, f"import {__name__}"},
    ),
]


@pytest.mark.parametrize(("type_", "expected", "imports"), CASES, ids=[case[1] for case in CASES])
def test_a_type_is_spelled_so_that_it_means_the_same_again(
    type_: TypeEngine[Any], expected: str, imports: set[str]
) -> None:
    rendered, needed = render_type(type_)
    assert (rendered, needed) == (expected, imports)

    names: dict[str, Any] = {"sa": sa, "sqm": sqm}
    for line in needed:
        exec(line, names)
    dialect = postgresql.dialect()
    assert eval(rendered, names).compile(dialect=dialect) == type_.compile(dialect=dialect)
