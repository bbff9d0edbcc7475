"""What the names in a flag mean, found out from both sides of the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from lamin_migrate_kit.diff.renames.grammar import (
    Names,
    RenameFlag,
    parse_names,
    parse_rename,
    render_flag,
    render_names,
)
from lamin_migrate_kit.diff.renames.model import Kind, Rename, part_rename, table_rename
from lamin_migrate_kit.diff.renames.shapes import SchemaShape, TableKey
from lamin_migrate_kit.errors import SettingsError

_Part = tuple[Kind, TableKey, str]
"""What a flag's current names mean: kind, table or enum type, and the column or value (empty for the whole)."""


def resolve_all(texts: Iterable[str], current: SchemaShape, desired: SchemaShape) -> tuple[Rename, ...]:
    """What all `--rename` flags mean together.

    Args:
        texts: As typed.
        current: What the revisions make.
        desired: What the models make.

    Raises:
        SettingsError: A flag is not understood, names nothing, or contradicts another one.
    """
    renames = tuple(dict.fromkeys(resolve(_with_new_name(text), current, desired) for text in texts))
    _refuse_contradictions(renames)
    return renames


def resolve_refusals(
    no_renames: Iterable[str],
    drops: Iterable[str],
    renames: Sequence[Rename],
    current: SchemaShape,
    desired: SchemaShape,
) -> tuple[Rename, ...]:
    """What is no rename: all `--no-rename` flags, and whatever `--drop` names, which has no new name at all.

    Args:
        no_renames: The values of `--no-rename` as typed.
        drops: The values of `--drop` as typed; those that name no table, column, type or value say nothing here.
        renames: What `--rename` says, resolved.
        current: What the revisions make.
        desired: What the models make.

    Raises:
        SettingsError: A flag is not understood, names nothing, or refuses what another one says.
    """
    everything = list(_everything(current))
    refused = [(f"--no-rename {text}", resolve(parse_rename(text), current, desired)) for text in no_renames]
    for text in drops:
        if len(meant := _meant(parse_names(text), everything)) == 1:
            refused.append((f"--drop {text}", resolve(RenameFlag(_names(meant[0])), current, desired)))
    for flag, refusal in refused:
        for rename in renames:
            if refusal == rename or (refusal.end == rename.end and not refusal.desired):
                raise SettingsError(
                    f"--rename {render_flag(rename)} and {flag} contradict each other.",
                    next_command="leave one of them out",
                )
    return tuple(refusal for _, refusal in refused)


def _with_new_name(text: str) -> RenameFlag:
    flag = parse_rename(text)
    if not flag.desired:
        raise SettingsError(
            f"--rename {text} says no new name.", next_command=f"--rename {render_names(flag.current)}:new_name"
        )
    return flag


def resolve(flag: RenameFlag, current: SchemaShape, desired: SchemaShape) -> Rename:
    """What a flag means.

    Args:
        flag: As parsed.
        current: What the revisions make; tables and enum types are named as they are called there.
        desired: What the models make.

    Raises:
        SettingsError: The flag names nothing, or several things.
    """
    kind, key, part = _current(flag, current)
    if kind in ("column", "enum_value"):
        return _resolve_part(flag, kind, key, part, desired)
    return _resolve_whole(flag, kind, key, desired)


def _current(flag: RenameFlag, current: SchemaShape) -> _Part:
    everything = list(_everything(current))
    meant = _meant(flag.current, everything)
    if not meant:
        names = [_names(part) for part in everything if len(_names(part)) == len(flag.current)]
        raise _names_nothing(flag, flag.current, names, "there is nothing of that name now")
    if len(meant) > 1:
        readings = ", ".join(sorted(render_names(_names(part)) for part in meant))
        raise SettingsError(
            f"{render_flag(flag)!r} may mean several: {readings}.", next_command="name it with its schema"
        )
    return meant[0]


def _everything(side: SchemaShape) -> Iterator[_Part]:
    for table in side.tables:
        yield "table", table.key, ""
        yield from (("column", table.key, column.name) for column in table.columns)
    for enum in side.enums:
        yield "enum", enum.key, ""
        yield from (("enum_value", enum.key, value) for value in enum.values)


def _names(part: _Part) -> Names:
    _, key, name = part
    return tuple(n for n in (key.schema, key.name, name) if n)


def _meant(names: Names, everything: Sequence[_Part]) -> list[_Part]:
    """What is called so; without its schema only when nothing is called so with it."""
    whole = [part for part in everything if _names(part) == names]
    return whole or [part for part in everything if part[1].schema and _names(part)[1:] == names]


def _resolve_part(flag: RenameFlag, kind: Kind, key: TableKey, part: str, desired: SchemaShape) -> Rename:
    if not flag.desired:
        return part_rename(kind, key, part, "")
    same_table = len(flag.desired) > 1 and flag.desired[:-1] == _names((kind, key, ""))
    if len(flag.desired) > 1 and not same_table:
        raise SettingsError(
            f"{render_flag(flag)!r} moves a {kind.replace('_', ' ')} elsewhere, which no rename does.",
            next_command=f"--rename {render_names((*_names((kind, key, part)),))}:new_name",
        )
    name = flag.desired[-1]
    parts = [p for p in _everything(desired) if p[0] == kind]
    here = [p[2] for p in parts if p[1] == key]
    # A table that is renamed as well has its columns under its new name; which that is, is found out later.
    there = here or [p[2] for p in parts]
    if name not in there:
        what = "column" if kind == "column" else "value"
        raise _names_nothing(flag, (name,), [(n,) for n in there], f"the models have no such {what}")
    return part_rename(kind, key, part, name)


def _resolve_whole(flag: RenameFlag, kind: Kind, key: TableKey, desired: SchemaShape) -> Rename:
    if not flag.desired:
        return table_rename(key, TableKey(key.schema, ""), kind)
    names = flag.desired if len(flag.desired) > 1 or not key.schema else (key.schema, *flag.desired)
    wholes = [p[1] for p in _everything(desired) if p[0] == kind]
    goal = next((whole for whole in wholes if _names((kind, whole, "")) == names), None)
    if goal is None:
        known = [_names((kind, whole, "")) for whole in wholes]
        raise _names_nothing(flag, names, known, f"the models have no such {'table' if kind == 'table' else 'type'}")
    return table_rename(key, goal, kind)


def _names_nothing(flag: RenameFlag, names: Names, known: Sequence[Names], why: str) -> SettingsError:
    text = render_names(names)
    near = get_close_matches(text, sorted({render_names(other) for other in known}), n=3, cutoff=0.5)
    hint = f" Near it: {', '.join(near)}." if near else ""
    return SettingsError(
        f"{render_flag(flag)!r} cannot be followed: {why} ({text}).{hint}",
        next_command="invoke migrate.diff   # shows what was found on both sides",
    )


def _refuse_contradictions(renames: Sequence[Rename]) -> None:
    for i, one in enumerate(renames):
        for other in renames[i + 1 :]:
            if one.end == other.end or (one.desired_end == other.desired_end and one.table_key == other.table_key):
                raise SettingsError(
                    f"{render_flag(one)!r} and {render_flag(other)!r} contradict each other.",
                    next_command="leave one of them out",
                )
