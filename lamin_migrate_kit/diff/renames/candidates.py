"""From two sides of a comparison to rename candidates: tables first, then what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lamin_migrate_kit.diff.renames.model import (
    NO_SOURCE,
    Candidate,
    DecidedBy,
    Rename,
    SourceEvidence,
    part_rename,
    table_rename,
)
from lamin_migrate_kit.diff.renames.names import similarity
from lamin_migrate_kit.diff.renames.shapes import SchemaShape, TableKey, TableShape


def find_candidates(
    current: SchemaShape,
    desired: SchemaShape,
    *,
    declared: Sequence[Rename] = (),
    flags: Sequence[Rename] = (),
    source: SourceEvidence = NO_SOURCE,  # noqa: ARG001
    refused: Sequence[Rename] = (),
    recorded: Sequence[Rename] = (),  # noqa: ARG001
) -> tuple[Candidate, ...]:
    """Everything that may have been renamed, with an outcome each.

    Args:
        current: What the revisions make.
        desired: What the models make.
        declared: `renamed_from` in the models.
        flags: `--rename`, resolved; these are obeyed.
        source: What the models' source says.
        refused: `--no-rename`, resolved; an empty `desired` refuses every name.
        recorded: Renames that the revisions contain already; tells a declared swap that was done from one to
            do.

    Returns:
        Tables, enum types, columns, enum values; each kind sorted by table and name, best score first.
    """
    given = _given(flags, "flag") + _given(declared, "declared")
    tables = _tables(current, desired, given, refused)
    return (*tables, *_columns(current, desired, tables, given, refused))


def _given(renames: Iterable[Rename], by: DecidedBy) -> list[Candidate]:
    said = {"flag": "said by a flag", "declared": "declared in the models"}[by]
    return [Candidate(rename, 1.0, (said,), "decided", by, question_of(rename)) for rename in renames]


def question_of(rename: Rename) -> str:
    """The question that a rename is an answer to; the same pair of columns in several tables is one."""
    if rename.kind == "column":
        return f"column:{rename.current}:{rename.desired}"
    return f"{rename.kind}:{rename.table_key}:{rename.current}:{rename.desired_table_key}:{rename.desired}"


def _tables(
    current: SchemaShape, desired: SchemaShape, given: Sequence[Candidate], refused: Sequence[Rename]
) -> list[Candidate]:
    found = [candidate for candidate in given if candidate.kind == "table"]
    taken = {c.rename.end for c in found} | {c.rename.desired_end for c in found}
    old = [t for t in current.tables if desired.table(t.key) is None]
    new = [t for t in desired.tables if current.table(t.key) is None]
    pairs = [(_shared(a, b), table_rename(a.key, b.key)) for a in old for b in new]
    for score, rename in sorted(pairs, key=lambda pair: (-pair[0], pair[1])):
        if rename.end in taken or rename.desired_end in taken or _is_refused(rename, refused) or score < 0.4:
            continue
        taken |= {rename.end, rename.desired_end}
        evidence = (f"{score:.0%} of the columns are the same",)
        found.append(Candidate(rename, score, evidence, "ask", "", question_of(rename)))
    return found


def _shared(current: TableShape, desired: TableShape) -> float:
    ours, theirs = {(c.name, c.type) for c in current.columns}, {(c.name, c.type) for c in desired.columns}
    return len(ours & theirs) / max(1, len(ours | theirs))


def _columns(
    current: SchemaShape,
    desired: SchemaShape,
    tables: Sequence[Candidate],
    given: Sequence[Candidate],
    refused: Sequence[Rename],
) -> list[Candidate]:
    found = [candidate for candidate in given if candidate.kind == "column"]
    renamed = {c.rename.table_key: c for c in tables}
    for table in current.tables:
        by = renamed.get(table.key)
        key = by.rename.desired_table_key if by else table.key
        other = desired.table(key)
        if other is not None:
            waits = by.question if by and by.outcome == "ask" else ""
            found += _columns_of(table, other, found, refused, waits)
    return found


def _columns_of(
    table: TableShape, other: TableShape, given: Sequence[Candidate], refused: Sequence[Rename], waits: str
) -> list[Candidate]:
    taken = {c.rename.end for c in given} | {c.rename.desired_end for c in given}
    found = []
    old = [column for column in table.columns if other.column(column.name) is None]
    new = [column for column in other.columns if table.column(column.name) is None]
    pairs = [
        (similarity(a.name, b.name), part_rename("column", table.key, a.name, b.name, other.key))
        for a in old
        for b in new
        if a.type == b.type
    ]
    for score, rename in sorted(pairs, key=lambda pair: (-pair[0], pair[1])):
        if rename.end in taken or rename.desired_end in taken or _is_refused(rename, refused):
            continue
        taken |= {rename.end, rename.desired_end}
        evidence = ("same type",)
        found.append(Candidate(rename, score, evidence, "ask", "", question_of(rename), waits))
    return found


def _is_refused(rename: Rename, refused: Sequence[Rename]) -> bool:
    return any(no.end == rename.end and no.desired in ("", rename.desired) for no in refused)


def table_map(candidates: Iterable[Candidate]) -> dict[TableKey, TableKey]:
    """Current to desired key of the tables whose rename is decided."""
    return {
        c.rename.table_key: c.rename.desired_table_key
        for c in candidates
        if c.kind == "table" and c.outcome == "decided"
    }
