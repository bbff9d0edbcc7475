"""A history that is replayed on scratch databases, and what it leaves on the way for those who begin there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.desired import available_extensions
from lamin_migrate_kit.catalog.needs import advise

if TYPE_CHECKING:
    from lamin_migrate_kit.alembic_bridge import Script, Step
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.scratch import ScratchDatabase


class Replay:
    """Takes databases up a history.

    Args:
        module: Whose history it is.
        copy: Makes a copy of a database that stays as long as what is made here.

    Attributes:
        stations: The ids of revisions at which somebody will begin: a copy is left there, see `take_station`.
        sent: What each revision that ran has sent to the server, by their ids; other threads may read it.
    """

    def __init__(self, module: SchemaModule, copy: Callable[[ScratchDatabase], ScratchDatabase]) -> None:
        self.stations: tuple[str, ...] = ()
        self.sent: dict[str, Step] = {}
        self._module = module
        self._copy = copy
        self._copies: dict[str, ScratchDatabase] = {}
        self._changed = threading.Condition()

    def take_up(self, database: ScratchDatabase, script: Script, target: str) -> None:
        """Run the revisions between where a database is and a target (an id, or `head`).

        Raises:
            MigrationError: A revision failed; where it lacked something, with the setting that gives it.
        """
        for station in self._stations_before(script.revisions, target):
            self._upgrade(database, script, station)
            self._copies[station] = self._copy(database)
        self._upgrade(database, script, target)

    def take_station(self, revision: str | None) -> ScratchDatabase | None:
        """The copy that was left at a revision, for whoever asks first, to change it; None without one."""
        return self._copies.pop(revision, None) if revision is not None else None

    def wait_for(self, revision: str, given_up: Callable[[], bool]) -> None:
        """Wait in another thread until a revision has run, and with it until a copy is left at the one below it.

        Args:
            revision: Its id.
            given_up: Asked whenever `wake` is called: whether to wait no longer.
        """
        with self._changed:
            self._changed.wait_for(lambda: revision in self.sent or given_up())

    def wake(self) -> None:
        """Let those who wait look whether they have given up."""
        with self._changed:
            self._changed.notify_all()

    def _stations_before(self, ids: Sequence[str], target: str) -> list[str]:
        """Those that nobody has passed yet."""
        before = ids if target == "head" else ids[: ids.index(target)]
        return [station for station in self.stations if station in before and station not in self.sent]

    def _upgrade(self, database: ScratchDatabase, script: Script, target: str) -> None:
        from lamin_migrate_kit.alembic_bridge import RevisionFailed, upgrade

        with database.connect() as connection:
            try:
                upgrade(connection, self._module, script, target, on_step=self._note)
            except RevisionFailed as error:
                # Where the database only lacked something, a setting gives it.
                advice = advise(error.sqlstate, error.what, available_extensions(connection))
                error.next_command = advice or error.next_command
                raise
            connection.commit()

    def _note(self, step: Step) -> None:
        self.sent[step.revision] = step
        self.wake()
