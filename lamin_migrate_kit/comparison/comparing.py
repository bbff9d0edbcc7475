"""The way of a comparison: renames first, then what is kept, then operations for what still differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.comparison.aftermath import rename_notes
from lamin_migrate_kit.comparison.flags import refuse_idle_flags, refuse_unknown_names
from lamin_migrate_kit.comparison.keeping import carry_kept
from lamin_migrate_kit.comparison.model import Ask, Comparison, Sides
from lamin_migrate_kit.comparison.readings import without_guesses, without_kept
from lamin_migrate_kit.comparison.recording import drop_reasons, record_drop, record_keep
from lamin_migrate_kit.comparison.renaming import Reading, read_renames, rename_questions
from lamin_migrate_kit.decisions import Decisions, parse_pairs
from lamin_migrate_kit.diff.chosen_names import adopt_chosen_names
from lamin_migrate_kit.diff.differ import CatalogDiff, diff_catalogs
from lamin_migrate_kit.diff.naming import render_key
from lamin_migrate_kit.operations.model import Answers, Operation, Plan

if TYPE_CHECKING:
    from lamin_migrate_kit.diff.renames import Rename
    from lamin_migrate_kit.workbench import Workbench


def compare_module(bench: Workbench, decisions: Decisions, ask: Ask | None = None) -> Comparison:
    """Compare what a module's revisions make with what its models make. See `compare_sides`."""
    return compare_sides(bench.sides, decisions, ask)


def compare_sides(sides: Sides, decisions: Decisions, ask: Ask | None = None) -> Comparison:
    """Compare, and ask until nothing is open.

    Args:
        sides: What is compared.
        decisions: What is decided already.
        ask: Who answers questions; None leaves them open.

    Raises:
        SettingsError: A decision names what is not there, or decides nothing.
    """
    comparison = _compare(sides, decisions)
    refuse_unknown_names(sides, comparison, decisions)
    if ask is not None:
        comparison = _ask(sides, decisions, comparison, ask)
    if not comparison.questions:
        refuse_idle_flags(decisions, lambda changed: _compare_once(sides, changed, read_renames(sides, changed)))
    return comparison


def _ask(sides: Sides, decisions: Decisions, comparison: Comparison, ask: Ask) -> Comparison:
    """Ask one question after the other: an answer may settle others, or raise new ones."""
    while comparison.questions:
        preview = partial(_upgrade_with, sides, decisions)
        decisions = decisions.with_flags(ask(comparison.questions[0], preview))
        comparison = _compare(sides, decisions)
    return comparison


def _upgrade_with(sides: Sides, decisions: Decisions, flags: str) -> Sequence[Operation]:
    changed = decisions.with_flags(flags)
    return _compare_once(sides, changed, read_renames(sides, changed)).upgrade


def _compare(sides: Sides, decisions: Decisions) -> Comparison:
    """The likeliest reading, with the less likely ones beside it."""
    reading = read_renames(sides, decisions)
    best = _compare_once(sides, decisions, reading)
    alternatives = (*without_guesses(sides, decisions, reading), *without_kept(best.undecided, decisions))
    others = ((title, _compare_once(sides, other, read_renames(sides, other)).upgrade) for title, other in alternatives)
    return replace(best, other_readings=tuple(others))


