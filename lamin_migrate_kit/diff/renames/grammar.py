r"""The one grammar of names in flags and comments.

    names   = name { "." name }
    name    = plain | quoted | escaped
    plain   = one or more characters other than . : " and white space
    quoted  = '"' { any character, '""' for a quote } '"'
    escaped = 'U&' quoted, with \0009 or \+00202E for a character by its number, and \\ for a backslash
    rename  = names [ ":" names ]                                 --rename, --no-rename, --drop
    comment = "# migrate-kit: rename" names "->" names ["(" evidence { ", " evidence } ")"]

What the names mean:

    core.notebook.v:version            column v of table core.notebook is version now
    core.notebook:book                 table core.notebook is core.book now
    core.notebook:other.notebook       table core.notebook is in schema other now
    core.status.draft:open             value draft of the enum type core.status is open now
    core."odd.table"."a:b":plain       names with . : " or white space stand in double quotes, as in SQL
    core.t.U&"tab\0009":plain          characters that cannot be printed stand by their number, as in SQL
    core.notebook.v                    with --no-rename: v has no new name at all

Case is kept without quotes, unlike in SQL: names are written as the server stores them, because a shell takes the
quotes away before we could see them. Names are cut at 63 bytes, as the server cuts them. Whether `core.status` is a
table or an enum type is never ambiguous (Postgres does not let two of them have one name in a schema), so `resolve`
finds out from the catalogs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lamin_migrate_kit.diff.renames.model import Rename
from lamin_migrate_kit.diff.renames.shapes import stored_name
from lamin_migrate_kit.errors import SettingsError

Names = tuple[str, ...]

_NAME = re.compile(r'(?P<escaped>[Uu]&)?"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^.:"\s]+)')
_PLAIN = re.compile(r'[^.:"\s()=,]+')
_ESCAPE = re.compile(r"\\(?:\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4})|(\\))")
_PREFIX = "# migrate-kit: rename "


@dataclass(frozen=True, slots=True)
class RenameFlag:
    """A rename as written, before the catalogs say what the names mean.

    Attributes:
        current: Schema, table and part, or schema and table; the schema may be missing.
        desired: The new name, or schema and new name; empty where only a refusal makes sense.
    """

    current: Names
    desired: Names = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A rename that a comment in a revision records."""

    flag: RenameFlag
    evidence: tuple[str, ...] = ()


def parse_names(text: str) -> Names:
    """Dotted names: `core."odd.table".v` is `("core", "odd.table", "v")`.

    Raises:
        SettingsError: The text does not follow the grammar.
    """
    names, rest = _read_names(text.strip(), text)
    if rest:
        raise _not_understood(text, f"{rest[0]!r} is not expected there")
    return names


def parse_rename(text: str) -> RenameFlag:
    """The value of `--rename` and `--no-rename`.

    Args:
        text: As typed, such as `core.notebook.v:version`.

    Raises:
        SettingsError: The text does not follow the grammar.
    """
    current, rest = _read_names(text.strip(), text)
    if not rest:
        return RenameFlag(current)
    if rest[0] != ":":
        raise _not_understood(text, f"{rest[0]!r} is not expected there")
    desired, rest = _read_names(rest[1:].strip(), text)
    if rest:
        raise _not_understood(text, f"{rest[0]!r} is not expected there")
    return RenameFlag(current, desired)


def parse_comment(line: str) -> Recorded | None:
    """The rename that a comment records, or None for any other line.

    Args:
        line: One line of a revision file, with or without indentation.

    Raises:
        SettingsError: It is such a comment, and its names do not follow the grammar.
    """
    line = line.strip()
    if not line.startswith(_PREFIX):
        return None
    text = line.removeprefix(_PREFIX)
    current, rest = _read_names(text.strip(), line)
    if not rest.lstrip().startswith("->"):
        raise _not_understood(line, "-> is missing")
    desired, rest = _read_names(rest.lstrip()[2:].strip(), line)
    return Recorded(RenameFlag(current, desired), _evidence(rest.strip(), line))


def render_name(name: str) -> str:
    """One name, in double quotes only where the grammar needs them; always one line of printable text."""
    quoted = name.replace('"', '""')
    if not name.isprintable():
        return f'U&"{"".join(map(_escaped, quoted))}"'
    return name if _PLAIN.fullmatch(name) else f'"{quoted}"'


def _escaped(letter: str) -> str:
    if letter == "\\":
        return "\\\\"
    number = ord(letter)
    return letter if letter.isprintable() else f"\\{number:04X}" if number < 0x10000 else f"\\+{number:06X}"


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    return chr(int(number, 16)) if number else "\\"


def render_names(names: Names) -> str:
    """Dotted names."""
    return ".".join(render_name(name) for name in names)


def render_flag(rename: Rename | RenameFlag) -> str:
    """The value for `--rename` and `--no-rename`; quote it for the shell with `shlex.quote`."""
    flag = rename if isinstance(rename, RenameFlag) else flag_of(rename)
    return ":".join(render_names(names) for names in (flag.current, flag.desired) if names)


def render_comment(rename: Rename | RenameFlag, evidence: tuple[str, ...] = ()) -> str:
    """The comment that records a rename in a revision, without indentation."""
    flag = rename if isinstance(rename, RenameFlag) else flag_of(rename)
    told = (" ".join(sentence.replace(", ", "; ").split()) for sentence in evidence)
    reason = f" ({', '.join(told)})" if evidence else ""
    return f"{_PREFIX}{render_names(flag.current)} -> {render_names(flag.desired)}{reason}"


def flag_of(rename: Rename) -> RenameFlag:
    """A resolved rename as it is written."""
    if rename.kind in ("column", "enum_value"):
        current: Names = (rename.schema, rename.table, rename.current)
        return RenameFlag(_known(current), (rename.desired,) if rename.desired else ())
    moves = rename.schema != rename.desired_schema
    desired = (rename.desired_schema, rename.desired) if moves else (rename.desired,)
    return RenameFlag(_known((rename.schema, rename.table)), _known(desired))


def _known(names: Names) -> Names:
    """A shape's schema may be unknown, and is then not written."""
    return tuple(name for name in names if name)


def _read_names(text: str, whole: str) -> tuple[Names, str]:
    """Read names from the start of a text; return them and the rest."""
    names = []
    while True:
        match = _NAME.match(text)
        if match is None:
            raise _not_understood(whole, "a name is missing" if not text else f"{text[0]!r} is not expected there")
        names.append(stored_name(_read_name(match, whole)))
        text = text[match.end() :]
        if not text.startswith("."):
            return tuple(names), text
        text = text[1:]


def _read_name(match: re.Match[str], whole: str) -> str:
    if match["quoted"] is None:
        return match["plain"]
    quoted = match["quoted"].replace('""', '"')
    if match["escaped"] is None:
        return quoted
    try:
        return _ESCAPE.sub(_unescaped, quoted)
    except ValueError as error:
        raise _not_understood(whole, "there is no character of that number") from error


def _evidence(text: str, line: str) -> tuple[str, ...]:
    if not text:
        return ()
    if not (text.startswith("(") and text.endswith(")")):
        raise _not_understood(line, f"{text[0]!r} is not expected after the names")
    return tuple(text[1:-1].split(", "))


def _not_understood(text: str, why: str) -> SettingsError:
    return SettingsError(
        f"{text.strip()!r} is not understood as a name or rename: {why}.",
        next_command="--rename core.notebook.v:version   # column; core.notebook:book renames a table",
    )
