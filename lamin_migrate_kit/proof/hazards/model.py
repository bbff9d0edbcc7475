"""What a rule is: data, with an example of each kind and what a server shows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement
from lamin_migrate_kit.proof.locks.modes import LockMode


class Family(Enum):
    """What rules are about."""

    DATA_LOSS = "data loss"
    COMPATIBILITY = "compatibility with running code"
    FAILING = "failing on data"
    LOCKS = "locks and rewrites"
    TRANSACTIONS = "transactions and sessions"
    INDEXES = "indexes"
    TYPES = "types"
    SECURITY = "security"


class Severity(Enum):
    """How bad a hazard is."""

    ERROR = "error"
    """Fails the proof."""
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Hit(NamedTuple):
    """One place at which a rule holds.

    `statement` is where; None when the revision failed before it could be traced. `subject` is the object that it is
    about, for decisions that name it; `severity` only where it is not the rule's.
    """

    statement: TracedStatement | None
    subject: ObjectKey
    what: str
    severity: Severity | None = None


class Takes(NamedTuple):
    """Evidence: a lock of at least this strength on a relation."""

    relation: str
    mode: LockMode

    def __str__(self) -> str:
        return f"`{self.mode.value}` on `{self.relation}`"


class Rewrites(NamedTuple):
    """Evidence: new files for a table or index."""

    relation: str

    def __str__(self) -> str:
        return f"`{self.relation}` is written anew"


class Scans(NamedTuple):
    """Evidence: a table is read from one end to the other."""

    relation: str

    def __str__(self) -> str:
        return f"`{self.relation}` is read in full"


class Fails(NamedTuple):
    """Evidence: the upgrade fails with this SQLSTATE on the rows of the example."""

    sqlstate: str

    def __str__(self) -> str:
        return f"the upgrade fails with `{self.sqlstate}`"


class Answers(NamedTuple):
    """Evidence: after the bad example, and not after the good one, the last of these statements answers so.

    An answer is the text of the first row, or the SQLSTATE of the error.
    """

    sql: str
    answer: str

    def __str__(self) -> str:
        return f"`{self.sql}` answers `{self.answer}`"


class Traced(NamedTuple):
    """Evidence: something else that the trace says."""

    what: str
    holds: Callable[[RevisionTrace], bool]

    def __str__(self) -> str:
        return self.what


Evidence = Takes | Rewrites | Scans | Fails | Answers | Traced


@dataclass(frozen=True, slots=True)
class Rule:
    """One hazard.

    Attributes:
        id: What waivers and reports call it.
        family: What it is about; `also` where it is about more.
        condition: When it holds, in words.
        effect: What happens then.
        safe: What to do instead.
        bad: An example that it catches, SQL or the body of `upgrade()`.
        good: One that does the same, and that it does not catch.
        find: Finds it in the trace of a revision.
        shows: What the server shows of the bad example.
        severity: How bad it is; only errors fail the proof.
        given: SQL that both examples need, on top of `GIVEN`.
        decisions: The words after `# migrate-kit:` that decide it for an object, besides `allow=`.
        squawk: The rules of squawk that say the same.
    """

    id: str
    family: Family
    condition: str
    effect: str
    safe: str
    bad: str
    good: str
    find: Callable[[RevisionTrace], Iterator[Hit]]
    shows: tuple[Evidence, ...]
    severity: Severity = Severity.WARNING
    given: str = ""
    decisions: tuple[str, ...] = ()
    squawk: tuple[str, ...] = ()
    also: tuple[Family, ...] = ()


GIVEN = """\
CREATE SCHEMA core;
CREATE TYPE core.status AS ENUM ('draft', 'open', 'done');
CREATE TABLE core.author (id bigint PRIMARY KEY, name varchar(80));
CREATE TABLE core.note (
    id bigint PRIMARY KEY, author_id bigint, title varchar(80) NOT NULL DEFAULT '', pages integer, status core.status
);
CREATE INDEX ix_note_title ON core.note (title);
INSERT INTO core.author VALUES (1, 'Ada'), (2, 'Bert');
INSERT INTO core.note VALUES (1, 1, 'Loops', 3, 'open'), (2, 1, 'Tables', NULL, 'done'), (3, 7, 'Rows', 9, NULL);
"""
"""What every example begins with."""


def body_of(example: str) -> str:
    """An example as the body of `upgrade()`: Python stays as it is, SQL is executed statement by statement."""
    if "op." in example:
        return example
    statements = (part.strip() for part in example.replace(";\n", ";\0").split("\0"))
    return "\n".join(f"op.execute({part.rstrip(';')!r})" for part in statements if part)
