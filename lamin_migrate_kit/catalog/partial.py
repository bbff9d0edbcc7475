"""The catalog of a few relations of a database, with one query, whatever the size of the rest.

The queries are those of `inspect_catalog`, each restricted to the relations in question, so that both ways of reading
see the same. What one relation says is taken from it and from its direct neighbours alone; where that is not enough
(partitions, inheritance, composite types, members of extensions, functions that read a relation) the answer is None,
and the caller reads everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog import queries
from lamin_migrate_kit.catalog.assemble import assemble_objects
from lamin_migrate_kit.catalog.model import CatalogObject, Index, ObjectKey, Sequence, Statistics
from lamin_migrate_kit.catalog.rows import Row, Rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

Place = tuple[str, str]
"""(schema, name) of a relation; tables, views and sequences share their names."""

_OID, _OIDS = 26, 1028

# Which column of a query says the relation it is about, or the condition in full.
_RESTRICTED = {
    "relations": (queries.RELATIONS, "c0 = any(named)"),
    "columns": (queries.COLUMNS, "c0 = any(named)"),
    "constraints": (queries.CONSTRAINTS, "c1 = any(whole)"),
    "indexes": (queries.INDEXES, "c1 = any(whole)"),
    "sequences": (queries.SEQUENCES, "c0 = any(whole)"),
    "triggers": (queries.TRIGGERS, "c1 = any(whole)"),
    "rules": (queries.RULES, "c1 = any(whole)"),
    "policies": (queries.POLICIES, "c1 = any(whole)"),
    "statistics": (queries.STATISTICS, "c3 = any(whole)"),
    "comments": (queries.COMMENTS, "c1 = any(things)"),
    "dependencies": (queries.DEPENDENCIES, "c0 = 1259 and c1 = any(whole) and c3::text = '1259'"),
}
_NO_OTHERS: dict[str, tuple[Row, ...]] = dict.fromkeys(
    ("schemas", "extensions", "types", "functions", "event_triggers", "not_compared", "privileges"), ()
)

# What a change of a relation can change in the definition of another: whatever depends on it, or on its row type.
_WHOLE = """
given as materialized (
    select g.oid from unnest($1::oid[]) g(oid)
    union select i.indrelid from pg_index i where i.indexrelid = any($1::oid[])
),
dependents as materialized (
    select d.classid, d.objid from given g join pg_depend d on d.refclassid = 1259 and d.refobjid = g.oid
    where $2 and d.objid >= 16384
    union all
    select d.classid, d.objid from given g join pg_class c on c.oid = g.oid join pg_type t on t.oid = c.reltype
    join pg_depend d on d.refclassid = 1247 and d.refobjid in (t.oid, t.typarray)
    where $2 and d.objid >= 16384
),
related as materialized (
    select oid from given
    union select objid from dependents where classid = 1259
    union select x.adrelid from dependents d join pg_attrdef x on d.classid = 2604 and x.oid = d.objid
    union select x.conrelid from dependents d join pg_constraint x on d.classid = 2606 and x.oid = d.objid
    union select x.ev_class from dependents d join pg_rewrite x on d.classid = 2618 and x.oid = d.objid
    union select x.polrelid from dependents d join pg_policy x on d.classid = 3256 and x.oid = d.objid
    union select x.tgrelid from dependents d join pg_trigger x on d.classid = 2620 and x.oid = d.objid
),
tables as materialized (
    select coalesce(i.indrelid, c.oid) as oid from related r join pg_class c on c.oid = r.oid
    left join pg_index i on i.indexrelid = c.oid
    where c.oid >= 16384 and c.relkind not in ('t') and c.relnamespace <> 99
),
owned as materialized (
    select oid from tables
    union select d.objid from tables t join pg_depend d on d.refclassid = 1259 and d.refobjid = t.oid
    join pg_class s on d.classid = 1259 and s.oid = d.objid and s.relkind = 'S'
    union select d.refobjid from tables t join pg_depend d on d.classid = 1259 and d.objid = t.oid
    join pg_class s on d.refclassid = 1259 and s.oid = t.oid and s.relkind = 'S' and d.refobjid >= 16384
),
sets as materialized (
    select coalesce((select array_agg(oid) from owned), '{}') as whole,
    coalesce((select array_agg(oid) from (
        select oid from owned union all select i.indexrelid from owned o join pg_index i on i.indrelid = o.oid
        union all select k.confrelid from owned o join pg_constraint k on k.conrelid = o.oid and k.confrelid <> 0
    ) n), '{}') as named,
    coalesce((select array_agg(oid) from (
        select oid from owned union all select i.indexrelid from owned o join pg_index i on i.indrelid = o.oid
        union all select k.oid from owned o join pg_constraint k on k.conrelid = o.oid
        union all select t.oid from owned o join pg_trigger t on t.tgrelid = o.oid
        union all select p.oid from owned o join pg_policy p on p.polrelid = o.oid
        union all select r.oid from owned o join pg_rewrite r on r.ev_class = o.oid
        union all select s.oid from owned o join pg_statistic_ext s on s.stxrelid = o.oid
    ) n), '{}') as things
)
"""
# What few databases have, and what then has to be asked as well; a query that is not asked costs nothing to begin.
_SELDOM = ("triggers", "rules", "policies", "statistics", "comments")
_HAS_SELDOM = """
exists (select from pg_trigger where not tgisinternal) or exists (select from pg_policy)
or exists (select from pg_rewrite where oid >= 16384 and rulename <> '_RETURN')
or exists (select from pg_statistic_ext)
or exists (select from pg_description where objoid >= 16384)
"""
_MORE = """
exists (select from dependents where classid = 1255)
or exists (select from owned o join pg_class c on c.oid = o.oid where c.relkind in ('c', 'f', 'p') or c.relispartition)
or exists (select from owned o join pg_inherits i on o.oid in (i.inhrelid, i.inhparent))
or exists (select from owned o join pg_depend d on d.classid = 1259 and d.objid = o.oid and d.deptype = 'e')
"""
# The planner has no idea how few relations there are, and would read the whole catalogs.
_PLAN = """
SET LOCAL search_path = ''; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
"""
# Everything that is compared and is no part of a relation, or changes without a lock on it (comments on constraints,
# statistics): small catalogs, told apart by the transactions that wrote their rows.
_REST = """
select md5(string_agg(one, ' ')) from (
    select 'n' || oid || ':' || xmin || coalesce(nspname, '') from pg_namespace where oid >= 16384 or nspname = 'public'
    union all (select 't' || oid || ':' || xmin from pg_type
    where oid >= 16384 and typrelid = 0 and typcategory <> 'A' order by oid)
    union all (select 'e' || oid || ':' || xmin from pg_enum order by oid)
    union all (select 'd' || oid || ':' || xmin from pg_constraint where contypid <> 0 order by oid)
    union all (select 'f' || oid || ':' || xmin from pg_proc where oid >= 16384 order by oid)
    union all (select 'x' || oid || ':' || xmin from pg_extension order by oid)
    union all (select 'v' || oid || ':' || xmin from pg_event_trigger order by oid)
    union all (select 'c' || objoid || ':' || xmin from pg_description
    where classoid in (2615, 1247, 1255, 3079, 3466, 2606, 2618, 2620, 3256, 3381)
    and (objoid >= 16384 or objoid = 2200) order by objoid, classoid)
    union all (select 'b' || oid || ':' || xmin from pg_statistic_ext order by oid)
) every(one)
"""


@dataclass(frozen=True, slots=True)
class Partial:
    """What was read.

    Attributes:
        rest: Tells what is no part of a relation apart: equal while none of it has changed.
        places: The relations that were read, by oid; a given oid that is missing is no relation any more.
        objects: Their objects, by place; None where a few relations do not tell enough.
    """

    rest: str
    places: Mapping[int, Place]
    objects: Mapping[Place, Mapping[ObjectKey, CatalogObject]] | None


class PartialReader:
    """Reads a few relations at a time on one connection; prepares its query once."""

    def __init__(self, connection: Connection, ignore: Collection[str] = ()) -> None:
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._ignore = ignore
        self._columns: dict[str, list[int]] = {}
        self._version = 0
        self._seldom = False
        self._prepare()

    def read(self, oids: Collection[int], *, dependents: bool = False) -> Partial:
        """Read relations.

        Leaves the connection without a transaction, as it came.

        Args:
            oids: Of relations; some may be gone.
            dependents: Also those in whose definitions the names of these stand, or of their columns.
        """
        import psycopg2

        try:
            rest, more, found = self._ask(oids, dependents)
        except psycopg2.errors.InvalidSqlStatementName:
            # A revision has let go of all prepared statements.
            self._driver.rollback()
            self._prepare()
            rest, more, found = self._ask(oids, dependents)
        rows = {name: [self._row(name, row) for row in found.get(name) or ()] for name in _RESTRICTED}
        whole = set(map(int, found["whole"] or ()))
        places = {row[0]: (row[1], row[2]) for row in rows["relations"] if row[0] in whole}
        return Partial(rest, places, None if more else self._objects(rows, frozenset(places.values())))

    def _ask(self, oids: Collection[int], dependents: bool) -> tuple[str, bool, dict[str, Any]]:
        listed = ",".join(map(str, sorted(oids)))
        with closing(self._driver.cursor()) as cursor:
            while True:
                suffix = "all" if self._seldom else "most"
                cursor.execute(f"{_PLAN} EXECUTE lamin_migrate_{suffix}('{{{listed}}}', {dependents})")
                rest, more, seldom, found = cursor.fetchone()
                if seldom == self._seldom:
                    break
                self._seldom = seldom
        self._driver.rollback()
        return rest, more, found

    def _objects(
        self, rows: Mapping[str, list[Row]], places: Collection[Place]
    ) -> Mapping[Place, Mapping[ObjectKey, CatalogObject]] | None:
        try:
            objects = assemble_objects(Rows(server_version=self._version, **rows, **_NO_OTHERS), self._ignore)
        except KeyError:
            return None  # a neighbour's neighbour is needed
        found = by_place(objects)
        return {place: found.get(place, {}) for place in places}

    def _row(self, name: str, row: Mapping[str, Any]) -> Row:
        """JSON knows no oids: they come as text."""
        values = list(row.values())
        for place, kind in enumerate(self._columns[name]):
            if kind == _OID and values[place] is not None:
                values[place] = int(values[place])
            elif kind == _OIDS and values[place] is not None:
                values[place] = [int(value) for value in values[place]]
        return values

    def _prepare(self) -> None:
        with closing(self._driver.cursor()) as cursor:
            cursor.execute("SELECT current_setting('server_version_num')::int")
            (self._version,) = cursor.fetchone()
            for name, (query, _) in _RESTRICTED.items():
                cursor.execute(f"SELECT * FROM ({query}) q LIMIT 0")
                self._columns[name] = [column.type_code for column in cursor.description]
            most = [name for name in _RESTRICTED if name not in _SELDOM]
            for suffix, names in (("all", list(_RESTRICTED)), ("most", most)):
                parts = ", ".join(f"'{name}', ({self._part(name)})" for name in names)
                cursor.execute(
                    f"SET LOCAL search_path = ''; PREPARE lamin_migrate_{suffix} (oid[], bool) AS WITH {_WHOLE}"
                    f" SELECT ({_REST}), ({_MORE}), ({_HAS_SELDOM}), json_build_object('whole', whole, {parts})"
                    " FROM sets"
                )
        self._driver.rollback()

    def _part(self, name: str) -> str:
        query, condition = _RESTRICTED[name]
        columns = ", ".join(f"c{number}" for number in range(len(self._columns[name])))
        return f"SELECT json_agg(q) FROM ({query}) q({columns}) WHERE {condition}"


def by_place(objects: Iterable[CatalogObject]) -> dict[Place, dict[ObjectKey, CatalogObject]]:
    """Objects by the relation that they belong to; those that belong to none are under ("", "")."""
    found: dict[Place, dict[ObjectKey, CatalogObject]] = {}
    for value in objects:
        found.setdefault(_place(value), {})[value.key] = value
    return found


_PARTS = ("table", "column", "constraint", "trigger", "policy", "rule", "view", "materialized_view")


def _place(value: CatalogObject) -> Place:
    if isinstance(value, Index | Statistics):
        return value.table.schema, value.table.name
    if isinstance(value, Sequence) or value.key.kind in _PARTS:
        return value.key.schema, value.key.name
    return "", ""
