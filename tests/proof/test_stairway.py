"""What goes wrong on the way up, down or up again is found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from textwrap import dedent, indent

import pytest

from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof import stairway
from lamin_migrate_kit.proof.climber import Climber
from lamin_migrate_kit.proof.stairway import Stairway, prove_stairway
from lamin_migrate_kit.report.model import Finding, Proof, Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import ADD, CREATE, DROP, REMOVE, Project

Bench = Callable[[], Workbench]


@dataclass(frozen=True)
class Opened:
    """Opens the project; what there is to climb on then depends on when the history is replayed."""

    bench: Bench
    replayed: str

    def __call__(self) -> Workbench:
        workbench = self.bench()
        if self.replayed == "before":
            with suppress(MigrationError):
                workbench.head_database  # noqa: B018 (made on first use)
        return workbench


@pytest.fixture(params=["never", "before", "meanwhile"])
def bench(request: pytest.FixtureRequest, bench: Bench) -> Opened:
    """After a replay of the history, its statements stand for the revisions where they can."""
    return Opened(bench, request.param)


def climb(bench: Opened, *, every: bool = False) -> Proof:
    opened = bench()
    if bench.replayed != "meanwhile":
        return prove_stairway(opened, every=every)
    with Stairway(opened, every=every).begun() as stairway:
        try:
            opened.head_database  # noqa: B018
        except MigrationError:
            stairway.stop()
        return prove_stairway(opened, every=every, stairway=stairway)


def only(bench: Opened) -> Finding:
    proof = climb(bench)
    assert proof.status is Status.FAILED
    (finding,) = proof.findings
    assert finding.file is not None
    return finding


def test_good_revision_passes(bench: Opened) -> None:
    proof = climb(bench)
    assert (proof.status, proof.summary) == (Status.PASSED, "1 revision")


def test_every_revision_is_climbed_when_asked(bench: Opened) -> None:
    assert climb(bench, every=True).summary == "2 revisions"


def test_released_revisions_are_left_alone_otherwise(project: Project, bench: Opened) -> None:
    project.revision("aaaa", None, CREATE, "op.execute('SELECT nonsense')", version="0_1_0")
    assert climb(bench).status is Status.PASSED


def test_no_unreleased_revision_is_said(project: Project, bench: Opened) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    assert climb(bench).summary == "no unreleased revision"


@pytest.mark.parametrize("downgrade", ["pass", "raise NotImplementedError('one way')"])
def test_revision_without_a_way_back_is_not_proven(project: Project, bench: Opened, downgrade: str) -> None:
    project.revision("bbbb", "aaaa", ADD, downgrade)
    proof = climb(bench)
    assert proof.status is Status.NOT_PROVEN
    assert "bbbb cannot be taken back" in proof.summary


def test_revision_that_does_nothing_needs_no_way_back(project: Project, bench: Opened) -> None:
    project.revision("bbbb", "aaaa", "pass", "pass")
    assert climb(bench).status is Status.PASSED


def test_downgrade_that_forgets_something_is_found(project: Project, bench: Opened) -> None:
    project.revision("bbbb", "aaaa", ADD, 'op.execute("SELECT 1")')
    finding = only(bench)
    assert "column core.note.body" in finding.details
    assert finding.message.startswith("After downgrade() of bbbb")
    assert finding.line == 14


def test_downgrade_that_takes_too_much_is_found(project: Project, bench: Opened) -> None:
    project.revision("bbbb", "aaaa", ADD, 'op.drop_table("note", schema="core")')
    assert "table core.note" in only(bench).details


def test_downgrade_that_fails_is_found_with_its_line(project: Project, bench: Opened) -> None:
    project.revision("bbbb", "aaaa", ADD, 'op.drop_column("note", "boody", schema="core")')
    finding = only(bench)
    assert "boody" in finding.message
    assert finding.line == 15


def test_upgrade_that_cannot_be_repeated_is_found(project: Project, bench: Opened) -> None:
    up = f'{ADD}\nop.execute("CREATE TABLE public.log ()")\nop.execute("DROP SCHEMA IF EXISTS once")'
    project.revision("bbbb", "aaaa", up, f'{REMOVE}\nop.execute("DROP TABLE public.log; CREATE TYPE public.log AS ()")')
    assert "log" in only(bench).details


def test_upgrade_that_makes_something_else_the_second_time_is_found(project: Project, bench: Opened) -> None:
    # The sequence's value outlives the downgrade's catalog: only running the upgrade again shows it.
    project.revision("aaaa", None, f'{CREATE}\nop.execute("CREATE SEQUENCE core.runs")', DROP, version="0_1_0")
    up = """
        runs = op.get_bind().exec_driver_sql("SELECT nextval('core.runs')").scalar()
        op.execute(f"CREATE TABLE core.log{runs} ()")
    """
    down = """
        runs = op.get_bind().exec_driver_sql("SELECT last_value FROM core.runs").scalar()
        op.execute(f"DROP TABLE core.log{runs}")
    """
    project.revision("bbbb", "aaaa", up, down)
    finding = only(bench)
    assert finding.message.startswith("After upgrade() of bbbb")
    assert "core.log1" in finding.details


def test_what_one_revision_gets_wrong_does_not_hide_the_next(project: Project, bench: Opened) -> None:
    project.revision("bbbb", "aaaa", ADD, 'op.execute("SELECT 1")')
    project.revision("cccc", "bbbb", 'op.execute("CREATE TABLE core.log ()")', 'op.execute("DROP TABLE core.lock")')
    proof = climb(bench)
    assert [finding.revision for finding in proof.findings] == ["bbbb", "cccc"]


def test_revision_with_an_autocommit_block_is_climbed(project: Project, bench: Opened) -> None:
    up = """
        with op.get_context().autocommit_block():
            op.create_index("ix_note_id", "note", ["id"], schema="core", postgresql_concurrently=True)
    """
    down = """
        with op.get_context().autocommit_block():
            op.drop_index("ix_note_id", "note", schema="core", postgresql_concurrently=True)
    """
    project.revision("bbbb", "aaaa", up, down)
    assert climb(bench).status is Status.PASSED


def test_no_scratch_database_is_left(project: Project, bench: Opened) -> None:
    project.revision("bbbb", "aaaa", ADD, 'op.execute("SELECT 1")')
    opened = bench()
    with opened.prepared("count") as database, database.connect() as connection:
        # This process's own: other workers of a test run share the server.
        count = f"SELECT count(*) FROM pg_database WHERE datname LIKE '%%\\_{os.getpid()}\\_%%stairway'"
        prove_stairway(opened)
        assert connection.exec_driver_sql(count).scalar() == 0


def test_downgrade_that_forgets_a_table_of_several_is_found(project: Project, bench: Opened) -> None:
    # The downgrade does not touch what it forgets.
    project.revision("aaaa", None, f'{CREATE}\nop.execute("CREATE TABLE core.log ()")', DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", f'{ADD}\nop.execute("ALTER TABLE core.log ADD COLUMN line text")', REMOVE)
    assert only(bench).details == "column core.log.line is there and should not be"


def test_what_goes_past_sqlalchemy_is_run_again(project: Project, bench: Opened) -> None:
    up = """
        cursor = op.get_bind().connection.cursor()
        cursor.execute("CREATE TABLE core.log ()")
        op.execute("ALTER TABLE core.log ADD COLUMN line text")
    """
    project.revision("bbbb", "aaaa", up, 'op.execute("DROP TABLE core.log")')
    assert climb(bench).status is Status.PASSED


def test_upgrade_that_depends_on_rows_and_says_so_nowhere_is_found(project: Project, bench: Opened) -> None:
    # The server decides, in one statement that answers nothing: what it makes the second time is another table.
    project.revision("aaaa", None, f'{CREATE}\nop.execute("CREATE SEQUENCE core.runs")', DROP, version="0_1_0")
    up = """op.execute("DO 'begin execute format(''CREATE TABLE core.log%s ()'', nextval(''core.runs'')); end'")"""
    down = """
        runs = op.get_bind().exec_driver_sql("SELECT last_value FROM core.runs").scalar()
        op.execute(f"DROP TABLE core.log{runs}")
    """
    project.revision("bbbb", "aaaa", up, down)
    assert only(bench).message.startswith("After upgrade() of bbbb")


GROUND = """
    CREATE SCHEMA core; CREATE DOMAIN core.tags AS text[]; CREATE SEQUENCE core.numbers;
    CREATE TABLE core.note (id int PRIMARY KEY, lat float, lon float, name varchar(80));
    CREATE VIEW core.place AS SELECT lat FROM core.note;
    CREATE MATERIALIZED VIEW core.kept AS SELECT id FROM core.note WITH NO DATA;
