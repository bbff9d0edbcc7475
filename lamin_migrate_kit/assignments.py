"""Plain string assignments at the top of a Python file, read and changed without running the file.

`_migration`, `_schema_id` and `__version__` are read this way, because the models that the package imports may be
broken, and changed this way, because every other byte of the author's file must stay.

Positions come from `ast` and the literal alone is replaced in the bytes. (libcst would keep the bytes too; importing
it takes as long as a third of what a warm `migrate.generate` may take.)
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lamin_migrate_kit.errors import MigrateKitError, SchemaModuleError

_BOM = b"\xef\xbb\xbf"
_LITERAL = re.compile(r"(?P<prefix>[rRuU]?)(?P<quote>'''|\"\"\"|'|\")")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_SAFE = re.compile(r"[\w.+!-]*")


@dataclass(frozen=True, slots=True)
class Binding:
    """One place at the top level of a file that gives a name its value.

    Attributes:
        name: The name.
        line: From 1.
        value: The string, when it is written as one; None for `None` and for what is computed.
        computed: Why the value cannot be read from the text ("imported"), or "" when it can.
        span: Where the literal stands: (line, column, end line, end column) as `ast` counts them.
    """

    name: str
    line: int
    value: str | None
    computed: str = ""
    span: tuple[int, int, int, int] | None = None


def parse_python(source: bytes, where: str, raises: type[MigrateKitError] = SchemaModuleError) -> ast.Module:
    """Parse a file's bytes.

    Args:
        source: The file's bytes; a byte order mark and a coding cookie are obeyed.
        where: The file as messages show it.
        raises: What to raise when it is no Python; names the file and line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\\d" in the author's file is not ours to talk about
            return ast.parse(source)
    except SyntaxError as error:
        place = f"{where}:{error.lineno}" if error.lineno else where
        raise raises(
            f"{where} is no valid Python: {error.msg}",
            where=place,
            details=(error.text or "").rstrip() or None,
            next_command=f"mend {place}",
        ) from error
    except ValueError as error:  # null bytes
        raise raises(f"{where} is no valid Python: {error}", where=where, next_command=f"mend {where}") from error


def find_bindings(tree: ast.Module, name: str) -> tuple[Binding, ...]:
    """Every place at the top level (also under `if`, `try`, `with`, `for`) that binds `name`, in order."""
    found = (binding for statement, nested in _statements(tree.body) for binding in _bound_by(statement, nested))
    return tuple(binding for binding in found if binding.name == name)


def read_string(tree: ast.Module, name: str, where: str, example: str) -> Binding | None:
    """The one plain assignment of `name`.

    Args:
        tree: The parsed file.
        name: Such as `_migration`.
        where: The file as it is shown.
        example: The value to show in the line to write, such as `"8280855a5064"`, with its quotes.

    Returns:
        The binding; its value is None for `None`. None when the name is not bound at all.

    Raises:
        SchemaModuleError: It is assigned more than once, or computed.
    """
    bindings = find_bindings(tree, name)
    if not bindings:
        return None
    if len(bindings) > 1:
        lines = " and ".join(str(line) for line in dict.fromkeys(binding.line for binding in bindings))
        kept = next((f'"{b.value}"' for b in reversed(bindings) if b.value is not None), example)
        raise SchemaModuleError(
            f"`{name}` is assigned more than once in {where}: lines {lines}.",
            where=f"{where}:{bindings[-1].line}",
            next_command=f"keep one line in {where}:\n{name} = {kept}",
        )
    if bindings[0].computed:
        raise SchemaModuleError(
            f"`{name}` is {bindings[0].computed} in {where}; the kit reads and sets it without running the file,"
            " so it must be a plain string.",
            where=f"{where}:{bindings[0].line}",
            next_command=f"write it as one line at the top level of {where}:\n{name} = {example}",
        )
    return bindings[0]


