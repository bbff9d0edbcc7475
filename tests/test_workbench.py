"""A schema module on a server: everything costly once, other packages' tables where references need them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.comparison import compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.servers import Server
from tests.authors import Author

NOTE = 'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="core")\n'


def test_databases_and_catalogs_are_made_once(author: Author) -> None:
    author.models(NOTE)
    with author.bench() as bench:
        assert bench.head_database is bench.head_database
        assert bench.desired_catalog is bench.desired_catalog
        assert bench.sides is bench.sides
        assert len(author.scratch_databases()) == 2
    assert author.scratch_databases() == []


def test_head_database_that_was_given_away_is_made_anew(author: Author) -> None:
    author.models(NOTE)
    author.generate()
    with author.bench() as bench:
        given = bench.give_head_database()
        with given.connect() as connection:
            connection.exec_driver_sql("DROP TABLE core.note")
            connection.commit()
        assert bench.head_database.name != given.name
        assert bench.inspect(bench.head_database).objects == bench.head_catalog.objects
        assert compare_module(bench, Decisions()).empty
    assert author.scratch_databases() == []


def test_replay_leaves_a_copy_at_each_station_for_the_first_who_asks(author: Author) -> None:
    author.models(NOTE)
    ids = [author.revise(f'op.execute("CREATE TABLE t{number} ()")') for number in range(4)]
    with author.bench() as bench:
        bench.replay.stations = (ids[1], ids[2])
        bench.head_database  # noqa: B018 (made on first use)
        for id, tables in ((ids[1], ["t0", "t1"]), (ids[2], ["t0", "t1", "t2"])):
            station = bench.replay.take_station(id)
            assert station is not None
            assert [key.name for key in bench.inspect(station).objects if key.kind == "table"] == tables
            assert bench.replay.take_station(id) is None
        assert bench.replay.take_station(ids[0]) is None
        assert list(bench.replay.sent) == ids
    assert author.scratch_databases() == []


def test_comparisons_leave_both_databases_as_they_were(author: Author) -> None:
    author.models(NOTE)
    author.generate()
    author.revise('op.execute("CREATE VIEW core.w AS SELECT id FROM core.note")')
    author.models(NOTE.replace('"note"', '"memo"'))
    with author.bench() as bench:
        for _ in range(2):
            compare_module(bench, Decisions(renames=("core.note:memo",)))
        assert bench.inspect(bench.head_database).objects == bench.head_catalog.objects
        assert bench.inspect(bench.desired_database).objects == bench.desired_catalog.objects


def test_settings_prepare_both_sides(author: Author) -> None:
    author.settings.update(schemas=("made",), extensions=("citext",))
    author.models('sa.Table("t", metadata, sa.Column("a", pg.CITEXT), schema="made")')
    result = author.generate()
    assert "CREATE SCHEMA" not in result.text
    assert "EXTENSION" not in result.text


def test_server_is_left_as_it_was_when_a_revision_fails(author: Author) -> None:
    author.models(NOTE)
    author.revise('op.execute("SELECT 1/0")')
    with pytest.raises(Exception, match="division by zero"):
        author.compare()
    assert author.scratch_databases() == []


# Two packages that share one MetaData


@pytest.fixture
def other(tmp_path: Path, server: Server) -> Iterator[Author]:
    """The author of a package that the other one builds on."""
    writing = Author(tmp_path / "other", server, schema_id="othr")
    writing.models(
        'sa.Table("user", metadata, sa.Column("id", sa.Integer, primary_key=True),\n'
        '         sa.Column("kind", sa.Enum("a", "b", name="kind")), schema="other")\n'
        'sa.Table("unrelated", metadata, sa.Column("id", sa.Integer, primary_key=True))\n'
        "user, unrelated = metadata.tables.values()\n"
    )
    writing.module.metadata()
    yield writing
    writing.close()


def head_of(other: Author) -> str:
    """What stands at the top of models that share the other package's MetaData."""
    return f"import sqlalchemy as sa\nfrom {other.history.package}.models import metadata\n\n\n"


def mine(columns: str = "") -> str:
    return (
        'mine = sa.Table("mine", metadata, sa.Column("id", sa.Integer, primary_key=True),\n'
        f'         sa.Column("by", sa.ForeignKey("other.user.id")), {columns} schema="own", extend_existing=True)\n'
    )


def test_tables_of_other_packages_are_there_and_never_proposed(author: Author, other: Author) -> None:
    author.models(mine(), head=head_of(other))
    result = author.generate()
    body = author.body(result)
    assert 'op.create_table(\n    "mine",' in body
    assert "user" not in body.replace('["other.user.id"]', "")
    assert "unrelated" not in body
    author.models(mine('sa.Column("more", sa.Integer),'), head=head_of(other))
    added = author.generate()
    assert author.body(added) == ('op.add_column("mine", sa.Column("more", sa.Integer(), nullable=True), schema="own")')
    author.models(mine('sa.Column("more", sa.Integer),'), head=head_of(other))
    assert author.compare().empty


def test_stairways_start_with_the_tables_of_other_packages(author: Author, other: Author) -> None:
    author.models(mine(), head=head_of(other))
    with author.bench() as bench, bench.prepared("stairway") as database:
        tables = [str(key) for key in bench.inspect(database).objects if key.kind == "table"]
    assert tables == ["other.user"]