"""
LATER = (
    ("op.execute(\"CREATE TYPE core.status AS ENUM ('on')\")", 'op.execute("DROP TYPE core.status")'),
    ('op.execute("ALTER TABLE core.note ADD c int")', 'op.execute("ALTER TABLE core.note DROP c")'),
)
"""Whatever a step has changed unseen, the looks at these see, and might take for theirs."""


def told_wrong(project: Project, bench: Opened, up: str, down: str) -> Proof:
    """The proof of a revision that others follow."""
    drop = 'op.execute("DROP SCHEMA core CASCADE")'
    project.revision("aaaa", None, f'op.execute("""{GROUND}""")', drop, version="0_1_0")
    ways = ((up, down), *LATER)
    for below, id, (there, back) in zip(["aaaa", *LONG], LONG, ways, strict=False):
        project.revision(id, below, there, back)
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    return climb(bench, every=True)


SWAP = "; ".join(f"ALTER TABLE core.note RENAME {one}" for one in ("lat TO was", "lon TO lat", "was TO lon"))


@pytest.mark.parametrize(
    ("up", "details"),
    [
        pytest.param("ALTER DOMAIN core.tags SET DEFAULT '{}'", "domain core.tags", id="domain over an array"),
        pytest.param(
            "UPDATE pg_attribute SET atttypmod = 104 WHERE attrelid = 'core.note'::regclass AND attname = 'name'",
            "column core.note.name",
            id="catalogs written by hand",
        ),
        pytest.param(
            "CREATE TABLE IF NOT EXISTS core.log (); COMMIT; BEGIN", "table core.log", id="commit among others"
        ),
        pytest.param(SWAP, "view core.place", id="names that swap"),
        pytest.param("COMMENT ON COLUMN core.note.name IS 'n'", "column core.note.name", id="comment"),
        pytest.param("ALTER SEQUENCE core.numbers CYCLE", "sequence core.numbers", id="sequence"),
    ],
)
def test_downgrade_that_forgets_what_is_hard_to_see_is_found(
    project: Project, bench: Opened, up: str, details: str
) -> None:
    proof = told_wrong(project, bench, f'op.execute("""{up}""")', 'op.execute("SELECT 1")')
    assert proof.status is Status.FAILED
    assert details in proof.findings[0].details
    assert proof.findings[0].revision == "r001"


def test_grant_that_the_downgrade_forgets_is_found_where_privileges_count(
    project: Project, bench: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(project.settings(), privileges=True)
    monkeypatch.setattr(project, "settings", lambda: settings)
    proof = told_wrong(project, bench, 'op.execute("GRANT SELECT ON core.note TO PUBLIC")', 'op.execute("SELECT 1")')
    assert proof.status is Status.FAILED
    assert "core.note" in proof.findings[0].details


@pytest.mark.parametrize("up", ["REFRESH MATERIALIZED VIEW core.kept", "ANALYZE core.note"])
def test_what_changes_nothing_that_counts_needs_no_way_back(project: Project, bench: Opened, up: str) -> None:
    assert told_wrong(project, bench, f'op.execute("{up}")', "pass").status is Status.PASSED


LONG = [f"r{number:03}" for number in range(1, 9)]


def long_history(project: Project) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    for down, id in zip(["aaaa", *LONG], LONG, strict=False):
        add = f'op.add_column("note", sa.Column("{id}", sa.Text()), schema="core")'
        project.revision(id, down, add, f'op.drop_column("note", "{id}", schema="core")')


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts for each three revisions, as many as a machine with many processors makes."""
    monkeypatch.setattr(stairway, "_LONG_ENOUGH", 3)
    monkeypatch.setattr(stairway, "_processors", lambda: 64)


