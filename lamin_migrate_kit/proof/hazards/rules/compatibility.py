"""What code that is still running calls by a name, or leaves out of an INSERT."""

from __future__ import annotations

from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import Column, Function, ObjectKey, View
from lamin_migrate_kit.proof.hazards.model import Answers, Family, Hit, Rule
from lamin_migrate_kit.proof.hazards.rules.asking import value_renames
from lamin_migrate_kit.proof.locks.model import RevisionTrace


def _renamed_tables(trace: RevisionTrace) -> Iterator[Hit]:
    views = {(view.key.schema, view.key.name) for view in trace.after.of(View)}
    for statement in trace.statements:
        schemas = {key.name for key in statement.renamed if key.kind == "schema"}
        for former, later in sorted(statement.renamed.items()):
            stays = (former.schema, former.name) in views or former.schema in schemas
            if former.kind == "table" and former in statement.existing and not stays:
                yield Hit(statement, former, f"renames table {former} to {later}")


def _renamed_columns(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for former, later in sorted(statement.renamed.items()):
            if former.kind == "column" and former in statement.existing and former.part != later.part:
                yield Hit(statement, former, f"renames column {former} to {later.part}")


def _renamed_values(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for enum, old, new in value_renames(statement):
            yield Hit(
                statement, ObjectKey("enum", enum.schema, enum.name, old), f"renames {old!r} of {enum} to {new!r}"
            )


def _renamed_schemas(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for former, later in sorted(statement.renamed.items()):
            if former.kind == "schema" and former in statement.existing:
                yield Hit(statement, former, f"renames schema {former} to {later}")


def _dropped_views(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for view in statement.dropped(View):
            if view.key in trace.before.objects and view.key not in trace.after.objects:
                yield Hit(statement, view.key, f"drops {view.key.kind.replace('_', ' ')} {view.key}")


def _dropped_functions(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for function in statement.dropped(Function):
            if function.key in trace.before.objects and function.key not in trace.after.objects:
                yield Hit(statement, function.key, f"drops {function.key.kind} {function.key}")


def _dropped_defaults(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for before, after in statement.changed(Column):
            had = bool(before.default or before.identity)
            later = trace.after.objects.get(after.key)
            has = isinstance(later, Column) and bool(later.default or later.identity or not later.not_null)
            if had and not has and after.not_null and isinstance(later, Column):
                yield Hit(statement, before.key, f"takes the default from {before.key}, which must have a value")


RULES = (
    Rule(
        "rename-table",
        Family.COMPATIBILITY,
        "A table gets another name, and nothing has the former one.",
        "Code of the release before fails with every query on it, until it is replaced everywhere.",
        "Leave a view under the former name for a release, or record that code and schema go together: "
        "`# migrate-kit: rename <table> -> <name>`.",
        "ALTER TABLE core.note RENAME TO memo;\n",
        "ALTER TABLE core.note RENAME TO memo;\nCREATE VIEW core.note AS SELECT * FROM core.memo;\n",
        _renamed_tables,
        (Answers("SELECT count(*) FROM core.note", "42P01"),),
        decisions=("rename",),
        squawk=("renaming-table",),
    ),
    Rule(
        "rename-column",
        Family.COMPATIBILITY,
        "A column gets another name.",
        "Code of the release before fails with every query that names it, until it is replaced everywhere.",
        "Add a column and move over in two releases, or record that code and schema go together: "
        "`# migrate-kit: rename <column> -> <name>`.",
        "ALTER TABLE core.note RENAME COLUMN title TO heading;\n",
        "ALTER TABLE core.note ADD COLUMN heading varchar(80);\n",
        _renamed_columns,
        (Answers("SELECT title FROM core.note", "42703"),),
        decisions=("rename",),
        squawk=("renaming-column",),
    ),
    Rule(
        "rename-enum-value",
        Family.COMPATIBILITY,
        "A value of an enum type gets another name.",
        "Code of the release before writes and looks for a value that does not exist.",
        "Add a value and move rows over in two releases, or record it: `# migrate-kit: rename <type>.<value> -> <name>`.",
        "ALTER TYPE core.status RENAME VALUE 'draft' TO 'new';\n",
        "ALTER TYPE core.status ADD VALUE 'new';\n",
        _renamed_values,
        (Answers("SELECT 'draft'::core.status", "22P02"),),
        decisions=("rename",),
    ),
    Rule(
        "rename-schema",
        Family.COMPATIBILITY,
        "A schema gets another name.",
        "Code of the release before finds none of its tables.",
        "Make the new schema beside it and move over in two releases.",
        "ALTER SCHEMA core RENAME TO knowledge;\n",
        "CREATE SCHEMA knowledge;\n",
        _renamed_schemas,
        (Answers("SELECT count(*) FROM core.note", "42P01"),),
        decisions=("rename",),
    ),
    Rule(
        "drop-view",
        Family.COMPATIBILITY,
        "A view that existed before the revision is not there afterwards.",
        "Code of the release before fails with every query on it.",
        "Replace it in place, and drop it a release after the last code that reads it: "
        "`# migrate-kit: drop <view> because …`.",
        "DROP VIEW core.titles;\n",
        "CREATE OR REPLACE VIEW core.titles AS SELECT title, pages FROM core.note;\n",
        _dropped_views,
        (Answers("SELECT title FROM core.titles", "42P01"),),
        given="CREATE VIEW core.titles AS SELECT title FROM core.note;\n",
        decisions=("drop",),
    ),
    Rule(
        "drop-function",
        Family.COMPATIBILITY,
        "A function that existed before the revision is not there afterwards with the same arguments.",
        "Code of the release before, and triggers and defaults elsewhere, fail when they call it.",
        "Replace it in place, and drop it a release after the last code that calls it: "
        "`# migrate-kit: drop <function> because …`.",
        "DROP FUNCTION core.twice(integer);\n",
        "CREATE OR REPLACE FUNCTION core.twice(integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * $1';\n",
        _dropped_functions,
        (Answers("SELECT core.twice(2)", "42883"),),
        given="CREATE FUNCTION core.twice(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + $1';\n",
        decisions=("drop",),
    ),
    Rule(
        "required-without-default",
        Family.COMPATIBILITY,
        "A column that must have a value loses its default.",
        "Code of the release before, which leaves it out, cannot insert a row.",
        "Take the default away a release after the code that relies on it is gone; let it be NULL until then.",
        "ALTER TABLE core.note ALTER COLUMN title DROP DEFAULT;\n",
        "ALTER TABLE core.note ALTER COLUMN title DROP NOT NULL;\n",
        _dropped_defaults,
        (Answers("INSERT INTO core.note (id) VALUES (99) RETURNING id", "23502"),),
    ),
)
