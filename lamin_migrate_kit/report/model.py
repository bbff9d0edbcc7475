"""The one result model: what a command did and what it proved. Writers beside it turn it into text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """What a proof came to. What could not be run is NOT PROVEN, never PASSED."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_PROVEN = "NOT PROVEN"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a proof found.

    Attributes:
        message: What is wrong, in a sentence.
        revision: The id of the revision it belongs to.
        file: The path of the file it belongs to, relative to the repository.
        line: The line in that file, from 1.
        details: Longer material: SQL, a traceback of the author's own code, a diff.
        next_command: What mends it.
        rule: The id of the hazard's rule, for those that come from rules.
        severity: `error`, `warning` or `note`, where findings of one proof are not all alike; only errors fail a proof.
    """

    message: str
    revision: str | None = None
    file: str | None = None
    line: int | None = None
    details: str = ""
    next_command: str | None = None
    rule: str | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one statement of a revision did on tables that existed before the revision, read from the server.

    Attributes:
        revision: The id of the revision.
        file: The path of its file, relative to the repository.
        line: The line in that file, from 1.
        sql: The statement.
        seconds: How long the server took, with few rows.
        locks: (relation, lock mode as the Postgres manual spells it), those that it took and that were not held before.
        blocks: Who waits while these are held: `reads`, `writes`, `other DDL`.
        rewritten: Tables and indexes that were written anew.
        scanned: (table, rows) that were read from one end to the other.
        autocommit: It ran outside of a transaction.
    """

    revision: str
    file: str
    line: int
    sql: str
    seconds: float
    locks: tuple[tuple[str, str], ...] = ()
    blocks: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    scanned: tuple[tuple[str, int], ...] = ()
    autocommit: bool = False


@dataclass(frozen=True, slots=True)
class ColumnAccount:
    """What became of the values of one column when a revision ran.

    Attributes:
        column: Its dotted name before the upgrade; of a new column, after it.
        fate: `kept`, `renamed`, `moved` (its values are in another column, and it is gone), `converted`, `emptied`,
            `dropped` or `new`.
        became: Its dotted name after the upgrade, where that is another one.
        values: How many values it held; NULL is none.
        changed: How many became other values: in meaning, or in precision.
        lost: How many are nowhere any more.
        not_back: How many the downgrade did not bring back; None when there is no way back.
        decided: The decision that the revision records on it, such as `drop core.note.pages`.
    """

    column: str
    fate: str
    became: str | None = None
    values: int = 0
    changed: int = 0
    lost: int = 0
    not_back: int | None = None
    decided: str = ""


@dataclass(frozen=True, slots=True)
class RowsAccount:
    """What became of all rows when a revision ran on tables that hold some.

    Attributes:
        revision: The id of the revision.
        file: The path of its file, relative to the repository.
        rows: (table, rows that it held before the upgrade).
        lost_rows: (table, rows that are nowhere any more).
        kept: How many columns came out just as they were.
        columns: The others.
    """

    revision: str
    file: str
    rows: tuple[tuple[str, int], ...] = ()
    lost_rows: tuple[tuple[str, int], ...] = ()
    kept: int = 0
    columns: tuple[ColumnAccount, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """One check that ran something.

    Attributes:
        name: The stable id, such as `upgrade-from-empty`.
        title: What it promises, such as "upgrades from an empty database".
        status: How it came out.
        seconds: How long it took.
        summary: A few words beside the status, such as "7 revisions"; for NOT PROVEN the reason.
        findings: What it found, worst first.
        measured: What the statements of revisions did, for the proof that is about locks.
        accounts: What became of rows, for the proof that is about them, a revision each.
        waived: Why a release goes on although this is NOT PROVEN, from the settings; None when nobody said so.
    """

    name: str
    title: str
    status: Status
    seconds: float = 0.0
    summary: str = ""
    findings: tuple[Finding, ...] = ()
    measured: tuple[Measured, ...] = ()
    accounts: tuple[RowsAccount, ...] = ()
    waived: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What the run ran on. Two reports with the same values come from the same kind of place.

    Attributes:
        kit: The kit's version.
        python: The version of Python.
        sqlalchemy: The version of SQLAlchemy.
        alembic: The version of Alembic.
        postgres: The server with its exact version; empty when none was needed, as the fields below it.
        provider: Where the server comes from.
        pinned: Whether the Postgres major is the one that the kit pins.
        platform: The operating system.
        packages: A hash over the versions of all packages that the kit needs.
        settings: (name, value) of the server's settings that matter, sorted.
        image: The id of the container image that the server runs from, where there is one to be asked.
    """

    kit: str
    python: str
    sqlalchemy: str
    alembic: str
    postgres: str
    provider: str
    pinned: bool
    platform: str = ""
    packages: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    image: str = ""


@dataclass(frozen=True, slots=True)
class RevisionSql:
    """The SQL of one unreleased revision.

    Attributes:
        revision: Its id.
        file: The path of its file, relative to the repository.
        upgrade: What it sends on the way up, each statement with its semicolon.
        downgrade: On the way back.
        operations: The body of `upgrade()` as it is written, with the decisions that it records.
    """

    revision: str
    file: str
    upgrade: str
    downgrade: str
    operations: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """One table that the unreleased revisions touch.

    Attributes:
        table: Its dotted name, after them where it is still there.
        change: `new`, `dropped`, `changed`, or "" for one that only a touched table references.
        columns: (name, type, change); the changes are `new`, `dropped`, `changed` or "".
        references: The tables that its foreign keys reference, dotted.
    """

    table: str
    change: str
    columns: tuple[tuple[str, str, str], ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What the unreleased revisions change.

    Attributes:
        before: The head of what is released; None when nothing is.
        after: The head.
        sql: The revisions' SQL, first one first.
        entities: The tables that they touch, sorted.
    """

    before: str | None
    after: str | None
    sql: tuple[RevisionSql, ...] = ()
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a command did and what it proved.

    Attributes:
        command: As typed: `ci`, `migrate.generate`.
        module: The schema module's import name.
        proofs: In the order in which they ran.
        missing: Lines of Python with the operations that the revisions lack; other readings as comments, the best
            one last.
        not_compared: (kind, name) of objects found that are of no kind the kit compares.
        kept: Dotted names of objects that only revisions make.
        notes: Sentences worth saying that are no failure.
        changes: What the unreleased revisions change; None when that could not be looked at.
    """

    command: str
    module: str
    environment: Environment
    proofs: tuple[Proof, ...] = ()
    missing: tuple[str, ...] = ()
    not_compared: tuple[tuple[str, str], ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    changes: Changes | None = None

    @property
    def passed(self) -> bool:
        """No proof failed. (NOT PROVEN is not a failure, and not a pass: it is shown.)"""
        return all(proof.status is not Status.FAILED for proof in self.proofs)

    @property
    def unwaived(self) -> tuple[Proof, ...]:
        """What was NOT PROVEN and nobody waived: `invoke ci` shows it, a release does not go on with it."""
        return tuple(proof for proof in self.proofs if proof.status is Status.NOT_PROVEN and proof.waived is None)
