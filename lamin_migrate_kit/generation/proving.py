"""A revision's text -> proofs of it, run on scratch databases. Nothing of the module's own is touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.errors import MigrationError, ProofFailed
from lamin_migrate_kit.generation.trying import copied_revisions
from lamin_migrate_kit.report.model import Proof, Status

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.alembic_bridge import Script
    from lamin_migrate_kit.comparison import Comparison
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.workbench import Workbench

Fill = Callable[["Connection", Catalog], object]
"""Puts a few rows into the tables of a scratch database, which is as the catalog says."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of the round trip: what it is called, what it promises, where it leads."""

    name: str
    promise: str
    goal: Catalog


def prove_revision(
    bench: Workbench, filename: str, text: str, comparison: Comparison, fill: Fill | None = None
) -> tuple[Proof, ...]:
    """Run a revision's text: up, compare, down, compare, up, compare; then up, down, up on tables with rows.

    Args:
        bench: The schema module on a server.
        filename: What the revision would be called.
        text: Its content.
        comparison: What it is made from.
        fill: Puts rows into tables; None leaves the proof on rows out.

    Raises:
        ProofFailed: With the text and what is wrong with it.
        WriteError: There is no room for a copy of the revisions.
    """
    from lamin_migrate_kit.alembic_bridge import open_script

    ways = (
        _Way("upgrade", "the upgrade makes what the models declare", comparison.desired),
        _Way("downgrade", "the downgrade restores what was there", comparison.current),
        _Way("upgrade-again", "the upgrade runs again after it", comparison.desired),
    )
    with (
        copied_revisions(bench.module, {filename: text.encode()}) as module,
        bench.give_head_database().connect() as connection,
    ):
        trip = _RoundTrip(bench, module, open_script(module), text, connection)
        proofs = trip.on_empty_tables(ways)
        return (*proofs, trip.on_rows(ways, comparison.current, fill)) if fill else proofs


@dataclass(frozen=True, slots=True)
class _RoundTrip:
    """Takes the head's database through a revision."""

    bench: Workbench
    module: SchemaModule
    script: Script
    text: str
    connection: Connection

    def on_empty_tables(self, ways: Sequence[_Way]) -> tuple[Proof, ...]:
        """Every way leads exactly to its goal."""
        proofs = []
        for way in ways:
            began = time.perf_counter()
            try:
                self._go(way)
            except MigrationError as error:
                raise self._failed(way.promise, [str(error)]) from error
            self._require(way)
            proofs.append(Proof(way.name, way.promise, Status.PASSED, time.perf_counter() - began))
        return tuple(proofs)

    def on_rows(self, ways: Sequence[_Way], current: Catalog, fill: Fill) -> Proof:
        """Every way works on tables that hold rows; begins where `on_empty_tables` ends."""
        promise = "it runs on tables with rows"
        began = time.perf_counter()
        self._go(next(way for way in ways if way.name == "downgrade"))
        fill(self.connection, current)
        self.connection.commit()
        for way in ways:
            try:
                self._go(way)
            except MigrationError as error:
                if not _about_values(error):
                    raise self._failed(f"{promise} ({way.name})", [str(error)]) from error
                return Proof("rows", promise, Status.NOT_PROVEN, time.perf_counter() - began, summary=error.what)
        return Proof("rows", promise, Status.PASSED, time.perf_counter() - began)

    def _go(self, way: _Way) -> None:
        from lamin_migrate_kit.alembic_bridge import downgrade, upgrade

        head = self.bench.history.head
        if way.name == "downgrade":
            downgrade(self.connection, self.module, self.script, head.id if head else None)
        else:
            upgrade(self.connection, self.module, self.script)
        self.connection.commit()

    def _require(self, way: _Way) -> None:
        reached = self.bench.inspect_connection(self.connection)
        self.connection.rollback()
        differences = diff_catalogs(reached, way.goal).describe()
        if differences:
            raise self._failed(way.promise, differences)

    def _failed(self, promise: str, findings: Sequence[str]) -> ProofFailed:
        shown = "\n".join(findings)
        return ProofFailed(
            f"The generated revision was not kept, because it does not hold that {promise}.",
            details=f"{shown}\n\n{self.text}",
            next_command="please report this with the text above; meanwhile: invoke migrate.generate --empty",
        )


def _about_values(error: MigrationError) -> bool:
    """Whether it is about values: rows that were made up may have others than a decision or a new rule is about."""
    return getattr(error, "about_values", False)
