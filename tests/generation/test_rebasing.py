"""Two heads become one only where it makes no difference which of the two lines runs first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ProofFailed, RevisionError
from lamin_migrate_kit.generation.rebasing import Rebased, rebase
from lamin_migrate_kit.revisions.branches import find_fork
from lamin_migrate_kit.revisions.history import read_history
from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.settings import Settings
from tests.proof.project import ADD, REMOVE, Project

ADD_TITLE = 'op.add_column("note", sa.Column("title", sa.Text()), schema="core")'
DROP_TITLE = 'op.drop_column("note", "title", schema="core")'


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """`aaaa` is released; `bbbb` and `cccc` both follow it."""
    made = Project(tmp_path / "a project", f"lnschema_rebase{abs(hash(request.node.name))}")
    made.revision("cccc", "aaaa", ADD_TITLE, DROP_TITLE)
    path = list(sys.path)
    yield made
    sys.path[:] = path
    for name in [name for name in sys.modules if name.partition(".")[0] == made.package]:
        del sys.modules[name]


@pytest.fixture
def here(project: Project, server: Server) -> Settings:
    url = server.url.render_as_string(hide_password=False)
    return replace(project.settings(), server_url=url, provider="url")


def rebased(project: Project, here: Settings, *, write: bool = True) -> Rebased | None:
    return rebase(here, project.module(), write=write)


def files(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(project.folder.rglob("*.py"))}


def refused(project: Project, here: Settings) -> ProofFailed:
    before = files(project)
    with pytest.raises(ProofFailed) as caught:
        rebased(project, here)
    assert files(project) == before
    return caught.value


def test_independent_revisions_come_into_line(project: Project, here: Settings) -> None:
    before = files(project)
    done = rebased(project, here)
    assert done is not None
    assert [revision.id for revision in done.fork.moving] == ["cccc"]
    assert [revision.id for revision in read_history(project.module()).revisions] == ["aaaa", "bbbb", "cccc"]
    assert '_migration = "cccc"' in project.init_file.read_text()
    changed = {name for name, content in files(project).items() if before[name] != content}
    assert changed == {"__init__.py", "2023-01-01-cccc-vx_x_x.py"}


def test_second_time_there_is_nothing_to_do(project: Project, here: Settings) -> None:
    rebased(project, here)
    assert rebased(project, here) is None


def test_dry_run_proves_and_changes_nothing(project: Project, here: Settings) -> None:
    before = files(project)
    assert rebased(project, here, write=False) is not None
    assert files(project) == before


def test_released_line_stays_also_when_it_is_the_newer_one(project: Project, here: Settings) -> None:
    (project.versions / "2023-01-01-cccc-vx_x_x.py").unlink()
    project.revision("cccc", "aaaa", ADD_TITLE, DROP_TITLE, version="0_1_0", name="2023-09-09-cccc-v0_1_0.py")
    done = rebased(project, here)
    assert done is not None
    assert (done.fork.staying[-1].id, done.fork.moving[-1].id) == ("cccc", "bbbb")
    assert read_history(project.module()).head == read_history(project.module()).get("bbbb")


def test_line_of_several_revisions_moves_as_a_whole(project: Project, here: Settings) -> None:
    project.revision("dddd", "cccc", 'op.execute("CREATE TABLE core.log ()")', 'op.execute("DROP TABLE core.log")')
    rebased(project, here)
    assert [one.id for one in read_history(project.module()).revisions] == ["aaaa", "bbbb", "cccc", "dddd"]
    assert '_migration = "dddd"' in project.init_file.read_text()


def test_lines_without_anything_in_common_are_tried_from_an_empty_database(project: Project, here: Settings) -> None:
    create = 'op.execute("CREATE TABLE public.log ()")'
    (project.versions / "2023-01-01-cccc-vx_x_x.py").unlink()
    project.revision("cccc", None, create, 'op.execute("DROP TABLE public.log")')
    done = rebased(project, here)
    assert done is not None
    assert done.fork.below is None
    assert read_history(project.module()).revisions[-1].down == "bbbb"


def test_same_column_added_twice_is_refused_with_the_statement(project: Project, here: Settings) -> None:
    project.revision("cccc", "aaaa", ADD, REMOVE)
    refusal = refused(project, here)
    assert "cccc was not moved" in refusal.what
    assert 'column "body" of relation "note" already exists' in refusal.what
    assert "with bbbb first, then cccc" in str(refusal.details)
    assert "down_revision = 'bbbb'" in str(refusal.next_command)


def test_order_that_makes_a_difference_is_refused_with_the_difference(project: Project, here: Settings) -> None:
    # Whichever runs second has the last word.
    for id, text in (("bbbb", "one"), ("cccc", "two")):
        project.revision(id, "aaaa", f"op.execute(\"COMMENT ON TABLE core.note IS '{text}'\")")
    refusal = refused(project, here)
    assert "it depends on the order" in refusal.what
    assert "core.note" in str(refusal.details)


def test_order_that_works_one_way_alone_is_refused(project: Project, here: Settings) -> None:
    project.revision("bbbb", "aaaa", 'op.execute("ALTER TABLE core.note RENAME TO paper")')
    assert 'relation "core.note" does not exist' in refused(project, here).what.replace("schema", "relation")


def test_two_released_lines_are_refused(project: Project) -> None:
    for id in ("bbbb", "cccc"):
        (project.versions / f"2023-01-01-{id}-vx_x_x.py").unlink()
        project.revision(id, "aaaa", version="0_1_0")
    with pytest.raises(RevisionError, match="both have been released"):
        find_fork(project.module())


def test_three_heads_are_refused(project: Project) -> None:
    project.revision("dddd", "aaaa")
    with pytest.raises(RevisionError, match="There are 3 heads: bbbb, cccc, dddd"):
        find_fork(project.module())


def test_no_scratch_database_is_left(project: Project, here: Settings, scratch: ScratchDatabase) -> None:
    project.revision("cccc", "aaaa", ADD, REMOVE)
    refused(project, here)
    # This process's own: other workers of a test run share the server.
    count = f"SELECT count(*) FROM pg_database WHERE datname ~ '_{os.getpid()}_.*_(rebase|order)$'"
    with scratch.connect() as connection:
        assert connection.exec_driver_sql(count).scalar() == 0
