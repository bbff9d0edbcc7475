"""Where an object lives in the system catalogs, and which key it has in ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.catalog.rows import Rows

# The oids of the system catalogs themselves are fixed by the server's source (src/include/catalog/pg_*.h).
PG_TYPE = 1247
PG_PROC = 1255
PG_CLASS = 1259
PG_ATTRDEF = 2604
PG_CONSTRAINT = 2606
PG_NAMESPACE = 2615
PG_REWRITE = 2618
PG_TRIGGER = 2620
PG_EXTENSION = 3079
PG_POLICY = 3256
PG_STATISTIC_EXT = 3381
PG_EVENT_TRIGGER = 3466

Address = tuple[int, int, int]
"""(catalog, oid, column number), as in `pg_depend`."""

_RELATION_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized_view", "S": "sequence", "c": "composite"}
_TYPE_KINDS = {"e": "enum", "d": "domain", "r": "range", "m": "range", "c": "composite"}
_FUNCTION_KINDS = {"f": "function", "w": "function", "p": "procedure", "a": "aggregate"}


class Addresses(dict[Address, ObjectKey]):
    """Every object's key under its address; what belongs to an extension has the extension's key."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.extension_members = {
            (row[0], row[1]): row[4] for row in rows.dependencies if row[6] == "e" and row[3] == PG_EXTENSION
        }
        for part in (self._namespaces, self._relations, self._functions, self._table_parts, self._columns):
            self.update(part(rows))
        self.column_names = {(row[0], row[1]): row[2] for row in rows.columns}
        self.constraint_indexes = {row[14] for row in rows.constraints if row[4] in "pux" and row[14]}
        self.update(self._types(rows))
        self.update(self._constraints(rows))
        self._give_members_to_extensions(rows)

    def owned(self, catalog: int, oid: int) -> bool:
        """Whether the object belongs to an extension."""
        return (catalog, oid) in self.extension_members

    def relation(self, oid: int) -> ObjectKey:
        """The key of a table, view, sequence, composite type or index."""
        return self[PG_CLASS, oid, 0]

    def names(self, relation: int, numbers: list[int] | None) -> tuple[str, ...]:
        """The names of a relation's columns by number; 0 (an expression) and system columns are left out."""
        known = self.column_names
        return tuple([known[relation, number] for number in numbers or () if (relation, number) in known])

    def _namespaces(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        for oid, name in rows.schemas:
            yield (PG_NAMESPACE, oid, 0), ObjectKey("schema", "", name)
        for oid, name, *_ in rows.extensions:
            yield (PG_EXTENSION, oid, 0), ObjectKey("extension", "", name)
        for oid, name, *_ in rows.event_triggers:
            yield (PG_EVENT_TRIGGER, oid, 0), ObjectKey("event_trigger", "", name)
        for oid, schema, name, *_ in rows.statistics:
            yield (PG_STATISTIC_EXT, oid, 0), ObjectKey("statistics", schema, name)

    def _relations(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        for oid, schema, name, kind, *_ in rows.relations:
            if kind in _RELATION_KINDS:
                yield (PG_CLASS, oid, 0), ObjectKey(_RELATION_KINDS[kind], schema, name)
            elif kind in "iI":
                yield (PG_CLASS, oid, 0), ObjectKey("index", schema, name)

    def _columns(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        last, owner = 0, None
        for relation, number, name, _, _, generated, _, default, *_ in rows.columns:
            if relation != last:
                last, owner = relation, self.get((PG_CLASS, relation, 0))
            if owner is None:
                continue
            is_table = owner.kind == "table"
            key = ObjectKey("column", owner.schema, owner.name, name) if is_table else owner
            yield (PG_CLASS, relation, number), key
            if default is not None:
                # A default can be taken away and given back on its own; a generation expression cannot.
                on_its_own = is_table and not generated
                default_key = ObjectKey("default", owner.schema, owner.name, name) if on_its_own else key
                yield (PG_ATTRDEF, default, 0), default_key

    def _constraints(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        for row in rows.constraints:
            oid, relation, domain, name, kind = row[:5]
            owner = self.get((PG_CLASS, relation, 0))
            if owner is None or domain:
                continue
            key = ObjectKey("constraint", owner.schema, owner.name, name)
            yield (PG_CONSTRAINT, oid, 0), key
            if kind in "pux" and row[14]:
                yield (PG_CLASS, row[14], 0), key

    def _types(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        # Arrays, row types and multiranges stand for what they are made from; several passes resolve arrays of those.
        own: dict[int, ObjectKey] = {}
        by_multirange = {row[13]: row[0] for row in rows.types if row[13]}
        for oid, schema, name, kind, relation, *_ in rows.types:
            if relation:
                own[oid] = self.get((PG_CLASS, relation, 0), ObjectKey("composite", schema, name))
            elif kind in _TYPE_KINDS and oid not in by_multirange:
                own[oid] = ObjectKey(_TYPE_KINDS[kind], schema, name)
        for oid, ranged in by_multirange.items():
            if ranged in own:
                own[oid] = own[ranged]
        for row in rows.types:
            if row[5] in own and row[0] not in own:
                own[row[0]] = own[row[5]]
        yield from (((PG_TYPE, oid, 0), key) for oid, key in own.items())
        domains = {row[2]: row[0] for row in rows.constraints if row[2]}
        yield from (((PG_CONSTRAINT, oid, 0), own[domain]) for domain, oid in domains.items() if domain in own)

    def _functions(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        for oid, schema, name, kind, arguments, *_ in rows.functions:
            yield (PG_PROC, oid, 0), ObjectKey(_FUNCTION_KINDS[kind], schema, name, arguments)

    def _table_parts(self, rows: Rows) -> Iterator[tuple[Address, ObjectKey]]:
        for catalog, kind, listed in (
            (PG_TRIGGER, "trigger", rows.triggers),
            (PG_POLICY, "policy", rows.policies),
            (PG_REWRITE, "rule", rows.rules),
        ):
            for oid, relation, name, *_ in listed:
                owner = self.get((PG_CLASS, relation, 0))
                if owner is not None:
                    view = name == "_RETURN" and kind == "rule"
                    yield (catalog, oid, 0), owner if view else ObjectKey(kind, owner.schema, owner.name, name)

    def _give_members_to_extensions(self, rows: Rows) -> None:
        if not self.extension_members:
            return
        extensions: Mapping[int, ObjectKey] = {
            oid: key for (catalog, oid, _), key in self.items() if catalog == PG_EXTENSION
        }
        # Base types, operators and operator classes are of no kind of ours; arrays have no membership of their own.
        members = {(catalog, oid, 0): owner for (catalog, oid), owner in self.extension_members.items()}
        members |= {
            (PG_TYPE, row[0], 0): members[PG_TYPE, row[5], 0] for row in rows.types if (PG_TYPE, row[5], 0) in members
        }
        for address in {**self, **members}:
            member = members.get((*address[:2], 0))
            if member is None:
                continue
            if member in extensions:
                self[address] = extensions[member]
            else:
                self.pop(address, None)
