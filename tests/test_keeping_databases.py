"""The models' database is kept on a lasting server, copied for the next command, and never trusted beyond its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lamin_migrate_kit import keeping_databases
from lamin_migrate_kit.comparison import compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.desired_side import DesiredSide
from lamin_migrate_kit.keeping_databases import forget_kept, kept_digest, kept_names, kept_or_built
from lamin_migrate_kit.scratch import PREFIX, ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.servers.server import kept_engine
from tests.authors import Author

NOTE = 'sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="core")\n'


@pytest.fixture
def lasting(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The tests' server as if it were there for the next command too; what is kept has names of this test's own."""
    monkeypatch.setattr(keeping_databases, "_KEPT", f"{PREFIX}kept_{id(monkeypatch)}_"[:-1] + "_")
    keeping = replace(server, lasting=True)
    yield keeping
    forget_kept(keeping)


def building(*statements: str, counted: list[int] | None = None) -> Callable[[ScratchDatabase], bool]:
    def build(database: ScratchDatabase) -> bool:
        if counted is not None:
            counted.append(1)
        with database.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()
        return True

    return build


def tables(database: ScratchDatabase) -> list[str]:
    with database.connect() as connection:
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384 ORDER BY 1"
        return list(connection.exec_driver_sql(query).scalars())


def test_second_time_is_a_copy(lasting: Server) -> None:
    counted: list[int] = []
    for _ in range(3):
        with kept_or_built(lasting, ["t"], building("CREATE TABLE t ()", counted=counted)) as database:
            assert tables(database) == ["t"]
    assert counted == [1]


def test_other_facts_are_another_database(lasting: Server) -> None:
    with kept_or_built(lasting, ["t"], building("CREATE TABLE t ()")):
        pass
    with kept_or_built(lasting, ["u"], building("CREATE TABLE u ()")) as database:
        assert tables(database) == ["u"]
    assert len(kept_names(lasting)) == 2


def test_what_is_done_to_a_copy_stays_in_the_copy(lasting: Server) -> None:
    with kept_or_built(lasting, ["t"], building("CREATE TABLE t ()")):
        pass
    with kept_or_built(lasting, ["t"], building()) as database, database.connect() as connection:
        connection.exec_driver_sql("DROP TABLE t")
        connection.commit()
    with kept_or_built(lasting, ["t"], building()) as database:
        assert tables(database) == ["t"]


def test_two_at_a_time(lasting: Server) -> None:
    def once(_: int) -> list[str]:
        with kept_or_built(lasting, ["t"], building("CREATE TABLE t ()")) as database:
            return tables(database)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(once, range(8))) == [["t"]] * 8
    assert len(kept_names(lasting)) == 1


def test_nothing_is_kept_when_the_block_fails(lasting: Server) -> None:
    with pytest.raises(ZeroDivisionError), kept_or_built(lasting, ["t"], building("CREATE TABLE t ()")):
        raise ZeroDivisionError
    assert kept_names(lasting) == ()


def test_nothing_is_kept_of_what_was_not_built_from_its_facts_alone(lasting: Server) -> None:
    with kept_or_built(lasting, ["t"], lambda _: False):
        pass
    with kept_or_built(lasting, None, building("CREATE TABLE t ()")):
        pass
    assert kept_names(lasting) == ()


def test_nothing_is_kept_on_other_servers(lasting: Server, server: Server) -> None:
    assert not server.lasting
    with kept_or_built(server, ["t"], building("CREATE TABLE t ()")):
        pass
    assert kept_names(lasting) == ()


def test_the_least_recently_used_goes(lasting: Server) -> None:
    for number in (*range(4), 0, 4):
        with kept_or_built(lasting, [str(number)], building(f"CREATE TABLE t{number} ()")):
            pass
    counted: list[int] = []
    for number in (0, 2, 3, 4, 1):
        with kept_or_built(lasting, [str(number)], building(f"CREATE TABLE t{number} ()", counted=counted)):
            pass
    assert len(counted) == 1
    assert len(kept_names(lasting)) == 4


def test_nobody_can_connect_to_what_is_kept(lasting: Server) -> None:
    with kept_or_built(lasting, ["t"], building()):
        pass
    (name,) = kept_names(lasting)
    with (
        pytest.raises(Exception, match="not currently accepting connections"),
        kept_engine(lasting.url.set(database=name), True).connect(),
    ):
        pass


def test_somebody_who_is_connected_only_keeps_it_from_being_kept(lasting: Server) -> None:
    with kept_or_built(lasting, ["t"], building()) as database, scratch_database(lasting):
        pass
    assert tables_left(lasting, database.name) == []


def tables_left(server: Server, name: str) -> list[str]:
    with kept_engine(server.url, True).connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT datname FROM pg_database WHERE datname = '{name}'").scalars())


# A schema module's models


@pytest.fixture
def keeping_author(author: Author, lasting: Server) -> Author:
    author.server = lasting
    return author