def _compare_once(sides: Sides, decisions: Decisions, reading: Reading) -> Comparison:
    renaming = _rename(sides, reading)
    renamed = renaming.current
    carried = carry_kept(sides, renaming.desired, decisions, renamed, reading.renames)
    reasons = drop_reasons(decisions, reading.renames) if sides.models else {}
    diff = diff_catalogs(renamed, carried.desired, exact_names=sides.exact_names)
    up, down = _plans(sides, renamed, carried.desired, decisions) if not diff.empty else (Plan(), Plan())
    return Comparison(
        current=sides.current,
        renamed=renamed,
        desired=carried.desired,
        diff=diff,
        upgrade=(
            *renaming.upgrade,
            *(record_drop(one, reasons, renaming.aside) if sides.models else one for one in up.operations),
        ),
        downgrade=(*_until_renamed(down.operations, reading), *renaming.downgrade),
        remarks=tuple(
            record_keep(key, "--keep says so" if key in carried.said else "a revision made it")
            for key in (*carried.said, *carried.open)
        ),
        undecided=tuple(render_key(key) for key in carried.open),
        candidates=reading.candidates,
        questions=(*rename_questions(reading.candidates), *carried.questions, *up.questions),
        kept=tuple(str(key) for key in carried.kept),
        not_compared=tuple(sorted({*sides.current.not_compared, *sides.desired.not_compared})),
        notes=(
            *up.notes,
            *_order_note(diff),
            *rename_notes(sides.current, renamed, reading.renames),
            *reading.stale,
        ),
    )


_Operations = Sequence[Operation]


@dataclass(frozen=True, slots=True)
class _Renamed:
    """Both sides when the renames are done, and what does them.

    Attributes:
        current: After the renames.
        desired: With the names that were chosen.
        upgrade: The renames, with what follows them.
        downgrade: The way back.
        aside: See `Renaming`.
    """

    current: Catalog
    desired: Catalog
    upgrade: _Operations = ()
    downgrade: _Operations = ()
    aside: tuple[Rename, ...] = ()


def _rename(sides: Sides, reading: Reading) -> _Renamed:
    if not reading.chosen:
        named = sides.desired if sides.exact_names else _with_chosen_names(sides, sides.current, reading)
        return _Renamed(sides.current, named)
    # What spells operations is loaded where there are any: most comparisons find two equal sides.
    from lamin_migrate_kit.operations.spelling.followers import following_operations
    from lamin_migrate_kit.operations.spelling.renames import lower_renames

    renames = lower_renames(reading.chosen, sides.current, sides.desired)
    renamed = sides.renamed(renames.upgrade) if renames.upgrade else sides.current
    named = sides.desired if sides.exact_names else _with_chosen_names(sides, renamed, reading)
    after, before = following_operations(renamed, named, reading.renames)
    up, down = (*renames.upgrade, *after), (*before, *renames.downgrade)
    return _Renamed(sides.renamed(up) if after else renamed, named, up, down, renames.aside)


def _with_chosen_names(sides: Sides, renamed: Catalog, reading: Reading) -> Catalog:
    return adopt_chosen_names(sides.current, renamed, sides.desired, reading.renames)


def _until_renamed(operations: _Operations, reading: Reading) -> _Operations:
    if not reading.renames:
        return operations
    from lamin_migrate_kit.operations.spelling.renames import unchecked_until_renamed

    return unchecked_until_renamed(operations, reading.renames)


def _answers(decisions: Decisions) -> Answers:
    return Answers(
        backfills=parse_pairs("backfill", decisions.backfills),
        usings=parse_pairs("using", decisions.usings),
        enum_maps=parse_pairs("enum-map", decisions.enum_maps),
        assume_empty=decisions.assume_empty,
    )


def _plans(sides: Sides, current: Catalog, desired: Catalog, decisions: Decisions) -> tuple[Plan, Plan]:
    """Up and down. What was decided is about values on their way up; on the way down they only have to fit."""
    back = Answers(neutral_backfills=True, assume_empty=decisions.assume_empty)
    granted = replace(desired, privileges=current.privileges)  # what is granted stays on the way up
    return _plan(sides, current, desired, _answers(decisions)), _plan(sides, granted, current, back)


def _plan(sides: Sides, current: Catalog, desired: Catalog, answers: Answers) -> Plan:
    from lamin_migrate_kit.operations.lowering import plan_operations

    return plan_operations(
        current, desired, answers=answers, author_types=sides.author_types, exact_names=sides.exact_names
    )


def _order_note(diff: CatalogDiff) -> tuple[str, ...]:
    tables = ", ".join(str(key) for key in diff.reordered)
    if not tables:
        return ()
    return (f"Columns stand in another physical order, which Postgres cannot change and nothing depends on: {tables}.",)
