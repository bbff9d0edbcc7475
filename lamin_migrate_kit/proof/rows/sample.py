"""A sample of an instance's rows that references nothing outside of itself, read in one snapshot, never written to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.catalog.quoting import quote_name
from lamin_migrate_kit.proof.rows.asking import Asking
from lamin_migrate_kit.proof.rows.masking import ColumnName
from lamin_migrate_kit.proof.rows.relations import Relation, Relations, read_relations

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '5s'"
_CHUNK = 5000
_IN_MEMORY = 1 << 20
_ROOTS = """
select c.oid::int8, pg_partition_root(c.oid)::int8 from pg_class c where c.relispartition and c.relkind in ('r', 'p')
"""
_REFERENCES = """
select conrelid::int8, confrelid::int8, conkey::int2[], confkey::int2[]
from pg_constraint where contype = 'f' and conparentid = 0 order by oid
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: the tables, and (own, referenced) names of its columns."""

    table: Relation
    target: Relation
    columns: tuple[tuple[str, str], ...]

    @property
    def pairs(self) -> Iterator[tuple[ColumnName, ColumnName]]:
        """The columns that reference each other."""
        one, other = self.table.key, self.target.key
        return (((one.schema, one.name, own), (other.schema, other.name, far)) for own, far in self.columns)


@dataclass(frozen=True, slots=True)
class Copied:
    """The sampled rows of one table, in the text format of COPY.

    Attributes:
        table: Which table; rows of partitions are the partitioned table's.
        columns: The columns, in order.
        rows: How many.
        file: Where they are; has no name on disk.
    """

    table: ObjectKey
    columns: tuple[str, ...]
    rows: int
    file: IO[bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """What an instance has, as far as sampling asks."""

    relations: Relations
    references: tuple[Reference, ...]
    roots: Mapping[int, int]


def begin_snapshot(connection: Connection) -> Asking:
    """One transaction that sees one moment and cannot write; the caller ends it."""
    connection.rollback()
    asking = Asking(connection)
    asking.ask(_SNAPSHOT)
    return asking


def read_source(asking: Asking, leave_out: Iterable[str]) -> Source:
    """The tables of an instance and how they reference each other."""
    relations = read_relations(asking, leave_out)
    roots = {relation.oid: relation.oid for relation in relations.values()} | dict(asking.ask(_ROOTS))
    references = []
    for here, there, own, far in asking.ask(_REFERENCES):
        if here in relations and there in relations:
            table, target = relations[here], relations[there]
            names, others = ({one.number: one.name for one in relation.attributes} for relation in (table, target))
            pairs = tuple((names[a], others[b]) for a, b in zip(own, far, strict=True))
            references.append(Reference(table, target, pairs))
    return Source(relations, tuple(references), roots)


def read_sample(
    asking: Asking, source: Source, wanted: Callable[[Relation], bool], most: int, masks: Mapping[ColumnName, str]
) -> list[Copied]:
    """Up to `most` rows of every table, the oldest and the newest by its key, and all rows that these reference.

    Args:
        asking: A transaction from `begin_snapshot`.
        source: What the instance has.
        wanted: Whether a table is of interest.
        most: How many rows to begin with in each table.
        masks: What is read in place of a column.
    """
    chosen = _choose(asking, source, wanted, most)
    return list(_copy(asking, source, chosen, masks))


_Chosen = dict[int, set[str]]
"""Rows by the place where they are stored, in the table or partition that stores them."""


def _choose(asking: Asking, source: Source, wanted: Callable[[Relation], bool], most: int) -> _Chosen:
    chosen: _Chosen = {}
    fresh: list[tuple[int, str]] = []
    for relation in source.relations.values():
        if not relation.partition and wanted(relation):
            fresh += _first_rows(asking, relation, most)
    while fresh:
        added: _Chosen = {}
        for oid, place in fresh:
            if place not in chosen.setdefault(oid, set()):
                chosen[oid].add(place)
                added.setdefault(oid, set()).add(place)
        fresh = [row for oid, places in added.items() for row in _referenced(asking, source, oid, sorted(places))]
    return chosen


def _first_rows(asking: Asking, relation: Relation, most: int) -> list[tuple[int, str]]:
    shown = f"SELECT tableoid::int8, ctid::text FROM {relation.source}"
    if not relation.keys:
        return [(oid, place) for oid, place in asking.ask(f"{shown} LIMIT {most}")]
    found: dict[tuple[int, str], None] = {}
    for way, number in (("ASC", most - most // 2), ("DESC", most // 2)):
        order = ", ".join(f"{quote_name(name)} {way}" for name in relation.keys[0])
        found |= dict.fromkeys((oid, place) for oid, place in asking.ask(f"{shown} ORDER BY {order} LIMIT {number}"))
    return list(found)


def _referenced(asking: Asking, source: Source, oid: int, places: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The rows that some rows reference."""
    relation = source.relations[oid]
    for reference in source.references:
        if reference.table.oid not in (oid, source.roots[oid]):
            continue
        same = " AND ".join(f"r.{quote_name(far)} = t.{quote_name(own)}" for own, far in reference.columns)
        for start in range(0, len(places), _CHUNK):
            yield from asking.ask(
                f"SELECT DISTINCT r.tableoid::int8, r.ctid::text FROM {relation.source} t"
                f" JOIN {reference.target.source} r ON {same}"
                f" WHERE t.ctid = ANY ({_tids(places[start : start + _CHUNK])})"
            )


def _copy(asking: Asking, source: Source, chosen: _Chosen, masks: Mapping[ColumnName, str]) -> Iterator[Copied]:
    tables: dict[int, list[int]] = {}
    for oid in chosen:
        tables.setdefault(source.roots[oid], []).append(oid)
    for root, oids in sorted(tables.items(), key=lambda item: source.relations[item[0]].key):
        table = source.relations[root]
        columns = tuple(one.name for one in table.attributes if not one.generated)
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (whoever copies it closes it)
        for oid in sorted(oids):
            _copy_out(asking, source.relations[oid], table, columns, sorted(chosen[oid]), masks, file)
        yield Copied(table.key, columns, sum(len(chosen[oid]) for oid in oids), file)


def _copy_out(
    asking: Asking,
    stored: Relation,
    table: Relation,
    columns: Sequence[str],
    places: Sequence[str],
    masks: Mapping[ColumnName, str],
    file: IO[bytes],
) -> None:
    shown = ", ".join(masks.get((table.key.schema, table.key.name, name), quote_name(name)) for name in columns)
    for start in range(0, len(places), _CHUNK):
        some = _tids(places[start : start + _CHUNK])
        query = f"COPY (SELECT {shown} FROM {stored.source} WHERE ctid = ANY ({some})) TO STDOUT"
        with closing(asking.connection.connection.cursor()) as cursor:
            cursor.copy_expert(query, file)


def _tids(places: Iterable[str]) -> str:
    return "'{" + ",".join(f'"{place}"' for place in places) + "}'::tid[]"
