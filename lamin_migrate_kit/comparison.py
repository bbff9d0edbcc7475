"""Two sides -> what differs, what was renamed, and the operations that lead from one to the other.

The way on one screen is `compare_sides`. What it needs from a server (the current side with its renames done) comes
through a callable, so that a schema module on its workbench and two databases by URL go the same way.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
from lamin_migrate_kit.decisions import Decisions, dotted, parse_pairs
from lamin_migrate_kit.diff.differ import CatalogDiff, diff_catalogs
from lamin_migrate_kit.diff.kept import Kept, keep_undeclared
from lamin_migrate_kit.diff.renames import (
    NO_SOURCE,
    Candidate,
    Declaration,
    Rename,
    SourceEvidence,
    find_candidates,
    parse_rename,
    render_flag,
    render_names,
    resolve,
    resolve_all,
    shapes_of,
    stale_declarations,
)
from lamin_migrate_kit.errors import DecisionNeeded
from lamin_migrate_kit.operations.lowering import plan_operations
from lamin_migrate_kit.operations.model import Answers, Operation, Plan, Question
from lamin_migrate_kit.operations.spelling.context import no_author_types
from lamin_migrate_kit.operations.spelling.renames import inverse_operations, rename_operations
from lamin_migrate_kit.operations.types import TypeWords
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import open_server

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.settings import Settings
    from lamin_migrate_kit.workbench import Workbench

__all__ = [
    "Ask",
    "Comparison",
    "Decisions",
    "Sides",
    "compare_databases",
    "compare_module",
    "compare_sides",
    "rebuild_renamed",
]

Ask = Callable[[Question], str]
"""Answers a question with flags: one of `question.flags`, or one of the same kind with another value."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared.

    Attributes:
        current: The catalog to start from.
        desired: The catalog to reach.
        renamed: Gives the current catalog after these operations, read from a server that ran them.
        exact_names: Whether names that the server chose are facts: between two databases, not against models.
        models: Whether the desired side comes from models, which never declare some kinds.
        keep: Names that settings and revisions say stay.
        author_types: The author's spelling of types.
        declared: Renames that the models declare.
        source: What the models' source says of renames.
        recorded: Renames that the revisions have done already.
        notes: Sentences that go with every comparison of these sides.
    """

    current: Catalog
    desired: Catalog
    renamed: Callable[[Sequence[Operation]], Catalog]
    exact_names: bool = False
    models: bool = True
    keep: tuple[str, ...] = ()
    author_types: TypeWords = no_author_types
    declared: tuple[Declaration, ...] = ()
    source: SourceEvidence = NO_SOURCE
    recorded: tuple[Rename, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result. While there are questions, the operations are the best reading, and only a draft.

    Attributes:
        current: The catalog to start from, renames not done.
        renamed: The same after the renames.
        desired: The catalog to reach, with what is kept.
        diff: What differs once the renames are done.
        upgrade: Operations from current to desired, renames first.
        downgrade: Operations back.
        candidates: Everything that may have been renamed.
        questions: What has to be decided.
        kept: Dotted names of what only revisions make.
        not_compared: (kind, name) of what was found on either side and is of no kind that is compared.
        notes: Sentences worth saying.
        other_readings: Operations of the readings that are less likely, each with its title.
    """

    current: Catalog
    renamed: Catalog
    desired: Catalog
    diff: CatalogDiff
    upgrade: tuple[Operation, ...]
    downgrade: tuple[Operation, ...]
    candidates: tuple[Candidate, ...] = ()
    questions: tuple[Question, ...] = ()
    kept: tuple[str, ...] = ()
    not_compared: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    other_readings: tuple[tuple[str, tuple[Operation, ...]], ...] = field(default=())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do and nothing to decide."""
        return not self.upgrade and not self.questions

    @property
    def loses(self) -> tuple[str, ...]:
        """What the upgrade takes away and the downgrade cannot bring back."""
        return tuple(operation.loses for operation in self.upgrade if operation.loses)

    def missing_lines(self) -> tuple[str, ...]:
        """Python for the body of `upgrade()`: other readings as comments, then the best one."""
        lines: list[str] = []
        for title, operations in self.other_readings:
            lines += [f"# {title}:", *(f"#   {line}" for operation in operations for line in operation.lines)]
        if self.other_readings:
            lines.append("# most likely:")
        return (*lines, *(line for operation in self.upgrade for line in operation.lines))

    def require_decisions(self) -> None:
        """Refuse to go on while anything is open.

        Raises:
            DecisionNeeded: With the exact flags for every reading.
        """
        if not self.questions:
            return
        details, flags = [], []
        for question in self.questions:
            details += [question.text, *(f"  {sentence}" for sentence in question.evidence)]
            flags.append("   or   ".join(question.flags))
        raise DecisionNeeded(
            f"{'Decisions are' if len(self.questions) > 1 else 'A decision is'} needed; nothing was written.",
            details="\n".join(details),
            next_command="run the same command with\n" + "\n".join(flags),
        )


def compare_module(bench: Workbench, decisions: Decisions, ask: Ask | None = None) -> Comparison:
    """Compare what a module's revisions make with what its models make. See `compare_sides`."""
    return compare_sides(bench.sides, decisions, ask)


