"""A report as Markdown: for a job's summary, a comment on a pull request, and to keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lamin_migrate_kit.report.model import (
    ColumnAccount,
    Entity,
    Environment,
    Finding,
    Measured,
    Report,
    RowsAccount,
    Status,
)
from lamin_migrate_kit.report.redact import redact
from lamin_migrate_kit.report.terminal import beside_title, kept_and_not_compared, verdict

_MARKS = {Status.PASSED: "✅", Status.FAILED: "❌", Status.NOT_PROVEN: "❔"}
# GitHub takes 65,536 characters in a comment.
_LONGEST = 64_000
_LONGEST_CELL = 200
_MOST_ROWS = 100
_NOTE = "\n\n(cut: it is too long)\n"


def to_markdown(report: Report) -> str:
    """The report, its verdict first; cut with a note when it is longer than GitHub takes."""
    parts = (
        _head,
        _proofs,
        _missing,
        _findings,
        _heads,
        _operations,
        _diagram,
        _rows,
        _locks,
        _hazards,
        _sql,
        _remarks,
    )
    text = "\n\n".join("\n".join(lines) for part in parts if (lines := list(part(report)))) + "\n"
    return text if len(text) <= _LONGEST else _cut(text)


def _cut(text: str) -> str:
    """The beginning, with a fence that the cut left open closed again."""
    kept = text[: _LONGEST - 200].rpartition("\n")[0]
    open_fence = None
    for fence in re.findall(r"^(`{3,})", kept, re.MULTILINE):
        open_fence = None if fence == open_fence else open_fence or fence
    return kept + (f"\n{open_fence}" if open_fence else "") + _NOTE


def _head(report: Report) -> Iterator[str]:
    on = report.environment
    yield f"### `invoke {report.command}`, {report.module}: {verdict(report)}"
    yield ""
    versions = f"Python {on.python} · SQLAlchemy {on.sqlalchemy} · lamin_migrate_kit {on.kit} · packages {on.packages}"
    yield f"{on.postgres or 'no Postgres needed'} · {versions}"
    yield ""
    yield from _environment(on)


def _environment(on: Environment) -> list[str]:
    """All of the rest that can make a difference, folded away until somebody asks."""
    said = {"platform": on.platform, "alembic": on.alembic, "provider": on.provider, "image": on.image}
    fields = [(name, value) for name, value in said.items() if value]
    lines = [f"{name}: {value}" for name, value in (*fields, *on.settings)]
    return ["<details><summary>what it ran on</summary>", "", *_fenced("\n".join(lines), ""), "", "</details>"]


def _proofs(report: Report) -> Iterator[str]:
    rows = (
        (f"{_MARKS[one.status]} {one.status.value}", one.title, beside_title(one), f"{one.seconds:.2f}")
        for one in report.proofs
    )
    yield from _table(("", "proof", "", "seconds"), rows, numbers=1)


def _missing(report: Report) -> Iterator[str]:
    if report.missing:
        yield from ("Missing in `upgrade()`:", "", *_fenced("\n".join(report.missing), "python"))


def _findings(report: Report) -> Iterator[str]:
    """What has no table of its own: everything that failed or was not proven, and what old code cannot do."""
    first = True
    for proof in report.proofs:
        for finding in proof.findings:
            if proof.status is Status.PASSED and (finding.rule or proof.measured):
                continue
            yield from [] if first else [""]
            yield from _finding(proof.title, finding)
            first = False


def _heads(report: Report) -> Iterator[str]:
    if report.changes and report.changes.before != report.changes.after:
        yield f"Head: `{report.changes.before or 'none'}` → `{report.changes.after}`"


def _operations(report: Report) -> Iterator[str]:
    first = True
    for one in report.changes.sql if report.changes else ():
        if one.operations:
            yield from ["#### Operations", ""] if first else [""]
            yield from (f"`{one.revision}`:", "", *_fenced(redact(one.operations), "python"))
            first = False


def _diagram(report: Report) -> Iterator[str]:
    entities = report.changes.entities if report.changes else ()
    if entities:
        columns = (column for proof in report.proofs for one in proof.accounts for column in one.columns)
        renamed = {column.became: column.column for column in columns if column.fate == "renamed" and column.became}
        yield from ("#### Tables", "", *_fenced("\n".join(_entities(entities, renamed)), "mermaid"))


def _entities(entities: Sequence[Entity], renamed: Mapping[str, str]) -> Iterator[str]:
    """An entity diagram; what changed is marked by a comment beside the column, and in the table's name."""
    names = {entity.table: f"t{number}" for number, entity in enumerate(entities)}
    yield "erDiagram"
    for entity in entities:
        label = f"{entity.table} ({entity.change})" if entity.change else entity.table
        yield f'    {names[entity.table]}["{_quoted(label)}"] {{'
        for name, type_, change in entity.columns:
            whole = f"{entity.table}.{name}"
            if change == "dropped" and whole in renamed.values():
                continue
            mark = f"renamed from {renamed[whole].rpartition('.')[2]}" if whole in renamed else change
            yield f"        {_word(type_)} {_word(name)}" + (f' "{_quoted(mark)}"' if mark else "")
        yield "    }"
    for entity in entities:
        for other in entity.references:
            if other in names:
                yield f'    {names[entity.table]} }}o--|| {names[other]} : ""'