@pytest.mark.usefixtures("parts")
def test_long_history_is_climbed_in_parts(project: Project, bench: Opened) -> None:
    long_history(project)
    proof = climb(bench, every=True)
    assert (proof.status, proof.summary) == (Status.PASSED, "9 revisions")


@pytest.mark.usefixtures("parts")
def test_parts_that_begin_later_are_shorter(project: Project, bench: Opened) -> None:
    long_history(project)
    opened = bench()
    with Stairway(opened, every=True).begun() as stairway:
        opened.head_database  # noqa: B018
        ids = ["aaaa", *LONG]
        ends = [0, *(ids.index(station) + 1 for station in opened.replay.stations), len(ids)]
        first, second, third = (end - begin for begin, end in pairwise(ends))
        assert first > second > third > 0
        assert stairway.stop()


def test_short_history_is_climbed_from_its_beginning_alone(project: Project, bench: Opened) -> None:
    long_history(project)
    opened = bench()
    with Stairway(opened, every=True).begun() as stairway:
        assert opened.replay.stations == ()
        assert not stairway.stop()


@pytest.mark.usefixtures("parts")
def test_second_try_of_an_upgrade_has_no_stations(project: Project, bench: Opened) -> None:
    # What the first revision sets stays with its connection, and a copy needs the connections to be closed.
    long_history(project)
    project.revision("aaaa", None, f'{CREATE}\nop.execute("SET search_path TO core, public")', DROP, version="0_1_0")
    project.revision(
        "r008", "r007", 'op.execute("ALTER TABLE note ADD c int")', 'op.execute("ALTER TABLE core.note DROP c")'
    )
    opened = bench.bench()
    with Stairway(opened, every=True).begun() as stairway:
        with pytest.raises(MigrationError):
            opened.head_database  # noqa: B018
        assert stairway.stop()
        assert opened.head_database
        assert prove_stairway(opened, every=True, stairway=stairway).status is Status.PASSED


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("place", ["aaaa", "r002"])
def test_climb_ends_soon_whatever_it_waits_for(project: Project, bench: Opened, place: str) -> None:
    # It sleeps wherever a part is climbed, and not in the replay.
    long_history(project)
    slow = """
        name = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
        op.execute(f"SELECT pg_sleep({20 if name.endswith(('stairway', 'station')) else 0})")
    """
    file = next(project.versions.glob(f"*{place}*"))
    file.write_text(
        file.read_text().replace("def upgrade() -> None:\n", "def upgrade() -> None:\n" + indent(dedent(slow), "    "))
    )
    opened = bench.bench()
    with Stairway(opened, every=True).begun() as stairway:
        opened.head_database  # noqa: B018
        time.sleep(0.3)
        began = time.monotonic()
        assert stairway.stop()
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("parts")
def test_climb_that_is_left_before_the_replay_ends(project: Project, bench: Opened) -> None:
    long_history(project)
    with Stairway(bench(), every=True).begun():
        pass


