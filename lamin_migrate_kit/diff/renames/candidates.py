"""From two sides of a comparison to rename candidates: tables first, then what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lamin_migrate_kit.diff.renames.declarations import Declaration, declared_columns, declared_tables
from lamin_migrate_kit.diff.renames.model import NO_SOURCE, Candidate, DecidedBy, Kind, Rename, SourceEvidence
from lamin_migrate_kit.diff.renames.part_search import search_columns, search_values, table_map_of
from lamin_migrate_kit.diff.renames.shapes import SchemaShape, TableKey
from lamin_migrate_kit.diff.renames.sides import Refusals, matched, question_of
from lamin_migrate_kit.diff.renames.table_search import search_enums, search_tables

_SAID: dict[DecidedBy, str] = {"flag": "said by a flag", "declared": "declared in the models"}


def find_candidates(
    current: SchemaShape,
    desired: SchemaShape,
    *,
    declared: Sequence[Declaration] = (),
    flags: Sequence[Rename] = (),
    source: SourceEvidence = NO_SOURCE,
    refused: Sequence[Rename] = (),
    recorded: Sequence[Rename] = (),
) -> tuple[Candidate, ...]:
    """Everything that may have been renamed, with an outcome each.

    Args:
        current: What the revisions make.
        desired: What the models make.
        declared: `renamed_from` in the models; followed where there is still something to rename.
        flags: `--rename`, resolved; these are obeyed, also against declarations.
        source: What the models' source says.
        refused: `--no-rename`, resolved; an empty `desired` refuses every name.
        recorded: Renames that revisions have done already; tells a declared swap that was done from one to do.

    Returns:
        Tables, enum types, columns, enum values; each kind sorted by table and name, best score first.
    """
    refusals = Refusals(tuple(refused))
    wanted = [r for r in declared_tables(declared, current, desired, recorded) if refusals.allow(r)]
    tables = search_tables(current, desired, _given("table", flags, wanted), refusals, source)
    known = table_map_of(tables)
    enums = search_enums(current, desired, _given("enum", flags), known, refusals)
    flags = _follow_tables(flags, [*tables, *enums])
    both = [(a.key, b.key) for a, b, _ in matched(tables, current.tables, desired.tables)]
    wanted = [r for r in declared_columns(declared, both, current, desired, recorded) if refusals.allow(r)]
    columns = search_columns(current, desired, _given("column", flags, wanted), tables, enums, refusals, source)
    values = search_values(current, desired, _given("enum_value", flags), enums, refusals)
    return (*tables, *enums, *columns, *values)


def _given(kind: Kind, flags: Iterable[Rename], declared: Iterable[Rename] = ()) -> list[Candidate]:
    """What is decided without evidence; of two about the same object, a flag before a declaration."""
    given = [_decided(rename, "flag") for rename in flags if rename.kind == kind]
    for rename in declared:
        ends, desired_ends = {c.rename.end for c in given}, {c.rename.desired_end for c in given}
        if rename.end not in ends and rename.desired_end not in desired_ends:
            given.append(_decided(rename, "declared"))
    return sorted(given, key=lambda c: c.rename)


def _decided(rename: Rename, by: DecidedBy) -> Candidate:
    return Candidate(rename, 1.0, (_SAID[by],), "decided", by, question_of(rename))


def _follow_tables(flags: Iterable[Rename], found: Iterable[Candidate]) -> list[Rename]:
    """Flags about columns and values name their table as it is called now; where it went is known only here."""
    went = {c.rename.table_key: c.rename.desired_table_key for c in found if c.outcome != "none"}
    moved = []
    for rename in flags:
        schema, table = went.get(rename.table_key, rename.table_key)
        part = rename.kind in ("column", "enum_value")
        moved.append(replace(rename, desired_schema=schema, desired_table=table) if part else rename)
    return moved


def table_map(candidates: Iterable[Candidate]) -> dict[TableKey, TableKey]:
    """Current to desired key of the tables whose rename is decided.

    Args:
        candidates: As `find_candidates` gives them.
    """
    decided = (c.rename for c in candidates if c.kind == "table" and c.outcome == "decided")
    return {rename.table_key: rename.desired_table_key for rename in decided}
