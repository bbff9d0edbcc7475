"""Python calls as text, formatted as a formatter would leave them."""

from __future__ import annotations

import re
from collections.abc import Iterable

WIDTH = 96
"""Columns that a line may take before it is broken: 100 with the indentation of a function's body."""

# What `sqlalchemy.text` takes for a bound parameter, also within a literal of SQL.
_BOUND = re.compile(r"(?<![:\w\\]):(?=\w)")


def render_call(name: str, args: Iterable[str], /, **kwargs: str | None) -> str:
    """Render a call. Arguments are Python code; keyword arguments that are None are left out."""
    parts = [*args, *(f"{key}={value}" for key, value in kwargs.items() if value is not None)]
    line = f"{name}({', '.join(parts)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    body = "\n".join("\n".join(f"    {row}" if row else row for row in f"{part},".split("\n")) for part in parts)
    return f"{name}(\n{body}\n)"


def render_list(items: Iterable[str]) -> str:
    """Render a list of Python expressions."""
    return f"[{', '.join(items)}]"


def render_string(text: str) -> str:
    """Render a string literal with double quotes, unless single ones need less escaping."""
    rendered = repr(text)
    if rendered[0] == "'" and '"' not in text:
        return f'"{rendered[1:-1]}"'.replace("\\'", "'")
    return rendered


def render_optional(text: str | None) -> str | None:
    """Render a string literal, or None to leave the argument out."""
    return None if text is None else render_string(text)


def render_schema(schema: str) -> str | None:
    """Render the `schema=` argument; `public` is what Alembic assumes."""
    return None if schema == "public" else render_string(schema)


def render_text(sql: str) -> str:
    """Render `sa.text(…)`, with what looks like a bound parameter escaped."""
    return f"sa.text({render_string(escape_text(sql))})"


def render_execute(sql: str) -> str:
    """Render `op.execute(…)`; statements of several lines keep them."""
    escaped = escape_text(sql)
    if "\n" not in escaped:
        return render_call("op.execute", [render_string(escaped)])
    if '"""' in escaped or escaped.endswith('"'):
        return render_call("op.execute", [render_string(escaped)])
    raw = "r" if "\\" in escaped else ""
    return f'op.execute(\n    {raw}"""\n{escaped}\n"""\n)'


def escape_text(sql: str) -> str:
    """SQL as `sqlalchemy.text` wants it: what looks like a bound parameter is escaped."""
    return _BOUND.sub(r"\\:", sql)
