"""What is wrong with what became of rows, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.diff.naming import render_key
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.outcome import counted
from lamin_migrate_kit.proof.rows.account import ColumnFate, TableFate
from lamin_migrate_kit.proof.rows.asking import without_values
from lamin_migrate_kit.proof.rows.renaming import rename_instead
from lamin_migrate_kit.proof.rows.walk import Failure, Step, is_about_values
from lamin_migrate_kit.proof.source import finding_from
from lamin_migrate_kit.report.model import ColumnAccount, Finding, RowsAccount

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

_LONGEST_MESSAGE = 240
NOTE = "note"
"""The severity of what is said and fails nothing."""


def find_losses(module: SchemaModule, step: Step) -> tuple[Finding, ...]:
    """What one revision does to rows that nobody decided; of a released one a remark, as it cannot be mended."""
    found = (*_failed(module, step), *_lost_on_the_way_up(module, step), *_lost_on_the_way_back(module, step))
    if step.revision.version is None:
        return found
    return tuple(_as_note(finding) for finding in found)


def account_of(module: SchemaModule, step: Step) -> RowsAccount:
    """The step as a value for reports."""
    back = _columns_by_key(step.back)
    columns = [_column(step, table, column, back) for table in step.up for column in table.columns]
    worth_telling = tuple(one for one in columns if one.fate != "kept" or one.not_back)
    return RowsAccount(
        revision=step.revision.id,
        file=module.shown(step.revision.path),
        rows=tuple((str(table.table), table.rows) for table in step.up if not table.new),
        lost_rows=tuple((str(table.table), table.lost_rows) for table in step.up if table.lost_rows),
        kept=len(columns) - len(worth_telling),
        columns=worth_telling,
    )


def _column(
    step: Step, table: TableFate, column: ColumnFate, came_back: Mapping[ObjectKey, ColumnFate]
) -> ColumnAccount:
    back = came_back.get(column.column)
    return ColumnAccount(
        column=str(column.column),
        fate=column.fate,
        became=str(column.became) if column.became else None,
        values=column.values,
        changed=column.changed,
        lost=column.lost,
        not_back=back.changed + back.lost if back and column.before else None,
        decided=_decided(step, table, column),
    )


def _columns_by_key(fates: tuple[TableFate, ...] | None) -> Mapping[ObjectKey, ColumnFate]:
    """The columns that were there before."""
    every = (one for table in fates or () for one in table.columns)
    return {one.column: one for one in every if one.before is not None}


def _decided(step: Step, table: TableFate, column: ColumnFate) -> str:
    if not (column.changed or column.lost):
        return ""
    if column.before and column.before.generated:
        return "computed from other columns"
    former = {table.table for table in step.up if not table.new}
    former |= {one.column for table in step.up for one in table.columns if one.before}
    return step.decided.about_column(table, column, former)


def _failed(module: SchemaModule, step: Step) -> Iterator[Finding]:
    if step.failure:
        yield _of_failure(module, step, step.failure)
    if step.refused and not step.failure:
        found = _told(module, step, step.refused)
        what = "some rows stop the upgrade, which loses nothing then; it was proven with rows that it takes"
        yield Finding(f"{found.message} ({what})", found.revision, found.file, found.line, found.details, severity=NOTE)


def _told(module: SchemaModule, step: Step, error: MigrationError) -> Finding:
    found = finding_from(error, module, revision=step.revision.id)
    hide = step.private or len(found.message) > _LONGEST_MESSAGE
    return replace(found, message=without_values(found.message)) if hide else found


def _of_failure(module: SchemaModule, step: Step, failure: Failure) -> Finding:
    found = _told(module, step, failure.error)
    again = "again, after its downgrade, " if failure.when == "upgrade again" else ""
    how = f"run {again}on tables with rows; it works on empty ones"
    files = "correct it, or write rows that it takes into migrations/rows/<schema>.<table>.sql, then: invoke ci"
    command = files if is_about_values(failure.error) else None
    return Finding(f"{found.message} ({how})", found.revision, found.file, found.line, found.details, command)


def _lost_on_the_way_up(module: SchemaModule, step: Step) -> Iterator[Finding]:
    for table in step.up:
        if table.lost_rows and not step.decided.about_rows(table):
            yield _lost_rows(module, step, table)
            continue
        undecided = [one for one in table.columns if (one.lost or one.changed) and not _decided(step, table, one)]
        for column in undecided:
            yield _lost_values(module, step, column)


def _lost_rows(module: SchemaModule, step: Step, table: TableFate) -> Finding:
    gone = "the table is gone" if table.became is None else "the table is still there"
    instead = rename_instead(step.current, step.desired, table.table) if table.became is None else ()
    dropped = (table.table,) if table.became is None else table.gone
    words = [f"drop {render_key(key)}" for key in dropped] or ["allow=delete-rows"]
    comment = "\n".join(f"# migrate-kit: {word} because …" for word in words)
    return Finding(
        f"upgrade() of {step.revision.id} loses {table.lost_rows} of {counted(table.rows, 'row')} of {table.table}"
        f" ({gone}), and records no decision on it.",
        step.revision.id,
        module.shown(step.revision.path),
        step.decided.line_about("upgrade", table.table.name),
        details=_rename_words(instead),
        next_command="\n".join(instead) or f"{comment}   above the operation, or keep the rows",
    )


def _lost_values(module: SchemaModule, step: Step, column: ColumnFate) -> Finding:
    gone = column.fate == "dropped"
    instead = rename_instead(step.current, step.desired, column.column) if column.lost else ()
    word = "drop" if gone or column.fate == "emptied" else "using"
    comment = f"# migrate-kit: {word} {render_key(column.column)}{'=<expression>' if word == 'using' else ' because …'}"
    return Finding(
        f"upgrade() of {step.revision.id} {in_words(column)}, and records no decision on it.",
        step.revision.id,
        module.shown(step.revision.path),
        step.decided.line_about("upgrade", column.column.name, column.column.part),
        details=_rename_words(instead),
        next_command="\n".join(instead) or f"{comment}   above the operation, or keep the values",
    )


def _rename_words(instead: tuple[str, ...]) -> str:
    return "It looks like a rename that is written as a drop and an add; a rename keeps the values." if instead else ""


def in_words(column: ColumnFate) -> str:
    """`drops core.note.body with its 2 values`."""
    if column.fate == "dropped":
        return f"drops {column.column} with its {counted(column.values, 'value')}"
    if column.fate == "emptied":
        return f"empties {column.column}, which held {counted(column.values, 'value')}"
    parts = [f"changes {column.changed}"] if column.changed else []
    parts += [f"loses {column.lost}"] if column.lost else []
    types = ""
    if column.before and column.after and column.before.type != column.after.type:
        types = f" ({column.before.type} -> {column.after.type})"
    return f"{' and '.join(parts)} of the {counted(column.values, 'value')} of {column.column}{types}"


def _lost_on_the_way_back(module: SchemaModule, step: Step) -> Iterator[Finding]:
    """What the upgrade kept and the downgrade destroyed; what the upgrade itself gave up cannot come back."""
    up = {column.column: column for table in step.up for column in table.columns if column.before}
    rows_up = {table.table: table.lost_rows for table in step.up}
    for table in step.back or ():
        lines = [
            f"{column.column}: {counted(destroyed, 'value')} gone{_until(up[column.column])}"
            for column in table.columns
            if (destroyed := _destroyed(up, column)) and not _decided(step, table, column)
        ]
        rows = table.lost_rows - rows_up.get(table.table, 0)
        if rows > 0 and not step.decided.about_rows(table):
            lines = [f"{counted(rows, 'row')} of {table.rows} gone"]
        if lines:
            yield Finding(
                f"downgrade() of {step.revision.id} destroys values of {table.table}.",
                step.revision.id,
                module.shown(step.revision.path),
                step.decided.line_about("downgrade", table.table.name),
                details="\n".join(lines),
            )


def _destroyed(up: dict[ObjectKey, ColumnFate], column: ColumnFate) -> int:
    if column.before is None or column.before.generated or column.column not in up:
        return 0
    kept = up[column.column]
    return max(0, column.lost + column.changed - kept.lost - kept.changed)


def _until(column: ColumnFate) -> str:
    return f", still there in {column.became or column.column} after the upgrade"


def _as_note(finding: Finding) -> Finding:
    return Finding(
        finding.message, finding.revision, finding.file, finding.line, finding.details, None, finding.rule, NOTE
    )