def compare_databases(
    current: Connection, desired: Connection, decisions: Decisions, ask: Ask | None = None, *, settings: Settings
) -> Comparison:
    """Compare two databases, both only read. Every difference is a fact, the names that the server chose too.

    Args:
        current: To the database to start from.
        desired: To the one to reach.
        decisions: What is decided already.
        ask: Who answers questions; None leaves them open.
        settings: Say which server renames are tried on: never the given databases.

    Raises:
        SettingsError: A decision names what is not there.
        ServerError: Something was renamed, and no server could be had to do the renames on.
    """
    ours, theirs = (_without_bookkeeping(inspect_catalog(connection)) for connection in (current, desired))
    sides = Sides(
        current=ours,
        desired=theirs,
        renamed=lambda operations: rebuild_renamed(ours, operations, settings),
        exact_names=True,
        models=False,
    )
    return compare_sides(sides, decisions, ask)


def rebuild_renamed(current: Catalog, operations: Sequence[Operation], settings: Settings) -> Catalog:
    """A catalog after renames, read from a scratch copy that is built from it: a given database is never written to."""
    with open_server(settings) as server, scratch_database(server, hint="renamed") as database:  # noqa: SIM117
        with database.connect() as connection:
            plan = plan_operations(
                inspect_catalog(connection), current, answers=Answers(assume_empty=True), exact_names=True
            )
            connection.exec_driver_sql("SET check_function_bodies = off")
            for operation in (*plan.operations, *operations):
                for statement in operation.statements:
                    connection.exec_driver_sql(statement.replace("%", "%%"))
                if operation.autocommit:
                    connection.commit()
            catalog = inspect_catalog(connection)
            connection.rollback()
    return replace(catalog, not_compared=current.not_compared)


def _without_bookkeeping(catalog: Catalog) -> Catalog:
    """Leave out the tables in which Alembic and deployments keep their records: told by their one known column."""
    alembic = {key for key in catalog.objects if key.kind == "table" and _column_names(catalog, key) == ["version_num"]}
    ids = {key.name.removeprefix("migration_") for key in alembic if key.name.startswith("migration_")}
    tables = alembic | {
        key for key in catalog.objects if key.kind == "table" and key.name in {f"version_{id}" for id in ids}
    }
    if not tables:
        return catalog
    objects = {
        key: value
        for key, value in catalog.objects.items()
        if not (key.kind in ("table", "column", "constraint") and key.table in tables)
        and getattr(value, "table", None) not in tables
    }
    return replace(catalog, objects=objects)


def _column_names(catalog: Catalog, table: ObjectKey) -> list[str]:
    return [column.key.part for column in catalog.columns(table)]


def compare_sides(sides: Sides, decisions: Decisions, ask: Ask | None = None) -> Comparison:
    """Compare, and ask until nothing is open.

    Args:
        sides: What is compared.
        decisions: What is decided already.
        ask: Who answers questions; None leaves them open.

    Raises:
        SettingsError: A decision names what is not there.
    """
    while True:
        comparison = _compare(sides, decisions)
        if ask is None or not comparison.questions:
            return comparison
        decisions = decisions.with_flags(ask(comparison.questions[0]))


def _compare(sides: Sides, decisions: Decisions) -> Comparison:
    candidates = _candidates(sides, decisions)
    chosen = _best_reading(candidates)
    renames = rename_operations(chosen)
    renamed = sides.renamed(renames) if renames else sides.current
    kept = _keep(sides, decisions, renamed)
    answers = _answers(decisions)
    up = _plan(sides, renamed, kept.desired, answers)
    down = _plan(sides, kept.desired, renamed, replace(answers, neutral_backfills=True))
    unsure = [candidate for candidate in chosen if candidate.outcome == "ask"]
    return Comparison(
        current=sides.current,
        renamed=renamed,
        desired=kept.desired,
        diff=diff_catalogs(renamed, kept.desired, exact_names=sides.exact_names),
        upgrade=(*renames, *(_recorded(operation, decisions, sides.models) for operation in up.operations)),
        downgrade=(*down.operations, *inverse_operations(chosen)),
        candidates=candidates,
        questions=(*_rename_questions(candidates), *_kept_questions(kept), *up.questions),
        kept=tuple(str(key) for key in kept.kept),
        not_compared=tuple(sorted({*sides.current.not_compared, *sides.desired.not_compared})),
        notes=(*sides.notes, *up.notes, *_order_notes(renamed, kept.desired), *_stale_notes(sides, candidates)),
        other_readings=_other_readings(sides, decisions, unsure),
    )


def _candidates(sides: Sides, decisions: Decisions) -> tuple[Candidate, ...]:
    if decisions.rename_mode == "none":
        return ()
    current, desired = shapes_of(sides.current), shapes_of(sides.desired)
    return find_candidates(
        current,
        desired,
        declared=sides.declared,
        flags=resolve_all(decisions.renames, current, desired),
        refused=[resolve(parse_rename(text), current, desired) for text in decisions.no_renames],
        source=sides.source,
        recorded=sides.recorded,
    )


