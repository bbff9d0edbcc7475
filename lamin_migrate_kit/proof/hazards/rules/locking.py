"""What keeps readers and writers waiting, or writes a table anew."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, Index, ObjectKey, Table
from lamin_migrate_kit.proof.hazards.model import Family, Hit, Rewrites, Rule, Scans, Takes
from lamin_migrate_kit.proof.hazards.rules.asking import is_online, table_of
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement
from lamin_migrate_kit.proof.locks.modes import LockMode


def _indexes_made(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for index in statement.created(Index):
            table = table_of(statement, index.table)
            if table in statement.existing and not is_online(statement, table):
                yield Hit(statement, index.key, f"builds index {index.key} while writes to {index.table} wait")


def _indexes_dropped(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\bdrop index\b", statement.words):
            for index in statement.dropped(Index):
                if statement.locks(index.table, LockMode.ACCESS_EXCLUSIVE):
                    yield Hit(statement, index.key, f"drops index {index.key} while {index.table} waits")


def _reindexed(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\breindex\b", statement.words):
            for table, mode in statement.strongest.items():
                if mode.strength >= LockMode.SHARE.strength:
                    yield Hit(statement, table, f"builds indexes of {table} anew while writes to it wait")


def _type_rewrites(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Column):
            if before.type != after.type and before.key.table in statement.rewritten:
                what = f"writes {before.key.table} anew for {before.key}: {before.type} becomes {after.type}"
                yield Hit(statement, before.key, what)


def _index_rebuilds(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Column):
            changed = (before.type, before.collation) != (after.type, after.collation)
            rebuilt = [key for key in statement.rewritten if _is_on(statement.before, key, before.key)]
            if changed and rebuilt and before.key.table not in statement.rewritten:
                names = ", ".join(map(str, rebuilt))
                yield Hit(statement, before.key, f"builds {names} anew while {before.key.table} waits")


def _is_on(catalog: Catalog, key: ObjectKey, column: ObjectKey) -> bool:
    index = catalog.objects.get(key)
    if isinstance(index, Index):
        return index.table == column.table and column.part in index.columns
    constraint = catalog.objects.get(ObjectKey("constraint", column.schema, column.name, key.name))
    return key.kind == "index" and isinstance(constraint, Constraint) and column.part in constraint.columns


def _rewriting_columns(trace: RevisionTrace) -> Iterator[tuple[TracedStatement, Column]]:
    """Columns whose making wrote a table anew that existed before the revision."""
    for statement in trace.statements:
        for column in statement.created(Column):
            if table_of(statement, column.key.table) in statement.rewritten:
                yield statement, column


def _volatile_defaults(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, column in _rewriting_columns(trace):
        if column.default and not (column.generated or column.identity):
            what = f"writes {column.key.table} anew: every row gets {column.key.part} = {column.default} of its own"
            yield Hit(statement, column.key, what)


def _stored_columns(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, column in _rewriting_columns(trace):
        if column.generated == "s":
            yield Hit(statement, column.key, f"writes {column.key.table} anew to store {column.key.part}")


def _identity_columns(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, column in _rewriting_columns(trace):
        if column.identity:
            yield Hit(statement, column.key, f"writes {column.key.table} anew to number its rows")


def _other_rewrites(trace: RevisionTrace) -> Iterator[Hit]:
    explained = {
        (id(hit.statement), hit.subject.table) for find in (_type_rewrites, _added_columns) for hit in find(trace)
    }
    for statement in trace.statements:
        if re.search(r"\b(truncate|refresh)\b", statement.words):
            continue
        for table in statement.rewritten:
            if table.kind == "table" and (id(statement), table) not in explained:
                yield Hit(statement, table, f"writes {table} anew")


def _added_columns(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, column in _rewriting_columns(trace):
        table = table_of(statement, column.key.table)
        yield Hit(statement, ObjectKey("column", table.schema, table.name, column.key.part), "")


def _refreshed(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\brefresh materialized view\b", statement.words):
            for view, mode in statement.strongest.items():
                if view.kind == "materialized_view" and mode is LockMode.ACCESS_EXCLUSIVE:
                    yield Hit(statement, view, f"computes {view} anew while reads of it wait")


def _attached(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\battach partition\b", statement.words):
            for table, rows in statement.scanned:
                yield Hit(statement, table, f"checks all rows of {table} ({rows} here) before it becomes a partition")


def _detached(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\bdetach partition\b", statement.words):
            for table, mode in statement.strongest.items():
                known = statement.before.objects.get(table)
                whole = isinstance(known, Table) and known.partition_key is not None
                if mode is LockMode.ACCESS_EXCLUSIVE and whole:
                    yield Hit(statement, table, f"detaches while reads and writes of {table} wait")


def _locked(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\block (?:table )?", statement.words) and not statement.words.startswith("alter"):
            for table, mode in statement.strongest.items():
                if LockMode.ACCESS_SHARE.conflicts_with(mode):
                    yield Hit(statement, table, f"locks {table} in {mode.value} mode by hand")


_IN_BLOCK = "with op.get_context().autocommit_block():\n    "
_PARTITIONS = (
    "CREATE TABLE core.log (at date NOT NULL) PARTITION BY RANGE (at);\n"
    "CREATE TABLE core.log_2024 PARTITION OF core.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');\n"
    "CREATE TABLE core.log_2025 (at date NOT NULL);\n"
    "CREATE TABLE core.log_2026 (at date NOT NULL CHECK (at >= '2026-01-01' AND at < '2027-01-01'));\n"
    "INSERT INTO core.log_2025 VALUES ('2025-06-01');\n"
    "INSERT INTO core.log_2026 VALUES ('2026-06-01');\n"
)

RULES = (
    Rule(
        "index-without-concurrently",
        Family.LOCKS,
        "An index is built on a table that existed before the revision, under a lock that blocks writes.",
        "Writes wait until the whole table is read and sorted.",
        "Build it CONCURRENTLY, in an `autocommit_block`, in a revision of its own.",
        "CREATE INDEX ix_note_pages ON core.note (pages);\n",
        f'{_IN_BLOCK}op.create_index("ix_note_pages", "note", ["pages"], schema="core", postgresql_concurrently=True)\n',
        _indexes_made,
        (Takes("core.note", LockMode.SHARE), Scans("core.note")),
        squawk=("require-concurrent-index-creation",),
    ),
    Rule(
        "drop-index-without-concurrently",
        Family.LOCKS,
        "An index of a table that existed before the revision is dropped, and not CONCURRENTLY.",
        "Reads and writes wait for everybody who uses the table at that moment.",
        "Drop it CONCURRENTLY, in an `autocommit_block`.",
        "DROP INDEX core.ix_note_title;\n",
        f'{_IN_BLOCK}op.drop_index("ix_note_title", "note", schema="core", postgresql_concurrently=True)\n',
        _indexes_dropped,
        (Takes("core.note", LockMode.ACCESS_EXCLUSIVE),),
        squawk=("require-concurrent-index-deletion",),
    ),
    Rule(
        "reindex-without-concurrently",
        Family.LOCKS,
        "Indexes of a table that existed before the revision are built anew, and not CONCURRENTLY.",
        "Writes wait until they are built; reads that want one of them do too.",
        "REINDEX … CONCURRENTLY, in an `autocommit_block`.",
        "REINDEX TABLE core.note;\n",
        f'{_IN_BLOCK}op.execute("REINDEX TABLE CONCURRENTLY core.note")\n',
        _reindexed,
        (Takes("core.note", LockMode.SHARE),),
        squawk=("require-concurrent-reindex",),
    ),
    Rule(
        "type-change-rewrites",
        Family.LOCKS,
        "A column's new type is stored in another way, so the whole table is written anew.",
        "Reads and writes wait until every row and every index is written; the table needs its space twice.",
        "Add a column beside it, fill it in batches, and change over; a longer varchar, text and a larger numeric of "
        "the same scale write nothing.",
        "ALTER TABLE core.note ALTER COLUMN pages TYPE bigint;\n",
        "ALTER TABLE core.note ALTER COLUMN title TYPE text;\n",
        _type_rewrites,
        (Rewrites("core.note"), Takes("core.note", LockMode.ACCESS_EXCLUSIVE)),
        squawk=("changing-column-type",),
    ),
    Rule(
        "type-change-rebuilds-index",
        Family.LOCKS,
        "A column's new type or collation sorts in another way, so its indexes are built anew.",
        "Reads and writes wait until they are built.",
        "Leave the collation of columns with indexes; build indexes with the other one beside them.",
        'ALTER TABLE core.note ALTER COLUMN title TYPE varchar(80) COLLATE "C";\n',
        "ALTER TABLE core.note ALTER COLUMN title TYPE varchar(200);\n",
        _index_rebuilds,
        (Rewrites("core.ix_note_title"),),
        squawk=("changing-column-type",),
    ),
    Rule(
        "volatile-default",
        Family.LOCKS,
        "A column is added whose default is computed for each row, so the whole table is written anew.",
        "Reads and writes wait until every row is written. (A constant, and now(), cost nothing.)",
        "Add it without a default, set the default for new rows, fill the others in batches.",
        "ALTER TABLE core.note ADD COLUMN token uuid DEFAULT gen_random_uuid();\n",
        "ALTER TABLE core.note ADD COLUMN token uuid;\n"
        "ALTER TABLE core.note ALTER COLUMN token SET DEFAULT gen_random_uuid();\n",
        _volatile_defaults,
        (Rewrites("core.note"),),
        squawk=("adding-field-with-default",),
    ),
    Rule(
        "stored-generated-column",
        Family.LOCKS,
        "A stored generated column is added to a table that existed before the revision.",
        "Reads and writes wait until every row is written.",
        "Generate it when it is read (VIRTUAL, from 18 on), or add a plain column that code and batches fill.",
        "ALTER TABLE core.note ADD COLUMN sheets integer GENERATED ALWAYS AS (pages / 2) STORED;\n",
        "ALTER TABLE core.note ADD COLUMN sheets integer;\n",
        _stored_columns,
        (Rewrites("core.note"),),
        squawk=("adding-field-with-default",),
    ),
    Rule(
        "identity-on-existing-table",
        Family.LOCKS,
        "An identity column is added to a table that existed before the revision.",
        "Reads and writes wait until every row is numbered and written.",
        "Add a plain column, number the rows in batches, make it an identity then.",
        "ALTER TABLE core.note ADD COLUMN number bigint GENERATED BY DEFAULT AS IDENTITY;\n",
        "ALTER TABLE core.note ADD COLUMN number bigint;\n",
        _identity_columns,
        (Rewrites("core.note"),),
        squawk=("adding-serial-primary-key-field",),
    ),
    Rule(
        "table-rewrite",
        Family.LOCKS,
        "A table is written anew for another reason: CLUSTER, VACUUM FULL, SET LOGGED, another access method.",
        "Reads and writes wait until every row is written; the table needs its space twice.",
        "Let it be, or do it outside of a revision, in a window.",
        "CLUSTER core.note USING note_pkey;\n",
        "ALTER TABLE core.note CLUSTER ON note_pkey;\n",
        _other_rewrites,
        (Rewrites("core.note"), Takes("core.note", LockMode.ACCESS_EXCLUSIVE)),
    ),
    Rule(
        "refresh-without-concurrently",
        Family.LOCKS,
        "A materialized view is refreshed, and not CONCURRENTLY.",
        "Reads of it wait until its query is done.",
        "Give it a unique index and refresh it CONCURRENTLY.",
        "REFRESH MATERIALIZED VIEW core.lengths;\n",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY core.lengths;\n",
        _refreshed,
        (Takes("core.lengths", LockMode.ACCESS_EXCLUSIVE),),
        given="CREATE MATERIALIZED VIEW core.lengths AS SELECT id, length(title) FROM core.note;\n"
        "CREATE UNIQUE INDEX lengths_key ON core.lengths (id);\n",
    ),
    Rule(
        "attach-partition-scan",
        Family.LOCKS,
        "A table becomes a partition, and the server has to read it for that.",
        "Reads and writes of that table wait until all its rows are checked.",
        "Give it a check that says what the partition's bound says, validated before.",
        "ALTER TABLE core.log ATTACH PARTITION core.log_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');\n",
        "ALTER TABLE core.log ATTACH PARTITION core.log_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\n",
        _attached,
        (Scans("core.log_2025"), Takes("core.log_2025", LockMode.ACCESS_EXCLUSIVE)),
        given=_PARTITIONS,
    ),
    Rule(
        "detach-without-concurrently",
        Family.LOCKS,
        "A partition is detached, and not CONCURRENTLY.",
        "Reads and writes of the whole partitioned table wait.",
        "Detach it CONCURRENTLY, in an `autocommit_block`.",
        "ALTER TABLE core.log DETACH PARTITION core.log_2024;\n",
        f'{_IN_BLOCK}op.execute("ALTER TABLE core.log DETACH PARTITION core.log_2024 CONCURRENTLY")\n',
        _detached,
        (Takes("core.log", LockMode.ACCESS_EXCLUSIVE),),
        given=_PARTITIONS,
        squawk=("require-concurrent-partition-detach",),
    ),
    Rule(
        "lock-table",
        Family.LOCKS,
        "A table is locked by hand in a mode that blocks reads.",
        "Reads wait until the revision commits, whatever it does meanwhile.",
        "Name the weakest mode that is enough; for a backfill that is SHARE ROW EXCLUSIVE or none.",
        "LOCK TABLE core.note;\n",
        "LOCK TABLE core.note IN SHARE UPDATE EXCLUSIVE MODE;\n",
        _locked,
        (Takes("core.note", LockMode.ACCESS_EXCLUSIVE),),
    ),
)
