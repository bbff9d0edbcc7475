"""Decisions as the comments that record them in a revision."""

from __future__ import annotations

from dataclasses import replace

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.comparison.naming import dotted, render_key
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.operations.model import Operation


def record_drop(operation: Operation, decisions: Decisions, models: bool) -> Operation:
    """A drop that loses something, or that somebody asked for, is a decision, and stands as such in the file.

    Args:
        operation: Any operation.
        decisions: What is decided.
        models: Whether the desired side comes from models; between two databases every difference is a fact.
    """
    reason = _reason(operation, decisions) if operation.action == "drop" and models else None
    if reason is None:
        return operation
    comment = f"migrate-kit: drop {render_key(operation.key)} because {reason}"
    return replace(operation, comments=(*operation.comments, comment))


def _reason(operation: Operation, decisions: Decisions) -> str | None:
    name = str(operation.key)
    if name in map(dotted, decisions.drops):
        return "--drop says so"
    refused = [text for text in decisions.no_renames if dotted(text.split(":")[0]) == name]
    if refused:
        return f"--no-rename {refused[0]} says so"
    return "the models no longer declare it" if operation.loses else None


def record_keep(key: ObjectKey) -> str:
    """The comment that keeps what models do not declare, in this revision and from then on."""
    return f"# migrate-kit: keep {render_key(key)} because --keep says so"