def _best_reading(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The renames of the likeliest reading: what is decided, then the best guesses that fit together."""
    chosen: list[Candidate] = []
    order = {"decided": 0, "ask": 1}
    likely = (candidate for candidate in candidates if candidate.outcome in order)
    for candidate in sorted(likely, key=lambda c: (order[c.outcome], -c.score, c.rename)):
        ends = {end for other in chosen for end in (other.rename.end, other.rename.desired_end)}
        swapped = candidate.outcome == "decided"
        if swapped or not {candidate.rename.end, candidate.rename.desired_end} & ends:
            chosen.append(candidate)
    return tuple(chosen)


def _keep(sides: Sides, decisions: Decisions, renamed: Catalog) -> Kept:
    if not sides.models:
        return Kept(sides.desired, ())
    keep = dotted((*sides.keep, *decisions.keeps))
    return keep_undeclared(renamed, sides.desired, keep=keep, drop=dotted(decisions.drops))


def _answers(decisions: Decisions) -> Answers:
    return Answers(
        backfills=parse_pairs("backfill", decisions.backfills),
        usings=parse_pairs("using", decisions.usings),
        enum_maps=parse_pairs("enum-map", decisions.enum_maps),
        assume_empty=decisions.assume_empty,
    )


def _plan(sides: Sides, current: Catalog, desired: Catalog, answers: Answers) -> Plan:
    return plan_operations(
        current, desired, answers=answers, author_types=sides.author_types, exact_names=sides.exact_names
    )


def _recorded(operation: Operation, decisions: Decisions, models: bool) -> Operation:
    """A drop is a decision, and stands as such in the file."""
    if operation.action != "drop" or not models or not (operation.loses or str(operation.key) in decisions.drops):
        return operation
    why = "--drop says so" if str(operation.key) in decisions.drops else "the models no longer declare it"
    comment = f"migrate-kit: drop {render_key(operation.key)} because {why}"
    return replace(operation, comments=(*operation.comments, comment))


def render_key(key: ObjectKey) -> str:
    """A key as flags and comments spell it."""
    return render_names(tuple(part for part in (key.schema, key.name, key.part) if part))


def _rename_questions(candidates: Sequence[Candidate]) -> tuple[Question, ...]:
    """One question a pair of names, the best guess first."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.outcome == "ask":
            groups.setdefault(candidate.question, []).append(candidate)
    ordered = sorted(groups.values(), key=lambda group: -max(candidate.score for candidate in group))
    return tuple(_rename_question(group) for group in ordered)


def _rename_question(group: Sequence[Candidate]) -> Question:
    names = [render_flag(candidate.rename) for candidate in group]
    first = group[0]
    what = " and ".join(name.split(":")[0] for name in names)
    kind = first.kind.replace("_", " ")
    return Question(
        "rename",
        names[0],
        f"Is {kind} {what} now called {first.desired}?",
        tuple(" ".join(f"--{flag} {shlex.quote(name)}" for name in names) for flag in ("rename", "no-rename")),
        first.evidence,
    )


def _kept_questions(kept: Kept) -> tuple[Question, ...]:
    by_hand = (
        Question(
            "drop",
            str(key),
            f"{key.kind} {key} was made by a revision and is not in the models: does it stay?",
            (f"--keep {shlex.quote(render_key(key))}", f"--drop {shlex.quote(render_key(key))}"),
            (f'for good: [tool.lamin_migrate_kit] keep = ["{render_key(key)}"]',),
        )
        for key in kept.by_hand
    )
    blocked = (
        Question(
            "drop",
            str(key),
            f"{key.kind} {key} needs something that goes: it has to go too, or be changed by a revision first.",
            (f"--drop {shlex.quote(render_key(key))}",),
        )
        for key in kept.blocked
    )
    return (*by_hand, *blocked)


def _order_notes(current: Catalog, desired: Catalog) -> tuple[str, ...]:
    tables = ", ".join(str(key) for key in diff_catalogs(current, desired).reordered)
    if not tables:
        return ()
    return (f"Columns stand in another physical order, which Postgres cannot change and nothing depends on: {tables}.",)


def _stale_notes(sides: Sides, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    followed = [candidate.rename for candidate in candidates if candidate.outcome == "decided"]
    return stale_declarations(sides.declared, followed, shapes_of(sides.current), shapes_of(sides.desired))


def _other_readings(
    sides: Sides, decisions: Decisions, unsure: Sequence[Candidate]
) -> tuple[tuple[str, tuple[Operation, ...]], ...]:
    """What it would be if the guesses were wrong."""
    if not unsure:
        return ()
    refused = tuple(render_flag(candidate.rename) for candidate in unsure)
    other = _compare(sides, replace(decisions, no_renames=(*decisions.no_renames, *refused)))
    # Refusing a guess may bring up the next best; the last reading has no guess left.
    return (*other.other_readings, (_title(unsure), other.upgrade))


def _title(unsure: Sequence[Candidate]) -> str:
    flags = " ".join(f"--no-rename {shlex.quote(render_flag(candidate.rename))}" for candidate in unsure)
    return f"if that is no rename ({flags})"
