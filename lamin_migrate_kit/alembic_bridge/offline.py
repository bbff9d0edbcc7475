"""The SQL of revisions without a database: the same functions of the same files, written down instead of sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, NoReturn

from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy import BindParameter, ClauseElement, TextClause, literal
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import NullType

from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic
from lamin_migrate_kit.alembic_bridge.script import Script
from lamin_migrate_kit.alembic_bridge.turns import installed

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One revision that would run.

    Attributes:
        revision: Its id.
        statements: What it would send, each without its semicolon, Alembic's own bookkeeping included. BEGIN and
            COMMIT stand only where an `autocommit_block` puts them.
        unknown: Why the statements end early, such as that the revision reads the database to decide what to do.
    """

    revision: str
    statements: tuple[str, ...]
    unknown: str | None = None

    @property
    def text(self) -> str:
        """The statements as a script, with a line that says where it ends early."""
        lines = [f"-- revision {self.revision}", *(f"{statement};" for statement in self.statements)]
        if self.unknown:
            lines.append(f"-- from here on the revision cannot be written down without a database: {self.unknown}")
        return "\n\n".join(lines) + "\n"


def plan_steps(
    module: SchemaModule, script: Script, from_: str | None, to: str | None, *, down: bool = False
) -> tuple[PlannedStep, ...]:
    """What the revisions between `from_` and `to` would send to a database that is at `from_`.

    Args:
        module: Says what the version table is called.
        script: From `open_script`.
        from_: The revision that the database is at; None or `base` before the first one.
        to: The revision to go to; `head` for the newest.
        down: Whether `to` comes before `from_`.

    Raises:
        RevisionError: One of the two is not among the files.
    """
    current = None if from_ == "base" else from_
    steps = script.steps_down(current, to) if down else script.steps_up(current, to or "head")
    with quiet_alembic():
        return tuple(_plan_step(module, script, step) for step in steps)


def upgrade_sql(module: SchemaModule, script: Script, from_: str | None = None, to: str = "head") -> str:
    """The script of `plan_steps` for an upgrade; empty when there is nothing to do."""
    return _script(plan_steps(module, script, from_, to))


def downgrade_sql(module: SchemaModule, script: Script, from_: str, to: str | None = None) -> str:
    """The script of `plan_steps` for a downgrade; empty when there is nothing to do."""
    return _script(plan_steps(module, script, from_, to, down=True))


def _script(steps: Iterable[PlannedStep]) -> str:
    return "\n".join(step.text for step in steps)


def _plan_step(module: SchemaModule, script: Script, step: RevisionStep) -> PlannedStep:
    written = _Statements()
    unknown = None
    try:
        _write_down(module, script, step, written)
    except Exception as error:
        unknown = _first_line(error)
    statements = [re.sub(r";$", "", one.rstrip()) for one in written.all]
    if not step.is_upgrade and statements and _drops(statements[-1], module.version_table):
        # What Alembic before 1.19 writes down at the base, and does not do.
        del statements[-1]
    return PlannedStep(step.revision.revision, tuple(statements), unknown)


def _drops(statement: str, table: str) -> bool:
    return statement.split() in (["DROP", "TABLE", table], ["DROP", "TABLE", f'"{table}"'])


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (
        lines[0] if isinstance(error, _ReadsDatabase) and lines else f"{type(error).__name__}: {error}".splitlines()[0]
    )


def _write_down(module: SchemaModule, script: Script, step: RevisionStep, written: _Statements) -> None:
    before = step.from_revisions_no_deps
    environment = EnvironmentContext(
        script.config, script.directory, fn=lambda *_: [step], as_sql=True, starting_rev=before or None
    )
    with installed(environment):
        environment.configure(
            # The driver named outright: which one is the default differs between versions of SQLAlchemy. A named
            # paramstyle keeps per cent signs single.
            url="postgresql+psycopg2://",
            dialect_opts={"paramstyle": "named"},
            version_table=module.version_table,
            literal_binds=True,
            output_buffer=written,
        )
        context = environment.get_context()
        # What a server with standard_conforming_strings = on (the default since 2010) tells a connection.
        context.dialect._backslash_escapes = False  # type: ignore[attr-defined]
        context.impl._exec = _typed(context.impl._exec)  # type: ignore[method-assign]
        context.connection = context.impl.connection = _Recorder(context)  # type: ignore[assignment]
        with installed(Operations(context)):
            context.run_migrations()


class _Statements(StringIO):
    """What Alembic writes, a statement a call; its comment lines are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        if not text.startswith("-- Running "):
            self.all.append(text.strip())
        return len(text)


class _ReadsDatabase(Exception):
    pass


class _NeedsConnection(_ReadsDatabase, AttributeError):
    """An AttributeError as well, because Alembic finds out in this way that there is no connection."""


class _Answer:
    """What a statement returns when there is no database. Whoever looks at it depends on the database."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _ReadsDatabase(f"it looks at a result ({name})")

    def __iter__(self) -> NoReturn:
        raise _ReadsDatabase("it looks at the rows of a result")


class _Recorder(MockConnection):
    """The connection that `op.get_bind()` gives: writes statements down with their parameters.

    Alembic's own one drops the parameters without a word, and answers None to a question.
    """

    def __init__(self, context: MigrationContext) -> None:
        super().__init__(context.dialect, self._write)
        self._context = context

    def execute(self, obj: Any, parameters: Any = None, execution_options: Any = None) -> Any:  # noqa: ARG002
        self._write(obj, parameters)
        return _Answer()

    def scalar(self, *_: Any, **__: Any) -> NoReturn:
        raise _ReadsDatabase("it looks at a result (scalar)")

    def scalars(self, *_: Any, **__: Any) -> NoReturn:
        raise _ReadsDatabase("it looks at a result (scalars)")

    def exec_driver_sql(self, statement: str, parameters: Any = None, **_: Any) -> Any:
        if parameters:
            raise _ReadsDatabase("it leaves parameters to the driver")
        self._context.impl.static_output(statement)
        return _Answer()

    def __getattr__(self, name: str) -> NoReturn:
        raise _NeedsConnection(f"it needs a connection ({name})")

    def _write(self, statement: Any, parameters: Any = None, *_: Any, **__: Any) -> None:
        for one in _with_parameters(statement, parameters):
            self._context.impl._exec(one)


def _with_parameters(statement: Any, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> list[Any]:
    if not parameters:
        return [statement]
    sets = [parameters] if isinstance(parameters, Mapping) else list(parameters)
    if hasattr(statement, "values"):
        return [statement.values(**one) for one in sets]
    return [
        statement.bindparams(**one) if isinstance(statement, TextClause) else statement.params(**one) for one in sets
    ]


def _typed(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Give parameters without a type that of their value: with a connection the driver would see to it."""

    def execute_typed(construct: Any, *rest: Any, **named: Any) -> Any:
        if isinstance(construct, ClauseElement):
            for element in iterate(construct):
                if isinstance(element, BindParameter) and isinstance(element.type, NullType):
                    element.type = literal(element.value).type
        return execute(construct, *rest, **named)

    return execute_typed
