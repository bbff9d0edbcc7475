"""Decisions as the comments that record them in a revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.diff.naming import dotted, follow_renames, render_key
from lamin_migrate_kit.diff.renames import Rename, parse_rename
from lamin_migrate_kit.operations.model import Operation


def drop_reasons(decisions: Decisions, renames: Iterable[Rename]) -> dict[str, str]:
    """Which flag says of what, by its dotted name after renames, that it goes."""
    found = {}
    for text in decisions.no_renames:
        for name in follow_renames([".".join(parse_rename(text).current)], renames):
            found[name] = f"--no-rename {text} says so"
    for text in decisions.drops:
        found |= dict.fromkeys(follow_renames([dotted(text)], renames), "--drop says so")
    return found


def record_drop(operation: Operation, reasons: Mapping[str, str], aside: Iterable[Rename] = ()) -> Operation:
    """A drop that loses something, or that somebody asked for, is a decision, and stands as such in the file.

    Args:
        operation: Any operation.
        reasons: From `drop_reasons`.
        aside: What stepped aside before it is dropped: the decision is about the name that people know.
    """
    if operation.action != "drop":
        return operation
    key = next((former for one in aside if (former := _before_aside(operation.key, one))), operation.key)
    reason = reasons.get(str(key)) or ("the models no longer declare it" if operation.loses else None)
    if reason is None:
        return operation
    comment = f"migrate-kit: drop {render_key(key)} because {reason}"
    return replace(operation, comments=(*operation.comments, comment))


def _before_aside(key: ObjectKey, aside: Rename) -> ObjectKey | None:
    """What a table, type or column was called before it stepped aside; None when it is another one that did."""
    part = aside.kind == "column"
    stepped = ObjectKey(aside.kind, *aside.desired_table_key, aside.desired if part else "")
    return ObjectKey(aside.kind, *aside.table_key, aside.current if part else "") if key == stepped else None


def record_keep(key: ObjectKey, reason: str) -> str:
    """The comment that keeps what models do not declare, in this revision and from then on."""
    return f"# migrate-kit: keep {render_key(key)} because {reason}"
