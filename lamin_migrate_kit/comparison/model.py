"""What is compared, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
from lamin_migrate_kit.diff.differ import CatalogDiff
from lamin_migrate_kit.diff.kept import USUAL_CONVENTIONS, Conventions
from lamin_migrate_kit.diff.renames import Candidate, Declaration, Rename, SourceEvidence
from lamin_migrate_kit.errors import DecisionNeeded
from lamin_migrate_kit.operations.model import Operation, Question
from lamin_migrate_kit.operations.spelling.context import no_author_types
from lamin_migrate_kit.operations.types import TypeWords

Preview = Callable[[str], Sequence[Operation]]
"""Gives the operations of the upgrade that an answer, in flags, leads to."""

Ask = Callable[[Question, Preview], str]
"""Answers a question with flags: one of `question.flags`, or one of the same kind with another value."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A side after operations, read from a server that ran them.

    Attributes:
        catalog: What is there then.
        refused: What the server said about the operations that it refused, by what they are about.
    """

    catalog: Catalog
    refused: Mapping[ObjectKey, str] = field(default_factory=dict)


def _not_replayed(catalog: Catalog) -> Callable[[Sequence[Operation]], Replayed]:
    return lambda _: Replayed(catalog)


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared.

    Attributes:
        current: The catalog to start from.
        desired: The catalog to reach.
        renamed: Gives the current catalog after these operations, read from a server that ran them.
        replayed: Gives the desired catalog after these operations, as far as the server does them. None where nothing
            is carried over from the current side.
        exact_names: Whether names that the server chose are facts: between two databases, not against models.
        models: Whether the desired side comes from models, which never declare some kinds.
        keep: Names that settings and revisions say stay.
        conventions: How the models name indexes and constraints.
        ground: What is on the desired side only because models are built on it: revisions make it.
        author_types: The author's spelling of types.
        declared: Renames that the models declare.
        source: Reads what the models' source says of renames; asked for only where there may be one.
        recorded: Renames that the revisions have done already.
    """

    current: Catalog
    desired: Catalog
    renamed: Callable[[Sequence[Operation]], Catalog]
    replayed: Callable[[Sequence[Operation]], Replayed] | None = None
    exact_names: bool = False
    models: bool = True
    keep: tuple[str, ...] = ()
    conventions: Conventions = field(default_factory=lambda: USUAL_CONVENTIONS)
    ground: frozenset[ObjectKey] = frozenset()
    author_types: TypeWords = no_author_types
    declared: tuple[Declaration, ...] = ()
    source: Callable[[], SourceEvidence] = SourceEvidence
    recorded: tuple[Rename, ...] = ()


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
        remarks: Comments, with their `# `, that record decisions which no operation carries: what is kept.
        undecided: Names, as flags spell them, of what stays in this reading and nobody has said of that it does.
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
    remarks: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    questions: tuple[Question, ...] = ()
    kept: tuple[str, ...] = ()
    not_compared: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    other_readings: tuple[tuple[str, tuple[Operation, ...]], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, to record and to decide."""
        return not (self.upgrade or self.remarks or self.questions)

    @property
    def loses(self) -> tuple[str, ...]:
        """What the upgrade takes away and the downgrade cannot bring back."""
        return tuple(operation.loses for operation in self.upgrade if operation.loses)

    def upgrade_lines(self) -> tuple[str, ...]:
        """Python for the body of `upgrade()`."""
        return (*self.remarks, *(line for operation in self.upgrade for line in operation.lines))

    def downgrade_lines(self) -> tuple[str, ...]:
        """Python for the body of `downgrade()`."""
        return tuple(line for operation in self.downgrade for line in operation.lines)

    def missing_lines(self) -> tuple[str, ...]:
        """Python for the body of `upgrade()`: other readings as comments, then the best one."""
        lines: list[str] = []
        for title, operations in self.other_readings:
            lines += [f"# {title}:", *(f"#   {line}" for operation in operations for line in operation.lines)]
        if self.other_readings:
            lines.append("# most likely:")
        return (*lines, *self.upgrade_lines())

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
