"""What works on empty tables and depends on the rows of an instance."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import Column, Constraint, Domain, Index
from lamin_migrate_kit.proof.hazards.model import Fails, Family, Hit, Rule, Scans, Traced
from lamin_migrate_kit.proof.hazards.rules.asking import is_online, scanned, scanned_exclusively, table_of
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement

_TEXTS = re.compile(r"(text|character varying|character|jsonb?|bytea)\b")


def _required_columns(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for column in statement.created(Column):
            filled = column.default or column.identity or column.generated
            if column.not_null and not filled and table_of(statement, column.key.table) in statement.existing:
                yield Hit(statement, column.key, f"adds {column.key}, which must have a value, and gives rows none")


def _set_not_null(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Column):
            if after.not_null and not before.not_null and scanned(statement, before.key.table):
                yield Hit(statement, before.key, f"requires a value in {before.key} and looks through all its rows")


def _constraints(trace: RevisionTrace, type: str) -> Iterator[tuple[TracedStatement, Constraint]]:
    """Constraints on tables that existed before the revision, made by a statement that read their rows."""
    for statement in trace.statements:
        for constraint in statement.created(Constraint):
            table = table_of(statement, constraint.key.table)
            read = scanned(statement, table)
            if constraint.type == type and constraint.validated and table in statement.existing and read:
                yield statement, constraint


def _unique(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, constraint in _constraints(trace, "u"):
        yield Hit(statement, constraint.key, f"makes {', '.join(constraint.columns)} of {constraint.key.table} unique")
    for statement in trace.statements:
        for index in statement.created(Index):
            table = table_of(statement, index.table)
            if index.unique and table in statement.existing and not is_online(statement, table):
                yield Hit(statement, index.key, f"makes {', '.join(index.columns)} of {index.table} unique")


def _primary_keys(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, constraint in _constraints(trace, "p"):
        yield Hit(statement, constraint.key, f"makes {', '.join(constraint.columns)} the key of {constraint.key.table}")


def _checks(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, constraint in _constraints(trace, "c"):
        yield Hit(statement, constraint.key, f"checks all rows of {constraint.key.table} against {constraint.key.part}")


def _foreign_keys(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, constraint in _constraints(trace, "f"):
        target = constraint.referenced
        yield Hit(statement, constraint.key, f"looks for every row of {constraint.key.table} in {target}")


def _exclusions(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, constraint in _constraints(trace, "x"):
        yield Hit(statement, constraint.key, f"checks all rows of {constraint.key.table} against each other")


def _domains(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Domain):
            known = {constraint.definition for constraint in before.constraints}
            added = [c for c in after.constraints if c.definition not in known and "NOT VALID" not in c.definition]
            if (added and statement.scanned) or (after.not_null and not before.not_null):
                yield Hit(statement, before.key, f"checks every value of domain {before.key}")


def _casts(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Column):
            parses = _TEXTS.match(before.type) and not _TEXTS.match(after.type)
            if before.type != after.type and parses:
                yield Hit(statement, before.key, f"reads every text in {before.key} as {after.type}")


_ONLINE = (
    "with op.get_context().autocommit_block():\n"
    '    op.execute("CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({column})")\n'
    '    op.execute("ALTER TABLE {table} ADD CONSTRAINT {index} {kind} USING INDEX {index}")\n'
)

RULES = (
    Rule(
        "add-required-column",
        Family.FAILING,
        "A column that must have a value is added to a table that existed before the revision, without a default.",
        "The upgrade fails on every instance that has a row.",
        "Give it a default, or add it with NULL allowed, fill it, and require it then.",
        "ALTER TABLE core.note ADD COLUMN kind text NOT NULL;\n",
        "ALTER TABLE core.note ADD COLUMN kind text NOT NULL DEFAULT '';\n",
        _required_columns,
        (Fails("23502"),),
        squawk=("adding-required-field", "adding-not-nullable-field"),
    ),
    Rule(
        "set-not-null",
        Family.FAILING,
        "A column that allowed NULL must have a value, and the server has to look.",
        "One NULL and the upgrade fails; reads and writes wait while all rows are looked through.",
        "Fill the column, add `CHECK (… IS NOT NULL) NOT VALID`, validate it in a later transaction: "
        "SET NOT NULL then takes the check's word and reads nothing.",
        "ALTER TABLE core.note ALTER COLUMN pages SET NOT NULL;\n",
        "with op.get_context().autocommit_block():\n"
        '    op.execute("UPDATE core.note SET pages = 0 WHERE pages IS NULL")\n'
        '    op.execute("ALTER TABLE core.note ADD CONSTRAINT has_pages CHECK (pages IS NOT NULL) NOT VALID")\n'
        '    op.execute("ALTER TABLE core.note VALIDATE CONSTRAINT has_pages")\n'
        '    op.execute("ALTER TABLE core.note ALTER COLUMN pages SET NOT NULL")\n',
        _set_not_null,
        (Fails("23502"),),
        also=(Family.LOCKS,),
        squawk=("adding-not-nullable-field",),
    ),
    Rule(
        "add-unique",
        Family.FAILING,
        "A unique constraint or index is made on a table that existed before the revision, and not CONCURRENTLY.",
        "Two equal rows and the upgrade fails; writes (of a constraint: reads too) wait while the index is built.",
        "Build the unique index CONCURRENTLY, then `ADD CONSTRAINT … UNIQUE USING INDEX`.",
        "ALTER TABLE core.note ADD CONSTRAINT one_each UNIQUE (author_id);\n",
        _ONLINE.format(index="one_each", table="core.note", column="title", kind="UNIQUE"),
        _unique,
        (Fails("23505"),),
        also=(Family.LOCKS,),
        squawk=("disallowed-unique-constraint",),
    ),
    Rule(
        "add-primary-key",
        Family.FAILING,
        "A primary key is made on a table that existed before the revision.",
        "Two equal rows or a NULL and the upgrade fails; reads and writes wait while the index is built.",
        "Build a unique index CONCURRENTLY, then `ADD CONSTRAINT … PRIMARY KEY USING INDEX`.",
        "ALTER TABLE core.tag ADD CONSTRAINT tag_key PRIMARY KEY (id);\n",
        _ONLINE.format(index="tag_key", table="core.tag", column="id", kind="PRIMARY KEY"),
        _primary_keys,
        (Scans("core.tag"), Traced("it is read under `ACCESS EXCLUSIVE`", scanned_exclusively)),
        given="CREATE TABLE core.tag (id bigint NOT NULL);\nINSERT INTO core.tag VALUES (1), (2);\n",
        also=(Family.LOCKS,),
        squawk=("adding-serial-primary-key-field",),
    ),
    Rule(
        "add-check",
        Family.FAILING,
        "A check is added to a table that existed before the revision, and validated at once.",
        "One row that it does not allow and the upgrade fails; reads and writes wait while all rows are checked.",
        "Add it NOT VALID, and validate it in a later transaction.",
        "ALTER TABLE core.note ADD CONSTRAINT long_notes CHECK (pages > 5);\n",
        "ALTER TABLE core.note ADD CONSTRAINT long_notes CHECK (pages > 5) NOT VALID;\n",
        _checks,
        (Fails("23514"),),
        also=(Family.LOCKS,),
        squawk=("constraint-missing-not-valid",),
    ),
    Rule(
        "add-foreign-key",
        Family.FAILING,
        "A foreign key is added to a table that existed before the revision, and validated at once.",
        "One row without a counterpart and the upgrade fails; writes to both tables wait while all rows are looked up.",
        "Add it NOT VALID, and validate it in a later transaction.",
        "ALTER TABLE core.note ADD CONSTRAINT note_author FOREIGN KEY (author_id) REFERENCES core.author;\n",
        "ALTER TABLE core.note ADD CONSTRAINT note_author FOREIGN KEY (author_id) REFERENCES core.author NOT VALID;\n",
        _foreign_keys,
        (Fails("23503"),),
        also=(Family.LOCKS,),
        squawk=("adding-foreign-key-constraint", "constraint-missing-not-valid"),
    ),
    Rule(
        "add-exclusion",
        Family.FAILING,
        "An exclusion constraint is added to a table that existed before the revision.",
        "Two rows that exclude each other and the upgrade fails; reads and writes wait while its index is built.",
        "There is no way to build it online: make it on a new table, or plan a window.",
        "ALTER TABLE core.note ADD CONSTRAINT alone EXCLUDE USING btree (author_id WITH =);\n",
        "CREATE TABLE core.room (id bigint PRIMARY KEY, EXCLUDE USING btree (id WITH =));\n",
        _exclusions,
        (Fails("23P01"),),
        also=(Family.LOCKS,),
    ),
    Rule(
        "add-domain-constraint",
        Family.FAILING,
        "A domain gets a constraint, or requires a value, and columns have that type.",
        "One value that it does not allow and the upgrade fails; writes to all its tables wait while they are read.",
        "Add it NOT VALID, and validate it in a later transaction.",
        "ALTER DOMAIN core.size ADD CONSTRAINT large CHECK (VALUE > 5);\n",
        "ALTER DOMAIN core.size ADD CONSTRAINT large CHECK (VALUE > 5) NOT VALID;\n",
        _domains,
        (Fails("23514"),),
        given="CREATE DOMAIN core.size AS integer;\nCREATE TABLE core.box (id bigint PRIMARY KEY, size core.size);\n"
        "INSERT INTO core.box VALUES (1, 3);\n",
        also=(Family.LOCKS,),
    ),
    Rule(
        "cast-may-fail",
        Family.FAILING,
        "A column of texts gets a type that not every text can be read as.",
        "One text that cannot be read and the upgrade fails.",
        "Add a column beside it and fill it with what can be read; record the conversion otherwise: "
        "`# migrate-kit: using <column>=<expression>`.",
        "ALTER TABLE core.note ALTER COLUMN title DROP DEFAULT, ALTER COLUMN title TYPE integer USING title::integer;\n",
        "ALTER TABLE core.note ADD COLUMN number integer;\n",
        _casts,
        (Fails("22P02"),),
        decisions=("using",),
        squawk=("changing-column-type",),
    ),
)
