"""What a person decided, as the flags that say it: the same words at a prompt, on a command line and in a message."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from lamin_migrate_kit.errors import SettingsError

PLACEHOLDERS = ("<SQL expression>", "<value>")
"""What stands in a flag where nothing can be guessed, and is to be replaced."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions by flag. Every name is dotted and follows the grammar of `diff.renames.grammar`.

    Attributes:
        renames: `core.notebook.v:version`: this is a rename.
        no_renames: The same: this is none; or `core.notebook.v`: it has no new name at all.
        drops: `core.w`: it goes, although models never declare things of its kind.
        keeps: `core.ix_by_hand`: it stays, although the models do not declare it.
        backfills: `core.notebook.language='en'`: SQL for rows that have no value.
        usings: `core.run.exit_code=exit_code::integer`: SQL that converts each value.
        enum_maps: `core.status.draft=open`: what takes the place of a removed enum value.
        rename_mode: `decide`, or `none`: look for no renames, what is gone is dropped and what is new is created.
        assume_empty: The tables hold nothing that matters.
    """

    renames: tuple[str, ...] = ()
    no_renames: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    backfills: tuple[str, ...] = ()
    usings: tuple[str, ...] = ()
    enum_maps: tuple[str, ...] = ()
    rename_mode: Literal["decide", "none"] = "decide"
    assume_empty: bool = False

    def with_flags(self, text: str) -> Decisions:
        """These decisions and those that a text of flags says, such as `--rename core.notebook.v:version`.

        Raises:
            SettingsError: A flag is not one of a decision.
        """
        words = _split(text)
        if not words or len(words) % 2 or not _FIELDS.keys() >= set(words[::2]):
            raise SettingsError(f"{text!r} is no decision.", next_command=f"one of: {', '.join(_FIELDS)}")
        result = self
        for flag, value in zip(words[::2], words[1::2], strict=True):
            name = _FIELDS[flag]
            added: dict[str, Any] = {name: (*getattr(result, name), value)}
            result = replace(result, **added)
        return result


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is no decision: {error}.",
            next_command="invoke migrate.generate --rename core.notebook.v:version",
        ) from error


_FIELDS = {
    "--rename": "renames",
    "--no-rename": "no_renames",
    "--drop": "drops",
    "--keep": "keeps",
    "--backfill": "backfills",
    "--using": "usings",
    "--enum-map": "enum_maps",
}


def split_pair(text: str) -> tuple[str, str | None]:
    """The name and the value of `name=value`, where a name in double quotes may contain `=`; None without a value."""
    pair = re.fullmatch(r'((?:"[^"]*"|[^="])*)=(.*)', text, re.DOTALL)
    return (pair[1], pair[2]) if pair else (text, None)


def parse_pairs(flag: str, texts: Iterable[str]) -> dict[str, str]:
    """`name=value` texts as a mapping from the dotted name.

    Args:
        flag: The flag's name, for the message.
        texts: The values as typed.

    Raises:
        SettingsError: A text has no `=`, or its name does not follow the grammar.
    """
    from lamin_migrate_kit.diff.renames import parse_names

    found: dict[str, str] = {}
    for text in texts:
        typed, given = split_pair(text)
        name, value = ".".join(parse_names(typed)), (given or "").strip()
        if not value or value in PLACEHOLDERS:
            raise SettingsError(f"--{flag} {text!r} has no value.", next_command=f"--{flag} '{typed or name}=…'")
        if found.get(name, value) != value:
            raise SettingsError(f"--{flag} says two things of {name}.", next_command="leave one of them out")
        found[name] = value
    return found
