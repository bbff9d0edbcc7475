"""How an author's column type is spelled in a revision file."""

from __future__ import annotations

from functools import cache
from inspect import Parameter, signature
from typing import Any, Literal

import sqlalchemy
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.runtime.migration import MigrationContext
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlalchemy.util import generic_repr

from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic


def render_type(type_: TypeEngine[Any]) -> tuple[str, frozenset[str]]:
    """Spell a type as the revision files do: `sa.Integer()`, `sqm.sql.sqltypes.AutoString()`, `postgresql.JSONB(…)`.

    Args:
        type_: A column's type, as the models declare it.

    Returns:
        The expression, and the import lines that it needs besides `import sqlalchemy as sa` and `import sqlmodel as
        sqm`, which stand at the head of every revision file.
    """
    with quiet_alembic():
        context = AutogenContext(
            _postgres_context(),
            opts={
                "sqlalchemy_module_prefix": "sa.",
                "alembic_module_prefix": "op.",
                "user_module_prefix": None,
                "render_item": render_item,
            },
            autogenerate=False,
        )
        text = _repr_type(type_, context)
    return text, frozenset(context.imports)


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Alembic's hook for what it does not know to spell: the types of sqlmodel, and the imports of the author's own."""
    module = type(item).__module__
    if kind != "type":
        return False
    if isinstance(item, sqlalchemy.Enum):
        return _render_enum(item, context)
    if module.startswith("sqlalchemy."):
        return False
    if module.split(".")[0] == "sqlmodel":
        return f"sqm{module.removeprefix('sqlmodel')}.{item!r}"
    context.imports.add(f"import {module}")
    return f"{module}.{generic_repr(item)}" if _has_own_arguments(item) else False


def _render_enum(item: sqlalchemy.Enum, context: AutogenContext) -> str | Literal[False]:
    """An enum, whose repr has a MetaData in some versions of SQLAlchemy, and loses `create_type` in others."""
    text = repr(item).replace(", metadata=MetaData()", "")
    if not isinstance(item, ENUM):
        return f"sa.{text}" if type(item) is sqlalchemy.Enum else False
    context.imports.add("from sqlalchemy.dialects import postgresql")
    if not item.create_type and "create_type" not in text:
        text = f"{text[:-1]}, create_type=False)"
    return f"postgresql.{text}"


def _has_own_arguments(item: Any) -> bool:
    """Whether a type wraps another one and takes arguments of its own, which its repr would replace by the other's."""
    if not isinstance(item, TypeDecorator) or type(item).__init__ is TypeDecorator.__init__:
        return False
    kinds = {parameter.kind for parameter in signature(type(item).__init__).parameters.values()}
    return not kinds & {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}


@cache
def _postgres_context() -> MigrationContext:
    return MigrationContext.configure(url=make_url("postgresql+psycopg2://"))
