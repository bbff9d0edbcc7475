"""What the text of a revision file says: where its functions are, and whether it can be taken back."""

from __future__ import annotations

import ast
import re
import textwrap
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.report.model import Finding

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

_PLACE = re.compile(r"^(?P<path>.+?)(?::(?P<line>\d+))?$")


class Way(Enum):
    """What a function of a revision does, as far as its text tells."""

    WRITTEN = "written"
    EMPTY = "empty"
    REFUSED = "refused"
    """It raises NotImplementedError, on purpose; or is not there, which Alembic stops at as well."""


def way_of(path: Path, function: str) -> Way:
    """Whether `upgrade` or `downgrade` of a revision file does anything; where there is none it is refused."""
    found = _function(path, function)
    if found is None:
        return Way.REFUSED
    body = [statement for statement in found.body if not _says_nothing(statement)]
    if not body:
        return Way.EMPTY
    return Way.REFUSED if _refuses(body[0]) else Way.WRITTEN


def line_of(path: Path, function: str) -> int | None:
    """The line on which a function begins, from 1."""
    found = _function(path, function)
    return found.lineno if found else None


def body_of(path: Path, function: str) -> str:
    """What stands in a function, comments included, without the indentation; "" when it does nothing."""
    found = _function(path, function)
    if found is None or way_of(path, function) is Way.EMPTY:
        return ""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    first = found.body[0].lineno
    while lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return textwrap.dedent("\n".join(lines[first - 1 : found.end_lineno]))


def finding_from(error: MigrateKitError, module: SchemaModule, *, revision: str | None = None) -> Finding:
    """An error as a finding, with its place taken apart."""
    place = _PLACE.match(error.where or "")
    path = Path(place["path"]) if place else None
    return Finding(
        error.what,
        revision=revision,
        file=module.shown(path) if path else None,
        line=int(place["line"]) if place and place["line"] else None,
        details=error.details or "",
        next_command=error.next_command,
    )


def _function(path: Path, name: str) -> ast.FunctionDef | None:
    tree = ast.parse(path.read_bytes())
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def _says_nothing(statement: ast.stmt) -> bool:
    """`pass`, `return`, `return None`, a docstring, `...`."""
    if isinstance(statement, (ast.Expr, ast.Return)):
        return statement.value is None or isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)


def _refuses(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
