"""A scratch database at a revision, from which the next ones are taken up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import Runner, Step, current_revision
from lamin_migrate_kit.scratch import scratch_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.workbench import Workbench


@contextmanager
def standing_at(
    bench: Workbench,
    revision: str | None,
    hint: str,
    known: Mapping[str, Step] | None = None,
    *,
    before_step: Callable[[Runner], object] = bool,
) -> Iterator[Connection]:
    """A connection to a new database at a revision, without rows but those that revisions make.

    It is reached by upgrades alone: it was left there by the replay, or is reached from a copy of what the released
    revisions made where there is one.

    Args:
        bench: The module at hand.
        revision: Where to stand; None for below the first revision.
        hint: A word for the database's name.
        known: What revisions sent when they ran before; their statements may stand for them, see `Runner.repeat`.
        before_step: Told of the runner before each revision; may raise.

    Raises:
        MigrationError: A revision up to there fails.
    """
    station = bench.replay.take_station(revision)
    if station is not None:
        with station.connect() as connection:
            yield connection
        return
    unreleased = bench.history.unreleased
    near = revision is not None and revision in {one for rev in unreleased for one in (rev.down, rev.id)}
    below = (
        scratch_database(bench.server, template=bench.released_database, hint=hint) if near else bench.prepared(hint)
    )
    with below as database, database.connect() as connection:
        if revision is not None:
            _ascend(connection, bench, revision, known or {}, before_step)
        yield connection


def _ascend(
    connection: Connection,
    bench: Workbench,
    target: str,
    known: Mapping[str, Step],
    before_step: Callable[[Runner], object],
) -> None:
    steps = bench.script.steps_up(current_revision(connection, bench.module), target)
    with Runner(connection, bench.module, bench.script) as runner:
        for step in steps:
            before_step(runner)
            before = known.get(step.revision.revision)
            if before is None or not runner.repeat(before):
                runner.run(step)
