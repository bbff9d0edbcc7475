"""What a trace of a revision says: values, a statement each, that reports show and rules are asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, ObjectKey
from lamin_migrate_kit.proof.locks.modes import LockMode, strongest

Kind = TypeVar("Kind", bound=CatalogObject)

# A comment, a text in quotes or dollars: what must not be taken for a word of the statement.
_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)


class Lock(NamedTuple):
    """A lock that a statement took on something that existed before the revision."""

    on: ObjectKey
    mode: LockMode


class Scan(NamedTuple):
    """A table that a statement read from one end to the other."""

    table: ObjectKey
    rows: int


class Written(NamedTuple):
    """How many rows of a table a statement wrote."""

    inserted: int
    updated: int
    deleted: int


class Identity(NamedTuple):
    """What stays the same of an object under any name: the catalog it is in, its oid, a column's number."""

    catalog: str
    oid: int
    number: int


class Known(NamedTuple):
    """What is known of an object by its identity."""

    key: ObjectKey
    file: int | None
    """The file node that holds its rows; None where it has none."""
    table: int
    """The oid of the table that an index or a TOAST table belongs to; 0 for others."""
    granted: str | None
    """Its privileges as `aclitem[]`; None while nobody has granted any."""
    public: bool
    """Whether somebody granted PUBLIC something on it."""


Registry = Mapping[Identity, Known]


@dataclass(frozen=True)
class TracedStatement:
    """One statement of a revision, and what the server did for it. Objects that the revision made do not count.

    Attributes:
        sql: Its text, with the parameters in place.
        line: The line of the revision file that it comes from.
        seconds: How long the server took, without the waiting that the trace itself caused.
        autocommit: It ran outside a transaction block, and was watched from a second connection.
        taken: The locks that it took and that were not held before it.
        held: All locks that were held in its transaction after it.
        rewritten: Tables and indexes of which it made new files.
        scanned: Tables that it read in full.
        written: Rows that it wrote.
        lock_timeout: How long it would have waited for a lock, as the server spells it; `0` without end.
        notices: What the server told of it.
        transaction: Number of the transaction that it belongs to, from 1.
        before: The catalog before it.
        after: The catalog after it; the same value when it changed nothing.
        existing: What existed before the revision, named as before the statement.
        renamed: Objects that have another name after it.
        recreated: Objects of its making that have the name of something that existed before the revision.
    """

    sql: str
    line: int
    seconds: float
    autocommit: bool
    transaction: int
    taken: tuple[Lock, ...]
    held: tuple[Lock, ...]
    rewritten: tuple[ObjectKey, ...]
    scanned: tuple[Scan, ...]
    written: Mapping[ObjectKey, Written]
    lock_timeout: str
    notices: tuple[str, ...]
    before: Catalog
    after: Catalog
    existing: frozenset[ObjectKey]
    renamed: Mapping[ObjectKey, ObjectKey] = field(default_factory=dict)
    newly_public: tuple[ObjectKey, ...] = ()
    """What it granted PUBLIC something on."""
    privileges_lost: tuple[ObjectKey, ...] = ()
    """What it made again without the privileges that the one before the revision had."""

    @cached_property
    def words(self) -> str:
        """The text in lower case without comments and quoted texts, white space evened out: for asking what it says."""
        return re.sub(r"\s+", " ", _QUOTED.sub(" ", self.sql)).strip().lower()

    @cached_property
    def strongest(self) -> Mapping[ObjectKey, LockMode]:
        """The strongest new lock on each table, view and so on; those on indexes are left to the tables."""
        found: dict[ObjectKey, list[LockMode]] = {}
        for on, mode in self.taken:
            if on.kind != "index":
                found.setdefault(on, []).append(mode)
        return {on: strongest(modes) for on, modes in sorted(found.items())}

    def locks(self, table: ObjectKey, mode: LockMode) -> bool:
        """Whether the lock on a table was at least this strong after the statement, and it took or needed it."""
        return any(on == table and held.strength >= mode.strength for on, held in (*self.taken, *self.held))

    def created(self, kind: type[Kind]) -> Iterator[Kind]:
        """Objects of one class that it made; what it renamed is not among them."""
        former = {self.renamed.get(key, self._follow(key)) for key in self.before.objects}
        return (value for value in self._new_values(kind) if value.key not in former)

    def dropped(self, kind: type[Kind]) -> Iterator[Kind]:
        """Objects of one class that existed before the revision and that it dropped."""
        if self.before is self.after:
            return
        for key, value in self.before.objects.items():
            gone = self._follow(key) not in self.after.objects
            if isinstance(value, kind) and gone and self.existed(key):
                yield value

    def changed(self, kind: type[Kind]) -> Iterator[tuple[Kind, Kind]]:
        """Objects of one class that existed before the revision, before and after the statement, where they differ."""
        if self.before is self.after:
            return
        for key, value in self.before.objects.items():
            later = self.after.objects.get(self._follow(key))
            if isinstance(value, kind) and isinstance(later, kind) and later != value and self.existed(key):
                yield value, later

    def existed(self, key: ObjectKey) -> bool:
        """Whether an object, named as before the statement, existed before the revision."""
        if key in self.existing:
            return True
        # Policies, triggers and rules have no identity of their own here: their table's counts.
        return key.kind in _PARTS and key.table in self.existing

    def _follow(self, key: ObjectKey) -> ObjectKey:
        """What an object is called after the statement."""
        if key in self.renamed:
            return self.renamed[key]
        if key.kind in _PARTS and key.table in self.renamed:
            table = self.renamed[key.table]
            return ObjectKey(key.kind, table.schema, table.name, key.part)
        return key

    def _new_values(self, kind: type[Kind]) -> Iterator[Kind]:
        return iter(()) if self.before is self.after else self.after.of(kind)


_PARTS = frozenset({"policy", "trigger", "rule"})


@dataclass(frozen=True, slots=True)
class Failure:
    """That a revision failed on tables with rows, or altogether.

    Attributes:
        message: What the server said.
        line: The line of the revision file.
        sql: The statement that failed.
        sqlstate: The server's five-character code.
        on_rows: Whether it works on empty tables, so that the rest of the revision was traced there.
    """

    message: str
    line: int | None
    sql: str
    sqlstate: str | None
    on_rows: bool


@dataclass(frozen=True)
class RevisionTrace:
    """What one revision's upgrade did.

    Attributes:
        revision: Its id.
        path: Its file.
        statements: In the order in which they ran, Alembic's own bookkeeping left out.
        before: The catalog before the revision.
        after: The catalog after its last statement.
        settings_left: Settings of the session that it changed and did not change back.
        failure: Why it did not run to its end on tables with rows.
        not_filled: Why a table had no rows.
        refused: Why it did not run on the rows that came first; it was traced on rows that fit what it leads to.
    """

    revision: str
    path: Path
    statements: tuple[TracedStatement, ...]
    before: Catalog
    after: Catalog
    settings_left: tuple[str, ...] = ()
    failure: Failure | None = None
    not_filled: Mapping[ObjectKey, str] = field(default_factory=dict)
    refused: Failure | None = None
