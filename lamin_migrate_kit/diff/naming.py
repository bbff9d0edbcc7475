"""How flags, comments and messages name objects. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.diff.renames import Rename, parse_names, render_names

_CALLABLE = ("function", "procedure", "aggregate")


def render_key(key: ObjectKey) -> str:
    """A key as flags and comments spell it: names with dots, quotes or white space are quoted."""
    if key.kind in _CALLABLE:
        return f"{render_names((key.schema, key.name))}({key.part})"
    return render_names(tuple(part for part in (key.schema, key.name, key.part) if part))


def dotted(text: str) -> str:
    """A name as typed, without the quotes of the grammar, as `str(ObjectKey)` gives it.

    Raises:
        SettingsError: The text does not follow the grammar.
    """
    name, parenthesis, arguments = text.strip().partition("(")
    return ".".join(parse_names(name)) + parenthesis + re.sub(r"\s+", " ", arguments)


def follow_renames(names: Iterable[str], renames: Iterable[Rename]) -> Iterator[str]:
    """Dotted names, and what they are called after renames, each of which knows what is called so before it."""
    found = dict.fromkeys(names)
    for rename in renames:
        former, later = _ends(rename)
        found |= dict.fromkeys(
            later + name.removeprefix(former) for name in found if name == former or name.startswith(f"{former}.")
        )
    yield from found


def _ends(rename: Rename) -> tuple[str, str]:
    if rename.kind in ("table", "enum"):
        return str(rename.table_key), str(rename.desired_table_key)
    # Tables come before their columns, which are found under the new name then.
    table = rename.desired_table_key
    return f"{table}.{rename.current}", f"{table}.{rename.desired}"
