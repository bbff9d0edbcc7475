"""Indexes that are missing, of no use, or twice there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import Constraint, Index, ObjectKey, Table
from lamin_migrate_kit.diff.differ import definition_without_name
from lamin_migrate_kit.proof.hazards.model import Answers, Family, Hit, Rule, Severity
from lamin_migrate_kit.proof.hazards.rules.asking import indexed_columns, statement_changing
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement


def _unindexed_foreign_keys(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for constraint in statement.created(Constraint):
            if constraint.type == "f" and constraint.key in trace.after.objects and constraint.local:
                table, columns = constraint.key.table, set(constraint.columns)
                indexes = indexed_columns(trace.after, table)
                if not any(set(index[: len(columns)]) == columns for index in indexes):
                    names = ", ".join(constraint.columns)
                    yield Hit(statement, constraint.key, f"foreign key {constraint.key} has no index on {names}")


def _invalid_indexes(trace: RevisionTrace) -> Iterator[Hit]:
    for index in trace.after.of(Index):
        if not index.valid:
            where = statement_changing(trace, index.key)
            if where or index.key not in trace.before.objects:
                yield Hit(where, index.key, f"leaves index {index.key} invalid")


def _not_replaced(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\bconcurrently if not exists\b", statement.words):
            on = next(iter(statement.strongest), ObjectKey("revision", "", trace.revision))
            yield Hit(statement, on, "takes an index of that name for good, whatever it is")


def _made(trace: RevisionTrace) -> Iterator[tuple[TracedStatement, Index]]:
    for statement in trace.statements:
        for index in statement.created(Index):
            if index.key in trace.after.objects and not index.predicate and not index.expressions:
                yield statement, index


def _duplicates(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, index in _made(trace):
        for other in _others(trace, index):
            if definition_without_name(other).replace(" UNIQUE", "") == definition_without_name(index).replace(
                " UNIQUE", ""
            ):
                yield Hit(statement, index.key, f"index {index.key} is the same as {other.key.name}")
                break
        else:
            for constraint in trace.after.of(Constraint):
                same = constraint.key.table == index.table and constraint.columns == index.columns
                if same and constraint.type in "pu" and index.method == "btree":
                    yield Hit(statement, index.key, f"index {index.key} is the same as that of {constraint.key.part}")
                    break


def _redundant(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, index in _made(trace):
        plain = index.method == "btree" and not index.unique
        for columns in indexed_columns(trace.after, index.table) if plain else ():
            if len(columns) > len(index.columns) and columns[: len(index.columns)] == index.columns:
                yield Hit(statement, index.key, f"an index on {', '.join(columns)} already does what {index.key} does")
                break


def _others(trace: RevisionTrace, index: Index) -> Iterator[Index]:
    """The other indexes of a table; of two that the revision makes, the second one is too many."""
    for other in trace.after.of(Index):
        earlier = other.key in trace.before.objects or other.key < index.key
        if other.table == index.table and other.key != index.key and earlier:
            yield other


def _without_key(trace: RevisionTrace) -> Iterator[Hit]:
    keyed = {c.key.table for c in trace.after.of(Constraint) if c.type == "p"}
    for statement in trace.statements:
        for table in statement.created(Table):
            own = table.partition_of is None and table.key in trace.after.objects
            if own and table.key not in keyed:
                yield Hit(statement, table.key, f"table {table.key} has no primary key")


_PARTITIONED = (
    "CREATE TABLE core.log (at date NOT NULL) PARTITION BY RANGE (at);\n"
    "CREATE TABLE core.log_2024 PARTITION OF core.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');\n"
)
_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'core.{}'::regclass"

RULES = (
    Rule(
        "foreign-key-without-index",
        Family.INDEXES,
        "A foreign key has no index on its columns.",
        "Each row deleted from the other table reads this one in full, under locks.",
        "Make an index on the columns.",
        "CREATE TABLE core.page (id bigint PRIMARY KEY, note_id bigint REFERENCES core.note);\n",
        "CREATE TABLE core.page (id bigint PRIMARY KEY, note_id bigint REFERENCES core.note);\n"
        "CREATE INDEX ix_page_note_id ON core.page (note_id);\n",
        _unindexed_foreign_keys,
        (Answers("SET enable_seqscan = off; EXPLAIN (COSTS off) SELECT FROM core.page WHERE note_id = 1", "Seq Scan"),),
        Severity.NOTE,
    ),
    Rule(
        "invalid-index",
        Family.INDEXES,
        "An index is invalid after the revision.",
        "Every write keeps it up to date, and no query uses it.",
        "Attach an index to it for each partition; drop what a failed CONCURRENTLY has left, and build it again.",
        "CREATE INDEX ix_log_at ON ONLY core.log (at);\n",
        "CREATE INDEX ix_log_at ON core.log (at);\n",
        _invalid_indexes,
        (Answers(_VALID.format("ix_log_at"), "False"),),
        given=_PARTITIONED,
    ),
    Rule(
        "concurrently-if-not-exists",
        Family.INDEXES,
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS.",
        "What a failed attempt has left is invalid and has the name: it stays, and nobody is told.",
        "DROP INDEX CONCURRENTLY IF EXISTS before it.",
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_left ON core.note (pages)")\n',
        "with op.get_context().autocommit_block():\n"
        '    op.execute("DROP INDEX CONCURRENTLY IF EXISTS core.ix_left")\n'
        '    op.execute("CREATE INDEX CONCURRENTLY ix_left ON core.note (pages)")\n',
        _not_replaced,
        (Answers(_VALID.format("ix_left"), "False"),),
        # What a CREATE INDEX CONCURRENTLY that was interrupted leaves behind.
        given="CREATE INDEX ix_left ON core.note (pages);\n"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'core.ix_left'::regclass;\n",
    ),
    Rule(
        "duplicate-index",
        Family.INDEXES,
        "A table has an index of the same columns already.",
        "Every write keeps both up to date; queries use one.",
        "Leave it out, or drop the other one.",
        "CREATE INDEX ix_note_title_again ON core.note (title);\n",
        "CREATE INDEX ix_note_pages ON core.note (pages);\n",
        _duplicates,
        (
            Answers(
                "SELECT 'twice' FROM pg_index WHERE indrelid = 'core.note'::regclass GROUP BY indkey HAVING count(*) = 2",
                "twice",
            ),
        ),
    ),
    Rule(
        "redundant-index",
        Family.INDEXES,
        "An index has the first columns of a longer one.",
        "Every write keeps both up to date; the longer one answers the same questions.",
        "Leave it out, unless the longer one is much larger.",
        "CREATE INDEX ix_author ON core.note (author_id);\n",
        "CREATE INDEX ix_pages ON core.note (pages);\n",
        _redundant,
        (
            Answers(
                "DROP INDEX core.ix_author; SET enable_seqscan = off; SET enable_bitmapscan = off;"
                " EXPLAIN (COSTS off) SELECT FROM core.note WHERE author_id = 1",
                "using ix_author_pages",
            ),
        ),
        Severity.NOTE,
        given="CREATE INDEX ix_author_pages ON core.note (author_id, pages);\n",
    ),
    Rule(
        "table-without-primary-key",
        Family.INDEXES,
        "A table is made without a primary key.",
        "Nothing tells two rows apart, and logical replication refuses to update or delete them.",
        "Give it one.",
        "CREATE TABLE core.tag (name text);\nINSERT INTO core.tag VALUES ('new');\n",
        "CREATE TABLE core.tag (name text PRIMARY KEY);\nINSERT INTO core.tag VALUES ('new');\n",
        _without_key,
        (
            Answers(
                "CREATE PUBLICATION tags FOR TABLE core.tag; UPDATE core.tag SET name = 'x' RETURNING name", "55000"
            ),
        ),
    ),
)
