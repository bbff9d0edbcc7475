"""The questions that `inspect_catalog` asks: a fixed number, whatever the size of the database.

Every query that lists objects gives the object's oid first, so that `pg_depend` and `pg_description` can be joined in
Python. Objects below oid 16384 belong to the server itself (`FirstNormalObjectId` in the server's transam.h).

Source: https://www.postgresql.org/docs/18/catalogs.html
"""

from __future__ import annotations

BEGIN = """
select current_setting('server_version_num')::int, current_setting('search_path'),
       set_config('search_path', '', true)
"""

END = "select set_config('search_path', %s, true)"

SCHEMAS = r"""
select oid, nspname from pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
"""

EXTENSIONS = """
select e.oid, e.extname, n.nspname, e.extversion,
       (select a.comment from pg_available_extensions a where a.name = e.extname)
from pg_extension e join pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'
"""

_USER_SCHEMA = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"

RELATIONS = f"""
select c.oid, n.nspname, c.relname, c.relkind::text, c.relpersistence::text, c.relrowsecurity, c.relforcerowsecurity,
       c.relreplident::text, am.amname, c.reloptions, toast.reloptions, c.relispartition,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
       case when c.relispartition and c.relkind in ('r', 'p', 'f') then pg_get_expr(c.relpartbound, c.oid) end,
       case when exists (select from pg_inherits) then
           (select array_agg(i.inhparent order by i.inhseqno) from pg_inherits i
            where i.inhrelid = c.oid and not i.inhdetachpending) end,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
       c.relispopulated
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_am am on am.oid = c.relam
left join pg_class toast on toast.oid = c.reltoastrelid
where {_USER_SCHEMA} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'c', 'f', 'i', 'I')
"""

# With 18's not-null constraints where they are not what every column has that is not null.
COLUMNS = f"""
select a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated::text,
       a.attidentity::text, d.oid, pg_get_expr(d.adbin, d.adrelid),
       case when a.attcollation <> t.typcollation and a.attcollation <> 0
            then (select quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
                  from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace
                  where co.oid = a.attcollation) end,
       case when a.attstorage <> t.typstorage then a.attstorage::text end,
       nullif(a.attcompression::text, ''), nullif(a.attstattarget, -1), a.attoptions, a.attislocal, c.relkind::text,
       t.typstorage::text, k.oid, k.conname, k.connoinherit, k.convalidated, k.conislocal
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_constraint k on k.conrelid = case when a.attnotnull then a.attrelid end
    and k.contype = 'n' and k.conkey[1] = a.attnum
    and (k.conname <> c.relname || '_' || a.attname || '_not_null' or k.connoinherit or not k.convalidated
         or not k.conislocal or k.oid in (select objoid from pg_description where objoid >= 16384 and classoid = 2606))
where {_USER_SCHEMA} and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'c', 'f')
"""

# A NOT NULL of a column is among the columns; that of a domain is here.
CONSTRAINTS = f"""
select k.oid, k.conrelid, k.contypid, k.conname, k.contype::text,
       case when k.contype <> 'n' then pg_get_constraintdef(k.oid) end, k.conkey, k.confrelid,
       k.confkey, k.conislocal, k.convalidated, k.condeferrable, k.condeferred, k.connoinherit, k.conindid,
       k.conparentid, x.reloptions, coalesce(i.indisclustered, false), coalesce(i.indisvalid, true)
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
left join pg_class x on x.oid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_index i on i.indexrelid = x.oid
where {_USER_SCHEMA} and (k.contype in ('p', 'u', 'f', 'c', 'x') or k.contype = 'n' and k.conrelid = 0)
"""

INDEXES = f"""
select i.indexrelid, i.indrelid, i.indisunique, i.indisvalid, i.indisclustered, i.indisreplident, i.indkey::int2[],
       case when k.oid is null then pg_get_indexdef(i.indexrelid) end, pg_get_expr(i.indpred, i.indrelid),
       i.indexprs is not null,
       case when i.indexprs is not null then
           (select array_agg(array[a.attnum::int, a.attstattarget::int] order by a.attnum)
            from pg_attribute a where a.attrelid = i.indexrelid and a.attstattarget > -1) end
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
where {_USER_SCHEMA}
"""

SEQUENCES = """
select s.seqrelid, format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle
from pg_sequence s
"""