@pytest.mark.usefixtures("parts")
def test_what_only_fails_beside_others_counts_for_nothing(project: Project, bench: Opened) -> None:
    # A role is the whole server's: two databases of it cannot both make one.
    long_history(project)
    role = f"beside_{project.package}"
    for id, down in (("r001", "aaaa"), ("r007", "r006")):
        up = f'op.execute("CREATE ROLE {role}")\nop.execute("SELECT pg_sleep(0.2)")\nop.execute("DROP ROLE {role}")'
        project.revision(id, down, up, up)
    proof = climb(bench, every=True)
    assert (proof.status, proof.findings) == (Status.PASSED, ())


@pytest.mark.usefixtures("parts")
def test_what_is_wrong_in_two_parts_is_found_in_the_order_of_the_history(project: Project, bench: Opened) -> None:
    long_history(project)
    for id, down in (("r002", "r001"), ("r007", "r006")):
        add = f'op.add_column("note", sa.Column("{id}", sa.Text()), schema="core")'
        project.revision(id, down, add, 'op.execute("SELECT 1")')
    assert [finding.revision for finding in climb(bench, every=True).findings] == ["r002", "r007"]


def test_climb_that_is_stopped_ends_and_leaves_nothing(project: Project, bench: Opened) -> None:
    long_history(project)
    opened = bench()
    climber = Climber(opened, opened.history.revisions)
    climber.stop()
    assert climber.climb() == ()
    assert climber.above is None


def test_end_that_upgrades_alone_do_not_reach_is_found(project: Project, bench: Opened) -> None:
    # Each way says that it did what it should; the last table tells how often all was done.
    project.revision("aaaa", None, f'{CREATE}\nop.execute("CREATE SEQUENCE core.runs")', DROP, version="0_1_0")
    count = "op.get_bind().exec_driver_sql(\"SELECT nextval('core.runs')\").scalar()"
    project.revision("bbbb", "aaaa", f"{count}\n{ADD}", REMOVE)
    project.revision("cccc", "bbbb", f'runs = {count}\nop.execute(f"CREATE TABLE core.log{{runs}} ()")', "pass")
    proof = climb(bench)
    assert "core.log" in proof.findings[-1].details
    assert "as upgrades alone make it" in proof.findings[-1].message
