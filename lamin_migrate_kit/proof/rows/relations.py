"""Tables as the server stores them, and which of them is which after a revision ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.catalog.quoting import qualified

if TYPE_CHECKING:
    from lamin_migrate_kit.proof.rows.asking import Asking

_COLUMNS = r"""
select c.oid::int8, n.nspname, c.relname, c.relkind::text,
       case when c.relispartition then pg_partition_root(c.oid)::int8 end, a.attnum, a.attname,
       format_type(a.atttypid, a.atttypmod), a.attgenerated <> '',
       coalesce(item_schema.nspname, type_schema.nspname) || '.' || coalesce(item.typname, t.typname)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v'
left join pg_type t on t.oid = a.atttypid
left join pg_namespace type_schema on type_schema.oid = t.typnamespace
left join pg_type item on item.oid = nullif(t.typelem, 0) and t.typlen = -1
left join pg_namespace item_schema on item_schema.oid = item.typnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname, c.relname, a.attnum
"""

_ENUMS = """
select e.oid::int8, n.nspname || '.' || t.typname, e.enumlabel
from pg_enum e join pg_type t on t.oid = e.enumtypid join pg_namespace n on n.oid = t.typnamespace
"""

_KEYS = """
select indrelid::int8, indkey::int2[] from pg_index
where indisunique and indpred is null and indexprs is null and indrelid >= 16384
order by indrelid, indisprimary desc, indnkeyatts, indexrelid
"""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column as the server stores it.

    Attributes:
        number: Stays what it is when the column is renamed; never given to another column of the table.
        name: Its name.
        type: Its type as the server spells it, with an empty search path.
        generated: Whether its values are computed.
        type_name: The type, or an array's element's, without size: `core.status`.
    """

    number: int
    name: str
    type: str
    generated: bool = False
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as the server stores it.

    Attributes:
        oid: Stays what it is when the table is renamed or moved to another schema.
        key: Its schema and name.
        partitioned: Its rows are in partitions.
        root: The partitioned table that its rows belong to; None for a table of its own.
        attributes: Its columns; not those that are computed when they are read, as they hold no values.
        keys: Names of columns that tell rows apart, the primary key first.
    """

    oid: int
    key: ObjectKey
    partitioned: bool
    root: int | None
    attributes: tuple[Attribute, ...]
    keys: tuple[tuple[str, ...], ...] = ()

    @property
    def partition(self) -> bool:
        """Whether its rows belong to a partitioned table."""
        return self.root is not None

    @property
    def source(self) -> str:
        """What stands behind FROM to read its own rows, and no inheriting table's."""
        return f"{'' if self.partitioned else 'ONLY '}{qualified(self.key)}"

    def column(self, attribute: Attribute) -> ObjectKey:
        """The key of one of its columns."""
        return ObjectKey("column", self.key.schema, self.key.name, attribute.name)


Relations = Mapping[int, Relation]
"""Tables by their oids."""


def read_relations(asking: Asking, leave_out: Iterable[str] = ()) -> Relations:
    """All tables of a database.

    Args:
        asking: Where.
        leave_out: Names of tables that hold bookkeeping and no rows of the module.
    """
    keys: dict[int, list[tuple[int, ...]]] = {}
    for oid, numbers in asking.ask(_KEYS):
        keys.setdefault(oid, []).append(tuple(numbers))
    found: dict[int, tuple[ObjectKey, str, int | None, list[Attribute]]] = {}
    for oid, schema, name, kind, root, number, *column in asking.ask(_COLUMNS):
        if name not in leave_out:
            entry = found.setdefault(oid, (ObjectKey("table", schema, name), kind, root, []))
            if number is not None:
                entry[3].append(Attribute(number, *column))
    return {
        oid: Relation(oid, key, kind == "p", root, tuple(columns), tuple(_named(keys.get(oid, ()), columns)))
        for oid, (key, kind, root, columns) in found.items()
    }


Labels = Mapping[int, tuple[str, str]]
"""The type and the label of every value of an enum type, by what the server knows it as."""


def read_labels(asking: Asking) -> Labels:
    """All values of enum types."""
    return {oid: (type_, label) for oid, type_, label in asking.ask(_ENUMS)}


def renamed_labels(before: Labels, after: Labels) -> dict[str, dict[str, str]]:
    """The labels that values got another name for, by the type's name before."""
    found: dict[str, dict[str, str]] = {}
    for oid, (type_, label) in before.items():
        if oid in after and after[oid][1] != label:
            found.setdefault(type_, {})[label] = after[oid][1]
    return found


def _named(keys: Iterable[tuple[int, ...]], columns: Iterable[Attribute]) -> Iterator[tuple[str, ...]]:
    names = {column.number: column.name for column in columns}
    for numbers in keys:
        if all(number in names for number in numbers):
            yield tuple(names[number] for number in numbers)


@dataclass(frozen=True, slots=True)
class Match:
    """A table before and what it is after.

    Attributes:
        before: The table.
        after: The same table; None when it is gone.
        columns: Which column each column is after; those that are gone are missing.
    """

    before: Relation
    after: Relation | None
    columns: Mapping[Attribute, Attribute]


Renames = Mapping[tuple[str, ...], tuple[str, ...]]
"""Recorded renames: (schema, table) -> (schema, table), and (schema, table, column) -> (column,)."""


def match_relations(before: Relations, after: Relations, renames: Renames) -> tuple[Match, ...]:
    """Find every table and column again: by what the server knows it as, then by name, then by a recorded rename.

    Partitions are not matched on their own: their rows are those of the partitioned table.
    """
    named = {relation.key: relation for relation in after.values()}
    matches = []
    for relation in before.values():
        if relation.partition:
            continue
        renamed = renames.get((relation.key.schema, relation.key.name), ())
        target = ObjectKey("table", *renamed) if len(renamed) == 2 else relation.key
        found = after.get(relation.oid) or named.get(relation.key) or named.get(target)
        matches.append(Match(relation, found, _match_columns(relation, found, renames) if found else {}))
    return tuple(matches)


def _match_columns(before: Relation, after: Relation, renames: Renames) -> dict[Attribute, Attribute]:
    names = {attribute.name: attribute for attribute in after.attributes}
    numbers = {attribute.number: attribute for attribute in after.attributes} if before.oid == after.oid else {}
    found = {one: numbers[one.number] for one in before.attributes if one.number in numbers}
    taken = set(found.values())
    for attribute in before.attributes:
        other = names.get(attribute.name) or names.get(_renamed(before, attribute, renames))
        if attribute not in found and other is not None and other not in taken:
            found[attribute] = other
            taken.add(other)
    return found


def _renamed(relation: Relation, attribute: Attribute, renames: Renames) -> str:
    return next(iter(renames.get((relation.key.schema, relation.key.name, attribute.name), ())), "")