TYPES = f"""
select t.oid, n.nspname, t.typname, t.typtype::text, t.typrelid, t.typelem, t.typcategory::text,
       case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end, t.typnotnull,
       case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end,
       case when t.typtype = 'd' and t.typcollation <> b.typcollation and t.typcollation <> 0
            then (select quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
                  from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace
                  where co.oid = t.typcollation) end,
       case when t.typtype = 'e' then
           (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) end,
       format_type(r.rngsubtype, null), r.rngmultitypid,
       case when r.rngsubtype is not null then
           (select quote_ident(o.nspname) || '.' || quote_ident(oc.opcname)
            from pg_opclass oc join pg_namespace o on o.oid = oc.opcnamespace
            where oc.oid = r.rngsubopc and not oc.opcdefault) end,
       case when r.rngcollation <> 0 and r.rngcollation <> st.typcollation then
           (select quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
            from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace where co.oid = r.rngcollation) end,
       nullif(r.rngcanonical::oid, 0)::regproc::text, nullif(r.rngsubdiff::oid, 0)::regproc::text,
       (select m.typname from pg_type m where m.oid = r.rngmultitypid)
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_type b on b.oid = t.typbasetype
left join pg_range r on r.rngtypid = t.oid
left join pg_type st on st.oid = r.rngsubtype
where {_USER_SCHEMA}
"""

FUNCTIONS = f"""
select p.oid, n.nspname, p.proname, p.prokind::text,
       case when p.prokind = 'a' then pg_get_function_identity_arguments(p.oid) else oidvectortypes(p.proargtypes) end,
       case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end,
       pg_get_function_arguments(p.oid), coalesce(pg_get_function_result(p.oid), ''),
       a.aggkind::text, a.aggtransfn::regproc::text, nullif(a.aggfinalfn::oid, 0)::regproc::text,
       nullif(a.aggcombinefn::oid, 0)::regproc::text, nullif(a.aggserialfn::oid, 0)::regproc::text,
       nullif(a.aggdeserialfn::oid, 0)::regproc::text, nullif(a.aggmtransfn::oid, 0)::regproc::text,
       nullif(a.aggminvtransfn::oid, 0)::regproc::text, nullif(a.aggmfinalfn::oid, 0)::regproc::text,
       a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify::text, a.aggmfinalmodify::text,
       case when a.aggsortop <> 0 then (select 'OPERATOR(' || quote_ident(son.nspname) || '.' || so.oprname || ')'
            from pg_operator so join pg_namespace son on son.oid = so.oprnamespace where so.oid = a.aggsortop) end,
       format_type(a.aggtranstype, null), a.aggtransspace,
       case when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null) end, a.aggmtransspace,
       a.agginitval, a.aggminitval, p.proparallel::text, p.proargmodes::text[], p.proargnames, p.pronargs,
       p.pronargdefaults, case when p.prosqlbody is null and l.lanname not in ('c', 'internal') then p.prosrc end
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
left join pg_aggregate a on a.aggfnoid = p.oid
where {_USER_SCHEMA}
"""

TRIGGERS = f"""
select t.oid, t.tgrelid, t.tgname, pg_get_triggerdef(t.oid), t.tgenabled::text, t.tgparentid,
       t.tgenabled is distinct from parent.tgenabled
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_trigger parent on parent.oid = t.tgparentid
where {_USER_SCHEMA} and not t.tgisinternal
"""

RULES = f"""
select r.oid, r.ev_class, r.rulename, r.ev_enabled::text,
       case when r.rulename <> '_RETURN' then pg_get_ruledef(r.oid) end
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where {_USER_SCHEMA}
"""

POLICIES = """
select p.oid, p.polrelid, p.polname, p.polpermissive, p.polcmd::text,
       (select array_agg(case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end order by 1)
        from unnest(p.polroles) role),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
from pg_policy p
"""

EVENT_TRIGGERS = """
select t.oid, t.evtname, t.evtevent, t.evtfoid::regproc::text, t.evttags, t.evtenabled::text from pg_event_trigger t
"""

STATISTICS = f"""
select s.oid, n.nspname, s.stxname, s.stxrelid, pg_get_statisticsobjdef(s.oid), nullif(s.stxstattarget, -1)
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
where {_USER_SCHEMA}
"""

COMMENTS = """
select classoid, objoid, objsubid, description from pg_description
where objoid >= 16384 or classoid = 'pg_namespace'::regclass
"""