def set_assignments(source: bytes, values: Mapping[str, str], *, where: str = "__init__.py") -> bytes:
    """Replace the values of plain assignments and keep every other byte.

    Line ends, a byte order mark, a coding cookie, comments, the existing quotes and a missing final newline stay.

    Args:
        source: The file's bytes.
        values: The new string for each name.
        where: The file as messages show it.

    Raises:
        SchemaModuleError: A name is missing, assigned more than once, or computed; or the file is no Python.
        ValueError: A value holds characters that no id or version has.
    """
    for name, value in values.items():
        source = _set_one(source, name, value, where)
    return source


def _set_one(source: bytes, name: str, value: str, where: str) -> bytes:
    if not _SAFE.fullmatch(value):
        raise ValueError(f"{value!r} is neither a revision id nor a version")
    binding = read_string(parse_python(source, where), name, where, f'"{value}"')
    if binding is None:
        raise SchemaModuleError(
            f"{where} does not set `{name}`.", where=where, next_command=f'add to {where}:\n{name} = "{value}"'
        )
    assert binding.span is not None
    start, end = byte_span(source, binding.span)
    literal = _LITERAL.match(source[start:end].decode("ascii", "replace"))
    prefix, quote = (literal["prefix"], literal["quote"]) if literal else ("", '"')
    return source[:start] + f"{prefix}{quote}{value}{quote}".encode() + source[end:]


def byte_span(source: bytes, span: tuple[int, int, int, int]) -> tuple[int, int]:
    """Turn `ast` positions (lines from 1, columns in UTF-8 bytes) into byte offsets in the file as it is.

    Args:
        source: The file's bytes, in whatever encoding and with whatever line ends.
        span: (line, column, end line, end column).
    """
    bom = len(_BOM) if source.startswith(_BOM) else 0
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source[bom:]).readline)
    text = source[bom:].decode(encoding)
    starts = [0, *(found.end() for found in _NEWLINE.finditer(text))]

    def offset(line: int, column: int) -> int:
        before = text[: starts[line - 1]]
        rest = text[starts[line - 1] :].encode()[:column].decode()
        return bom + len((before + rest).encode(encoding))

    return offset(span[0], span[1]), offset(span[2], span[3])


def _statements(body: list[ast.stmt], nested: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """All statements that run when the module is imported, with whether they stand under another one."""
    for statement in body:
        yield statement, nested
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for inner in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, inner, []), True)
        for holder in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _statements(holder.body, True)


def _bound_by(statement: ast.stmt, nested: bool) -> Iterator[Binding]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value, nested)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _assigned(target, value, nested)
        case ast.AugAssign(target=ast.Name(id=name)):
            yield Binding(name, statement.lineno, None, "computed")
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield Binding(alias.asname or alias.name, statement.lineno, None, "imported")
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield Binding(name, statement.lineno, None, "no string")
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from _together(target, "the variable of a loop")
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                yield from _together(item.optional_vars, "bound by `with`") if item.optional_vars else ()
        case ast.Delete(targets=targets):
            for target in targets:
                yield from _together(target, "deleted")


def _assigned(target: ast.expr, value: ast.expr, nested: bool) -> Iterator[Binding]:
    if isinstance(target, (ast.Tuple, ast.List)):
        yield from _together(target, "assigned together with other names")
    elif isinstance(target, ast.Name):
        yield _read_value(target.id, value, nested)


def _together(target: ast.expr, how: str) -> Iterator[Binding]:
    """Every name in a target of which none has a string of its own."""
    names = (node.id for node in ast.walk(target) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load))
    yield from (Binding(name, target.lineno, None, how) for name in names)


def _read_value(name: str, value: ast.expr, nested: bool) -> Binding:
    if nested:
        return Binding(name, value.lineno, None, "assigned under a condition")
    if not isinstance(value, ast.Constant):
        return Binding(name, value.lineno, None, "computed")
    if not isinstance(value.value, (str, type(None))):
        return Binding(name, value.lineno, None, "no string")
    end_line, end_column = value.end_lineno or value.lineno, value.end_col_offset or value.col_offset
    span = (value.lineno, value.col_offset, end_line, end_column)
    return Binding(name, value.lineno, value.value, span=span)
