"""The readings of a difference that are less likely than the best one, as what one would have to decide for them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import replace

from lamin_migrate_kit.comparison.model import Sides
from lamin_migrate_kit.comparison.renaming import Reading as Renames
from lamin_migrate_kit.comparison.renaming import read_renames
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.diff.renames import render_flag

Alternative = tuple[str, Decisions]
"""A title with the flags, and the decisions that they are."""


def without_guesses(sides: Sides, decisions: Decisions, reading: Renames) -> Iterator[Alternative]:
    """What it would be if the guesses were wrong: refusing them may bring up the next best, until none is left.

    Args:
        sides: What is compared.
        decisions: What is decided.
        reading: The best reading of the renames under it.
    """
    sure = {candidate.rename for candidate in reading.chosen if candidate.outcome == "decided"}
    refused: list[str] = []
    while guesses := [render_flag(one.rename) for one in reading.chosen if one.rename not in sure]:
        refused += guesses
        changed = replace(decisions, no_renames=(*decisions.no_renames, *refused))
        yield f"if that is no rename ({_flags('no-rename', refused)})", changed
        reading = read_renames(sides, changed)


def without_kept(undecided: Collection[str], decisions: Decisions) -> Iterator[Alternative]:
    """What it would be if that goes which a revision made and nobody has spoken of."""
    if undecided:
        changed = replace(decisions, drops=(*decisions.drops, *undecided))
        yield f"if what only revisions make goes ({_flags('drop', undecided)})", changed


def _flags(flag: str, values: Collection[str]) -> str:
    return " ".join(f"--{flag} {shlex.quote(value)}" for value in values)
