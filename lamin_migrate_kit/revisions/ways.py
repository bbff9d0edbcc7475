"""What the functions of a revision file do, as far as their text tells."""

from __future__ import annotations

import ast
from enum import Enum


class Way(Enum):
    """What a function of a revision does, as far as its text tells."""

    WRITTEN = "written"
    EMPTY = "empty"
    REFUSED = "refused"
    """It raises NotImplementedError, on purpose; or is not there, which Alembic stops at as well."""


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """A function of a file, by its name."""
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def way_of(tree: ast.Module, function: str) -> Way:
    """Whether `upgrade` or `downgrade` of a revision file does anything; where there is none it is refused."""
    found = find_function(tree, function)
    if found is None:
        return Way.REFUSED
    body = [statement for statement in found.body if not _says_nothing(statement)]
    if not body:
        return Way.EMPTY
    return Way.REFUSED if _refuses(body[0]) else Way.WRITTEN


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
