"""Which renames a comparison goes by, and what there is to ask about them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from lamin_migrate_kit.catalog.model import EnumType
from lamin_migrate_kit.comparison.model import Sides
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.diff.renames import (
    Candidate,
    Rename,
    flag_of,
    render_flag,
    render_names,
    resolve_all,
    resolve_refusals,
    shapes_of,
    stale_declarations,
)
from lamin_migrate_kit.operations.model import Question


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the difference: what is taken for a rename.

    Attributes:
        candidates: Everything that may have been renamed.
        chosen: What this reading takes for a rename: what is decided, and the best guesses that fit together.
        stale: Sentences about declared renames that have nothing to rename.
    """

    candidates: tuple[Candidate, ...] = ()
    chosen: tuple[Candidate, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def guesses(self) -> tuple[Candidate, ...]:
        """What it takes for a rename and nobody has decided."""
        return tuple(candidate for candidate in self.chosen if candidate.outcome == "ask")

    @property
    def renames(self) -> tuple[Rename, ...]:
        """The renames of this reading, tables and types before what is in them."""
        whole_first = sorted(self.chosen, key=lambda candidate: candidate.kind in ("column", "enum_value"))
        return tuple(candidate.rename for candidate in whole_first)


def read_renames(sides: Sides, decisions: Decisions) -> Reading:
    """The likeliest reading under what is decided.

    Raises:
        SettingsError: A decision names what is not there.
    """
    said = sides.declared or decisions.renames or decisions.no_renames
    if decisions.rename_mode == "none" or (not said and _same_names(sides)):
        return Reading()
    from lamin_migrate_kit.diff.renames import find_candidates

    current, desired = shapes_of(sides.current), shapes_of(sides.desired)
    flags = resolve_all(decisions.renames, current, desired)
    candidates = find_candidates(
        current,
        desired,
        declared=sides.declared,
        flags=flags,
        refused=resolve_refusals(decisions.no_renames, decisions.drops, flags, current, desired),
        source=sides.source(),
        recorded=sides.recorded,
    )
    followed = [candidate.rename for candidate in candidates if candidate.outcome == "decided"]
    stale = stale_declarations(sides.declared, followed, current, desired)
    return Reading(candidates, _best(candidates), stale)


def _same_names(sides: Sides) -> bool:
    """Whether both sides have exactly the same names: then nothing was renamed, and nothing needs to be looked at."""
    current, desired = sides.current.objects, sides.desired.objects
    return current.keys() == desired.keys() and all(desired[enum.key] == enum for enum in sides.current.of(EnumType))


def _best(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    order = {"decided": 0, "ask": 1}
    likely = [candidate for candidate in candidates if candidate.outcome in order]
    chosen: list[Candidate] = []
    for candidate in sorted(likely, key=lambda c: (order[c.outcome], -c.score, c.rename)):
        ends = {end for other in chosen for end in (other.rename.end, other.rename.desired_end)}
        # What is decided may be a swap, in which every name is the end of two renames.
        if candidate.outcome == "decided" or not {candidate.rename.end, candidate.rename.desired_end} & ends:
            chosen.append(candidate)
    return tuple(chosen)


def rename_questions(candidates: Sequence[Candidate]) -> tuple[Question, ...]:
    """One question a pair of names: what others rest on first, then the best guess."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.outcome == "ask":
            groups.setdefault(candidate.question, []).append(candidate)

    def place(group: Sequence[Candidate]) -> tuple[bool, float]:
        rests = all(candidate.depends_on for candidate in group)
        return rests, -max(candidate.score for candidate in group)

    return tuple(_question(group) for group in sorted(groups.values(), key=place))


def _question(group: Sequence[Candidate]) -> Question:
    names = [render_flag(candidate.rename) for candidate in group]
    first = group[0]
    what = " and ".join(render_names(flag_of(candidate.rename).current) for candidate in group)
    kind = first.kind.replace("_", " ")
    return Question(
        "rename",
        names[0],
        f"Is {kind} {what} now called {first.desired}?",
        tuple(" ".join(f"--{flag} {shlex.quote(name)}" for name in names) for flag in ("rename", "no-rename")),
        first.evidence,
    )
