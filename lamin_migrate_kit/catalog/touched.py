"""What a transaction has touched: a digest of all that is compared of each relation, with one query.

A digest costs the server a fraction of what the relation's objects would, and tells whether they are the same: it is
made of what the queries of `inspect_catalog` read, with names in the place of oids and of column numbers, so that what
was dropped and made again has the digest that it had. What differs, only a whole look tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from lamin_migrate_kit.catalog.places import Place
from lamin_migrate_kit.driver import psycopg2

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Whatever changes a relation takes a lock on it that is stronger than ROW EXCLUSIVE, which only its rows need; an
# index stands for its table.
_TOUCHED = """
array(
    select distinct relation from pg_locks
    where pid = pg_backend_pid() and locktype = 'relation' and relation >= 16384
    and database = (select oid from pg_database where datname = current_database())
    and mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
)
"""
_RELATIONS = """
array(
    select oid from pg_class where oid = any(touched)
    union select indrelid from pg_index where indexrelid = any(touched)
)
"""
# Columns, and what else numbers them, by name: `names[2]` is the second one, also when it was dropped.
_COLUMNS = """
select array_agg(a.attname::text order by a.attnum) as names,
       string_agg(row(
           a.attname, a.atttypmod, a.attnotnull, a.attgenerated, a.attidentity, a.attstorage, a.attcompression,
           a.attstattarget, a.attoptions, a.attislocal,
           case when a.atttypid < 16384 then a.atttypid::text else format_type(a.atttypid, null) end,
           case when a.attcollation < 16384 then a.attcollation::text else a.attcollation::regcollation::text end
       )::text, ' ' order by a.attname) filter (where not a.attisdropped) as told
from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
"""
_DEFAULTS = """
select string_agg(row(names[d.adnum], pg_get_expr(d.adbin, d.adrelid))::text, ' ' order by names[d.adnum])
from pg_attrdef d where d.adrelid = c.oid
"""
# The name of a column's not-null constraint is no difference, nor whose it is.
_CONSTRAINTS = """
select string_agg(row(
    case when k.contype <> 'n' then k.conname end, k.contype, pg_get_constraintdef(k.oid),
    k.contype = 'n' or k.conislocal, k.convalidated, k.connoinherit, k.conparentid <> 0,
    case when commented then obj_description(k.oid, 'pg_constraint') end
)::text, ' ' order by k.contype, case when k.contype = 'n' then names[k.conkey[1]] else k.conname::text end)
from pg_constraint k where k.conrelid = c.oid
"""
# `pg_get_indexdef` costs as much as all the rest: it is left to those that have an expression, or another method than
# btree (403), whose operator classes may have options.
_INDEXES = """
select string_agg(row(
    x.relname, x.relam, x.reloptions, i.indisunique, i.indisvalid, i.indisclustered, i.indisreplident,
    NULLS_NOT_DISTINCT, i.indnkeyatts, i.indclass, i.indcollation, i.indoption,
    (select string_agg(names[key], ',') from unnest(i.indkey::int2[]) key),
    case when i.indexprs is not null or i.indpred is not null or x.relam <> 403 then
        pg_get_indexdef(i.indexrelid) end,
    case when i.indexprs is not null then
        (select array_agg(a.attstattarget order by a.attnum) from pg_attribute a where a.attrelid = i.indexrelid) end,
    case when x.relispartition then
        (select h.inhparent::regclass from pg_inherits h where h.inhrelid = i.indexrelid) end,
    case when commented then obj_description(i.indexrelid, 'pg_class') end
)::text, ' ' order by x.relname)
from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid
"""
_SEQUENCE = """
select row(
    s.seqtypid, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
    (select row(d.refobjid::regclass, d.deptype, a.attname)::text
     from pg_depend d left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where d.classid = 1259 and d.objid = c.oid and d.refclassid = 1259 and d.deptype in ('a', 'i'))
)::text
from pg_sequence s where s.seqrelid = c.oid
"""
_TRIGGERS = """
select string_agg(row(
    t.tgname, pg_get_triggerdef(t.oid), t.tgenabled, t.tgparentid <> 0,
    case when commented then obj_description(t.oid, 'pg_trigger') end
)::text, ' ' order by t.tgname)
from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal
"""
_POLICIES = """
select string_agg(row(
    p.polname, p.polpermissive, p.polcmd, p.polroles,
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
    case when commented then obj_description(p.oid, 'pg_policy') end
)::text, ' ' order by p.polname)
from pg_policy p where p.polrelid = c.oid
"""
_RULES = """
select string_agg(row(
    r.rulename, r.ev_enabled, pg_get_ruledef(r.oid),
    case when commented then obj_description(r.oid, 'pg_rewrite') end
)::text, ' ' order by r.rulename)
from pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN'
"""
_STATISTICS = """
select string_agg(row(
    pg_get_statisticsobjdef(s.oid), s.stxstattarget,
    case when commented then obj_description(s.oid, 'pg_statistic_ext') end
)::text, ' ' order by s.stxname)
from pg_statistic_ext s where s.stxrelid = c.oid
"""
_COMMENTS = """
select string_agg(row(names[d.objsubid], d.description)::text, ' ' order by names[d.objsubid])
from pg_description d where d.objoid = c.oid and d.classoid = 1259
"""
_DIGESTS = f"""
select c.oid::int8, n.nspname, c.relname, c.relkind = 'c', names, md5(row(
    c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relam, c.reloptions,
    c.relispartition,
    (select toast.reloptions from pg_class toast where toast.oid = c.reltoastrelid),
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
    case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end,
    case when inheriting then (select array_agg(h.inhparent::regclass order by h.inhseqno) from pg_inherits h
        where h.inhrelid = c.oid and not h.inhdetachpending) end,
    exists (select from pg_depend d where d.classid = 1259 and d.objid = c.oid and d.deptype = 'e'),
    told, ({_DEFAULTS}), ({_CONSTRAINTS}), ({_INDEXES}), case when c.relkind = 'S' then ({_SEQUENCE}) end,
    ({_TRIGGERS}), ({_POLICIES}), ({_RULES}), ({_STATISTICS}), case when commented then ({_COMMENTS}) end
)::text)
from (select exists (select from pg_description where objoid >= 16384) as commented,
             exists (select from pg_inherits) as inheriting offset 0) every
