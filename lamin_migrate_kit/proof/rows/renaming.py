"""The rename that somebody may have meant who wrote a drop and an add."""

from __future__ import annotations

from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
from lamin_migrate_kit.diff.renames import Candidate, TableKey, find_candidates, shapes_of
from lamin_migrate_kit.operations.spelling.renames import lower_renames

_LIKELY = 0.3
"""Below this score two objects have little more in common than that one went and the other came."""


def rename_instead(current: Catalog, desired: Catalog | None, gone: ObjectKey) -> tuple[str, ...]:
    """Lines of Python that rename what went to the likeliest of what came; none when nothing that came is like it.

    Args:
        current: The catalog before the revision.
        desired: The catalog after it.
        gone: The table or column that went.
    """
    if desired is None:
        return ()
    kind, name = ("column", gone.part) if gone.kind == "column" else ("table", gone.name)
    candidates = [
        one
        for one in find_candidates(shapes_of(current), shapes_of(desired))
        if (one.kind, one.rename.table_key, one.rename.current) == (kind, TableKey(gone.schema, gone.name), name)
    ]
    best = max(candidates, key=lambda one: one.score, default=None)
    if best is None or (best.outcome == "none" and best.score < _LIKELY):
        return ()
    return _lines(best, current, desired)


def _lines(candidate: Candidate, current: Catalog, desired: Catalog) -> tuple[str, ...]:
    operations = lower_renames([candidate], current, desired).upgrade
    return tuple(line for operation in operations for line in operation.lines)
