"""A database at a revision: where the replay has left a copy, that one; else one that is taken up to there."""

from __future__ import annotations

from collections.abc import Callable

from lamin_migrate_kit.alembic_bridge import current_revision
from lamin_migrate_kit.proof.standing import standing_at
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import Project

Bench = Callable[[], Workbench]


def tables_at(bench: Workbench, revision: str) -> tuple[str, tuple[str, ...]]:
    """The database's name, and the columns that it has."""
    with standing_at(bench, revision, "standing") as connection:
        assert current_revision(connection, bench.module) == revision
        name = connection.engine.url.database
        assert name is not None
        return name, tuple(str(key) for key in bench.inspect_connection(connection).objects if key.kind == "column")


def test_copy_that_the_replay_has_left_is_used_once(project: Project, bench: Bench) -> None:
    opened = bench()
    opened.replay.stations = ("aaaa",)
    opened.head_database  # noqa: B018 (made on first use)
    first, columns = tables_at(opened, "aaaa")
    second, same = tables_at(opened, "aaaa")
    assert first.endswith("_station")
    assert second.endswith("_standing")
    assert columns == same == ("core.note.id",)


def test_without_a_replay_it_is_taken_up_to_there(project: Project, bench: Bench) -> None:
    name, columns = tables_at(bench(), "bbbb")
    assert name.endswith("_standing")
    assert columns == ("core.note.body", "core.note.id")