# Without what follows from an object's own place: its schema, row and array types, TOAST table, a constraint's index,
# columns and triggers. That is most of a large database's rows. The cast keeps the planner, where only a few objects
# are asked about, from an index on `refobjid`, which it would read as a whole.
DEPENDENCIES = """
select classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype::text
from pg_depend where objid >= 16384 and refobjid::int8 >= 16384
and not (refclassid = 'pg_namespace'::regclass and deptype = 'n'
         and classid in ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass))
and not (classid = 'pg_type'::regclass and deptype = 'i')
and not (classid = 'pg_class'::regclass and deptype = 'i' and objsubid = 0 and refobjsubid = 0
         and refclassid in ('pg_class'::regclass, 'pg_constraint'::regclass))
and not (classid = 'pg_constraint'::regclass and deptype = 'a' and refclassid = 'pg_class'::regclass)
and not (classid = 'pg_trigger'::regclass and deptype = 'i' and refclassid = 'pg_constraint'::regclass)
"""

# Only where it differs from what the server gives by itself: EXECUTE on functions and USAGE on types to PUBLIC. What an
# owner has is not asked for, nor what is granted on single columns.
PRIVILEGES = f"""
with objects as (
    select 'pg_class'::regclass::oid as catalog, c.oid, c.relowner as owner, c.relacl as acl, '' as usual
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where {_USER_SCHEMA} and c.relkind in ('r', 'p', 'v', 'm', 'S')
    union all select 'pg_proc'::regclass, p.oid, p.proowner, p.proacl, 'EXECUTE'
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {_USER_SCHEMA}
    union all select 'pg_type'::regclass, t.oid, t.typowner, t.typacl, 'USAGE'
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where {_USER_SCHEMA} and (t.typtype in ('e', 'd', 'r')
          or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
    union all select 'pg_namespace'::regclass, n.oid, n.nspowner, n.nspacl, ''
    from pg_namespace n where {_USER_SCHEMA} and n.nspname <> 'public'
), granted as (
    select o.catalog, o.oid, o.usual, a.grantee,
           array_agg(a.privilege_type || case when a.is_grantable then ' WITH GRANT OPTION' else '' end
                     order by a.privilege_type) as privileges
    from objects o cross join lateral aclexplode(o.acl) a
    where o.acl is not null and a.grantee <> o.owner group by 1, 2, 3, 4
    union all select o.catalog, o.oid, o.usual, 0, '{{}}'
    from objects o where o.acl is not null and o.usual <> ''
    and not exists (select from aclexplode(o.acl) a where a.grantee = 0)
)
select catalog::int8, oid, case when grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(grantee)) end,
       privileges
from granted where not (grantee = 0 and privileges = array[usual])
"""

NOT_COMPARED = f"""
select 'foreign table', quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.oid
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'f' and {_USER_SCHEMA}
union all select 'foreign data wrapper', quote_ident(fdwname), oid from pg_foreign_data_wrapper
union all select 'foreign server', quote_ident(srvname), oid from pg_foreign_server
union all select 'publication', quote_ident(pubname), oid from pg_publication
union all select 'language', quote_ident(lanname), oid from pg_language where oid >= 16384
union all select 'access method', quote_ident(amname), oid from pg_am where oid >= 16384
union all select 'cast', format_type(castsource, null) || ' as ' || format_type(casttarget, null), oid
from pg_cast where oid >= 16384 and casttarget not in (select rngmultitypid from pg_range)
union all select 'collation', quote_ident(n.nspname) || '.' || quote_ident(collname), c.oid
from pg_collation c join pg_namespace n on n.oid = c.collnamespace where {_USER_SCHEMA}
union all select 'conversion', quote_ident(n.nspname) || '.' || quote_ident(conname), c.oid
from pg_conversion c join pg_namespace n on n.oid = c.connamespace where {_USER_SCHEMA}
union all select 'operator', quote_ident(n.nspname) || '.' || oprname, o.oid
from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where {_USER_SCHEMA}
union all select 'operator class', quote_ident(n.nspname) || '.' || quote_ident(opcname), o.oid
from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace where {_USER_SCHEMA}
union all select 'text search configuration', quote_ident(n.nspname) || '.' || quote_ident(cfgname), t.oid
from pg_ts_config t join pg_namespace n on n.oid = t.cfgnamespace where {_USER_SCHEMA}
union all select 'text search dictionary', quote_ident(n.nspname) || '.' || quote_ident(dictname), t.oid
from pg_ts_dict t join pg_namespace n on n.oid = t.dictnamespace where {_USER_SCHEMA}
union all select 'base type', quote_ident(n.nspname) || '.' || quote_ident(typname), t.oid
from pg_type t join pg_namespace n on n.oid = t.typnamespace
where {_USER_SCHEMA} and typtype = 'b' and typelem = 0
union all select 'typed table', quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.oid
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.reloftype <> 0 and {_USER_SCHEMA}
"""
