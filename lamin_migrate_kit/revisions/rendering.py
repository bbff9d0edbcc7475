"""The text of a revision file, in the form that schema modules have had all along."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence

from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.revisions.naming import UNRELEASED_DOC

_HEAD = '''"""{doc}"""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa
{imports}
revision = {id!r}
down_revision = {down!r}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''

_KNOWN_IMPORTS = {"postgresql": "from sqlalchemy.dialects import postgresql"}
"""What Alembic's and our own operations use beside `op`, `sa` and `sqm`: imported where a body names it."""


def render_revision(
    *,
    id: str,
    down: str | None,
    doc: str = UNRELEASED_DOC,
    upgrade: Sequence[str],
    downgrade: Sequence[str],
    notes: Sequence[str] = (),
    imports: Sequence[str] = (),
) -> str:
    """Render a revision file. The same arguments give the same bytes.

    Args:
        id: The revision.
        down: The revision before; None for the first one.
        doc: The docstring's first line.
        upgrade: Lines of Python; a line that stands in a string over several lines is not indented.
        downgrade: Likewise.
        notes: Sentences for the docstring, below its first line: what the revision is for, what its downgrade cannot
            restore. Each may have several lines.
        imports: Import lines beside the three that every revision has. `postgresql` is imported where it is used.

    Raises:
        RevisionError: The lines are no Python.
    """
    bodies = {"upgrade": tuple(upgrade), "downgrade": tuple(downgrade)}
    trees = {name: _parse(lines, name) for name, lines in bodies.items()}
    extra = {*imports, *(_KNOWN_IMPORTS[name] for tree in trees.values() for name in _known_names(tree))}
    return _HEAD.format(
        doc=_docstring(doc, notes),
        imports="".join(f"{line}\n" for line in sorted(extra)),
        id=id,
        down=down,
        **{name: _body(lines, trees[name]) for name, lines in bodies.items()},
    )


def _docstring(doc: str, notes: Sequence[str]) -> str:
    """The inside of the docstring."""
    text = doc + ("".join(f"\n\n{note.strip()}" for note in notes) + "\n" if notes else "")
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return escaped[:-1] + '\\"' if escaped.endswith('"') else escaped


def _parse(lines: Sequence[str], name: str) -> ast.Module:
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError as error:
        raise RevisionError(
            f"What {name}() should do is no valid Python: {error.msg}.",
            details="\n".join(lines),
            next_command=f"report it; until then, write {name}() by hand: invoke migrate.generate --empty",
        ) from error


def _known_names(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & _KNOWN_IMPORTS.keys()


def _body(lines: Sequence[str], tree: ast.Module) -> str:
    text = "\n".join(lines)
    inside = set(_lines_inside_strings(text))
    indented = [
        line if number in inside else f"    {line}".rstrip()
        for number, line in enumerate(text.split("\n") if text else (), start=1)
    ]
    return "\n".join([*indented, *([] if tree.body else ["    pass"])])


def _lines_inside_strings(text: str) -> Iterator[int]:
    """Numbers of lines that begin inside a string: spaces before them would become part of it."""
    depth: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        if name == "STRING":
            yield from range(token.start[0] + 1, token.end[0] + 1)
        elif name in ("FSTRING_START", "TSTRING_START"):
            depth.append(token.start[0])
        elif name in ("FSTRING_END", "TSTRING_END"):
            yield from range(depth.pop() + 1, token.end[0] + 1)
