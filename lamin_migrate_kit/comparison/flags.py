"""Flags that name nothing, or decide nothing, are mistakes: said before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from lamin_migrate_kit.catalog.model import Catalog, Column, EnumType
from lamin_migrate_kit.comparison.model import Comparison, Sides
from lamin_migrate_kit.decisions import Decisions, parse_pairs, split_pair
from lamin_migrate_kit.diff.naming import dotted, follow_renames
from lamin_migrate_kit.errors import SettingsError

_VALUES = (("backfill", "backfills"), ("using", "usings"), ("enum-map", "enum_maps"))


def refuse_unknown_names(sides: Sides, comparison: Comparison, decisions: Decisions) -> None:
    """Every flag has to name something that is there: `--rename` is looked at where renames are.

    Args:
        sides: What is compared.
        comparison: The likeliest reading. What is renamed in it goes by either name, and by its current name in a
            renamed table or type, because a guess may turn out to be none.
        decisions: As given by flags.

    Raises:
        SettingsError: One does not, or what it would drop or keep is declared by the models.
    """
    if not any((decisions.keeps, decisions.drops, *(getattr(decisions, field) for _, field in _VALUES))):
        return
    renames = [candidate.rename for candidate in comparison.candidates if candidate.outcome != "none"]
    both = {**sides.desired.objects, **comparison.renamed.objects, **sides.current.objects}
    names = {*follow_renames(map(str, both), renames)} | {key.name for key in both if not key.part}
    for flag, texts in (("keep", decisions.keeps), ("drop", decisions.drops)):
        for text in texts:
            _require(flag, text, dotted(text), names)
            _refuse_declared(sides, flag, text)
    columns = {*follow_renames((str(key) for key, value in both.items() if isinstance(value, Column)), renames)}
    values = {*follow_renames(_enum_values(sides.current), renames), *_enum_values(sides.desired)}
    for flag, field in _VALUES:
        for name in parse_pairs(flag, getattr(decisions, field)):
            _require(flag, name, name, values if flag == "enum-map" else columns)


def _require(flag: str, text: str, name: str, known: set[str]) -> None:
    if name in known:
        return
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    hint = f" Near it: {', '.join(near)}." if near else ""
    raise SettingsError(
        f"--{flag} {text}: there is nothing of that name.{hint}",
        next_command="invoke migrate.diff   # shows what was found on both sides",
    )


def _refuse_declared(sides: Sides, flag: str, text: str) -> None:
    name = dotted(text)
    declared = [key for key in sides.desired.objects if str(key) == name]
    if not sides.models or not declared or any(str(key) == name for key in sides.current.objects.keys() - declared):
        return
    if flag == "drop":
        raise SettingsError(
            f"--drop {text}: the models declare or need it.",
            next_command="take it out of the models, then run this again",
        )


def _enum_values(catalog: Catalog) -> Iterator[str]:
    return (f"{enum.key}.{value}" for enum in catalog.of(EnumType) for value in enum.values)


def refuse_idle_flags(decisions: Decisions, compare: Callable[[Decisions], Comparison]) -> None:
    """A value for a column that needs none is a mistake, such as a slip of the name.

    Args:
        decisions: As given by flags.
        compare: Compares under other decisions.

    Raises:
        SettingsError: Without one of the flags nothing would be different, nor with another value.
    """
    for flag, field in _VALUES:
        texts = getattr(decisions, field)
        for place, text in enumerate(texts):
            others = (*texts[:place], *texts[place + 1 :])
            name, _ = split_pair(text)
            without, other = (compare(_with(decisions, field, some)) for some in (others, (*others, f"{name}=NULL")))
            if (without.upgrade, without.questions) == (other.upgrade, other.questions):
                raise SettingsError(
                    f"--{flag} {text}: nothing there needs it.", next_command=f"leave --{flag} {text} out"
                )


def _with(decisions: Decisions, field: str, texts: tuple[str, ...]) -> Decisions:
    changed: dict[str, Any] = {field: texts}
    return replace(decisions, **changed)
