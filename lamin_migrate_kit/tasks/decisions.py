"""The flags that decide what no comparison can know, the same for all tasks that compare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamin_migrate_kit.decisions import Decisions

Flags = Iterable[str] | None

DECISION_HELP = {
    "rename": "One object under a new name, as core.notebook.v:version. Repeatable, as all of these.",
    "no-rename": "Two objects and no rename, as core.notebook.v:version.",
    "drop": "Drop this object that only revisions make, or that holds rows: core.notebook.notes.",
    "keep": "Keep this object although the models do not have it.",
    "backfill": "The value for rows that have none yet, as core.notebook.title='untitled'.",
    "enum-map": "The value that takes a dropped enum value's place, as core.status.draft=open.",
    "using": "The expression that converts a column, as core.run.size=size::bigint.",
}
DECISION_FLAGS = ("rename", "no_rename", "drop", "keep", "backfill", "enum_map", "using")


def read_decisions(
    rename: Flags,
    no_rename: Flags,
    drop: Flags,
    keep: Flags,
    backfill: Flags,
    enum_map: Flags,
    using: Flags,
    *,
    no_renames: bool = False,
    assume_empty: bool = False,
) -> Decisions:
    """The flags as a value.

    Args:
        rename: And the others: as typed, each a list.
        no_renames: Look for no renames at all: what is gone is dropped, what is new is created.
        assume_empty: The tables hold nothing that matters.
    """
    from lamin_migrate_kit.decisions import Decisions

    return Decisions(
        renames=tuple(rename or ()),
        no_renames=tuple(no_rename or ()),
        drops=tuple(drop or ()),
        keeps=tuple(keep or ()),
        backfills=tuple(backfill or ()),
        enum_maps=tuple(enum_map or ()),
        usings=tuple(using or ()),
        rename_mode="none" if no_renames else "decide",
        assume_empty=assume_empty,
    )
