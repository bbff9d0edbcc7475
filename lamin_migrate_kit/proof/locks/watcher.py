"""Listens to a connection while one revision runs on it, and makes a `TracedStatement` of each statement."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
from lamin_migrate_kit.proof.locks.gate import Gate
from lamin_migrate_kit.proof.locks.model import Identity, Known, Lock, Registry, Scan, TracedStatement, Written
from lamin_migrate_kit.proof.locks.modes import LockMode
from lamin_migrate_kit.proof.locks.reading import (
    Counters,
    Reading,
    commits_by_itself,
    read_backend,
    read_backend_pid,
    read_registry,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from lamin_migrate_kit.alembic_bridge import Statement
    from lamin_migrate_kit.scratch import ScratchDatabase

_ROWS = ("table", "materialized_view")


class Watcher:
    """Used as `with watcher.listening(): upgrade(..., on_statement=watcher.on_statement)`."""

    def __init__(
        self,
        database: ScratchDatabase,
        connection: Connection,
        inspect: Callable[[Connection], Catalog],
        catalog: Catalog,
        leave_out: Iterable[str],
    ) -> None:
        """Remember what exists before the revision.

        Args:
            database: The scratch database.
            connection: The connection that the revision will run on; no transaction is open on it.
            inspect: Reads the catalog.
            catalog: What it is now.
            leave_out: Names of tables that record migrations.
        """
        self.statements: list[TracedStatement] = []
        self.unwatched: list[str] = []
        self.catalog = catalog
        self._database = database
        self._connection = connection
        self._inspect = inspect
        self._leave_out = frozenset(leave_out)
        self._pid = read_backend_pid(connection)
        self._registry = self._read_registry()
        connection.rollback()
        self._before = dict(self._registry)
        self._again: dict[Identity, Identity] = {}
        self._before_names = {known.key: identity for identity, known in self._registry.items()}
        self._last: Reading | None = None
        self._gate: Gate | None = None
        self._transaction = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Watch the connection for the block."""
        listeners = (("before_cursor_execute", self._before_statement), ("commit", self._committed))
        for name, listener in listeners:
            event.listen(self._connection, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners:
                event.remove(self._connection, name, listener)
            self._end_gate()

    def on_statement(self, statement: Statement) -> None:
        """Called within the transaction, after each statement; see `alembic_bridge.upgrade`."""
        ended = time.perf_counter()
        gate = self._end_gate()
        if gate is not None and gate.let_go:
            statement = replace(statement, seconds=ended - gate.let_go)
        if statement.line is None or statement.is_probe or self._last is None:
            return
        now = read_backend(self._connection)
        changed = now.catalog_writes != self._last.catalog_writes
        registry, catalog = self._look_again() if changed else (self._registry, self.catalog)
        if changed and re.search(r"\balter\b", statement.sql, re.IGNORECASE):
            self._adopt(registry)
        self.statements.append(self._traced(statement, now, registry, catalog, gate))
        self._registry, self.catalog = registry, catalog
        if gate and not gate.seen and _gives_up_soon(now.lock_timeout) and self._wanted_by(statement.sql):
            self.unwatched.append(
                f"line {statement.line} waits only {now.lock_timeout} for a lock: too short to be seen"
            )
        # Outside of a transaction what comes next begins anew.
        self._last = None if gate else now

    def _traced(
        self, statement: Statement, now: Reading, registry: Registry, catalog: Catalog, gate: Gate | None
    ) -> TracedStatement:
        last = self._last
        assert last is not None
        held = gate.seen if gate else now.locks
        done = {oid: counters.since(last.counters.get(oid)) for oid, counters in now.counters.items()}
        return TracedStatement(
            sql=statement.sql,
            line=statement.line or 0,
            seconds=statement.seconds,
            autocommit=gate is not None,
            transaction=self._transaction,
            taken=self._named_locks(held - last.locks if gate is None else held),
            held=self._named_locks(held),
            rewritten=tuple(sorted(self._rewritten(registry))),
            scanned=tuple(sorted(Scan(key, c.read) for key, c in self._of_tables(done) if c.scans)),
            written={
                key: Written(c.inserted, c.updated, c.deleted)
                for key, c in self._of_tables(done)
                if c.inserted or c.updated or c.deleted
            },
            lock_timeout=now.lock_timeout,
            notices=self._take_notices(),
            before=self.catalog,
            after=catalog,
            existing=frozenset(known.key for one, known in self._registry.items() if one in self._before),
            renamed={
                known.key: registry[one].key
                for one, known in self._registry.items()
                if one in registry and registry[one].key != known.key
            },
            newly_public=tuple(sorted(self._newly_public(registry))),
            privileges_lost=tuple(sorted(self._privileges_lost(registry))),
        )

    def _named_locks(self, locks: Iterable[tuple[int, LockMode]]) -> tuple[Lock, ...]:
        """Locks on what existed before the revision, under its name of before the statement."""
        named = ((self._existing(oid), mode) for oid, mode in locks)
        found = (Lock(known.key, mode) for known, mode in named if known)
        return tuple(sorted(found, key=lambda lock: (lock.on, lock.mode.strength)))

    def _existing(self, oid: int) -> Known | None:
        identity = Identity("r", oid, 0)
        return (self._registry.get(identity) or self._before[identity]) if identity in self._before else None

    def _of_tables(self, counters: Mapping[int, Counters]) -> Iterator[tuple[ObjectKey, Counters]]:
        for oid, one in counters.items():
            known = self._existing(oid)
            if known and known.key.kind in _ROWS:
                yield known.key, one

    def _adopt(self, registry: Registry) -> None:
        """Indexes and constraints that ALTER TABLE made again under their names are those that existed before."""
        gone = {
            known.key: identity
            for identity, known in self._registry.items()
            if known.key.kind in ("index", "constraint") and identity not in registry and identity in self._before
        }
        for identity, known in registry.items():
            former = gone.get(known.key) if identity not in self._registry else None
            if former is not None:
                self._before[identity] = self._before[former]
                self._again[former] = identity

    def _rewritten(self, registry: Registry) -> Iterator[ObjectKey]:
        for identity, known in self._registry.items():
            later = registry.get(self._again.get(identity, identity))
            is_kept = known.key.kind in (*_ROWS, "index") and identity in self._before
            if is_kept and later and later.file != known.file:
                yield known.key

    def _newly_public(self, registry: Registry) -> Iterator[ObjectKey]:
        for identity, known in registry.items():
            earlier = self._registry.get(identity)
            if known.public and not (earlier and earlier.public):
                yield known.key

    def _privileges_lost(self, registry: Registry) -> Iterator[ObjectKey]:
        for identity, known in registry.items():
            former = self._before_names.get(known.key)
            is_new = identity not in self._registry and former is not None and former != identity
            if is_new and former and known.granted is None and self._before[former].granted is not None:
                yield known.key

    def _look_again(self) -> tuple[Registry, Catalog]:
        driver: Any = self._connection.connection.dbapi_connection
        if not commits_by_itself(driver):
            return self._read_registry(), self._inspect(self._connection)
        # The catalog is read with a search path of its own, which needs a transaction to be undone with.
        with driver.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                return self._read_registry(), self._inspect(self._connection)
            finally:
                cursor.execute("COMMIT")

    def _read_registry(self) -> Registry:
        everything = read_registry(self._connection)
        return {one: known for one, known in everything.items() if known.key.name not in self._leave_out}

    def _before_statement(self, _: Any, cursor: Any, statement: str, *__: Any) -> None:
        """Whatever is not in a transaction is watched from outside; else know what was held before."""
        self._end_gate()
        alone = commits_by_itself(cursor.connection)
        if self._last is not None and not alone:
            return
        self._transaction += 1
        self._last = read_backend(self._connection)
        if alone:
            with suppress(SQLAlchemyError):
                wanted = {} if _gives_up_soon(self._last.lock_timeout) else self._wanted_by(statement)
                self._gate = Gate(self._database, self._pid, wanted)
                self._gate.begin()

    def _wanted_by(self, statement: str) -> dict[int, ObjectKey]:
        """The tables that a statement names, or of which it names an index; and those that these reference."""
        if re.search(r"\bNOWAIT\b", statement, re.IGNORECASE):
            return {}  # it would fail at once
        tables = {one.oid: known for one, known in self._registry.items() if known.key.kind == "table"}
        named = {
            known.table or one.oid
            for one, known in self._registry.items()
            if known.key.kind in ("table", "index") and re.search(rf"\b{re.escape(known.key.name)}\b", statement)
        }
        return {oid: tables[oid].key for oid in sorted(named) if oid in tables}

    def _end_gate(self) -> Gate | None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.end()
            if gate.error is not None:
                self.unwatched.append(f"the second connection failed: {gate.error}")
        return gate

    def _committed(self, _: Any) -> None:
        self._last = None

    def _take_notices(self) -> tuple[str, ...]:
        driver: Any = self._connection.connection.dbapi_connection
        notices = tuple(str(notice).strip() for notice in driver.notices)
        del driver.notices[:]
        return notices


def _gives_up_soon(lock_timeout: str) -> bool:
    """Whether a statement would fail while it is held up to be looked at."""
    milliseconds = lock_timeout.removesuffix("ms")
    return milliseconds.isdigit() and milliseconds != "0"
