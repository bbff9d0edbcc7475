"""A second connection that watches a statement which commits by itself.

By the time that such a statement is done its locks are gone. So every table that it may want is held shut; when it
waits at one, the server says in which mode it wants it, and that table is let go.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.catalog.quoting import qualified
from lamin_migrate_kit.proof.locks.modes import LockMode

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.scratch import ScratchDatabase

MOST_TABLES = 8
"""How many tables are held shut, each by a connection of its own; others are only looked at while they last."""
_PAUSE = 0.0005

_WATCH = """
SELECT relation::bigint, mode, granted FROM pg_locks
WHERE pid = %s AND locktype = 'relation'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Gate:
    """Watches one backend from `begin` to `end`, in a thread."""

    # `let_go` is the moment at which the statement was last let go, by `time.perf_counter`; 0 when it never waited.

    def __init__(self, database: ScratchDatabase, pid: int, tables: Mapping[int, ObjectKey]) -> None:
        """Prepare to watch.

        Args:
            database: Where the statement will run.
            pid: The backend that will run it.
            tables: The tables that it may want, by oid.
        """
        self.seen: set[tuple[int, LockMode]] = set()
        self.let_go = 0.0
        self.error: Exception | None = None
        self._pid = pid
        self._stack = ExitStack()
        self._done = threading.Event()
        self._held: dict[int, Connection] = {}
        try:
            self._watcher = self._stack.enter_context(database.connect())
            self._watcher = self._watcher.execution_options(isolation_level="AUTOCOMMIT")
            for oid, key in list(tables.items())[:MOST_TABLES]:
                holder = self._stack.enter_context(database.connect())
                # ONLY: partitions are tables of their own here. NOWAIT: the thread that lets go is not running yet.
                holder.exec_driver_sql(f"LOCK TABLE ONLY {qualified(key)} IN ACCESS EXCLUSIVE MODE NOWAIT")
                self._held[oid] = holder
        except BaseException:
            self._stack.close()
            raise
        self._thread = threading.Thread(target=self._watch, name="lock gate", daemon=True)

    def begin(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def end(self) -> None:
        """Stop watching and let everything go."""
        self._done.set()
        self._thread.join()
        self._stack.close()

    def _watch(self) -> None:
        try:
            while not self._done.is_set():
                self._look()
                time.sleep(_PAUSE)
        except Exception as error:
            self.error = error
        finally:
            # Whatever happened: nobody must wait for us for ever.
            for holder in self._held.values():
                holder.rollback()

    def _look(self) -> None:
        rows: Iterable[tuple[int, str, bool]] = [
            (row[0], row[1], row[2]) for row in self._watcher.exec_driver_sql(_WATCH, (self._pid,))
        ]
        waiting = [oid for oid, _, granted in rows if not granted and oid in self._held]
        self.seen |= {(oid, LockMode.from_server(mode)) for oid, mode, _ in rows}
        self._release(waiting)

    def _release(self, oids: list[int]) -> None:
        for oid in oids:
            self._held.pop(oid).rollback()
            self.let_go = time.perf_counter()