cross join pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral ({_COLUMNS} offset 0) columns
where c.oid = any(%s) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'c')
and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
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
    select objid from dependents where classid = 1259
    union select x.indrelid from dependents d join pg_index x on d.classid = 1259 and x.indexrelid = d.objid
    union select x.adrelid from dependents d join pg_attrdef x on d.classid = 2604 and x.oid = d.objid
    union select x.conrelid from dependents d join pg_constraint x on d.classid = 2606 and x.oid = d.objid
    union select x.ev_class from dependents d join pg_rewrite x on d.classid = 2618 and x.oid = d.objid
    union select x.polrelid from dependents d join pg_policy x on d.classid = 3256 and x.oid = d.objid
    union select x.tgrelid from dependents d join pg_trigger x on d.classid = 2620 and x.oid = d.objid
)::int8[]
"""
# The planner has no idea how few relations there are, and would read the whole catalogs.
_PLAN = """
SET LOCAL search_path = ''; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""
_ASIDE = "SAVEPOINT lamin_migrate_look"
LEAVE = "ROLLBACK TO SAVEPOINT lamin_migrate_look; RELEASE SAVEPOINT lamin_migrate_look;"
"""Takes back what a query has set."""
# Everything that is compared and is no part of a relation, or changes without a lock on it (comments on constraints,
# statistics): small catalogs, told apart by the transactions that wrote their rows.
_REST = """
select md5(string_agg(one, ' ')) from (
    select 'n' || oid || ':' || xmin || coalesce(nspname, '') from pg_namespace where oid >= 16384 or nspname = 'public'
    union all (select 't' || oid || ':' || xmin from pg_type
    where oid >= 16384 and (typrelid = 0 and (typtype <> 'b' or typelem = 0) or typacl is not null) order by oid)
    union all (select 'l' || oid || ':' || xmin from pg_collation where oid >= 16384 order by oid)
    union all (select 'o' || oid || ':' || xmin from pg_opclass where oid >= 16384 order by oid)
    union all (select 'e' || oid || ':' || xmin from pg_enum order by oid)
    union all (select 'd' || oid || ':' || xmin from pg_constraint where conrelid = 0 order by oid)
    union all (select 'f' || oid || ':' || xmin from pg_proc where oid >= 16384 order by oid)
    union all (select 'x' || oid || ':' || xmin from pg_extension order by oid)
    union all (select 'v' || oid || ':' || xmin from pg_event_trigger order by oid)
    union all (select 'c' || objoid || ':' || xmin from pg_description
    where classoid in (2615, 1247, 1255, 3079, 3466, 2606, 2618, 2620, 3256, 3381)
    and (objoid >= 16384 or objoid = 2200) order by objoid, classoid)
    union all (select 'b' || oid || ':' || xmin from pg_statistic_ext order by oid)
    GRANTED
) every(one)
"""
# Who grants something takes no lock.
_GRANTED = """union all (
    select 'a' || oid || ':' || relacl::text from pg_class where oid >= 16384 and relacl is not null order by oid
)"""
_PREPARED = f"""
PREPARE lamin_migrate_related (oid[]) AS {_RELATED};
PREPARE lamin_migrate_digests (oid[]) AS {_DIGESTS % "$1"};
PREPARE lamin_migrate_touched (oid[]) AS
select touched::int8[], rest, digests.* from (
    select touched, {_RELATIONS} as relations, ({_REST}) as rest
    from (select $1 || {_TOUCHED} as touched offset 0) t offset 0
) t left join lateral ({_DIGESTS % "relations"}) digests on true
"""
OIDS = f"SELECT {_TOUCHED}::int8[]"
"""`Touched.oids` alone."""
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view, sequence or composite type.

    Attributes:
        place: Its schema and name.
        is_type: Whether it is a composite type, which the whole catalog has to tell of.
        columns: Their names, by number; a column that was dropped keeps its place.
        digest: The same for whatever is the same in all that is compared.
    """

    place: Place
    is_type: bool
    columns: tuple[str, ...] = field(compare=False)
    digest: str


@dataclass(frozen=True, slots=True)
class Touched:
    """What a transaction has touched.

    Attributes:
        oids: Those of the relations, indexes among them; some may be gone.
        rest: Tells what is no part of a relation apart: equal while none of it has changed.
        relations: What there is now, by oid.
    """

    oids: frozenset[int]
    rest: str
    relations: Mapping[int, Relation]


class TouchedReader:
    """Reads what the open transaction on one connection has touched; prepares its queries once.

    Args:
        connection: Between steps it has no transaction open.
        ignore: Names of tables that are not told of.
        privileges: Whether what is granted on relations counts as well.
    """

    def __init__(self, connection: Connection, ignore: Collection[str] = (), *, privileges: bool = False) -> None:
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._ignore = ignore
        distinct = "i.indnullsnotdistinct" if driver.server_version >= 150000 else "false"
        self._meant = {"NULLS_NOT_DISTINCT": distinct, "GRANTED": _GRANTED if privileges else ""}
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(_ASIDE)
            self._prepare(cursor)
        self._driver.rollback()

    def query(self, also: Collection[int] = ()) -> str:
        """What tells what the open transaction has touched; for `told`, and then `LEAVE`.

        Args:
            also: The oids of other relations; they may be gone.
        """
        return f"{_ASIDE}; {_PLAN}; EXECUTE lamin_migrate_touched({_literal(also)})"

    def told(self, rows: Sequence[Row]) -> Touched:
        """What `query` has told."""
        oids, rest, *_ = rows[0]
        return Touched(frozenset(oids), rest, self._relations(row[2:] for row in rows if row[2] is not None))

    def read(self, also: Collection[int] = ()) -> Touched:
        """Ask `query`; leaves the transaction open and as it was.

        Triggers that run when it is committed find their own settings.
        """
        return self.told(self._ask(f"EXECUTE lamin_migrate_touched({_literal(also)})"))

    def related(self, oids: Collection[int]) -> Mapping[int, Relation] | None:
        """Those in whose definitions the names of some relations stand, or of their columns; None for functions."""
        ((functions, related),) = self._ask(f"EXECUTE lamin_migrate_related({_literal(oids)})")
        if functions:
            return None
        return self._relations(self._ask(f"EXECUTE lamin_migrate_digests({_literal(related)})"))

    def read_all(self) -> Touched:
        """All relations; leaves the connection without a transaction, as it came."""
        rest_query = self._for_this_server(_REST)
        ((oids, rest),) = self._ask(f"SELECT array(SELECT oid::int8 FROM pg_class WHERE oid >= 16384), ({rest_query})")
        relations = self._relations(self._ask(f"EXECUTE lamin_migrate_digests({_literal(oids)})"))
        self._driver.rollback()
        return Touched(frozenset(oids), rest, relations)

    def _ask(self, query: str) -> Sequence[Row]:
        with closing(self._driver.cursor()) as cursor:
            while True:
                try:
                    cursor.execute(f"{_ASIDE}; {_PLAN}; {query}")
                    return cast(Sequence[Row], cursor.fetchall())
                except psycopg2.errors.InvalidSqlStatementName:
                    # A revision has let go of all prepared statements.
                    cursor.execute(f"{LEAVE} {_ASIDE}")
                    self._prepare(cursor)
                finally:
                    cursor.execute(LEAVE)

    def _prepare(self, cursor: Any) -> None:
        """Prepared statements stay when what surrounds them is taken back."""
        cursor.execute(f"SET LOCAL search_path = ''; {self._for_this_server(_PREPARED)}")

    def _for_this_server(self, text: str) -> str:
        for word, meant in self._meant.items():
            text = text.replace(word, meant)
        return text

    def _relations(self, rows: Iterable[Row]) -> dict[int, Relation]:
        return {
            oid: Relation((schema, name), is_type, tuple(columns or ()), digest)
            for oid, schema, name, is_type, columns, digest in rows
            if name not in self._ignore
        }


def _literal(oids: Collection[int]) -> str:
    return "'{" + ",".join(map(str, oids)) + "}'"
