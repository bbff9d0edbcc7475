"""Which columns of an instance never leave it as they are, and what stands in their place. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lamin_migrate_kit.catalog.quoting import quote_name
from lamin_migrate_kit.diff.renames import Rename, parse_names
from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.proof.rows.relations import Attribute, Relation
from lamin_migrate_kit.proof.rows.values import parse_type

ColumnName = tuple[str, str, str]
"""Schema, table and column."""

_TEXTUAL = ("text", "character varying", "character", "citext", "bpchar", "name")
_PLACE = "[tool.lamin_migrate_kit] mask in pyproject.toml"


@dataclass(frozen=True, slots=True)
class Mask:
    """One entry of the setting.

    Attributes:
        column: What is masked.
        expression: What stands in its place; None for the usual.
    """

    column: ColumnName
    expression: str | None = None


def parse_masks(entries: Iterable[str]) -> tuple[Mask, ...]:
    """Read the setting: `core.user.email` or `core.user.email=<SQL expression over the row>`.

    Raises:
        SettingsError: An entry names no column.
    """
    found = []
    for entry in entries:
        name, equals, expression = entry.partition("=")
        names = parse_names(name)
        if len(names) != 3 or (equals and not expression.strip()):
            raise SettingsError(
                f"{entry!r} does not say schema, table and column, or nothing stands behind `=`.",
                where=_PLACE,
                next_command='mask = ["core.user.email", "core.user.name=\'somebody\'"]',
            )
        found.append(Mask((names[0], names[1], names[2]), expression.strip() or None))
    return tuple(found)


def renamed_since(renames: Iterable[Rename], column: ColumnName) -> ColumnName:
    """What a column is called after renames that revisions record."""
    schema, table, name = column
    for rename in renames:
        if (rename.schema, rename.table) != (schema, table):
            continue
        if rename.kind == "table":
            schema, table = rename.desired_schema, rename.desired
        elif rename.kind == "column" and rename.current == name:
            name = rename.desired
    return schema, table, name


def masked_columns(
    masks: Iterable[Mask],
    relations: Iterable[Relation],
    pairs: Iterable[tuple[ColumnName, ColumnName]],
    renames: Collection[Rename],
    known: Collection[ColumnName],
) -> Mapping[ColumnName, str]:
    """The expression for every column that is masked, those that reference one or are referenced included.

    Args:
        masks: The setting.
        relations: The instance's tables.
        pairs: Columns that reference each other.
        renames: What revisions rename above the instance's: either name masks.
        known: Columns that revisions make above the instance's, which it may not have yet.

    Raises:
        SettingsError: A mask names no column at all, or a column for which there is no usual mask.
    """
    columns = {_name(relation, one): one for relation in relations for one in relation.attributes}
    names = {name: {name, renamed_since(renames, name)} for name in columns}
    found: dict[ColumnName, str] = {}
    for mask in masks:
        meant = [name for name, also in names.items() if mask.column in also]
        if not meant and mask.column not in known:
            raise SettingsError(
                f"{'.'.join(mask.column)} is masked, and there is no such column: nothing was read.",
                where=_PLACE,
                next_command="correct `mask` there: schema.table.column, as the instance or the models name it",
            )
        for name in meant:
            found[name] = mask.expression or _usual(name, columns[name])
    both = [pair for one in pairs for pair in (one, one[::-1])]
    grown = True
    while grown:
        grown = False
        for one, other in both:
            if one in found and other not in found and other in columns:
                found[other] = _usual(other, columns[other])
                grown = True
    return found


def _usual(name: ColumnName, column: Attribute) -> str:
    """A hash, so that equal values stay equal and others differ; NULL stays NULL."""
    type_, quoted = parse_type(column.type), quote_name(column.name)
    if type_.dimensions or type_.base not in (*_TEXTUAL, "uuid"):
        raise SettingsError(
            f"{'.'.join(name)} is of type {column.type}, which has no usual mask.",
            where=_PLACE,
            next_command=f'"{".".join(name)}=<expression>"   # NULL, or SQL over the row',
        )
    hashed = f"md5({quoted}::text)"
    if type_.base == "uuid":
        return f"{hashed}::uuid"
    return f"left({hashed}, {type_.size[0]})" if type_.size else hashed


def _name(relation: Relation, column: Attribute) -> ColumnName:
    return relation.key.schema, relation.key.name, column.name