def _word(text: str) -> str:
    """What Mermaid takes for a type or a name: a letter, then letters, digits and underscores."""
    word = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    if word.lower() in ("pk", "fk", "uk"):  # its words for keys
        return f"{word}_"
    return word if word[:1].isalpha() else f"x_{word}"


def _quoted(text: str) -> str:
    return redact(text).replace('"', "#quot;").replace("\n", " ")


def _rows(report: Report) -> Iterator[str]:
    accounts = [account for proof in report.proofs for account in proof.accounts]
    if not accounts:
        return
    yield from ("#### Rows", "")
    cells = (_account(account, column) for account in accounts for column in account.columns)
    kept = "; ".join(
        f"{one.revision}: {sum(rows for _, rows in one.rows)} rows in {len(one.rows)} tables, {one.kept} columns kept"
        for one in accounts
    )
    yield kept
    lost = [f"{one.revision}: {rows} rows of {table}" for one in accounts for table, rows in one.lost_rows]
    if lost:
        yield from ("", _text(f"Rows that are gone: {'; '.join(lost)}"))
    if any(account.columns for account in accounts):
        yield ""
        header = ("revision", "column", "became", "fate", "values", "changed", "lost", "not back", "decided")
        yield from _table(header, cells)


def _account(account: RowsAccount, one: ColumnAccount) -> tuple[str, ...]:
    none = "" if one.fate == "new" else "no way back"
    not_back = none if one.not_back is None else str(one.not_back)
    numbers = (str(one.values), str(one.changed), str(one.lost), not_back)
    return (account.revision, one.column, one.became or "", one.fate, *numbers, one.decided)


def _locks(report: Report) -> Iterator[str]:
    measured = [one for proof in report.proofs for one in proof.measured]
    if measured:
        yield from ("#### Locks", "")
        yield from _table(("line", "statement", "locks", "waits", "rewritten", "read in full"), map(_lock, measured))


def _lock(one: Measured) -> tuple[str, ...]:
    locks = ", ".join(f"{mode} on {relation}" for relation, mode in one.locks)
    scanned = ", ".join(f"{table} ({rows})" for table, rows in one.scanned)
    sql = f"{one.sql} (outside of a transaction)" if one.autocommit else one.sql
    place = f"{one.file.rpartition('/')[2]}:{one.line}"
    return (place, _Code(sql), locks, ", ".join(one.blocks), ", ".join(one.rewritten), scanned)


def _hazards(report: Report) -> Iterator[str]:
    found = [finding for proof in report.proofs for finding in proof.findings if finding.rule]
    if found:
        yield from ("#### Hazards", "")
        yield from _table(("severity", "rule", "what", "where"), map(_hazard, found))


def _hazard(one: Finding) -> tuple[str, ...]:
    place = f"{(one.file or '').rpartition('/')[2]}:{one.line or ''}".strip(":")
    return (one.severity or "", one.rule or "", one.message.removeprefix(f"{one.rule}: "), place)


def _sql(report: Report) -> Iterator[str]:
    first = True
    for one in report.changes.sql if report.changes else ():
        for way, text in (("upgrade", one.upgrade), ("downgrade", one.downgrade)):
            yield from ["#### SQL", ""] if first else [""]
            yield from (f"`{one.revision}`, {way}:", "", *_fenced(redact(text) or "-- nothing", "sql"))
            first = False


def _remarks(report: Report) -> Iterator[str]:
    remarks = [*report.notes, *kept_and_not_compared(report.kept, report.not_compared)]
    if remarks:
        yield "\n\n".join(map(_text, remarks))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> Iterator[str]:
    """A table; the last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    yield from (f"| {' | '.join(header)} |".replace("|  |", "| |"), f"| {' | '.join(rules)} |")
    listed = list(rows)
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in listed[:_MOST_ROWS])
    if len(listed) > _MOST_ROWS:
        yield f"| … and {len(listed) - _MOST_ROWS} more; ci.json has them all |" + " |" * (len(header) - 1)


class _Code(str):
    """Text in which nothing is Markdown, and no @name somebody to tell."""


def _cell(text: str) -> str:
    shown = " ".join(redact(text).split())
    short = shown if len(shown) <= _LONGEST_CELL else f"{shown[:_LONGEST_CELL]}…"
    if isinstance(text, _Code):
        # GitHub takes cells apart first: only a pipe is escaped in code.
        return _code(short).replace("|", "\\|")
    return _text(short.replace("\\", "\\\\").replace("|", "\\|"))


def _code(text: str) -> str:
    """Text between as many backticks as it takes."""
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _text(text: str) -> str:
    """Text in which names and values are not taken for tags or for emphasis."""
    escaped = re.sub(r"[*`~]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", redact(text))
    return escaped.replace("<", "&lt;")


def _finding(title: str, finding: Finding) -> list[str]:
    place = f"`{finding.file}:{finding.line}`" if finding.line else f"`{finding.file}`" if finding.file else ""
    lines = [f"**{_cell(title)}**: {_text(finding.message)} {place}".rstrip()]
    if finding.details:
        lines += ["", *_fenced(redact(finding.details), "")]
    if finding.next_command:
        lines += ["", *_fenced(finding.next_command, "sh")]
    return lines


def _fenced(text: str, language: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}{language}", text.rstrip(), fence]
