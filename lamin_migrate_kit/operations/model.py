"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.operations.words import render_execute


@dataclass(frozen=True, slots=True)
class Operation:
    """One intent, in both spellings: statements for a server, lines of Python for a revision file.

    Attributes:
        action: `create`, `alter`, `drop` or `rename`.
        key: What it is done to.
        statements: SQL, without closing semicolons, in the order in which they run.
        words: Calls of Alembic's `op` that say the same; empty where Alembic has no words, then `op.execute` is used.
        imports: Import lines that `words` need besides `op`, `sa` and `sqm`.
        comments: Comment lines for the file, without `# `: decisions and what a reader should know.
        autocommit: Whether it must be committed before what follows can use it.
        loses: What cannot come back by a downgrade, as a clause: "the rows of core.notebook.notes".
    """

    action: str
    key: ObjectKey
    statements: tuple[str, ...]
    words: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()
    comments: tuple[str, ...] = ()
    autocommit: bool = False
    loses: str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Python for the body of a revision, not indented, comments first."""
        code = self.words or tuple(render_execute(statement) for statement in self.statements)
        lines = [f"# {line}" for line in self.comments]
        block = [line for call in code for line in call.split("\n")]
        if self.autocommit:
            lines.append("with op.get_context().autocommit_block():")
            block = [f"    {line}" if line else line for line in block]
        return (*lines, *block)


@dataclass(frozen=True, slots=True)
class Question:
    """Something only a person can decide, because every way of going on could lose or mix data.

    Attributes:
        kind: `rename`, `drop`, `backfill`, `using` or `enum-map`.
        name: Dotted name of what it is about.
        text: The question, one sentence.
        flags: Exact flags to pass, one for each answer, the best guess first.
        evidence: Sentences that speak for the best guess.
    """

    kind: str
    name: str
    text: str
    flags: tuple[str, ...]
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """What was decided about changes that need more than DDL. Keys are dotted names as in flags.

    Attributes:
        backfills: Column -> SQL expression for rows that have no value yet.
        usings: Column -> SQL expression that converts the current value.
        enum_maps: Enum value (`core.status.draft`) -> the desired value that takes its place.
        assume_empty: The tables hold nothing that matters: ask nothing.
        neutral_backfills: Fill a required column that comes back without its values with what its type has for
            "nothing known", instead of asking: for downgrades.
    """

    backfills: dict[str, str] = field(default_factory=dict)
    usings: dict[str, str] = field(default_factory=dict)
    enum_maps: dict[str, str] = field(default_factory=dict)
    assume_empty: bool = False
    neutral_backfills: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered operations, and what has to be decided before they can be trusted."""

    operations: tuple[Operation, ...] = ()
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def imports(self) -> frozenset[str]:
        """All import lines that the operations need."""
        return frozenset(line for operation in self.operations for line in operation.imports)
