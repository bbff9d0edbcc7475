"""What the text of a revision file says: where its functions are, and what stands in them."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.report.model import Finding
from lamin_migrate_kit.revisions.ways import Way, find_function, way_of

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

_ONE_AT_A_TIME = Lock()
"""Two threads that parse at once can end in `SystemError: AST constructor recursion depth mismatch` (CPython 3.11)."""
_PLACE = re.compile(r"^(?P<path>.+?)(?::(?P<line>\d+))?$")


def line_of(path: Path, function: str) -> int | None:
    """The line on which a function begins, from 1."""
    found = find_function(_parsed(path), function)
    return found.lineno if found else None


def body_of(path: Path, function: str) -> str:
    """What stands in a function, comments included, without the indentation; "" when it does nothing."""
    tree = _parsed(path)
    found = find_function(tree, function)
    if found is None or way_of(tree, function) is Way.EMPTY:
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


def _parsed(path: Path) -> ast.Module:
    with _ONE_AT_A_TIME:
        return ast.parse(path.read_bytes())
