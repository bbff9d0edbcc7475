"""The catalog of a few relations of a database, with one query, whatever the size of the rest.

The queries are those of `inspect_catalog`, each restricted to the relations in question, so that both ways of reading
see the same. What one relation says is taken from it and from its direct neighbours alone; where that is not enough
(partitions, inheritance, composite types, members of extensions, functions that read a relation) the answer is None,
and the caller reads everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog import queries
from lamin_migrate_kit.catalog.assemble import assemble_objects
from lamin_migrate_kit.catalog.model import CatalogObject, Index, ObjectKey, Statistics
from lamin_migrate_kit.catalog.model import Sequence as SequenceObject
from lamin_migrate_kit.catalog.rows import Row, Rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

Place = tuple[str, str]
"""(schema, name) of a relation; tables, views and sequences share their names."""

_CASTS = {26: "::int8", 1028: "::int8[]"}
"""By the oids of the types oid and oid[]."""

# Which rows of a query are about the relations in question; the parameters are `whole`, `referenced`, `keyed` and
# `indexes`, see `_SETS`.
_RESTRICTED = {
    "relations": (queries.RELATIONS, "c0 = any($1 || $2 || $4)"),
    "columns": (queries.COLUMNS, "c0 = any($1 || $2) and (c0 = any($1) or c1 = any($3))"),
    "constraints": (queries.CONSTRAINTS, "c1 = any($1)"),
    "indexes": (queries.INDEXES, "c1 = any($1)"),
    "sequences": (queries.SEQUENCES, "c0 = any($1)"),
    "dependencies": (queries.DEPENDENCIES, "c0 = 1259 and c1 = any($1) and c3::int4 = 1259"),
    "triggers": (queries.TRIGGERS, "c1 = any($1)"),
    "rules": (queries.RULES, "c1 = any($1)"),
    "policies": (queries.POLICIES, "c1 = any($1)"),
    "statistics": (queries.STATISTICS, "c3 = any($1)"),
    "comments": (
        queries.COMMENTS,
        """c1 in (
            select unnest($1 || $4) union all select k.oid from pg_constraint k where k.conrelid = any($1)
            union all select t.oid from pg_trigger t where t.tgrelid = any($1)
            union all select p.oid from pg_policy p where p.polrelid = any($1)
            union all select r.oid from pg_rewrite r where r.ev_class = any($1)
            union all select s.oid from pg_statistic_ext s where s.stxrelid = any($1)
        )""",
    ),
}
_NO_OTHERS: dict[str, tuple[Row, ...]] = dict.fromkeys(
    ("schemas", "extensions", "types", "functions", "event_triggers", "not_compared", "privileges"), ()
)

# What the transaction has touched.
_TOUCHED = """
array(
    select distinct relation from pg_locks
    where pid = pg_backend_pid() and locktype = 'relation' and relation >= 16384
    and database = (select oid from pg_database where datname = current_database())
    and mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
)
"""
# What has to be read to tell about some relations: themselves with the tables of indexes and the sequences of columns
# (`whole`), and what their keys name (`referenced` relations, some of whose columns are `keyed`) or are made of
# (`indexes`). `offset 0` keeps the planner from working out a list again wherever it stands.
_SETS = """
(select touched, whole, array(
    select confrelid from pg_constraint where conrelid = any(whole) and confrelid <> 0
) as referenced, array(
    select number from pg_constraint, unnest(confkey) number where conrelid = any(whole)
) as keyed, array(
    select indexrelid from pg_index where indrelid = any(whole)
) as indexes
from (select touched, tables || array(
    select d.objid from pg_depend d where d.refclassid = 1259 and d.refobjid = any(tables) and d.classid = 1259
    and exists (select from pg_class c where c.oid = d.objid and c.relkind = 'S')
) || array(
    select d.refobjid from pg_depend d where d.classid = 1259 and d.objid = any(tables) and d.refclassid = 1259
    and exists (select from pg_class c where c.oid = d.objid and c.relkind = 'S')
) as whole
from (select touched, array(
    select oid from pg_class where oid = any(touched) and relkind not in ('t', 'i', 'I') and relnamespace <> 99
    union select indrelid from pg_index where indexrelid = any(touched)
) as tables
from (select $1 || %s as touched offset 0) t offset 0) t offset 0) t offset 0) sets
"""
# What a change of relations can change in the definition of others: whatever depends on them, or on their row types.
_RELATED = """
with dependents as materialized (
    select d.classid, d.objid from pg_depend d where d.refclassid = 1259 and d.refobjid = any($1) and d.objid >= 16384
    union all
    select d.classid, d.objid from pg_class c join pg_type t on t.oid = c.reltype
    join pg_depend d on d.refclassid = 1247 and d.refobjid in (t.oid, t.typarray)
    where c.oid = any($1) and d.objid >= 16384
)
select exists (select from dependents where classid = 1255), array(
    select unnest($1)
    union select objid from dependents where classid = 1259
    union select x.adrelid from dependents d join pg_attrdef x on d.classid = 2604 and x.oid = d.objid
    union select x.conrelid from dependents d join pg_constraint x on d.classid = 2606 and x.oid = d.objid
    union select x.ev_class from dependents d join pg_rewrite x on d.classid = 2618 and x.oid = d.objid
    union select x.polrelid from dependents d join pg_policy x on d.classid = 3256 and x.oid = d.objid
    union select x.tgrelid from dependents d join pg_trigger x on d.classid = 2620 and x.oid = d.objid
)::int8[]
"""
# What few relations have, and what then has to be asked as well; a query that is not asked costs nothing to begin.
_SELDOM = ("triggers", "rules", "policies", "statistics", "comments")
_HAS_SELDOM = """
exists (select from pg_trigger where tgrelid = any(whole) and not tgisinternal)
or exists (select from pg_policy where polrelid = any(whole))
or exists (select from pg_rewrite where ev_class = any(whole) and rulename <> '_RETURN')
or exists (select from pg_statistic_ext where stxrelid = any(whole))
or exists (select from pg_description where objoid >= 16384)
"""
# What a few relations do not tell enough about.
_MORE = """
exists (
    select from pg_class where oid = any(whole) and (relkind in ('c', 'f', 'p') or relispartition or relhassubclass)
)
or exists (select from pg_inherits where inhrelid = any(whole))
or exists (select from pg_depend where classid = 1259 and objid = any(whole) and deptype = 'e')
"""
# The planner has no idea how few relations there are, and would read the whole catalogs.
_PLAN = """
SET LOCAL search_path = ''; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
"""
_ASIDE, _BACK = "SAVEPOINT lamin_migrate_look;", "ROLLBACK TO SAVEPOINT lamin_migrate_look"
# Everything that is compared and is no part of a relation, or changes without a lock on it (comments on constraints,
# statistics): small catalogs, told apart by the transactions that wrote their rows.
_REST = """
select md5(string_agg(one, ' ')) from (
    select 'n' || oid || ':' || xmin || coalesce(nspname, '') from pg_namespace where oid >= 16384 or nspname = 'public'
    union all (select 't' || oid || ':' || xmin from pg_type
    where oid >= 16384 and typrelid = 0 and typcategory <> 'A' order by oid)
    union all (select 'e' || oid || ':' || xmin from pg_enum order by oid)
    union all (select 'd' || oid || ':' || xmin from pg_constraint where conrelid = 0 order by oid)
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
        touched: The oids of the relations that the transaction has touched; some may be gone.
        rest: Tells what is no part of a relation apart: equal while none of it has changed.
        places: The relations that were read, by oid; one that was touched and is missing is no relation any more.
        objects: Their objects, by place; None where a few relations do not tell enough.
    """

    touched: frozenset[int]
    rest: str
    places: Mapping[int, Place]
    objects: Mapping[Place, Mapping[ObjectKey, CatalogObject]] | None


class PartialReader:
    """Reads what the open transaction on one connection has touched; prepares its queries once."""

    def __init__(self, connection: Connection, ignore: Collection[str] = ()) -> None:
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._ignore = ignore
        self._columns: dict[str, str] = {}
        self._version = 0
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(_ASIDE)
            self._prepare(cursor)
        self._driver.rollback()

    def rest(self) -> str:
        """See `Partial.rest`; leaves the connection without a transaction, as it came."""
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(_REST)
            rest: str = cursor.fetchone()[0]
        self._driver.rollback()
        return rest

    def touched(self) -> frozenset[int]:
        """The oids of the relations that the transaction locks as whoever makes, changes or drops them does."""
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(f"SELECT {_TOUCHED}::int8[]")
            return frozenset(cursor.fetchone()[0])

    def read(self, also: Collection[int] = (), *, dependents: bool = False) -> Partial:
        """Read the relations that the transaction has touched.

        Leaves the transaction open and as it was: triggers that run when it is committed find their own settings.

        Args:
            also: The oids of others; they may be gone.
            dependents: Also those in whose definitions the names of these stand, or of their columns.
        """
        import psycopg2

        with closing(self._driver.cursor()) as cursor:
            while True:
                try:
                    return self._read(cursor, list(also), dependents)
                except psycopg2.errors.InvalidSqlStatementName:
                    # A revision has let go of all prepared statements.
                    cursor.execute(_BACK)
                    self._prepare(cursor)
                finally:
                    cursor.execute(_BACK)

    def _read(self, cursor: Any, also: list[int], dependents: bool) -> Partial:
        cursor.execute(f"{_ASIDE} {_PLAN} EXECUTE lamin_migrate_sets(%s::oid[])", (also,))
        told = cursor.fetchone()
        touched, functions = frozenset(told[0]), False
        if dependents:
            cursor.execute("EXECUTE lamin_migrate_related(%s::oid[])", (told[0],))
            functions, related = cursor.fetchone()
            cursor.execute("EXECUTE lamin_migrate_sets(%s::oid[])", (related,))
            told = cursor.fetchone()
        _, *sets, rest, more, seldom = told
        if more or functions:
            return Partial(touched, rest, {}, None)
        suffix = "all" if seldom else "most"
        cursor.execute(f"EXECUTE lamin_migrate_{suffix}(%s::oid[], %s::oid[], %s::int2[], %s::oid[])", sets)
        (found,) = cursor.fetchone()
        rows = {name: found.get(name) or () for name in _RESTRICTED}
        whole = set(sets[0])
        places = {row[0]: (row[1], row[2]) for row in rows["relations"] if row[0] in whole}
        return Partial(touched, rest, places, self._objects(rows, frozenset(places.values())))

    def _objects(
        self, rows: Mapping[str, Sequence[Row]], places: Collection[Place]
    ) -> Mapping[Place, Mapping[ObjectKey, CatalogObject]] | None:
        try:
            objects = assemble_objects(Rows(server_version=self._version, **rows, **_NO_OTHERS), self._ignore)
        except KeyError:
            return None  # a neighbour's neighbour is needed
        found = by_place(objects)
        return {place: found.get(place, {}) for place in places}

    def _prepare(self, cursor: Any) -> None:
        """Prepared statements stay when what surrounds them is taken back."""
        cursor.execute("SELECT current_setting('server_version_num')::int")
        (self._version,) = cursor.fetchone()
        cursor.execute("SET LOCAL search_path = ''")
        for name, (query, _) in _RESTRICTED.items():
            cursor.execute(f"SELECT * FROM ({query}) q LIMIT 0")
            # JSON knows no oids: they would come as text.
            casts = [_CASTS.get(column.type_code, "") for column in cursor.description]
            self._columns[name] = ", ".join(f"c{number}{cast}" for number, cast in enumerate(casts))
        most = [name for name in _RESTRICTED if name not in _SELDOM]
        for suffix, names in (("all", list(_RESTRICTED)), ("most", most)):
            parts = ", ".join(f"'{name}', ({self._part(name)})" for name in names)
            cursor.execute(
                f"PREPARE lamin_migrate_{suffix} (oid[], oid[], int2[], oid[]) AS SELECT json_build_object({parts})"
            )
        cursor.execute(f"PREPARE lamin_migrate_related (oid[]) AS {_RELATED}")
        cursor.execute(
            "PREPARE lamin_migrate_sets (oid[]) AS SELECT touched::int8[], whole::int8[], referenced::int8[],"
            f" keyed::int4[], indexes::int8[], ({_REST}), ({_MORE}), ({_HAS_SELDOM}) FROM {_SETS % _TOUCHED}"
        )
        cursor.execute(_BACK)

    def _part(self, name: str) -> str:
        query, condition = _RESTRICTED[name]
        columns = self._columns[name]
        bare = columns.replace("::int8[]", "").replace("::int8", "")
        return f"SELECT json_agg(json_build_array({columns})) FROM ({query}) q({bare}) WHERE {condition}"


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
    if isinstance(value, SequenceObject) or value.key.kind in _PARTS:
        return value.key.schema, value.key.name
    return "", ""
