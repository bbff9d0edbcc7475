"""The way of a generation: compare, decide, render, prove, write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.comparison import Ask, Comparison, compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.generation.proving import Fill, prove_revision
from lamin_migrate_kit.report.model import Proof
from lamin_migrate_kit.revisions.naming import new_revision_id, revision_filename
from lamin_migrate_kit.revisions.rendering import render_revision
from lamin_migrate_kit.revisions.writing import new_revision

if TYPE_CHECKING:
    from lamin_migrate_kit.workbench import Workbench

_ID = re.compile(r"\w{1,32}", re.ASCII)
"""Alembic's version table has room for 32 characters."""
_MEANT_OTHERWISE = ("base", "head", "heads", "current")


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """What `migrate.generate` was asked for.

    Attributes:
        today: The date in the file's name, `YYYY-MM-DD`.
        revision_id: The id; None makes a new one.
        message: What the revision is for, for its docstring.
        empty: Write an empty revision, to fill by hand.
        decisions: What is decided already.
    """

    today: str
    revision_id: str | None = None
    message: str | None = None
    empty: bool = False
    decisions: Decisions = field(default_factory=Decisions)


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """What became of it.

    Attributes:
        path: The new file; None when there was nothing to generate.
        revision: Its id.
        text: Its content.
        comparison: What it is made from; None for an empty one.
        proofs: What was proven of it.
    """

    path: Path | None
    revision: str | None = None
    text: str = ""
    comparison: Comparison | None = None
    proofs: tuple[Proof, ...] = ()


def generate_revision(
    bench: Workbench, options: GenerateOptions, ask: Ask | None = None, *, fill: Fill | None = None
) -> GenerateResult:
    """Compare, decide, render, prove, write.

    Args:
        bench: The schema module on a server.
        options: What was asked for.
        ask: Who answers questions; None stops at the first that is open.
        fill: Puts rows into tables, so that the revision is proven on them too.

    Returns:
        The new revision; or none, when the models match the revisions.

    Raises:
        DecisionNeeded: Something is open and nobody is there to ask; nothing was written.
        ProofFailed: The revision does not do what it should; it is shown in `details` and not kept.
        RevisionError: The history or `_migration` is not in order.
    """
    _require_order(bench)
    revision = _checked_id(bench, options.revision_id)
    if options.empty:
        return _write(bench, options, GenerateResult(None, revision, _render(bench, options, revision)))
    comparison = compare_module(bench, options.decisions, ask)
    if comparison.empty:
        return GenerateResult(None, comparison=comparison)
    comparison.require_decisions()
    text = _render(bench, options, revision, comparison)
    proofs = prove_revision(bench, revision_filename(options.today, revision, None), text, comparison, fill)
    return _write(bench, options, GenerateResult(None, revision, text, comparison, proofs))


def _require_order(bench: Workbench) -> None:
    """`_migration` has to name the head: else the author is in the middle of something."""
    module, head = bench.module, bench.history.head
    expected = head.id if head else None
    if module.migration_line is not None and module.migration != expected:
        written = f'"{expected}"' if expected else "None"
        raise RevisionError(
            f"_migration is {module.migration!r}, and the newest revision is {expected!r}.",
            where=f"{module.shown(module.init_file)}:{module.migration_line}",
            next_command=f"set _migration = {written} in {module.shown(module.init_file)}",
        )


def _checked_id(bench: Workbench, wanted: str | None) -> str:
    if wanted is None:
        return new_revision_id()
    if not _ID.fullmatch(wanted) or wanted in _MEANT_OTHERWISE:
        raise RevisionError(
            f"{wanted!r} is no revision id: at most 32 letters, digits and underscores, and none of Alembic's own words"
            f" {', '.join(_MEANT_OTHERWISE)}.",
            next_command="invoke migrate.generate --revision-id dd2b4a9499f2",
        )
    there = bench.history.get(wanted)
    if there:
        raise RevisionError(
            f"There is a revision {wanted} already.",
            where=bench.module.shown(there.path),
            next_command="leave --revision-id out for a new one",
        )
    return wanted


def _render(bench: Workbench, options: GenerateOptions, revision: str, comparison: Comparison | None = None) -> str:
    head = bench.history.head
    operations = (*comparison.upgrade, *comparison.downgrade) if comparison else ()
    return render_revision(
        id=revision,
        down=head.id if head else None,
        upgrade=comparison.upgrade_lines() if comparison else (),
        downgrade=comparison.downgrade_lines() if comparison else (),
        notes=_notes(options.message, comparison.loses if comparison else ()),
        imports=sorted({line for operation in operations for line in operation.imports}),
    )


def _notes(message: str | None, loses: Sequence[str]) -> list[str]:
    lost = f"The downgrade does not bring back {', '.join(loses)}." if loses else None
    return [note for note in (message, lost) if note]


def _write(bench: Workbench, options: GenerateOptions, result: GenerateResult) -> GenerateResult:
    assert result.revision is not None
    filename = revision_filename(options.today, result.revision, None)
    new_revision(bench.module, filename, result.text, result.revision).commit()
    path = bench.module.versions_folder / filename
    return GenerateResult(path, result.revision, result.text, result.comparison, result.proofs)
