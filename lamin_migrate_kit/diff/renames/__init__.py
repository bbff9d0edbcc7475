"""Telling a rename from a drop and an add: candidates, evidence, scores, decisions, how they are written.

Pure: takes values, returns values. The way in is `find_candidates(shapes_of(current), shapes_of(desired), …)`;
a candidate is *decided* (by a flag, a declaration or evidence), *to ask*, or *none*. Nothing is a rename unless
it is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.diff.renames.catalog_shapes import shapes_of
from lamin_migrate_kit.diff.renames.declarations import Declaration, stale_declarations
from lamin_migrate_kit.diff.renames.grammar import (
    Recorded,
    RenameFlag,
    flag_of,
    parse_comment,
    parse_names,
    parse_rename,
    render_comment,
    render_flag,
    render_names,
)
from lamin_migrate_kit.diff.renames.model import (
    NO_SOURCE,
    Candidate,
    Rename,
    SourceChange,
    SourceEvidence,
    part_rename,
    table_rename,
)
from lamin_migrate_kit.diff.renames.resolution import resolve, resolve_all, resolve_refusals
from lamin_migrate_kit.diff.renames.shapes import (
    ColumnShape,
    EnumShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
    stored_name,
)
from lamin_migrate_kit.diff.renames.sides import question_of

if TYPE_CHECKING:
    from lamin_migrate_kit.diff.renames.candidates import find_candidates, table_map

__all__ = [
    "NO_SOURCE",
    "Candidate",
    "ColumnShape",
    "Declaration",
    "EnumShape",
    "ForeignTarget",
    "Recorded",
    "Rename",
    "RenameFlag",
    "SchemaShape",
    "SourceChange",
    "SourceEvidence",
    "TableKey",
    "TableShape",
    "find_candidates",
    "flag_of",
    "parse_comment",
    "parse_names",
    "parse_rename",
    "part_rename",
    "question_of",
    "render_comment",
    "render_flag",
    "render_names",
    "resolve",
    "resolve_all",
    "resolve_refusals",
    "shapes_of",
    "stale_declarations",
    "stored_name",
    "table_map",
    "table_rename",
]


def __getattr__(name: str) -> object:
    # The search is loaded where there is something to search: most comparisons find the same names on both sides.
    if name in ("find_candidates", "table_map"):
        from lamin_migrate_kit.diff.renames import candidates

        return getattr(candidates, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