def desired_is_built(author: Author, monkeypatch: pytest.MonkeyPatch) -> bool:
    built: list[object] = []
    original = DesiredSide._build

    def build(desired: DesiredSide, database: ScratchDatabase) -> bool:
        built.append(database)
        return original(desired, database)

    with monkeypatch.context() as patch, author.bench() as bench:
        patch.setattr(DesiredSide, "_build", build)
        assert any(key.kind == "table" for key in bench.desired_catalog.objects)
    return bool(built)


def test_models_are_built_once_and_again_when_a_table_changed(
    keeping_author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = 'kind = sa.Enum("a", "b", name="kind", schema="core")\n'
    used = 'sa.Column("kind", kind), sa.Column("word", pg.DOMAIN("word", sa.Text, schema="core")), schema='
    keeping_author.models(types + NOTE.replace("schema=", used))
    assert desired_is_built(keeping_author, monkeypatch)
    assert not desired_is_built(keeping_author, monkeypatch)
    keeping_author.models(NOTE.replace("sa.Integer", "sa.BigInteger"))
    assert desired_is_built(keeping_author, monkeypatch)


def test_a_change_of_settings_is_a_change(keeping_author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping_author.models(NOTE)
    assert desired_is_built(keeping_author, monkeypatch)
    keeping_author.settings.update(extensions=("citext",))
    assert desired_is_built(keeping_author, monkeypatch)
    keeping_author.settings.update(schemas=("more",))
    assert desired_is_built(keeping_author, monkeypatch)


@pytest.mark.parametrize(
    "code",
    [
        "@sa.event.listens_for(metadata, 'after_create')\n"
        "def made(target, connection, **kw):\n    connection.execute(sa.text('CREATE VIEW core.v AS SELECT 1 AS a'))\n",
        "sa.event.listen(metadata, 'after_create',\n"
        "    sa.DDL('CREATE VIEW core.v AS SELECT 1 AS a').execute_if(callable_=lambda *a, **k: True))\n",
    ],
)
def test_what_only_running_tells_is_built_every_time(
    keeping_author: Author, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    keeping_author.models(NOTE + code)
    assert desired_is_built(keeping_author, monkeypatch)
    assert desired_is_built(keeping_author, monkeypatch)
    with keeping_author.bench() as bench:
        assert any(key.kind == "view" for key in bench.desired_catalog.objects)


def test_ddl_in_events_is_part_of_what_is_kept(keeping_author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    ddl = "CREATE VIEW core.v AS SELECT '1%%' AS a, id FROM core.note"
    view = f'sa.event.listen(metadata, "after_create", sa.DDL("{ddl}"))\n'
    keeping_author.models(NOTE + view)
    assert desired_is_built(keeping_author, monkeypatch)
    assert not desired_is_built(keeping_author, monkeypatch)
    with keeping_author.bench() as bench:
        assert any("'1%'" in getattr(value, "definition", "") for value in bench.desired_catalog.objects.values())
    keeping_author.models(NOTE + view.replace("'1%%'", "'2%%'"))
    assert desired_is_built(keeping_author, monkeypatch)


def test_what_stands_on_revisions_is_not_kept(keeping_author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping_author.revise('op.execute("CREATE SCHEMA core; CREATE DOMAIN core.word AS text")')
    keeping_author.models(
        NOTE.replace("schema=", 'sa.Column("w", pg.DOMAIN("word", sa.Text, schema="core", create_type=False)), schema=')
    )
    assert desired_is_built(keeping_author, monkeypatch)
    assert desired_is_built(keeping_author, monkeypatch)


def test_generation_from_a_kept_database_is_the_same(keeping_author: Author) -> None:
    keeping_author.models(NOTE)
    first = keeping_author.compare()
    second = keeping_author.compare()
    assert first.upgrade_lines() == second.upgrade_lines()
    keeping_author.generate()
    keeping_author.models(NOTE)
    assert keeping_author.compare().empty


def test_what_is_known_to_be_the_same_is_not_copied(keeping_author: Author) -> None:
    keeping_author.models(NOTE)
    keeping_author.generate()
    for _ in range(2):
        with keeping_author.bench() as bench:
            assert compare_module(bench, Decisions()).empty
            assert not bench.desired_side.looked_at
    keeping_author.revise('op.execute("CREATE VIEW core.w AS SELECT id FROM core.note")')
    with keeping_author.bench() as bench:
        comparison = compare_module(bench, Decisions())
        assert (comparison.empty, comparison.kept) == (True, ("core.w",))
        assert bench.desired_side.looked_at


def test_a_digest_that_another_kit_wrote_is_written_anew(lasting: Server) -> None:
    def opened(digest: str) -> None:
        with kept_or_built(lasting, ["t"], building("CREATE TABLE t ()"), digest=lambda: digest):
            pass

    for digest in ("", "one", "two"):
        opened(digest)
        assert kept_digest(lasting, ["t"]) == (digest or None)
    assert kept_digest(lasting, ["u"]) is None
