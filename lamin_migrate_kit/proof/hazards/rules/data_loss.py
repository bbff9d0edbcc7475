"""What is gone afterwards. Without a decision on record these fail the proof."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import Column, Constraint, EnumType, ObjectKey, Schema, Table, View
from lamin_migrate_kit.proof.hazards.model import Answers, Fails, Family, Hit, Rewrites, Rule, Severity
from lamin_migrate_kit.proof.hazards.rules.asking import renamed_values, statement_changing
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement

_LENGTH = re.compile(
    r"(?P<name>[a-z ]+?)(?:\((?P<length>\d+)(?:,(?P<scale>\d+))?\))?(?P<rest> with(?:out)? time zone)?\Z"
)
_INTEGERS = ("smallint", "integer", "bigint")
_SILENT = {
    ("timestamp with time zone", "date"),
    ("timestamp without time zone", "date"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("double precision", "real"),
    ("numeric", "real"),
    ("numeric", "double precision"),
    ("double precision", "integer"),
    ("double precision", "bigint"),
    ("numeric", "integer"),
    ("numeric", "bigint"),
    ("json", "jsonb"),
}
"""Conversions that lose without a word: the rest of a value, its offset, its precision, its second key."""


def _dropped_tables(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        schemas = {schema.key.name for schema in statement.dropped(Schema)}
        for table in statement.dropped(Table):
            if table.key.schema not in schemas:
                yield Hit(statement, table.key, f"drops table {table.key} with its rows")


def _dropped_columns(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        tables = {table.key for table in statement.dropped(Table)}
        for column in statement.dropped(Column):
            if column.key.table not in tables and not column.generated:
                yield Hit(statement, column.key, f"drops column {column.key} with its values")


def _dropped_schemas(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        tables = list(statement.dropped(Table))
        for schema in statement.dropped(Schema):
            inside = sorted(str(table.key) for table in tables if table.key.schema == schema.key.name)
            if inside:
                yield Hit(statement, schema.key, f"drops schema {schema.key} with {', '.join(inside)}")


def _dropped_enum_values(trace: RevisionTrace) -> Iterator[Hit]:
    for enum in trace.before.of(EnumType):
        later = trace.after.objects.get(enum.key)
        if not isinstance(later, EnumType):
            continue
        gone = set(enum.values) - set(later.values) - renamed_values(trace, enum.key)
        where = statement_changing(trace, enum.key)
        for value in sorted(gone):
            yield Hit(where, ObjectKey("enum", *enum.key[1:3], value), f"drops value {value!r} of {enum.key}")


def _truncated(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\btruncate\b", statement.words):
            for table in statement.rewritten:
                if table.kind == "table":
                    yield Hit(statement, table, f"empties table {table}")


def _deleted(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for table, written in statement.written.items():
            if written.deleted:
                yield Hit(statement, table, f"deletes rows of {table} ({written.deleted} of those made for the proof)")
        said = re.search(r"\bdelete from (?:only )?\"?(\w+)\"?(?:\.\"?(\w+)\"?)?", statement.words)
        for key in statement.existing if said else ():
            names = (key.schema.lower(), key.name.lower())
            if said and key.kind == "table" and key not in statement.written and names == _names(said):
                yield Hit(statement, key, f"deletes rows of {key}")


def _names(said: re.Match[str]) -> tuple[str, str]:
    return (said[1], said[2]) if said[2] else ("public", said[1])


def _narrowed(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Column):
            if before.type != after.type and _narrows(before.type, after.type):
                silent = _is_silent(before.type, after.type) or " using " in statement.words
                what = f"narrows {before.key} from {before.type} to {after.type}"
                yield Hit(statement, before.key, what, Severity.ERROR if silent else Severity.WARNING)


def _narrows(before: str, after: str) -> bool:
    if _is_silent(before, after):
        return True
    if before in _INTEGERS and after in _INTEGERS:
        return _INTEGERS.index(after) < _INTEGERS.index(before)
    ours, theirs = _LENGTH.match(before), _LENGTH.match(after)
    if not ours or not theirs:
        return False
    texts = ("character varying", "character", "text")
    same_kind = ours["name"] == theirs["name"] or (ours["name"] in texts and theirs["name"] in texts)
    if not same_kind or theirs["length"] is None:
        return False
    return ours["length"] is None or int(theirs["length"]) < int(ours["length"])


def _is_silent(before: str, after: str) -> bool:
    if (before, after) in _SILENT or (before.partition("(")[0], after) in _SILENT:
        return True
    ours, theirs = _LENGTH.match(before), _LENGTH.match(after)
    if not ours or not theirs or ours["name"] != theirs["name"] or theirs["length"] is None:
        return False
    # A smaller scale rounds; a smaller precision of a time does as well.
    scales = (ours["scale"] or ("0" if ours["length"] else "999"), theirs["scale"] or "0")
    return ours["name"] == "numeric" and int(scales[1]) < int(scales[0])


def _cascaded(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\bdrop\b.*\bcascade\b", statement.words):
            for key in _not_named(statement):
                yield Hit(statement, key, f"drops {key.kind.replace('_', ' ')} {key} as well, by CASCADE")


def _not_named(statement: TracedStatement) -> Iterator[ObjectKey]:
    tables = {table.key for table in statement.dropped(Table)}
    schemas = {schema.key.name for schema in statement.dropped(Schema)}
    for kind in (View, Constraint, Table, Column):
        for value in statement.dropped(kind):
            named = re.search(rf"\b{re.escape((value.key.part or value.key.name).lower())}\b", statement.words)
            inside = value.key.schema in schemas or (value.key.kind != "table" and value.key.table in tables)
            own = isinstance(value, Constraint) and value.type != "f"
            if not (named or inside or own):
                yield value.key


def _unlogged(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Table):
            if (before.persistence, after.persistence) == ("p", "u"):
                yield Hit(statement, before.key, f"makes {before.key} unlogged")


_DECIDE = "Record the decision on the operation, after the code that uses it is gone"

RULES = (
    Rule(
        "drop-table",
        Family.DATA_LOSS,
        "A table that existed before the revision is dropped.",
        "Its rows are gone; a downgrade makes an empty table.",
        f"{_DECIDE}: `# migrate-kit: drop <table> because …`.",
        "DROP TABLE core.note;\n",
        '# migrate-kit: drop core.note because nothing has read it since 1.4\nop.drop_table("note", schema="core")\n',
        _dropped_tables,
        (Answers("SELECT count(*) FROM core.note", "42P01"),),
        Severity.ERROR,
        decisions=("drop",),
        squawk=("ban-drop-table",),
    ),
    Rule(
        "drop-column",
        Family.DATA_LOSS,
        "A column that existed before the revision is dropped.",
        "Its values are gone; a downgrade makes an empty column.",
        f"{_DECIDE}: `# migrate-kit: drop <column> because …`. What got another name is renamed instead.",
        "ALTER TABLE core.note DROP COLUMN pages;\n",
        "# migrate-kit: drop core.note.pages because nothing has read it since 1.4\n"
        'op.drop_column("note", "pages", schema="core")\n',
        _dropped_columns,
        (Answers("SELECT pages FROM core.note", "42703"),),
        Severity.ERROR,
        decisions=("drop",),
        squawk=("ban-drop-column",),
    ),
    Rule(
        "drop-schema",
        Family.DATA_LOSS,
        "A schema with tables is dropped.",
        "The rows of all its tables are gone.",
        f"{_DECIDE}: `# migrate-kit: drop <schema> because …`.",
        "DROP SCHEMA core CASCADE;\n",
        '# migrate-kit: drop core because it has moved to another database\nop.execute("DROP SCHEMA core CASCADE")\n',
        _dropped_schemas,
        (Answers("SELECT count(*) FROM core.note", "42P01"),),
        Severity.ERROR,
        decisions=("drop",),
        squawk=("ban-drop-schema",),
    ),
    Rule(
        "drop-enum-value",
        Family.DATA_LOSS,
        "A value of an enum type is not there afterwards.",
        "Rows that had it need another one, and code that writes it fails.",
        "Record what its rows become: `# migrate-kit: enum-map <type>.<value>=<other>`.",
        "ALTER TYPE core.status RENAME TO status_before;\n"
        "CREATE TYPE core.status AS ENUM ('open', 'done');\n"
        "ALTER TABLE core.note ALTER COLUMN status TYPE core.status USING status::text::core.status;\n"
        "DROP TYPE core.status_before;\n",
        'op.execute("ALTER TYPE core.status RENAME TO status_before")\n'
        "# migrate-kit: enum-map core.status.draft=open\n"
        "op.execute(\"CREATE TYPE core.status AS ENUM ('open', 'done')\")\n"
        "op.execute(\n"
        '    "ALTER TABLE core.note ALTER COLUMN status TYPE core.status"\n'
        "    \" USING replace(status::text, 'draft', 'open')::core.status\"\n"
        ")\n"
        'op.execute("DROP TYPE core.status_before")\n',
        _dropped_enum_values,
        (Answers("SELECT 'draft'::core.status", "22P02"),),
        Severity.ERROR,
        decisions=("drop", "enum-map"),
    ),
    Rule(
        "truncate-table",
        Family.DATA_LOSS,
        "A table that existed before the revision is truncated.",
        "All its rows are gone, and with CASCADE those of other tables.",
        "Say why: `# migrate-kit: allow=truncate-table because …`.",
        "TRUNCATE core.note;\n",
        '# migrate-kit: allow=truncate-table because it is a cache\nop.execute("TRUNCATE core.note")\n',
        _truncated,
        (Answers("SELECT count(*) FROM core.note", "0"),),
        Severity.ERROR,
        decisions=("drop",),
        squawk=("ban-truncate-cascade",),
    ),
    Rule(
        "delete-rows",
        Family.DATA_LOSS,
        "Rows of a table that existed before the revision are deleted.",
        "They are gone; no downgrade brings them back.",
        "Say why: `# migrate-kit: allow=delete-rows because …`.",
        "DELETE FROM core.note WHERE pages IS NULL;\n",
        "# migrate-kit: allow=delete-rows because empty notes were never shown\n"
        'op.execute("DELETE FROM core.note WHERE pages IS NULL")\n',
        _deleted,
        (Answers("SELECT count(*) FROM core.note", "2"),),
        Severity.ERROR,
        decisions=("drop",),
    ),
    Rule(
        "narrow-type",
        Family.DATA_LOSS,
        "A column gets a type that holds less.",
        "Values that do not fit fail the upgrade; where the server rounds or cuts (or USING does), they lose a part "
        "without a word, which is an error here.",
        "Check the rows first; record a wanted conversion: `# migrate-kit: using <column>=<expression>`.",
        "ALTER TABLE core.note ALTER COLUMN title TYPE varchar(5);\n",
        "ALTER TABLE core.note ALTER COLUMN title TYPE varchar(200);\n",
        _narrowed,
        (Fails("22001"),),
        decisions=("using",),
        also=(Family.FAILING,),
    ),
    Rule(
        "drop-cascade",
        Family.DATA_LOSS,
        "CASCADE drops something that the statement does not name.",
        "Views and foreign keys disappear that nobody has looked at.",
        "Drop or redefine what depends on it by name, first.",
        "DROP VIEW core.titles CASCADE;\n",
        "CREATE OR REPLACE VIEW core.long_titles AS SELECT title FROM core.note WHERE length(title) > 20;\n"
        "DROP VIEW core.titles;\n",
        _cascaded,
        (Answers("SELECT count(*) FROM core.long_titles", "42P01"),),
        given="CREATE VIEW core.titles AS SELECT title FROM core.note;\n"
        "CREATE VIEW core.long_titles AS SELECT title FROM core.titles WHERE length(title) > 20;\n",
        decisions=("drop",),
    ),
    Rule(
        "set-unlogged",
        Family.DATA_LOSS,
        "A table becomes unlogged.",
        "After a crash the server empties it, and standbys do not have it.",
        "Leave it logged; make unlogged what can be made again.",
        "ALTER TABLE core.note SET UNLOGGED;\n",
        "CREATE UNLOGGED TABLE core.cache (id bigint PRIMARY KEY);\n",
        _unlogged,
        (Answers("SELECT relpersistence FROM pg_class WHERE oid = 'core.note'::regclass", "u"), Rewrites("core.note")),
        Severity.ERROR,
    ),
)
