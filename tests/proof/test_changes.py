"""What a reviewer is shown of the unreleased revisions: the SQL both ways, and the tables that they touch."""

from __future__ import annotations

from collections.abc import Callable

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.proof.changes import entities_of, read_changes
from lamin_migrate_kit.report.model import Entity
from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import Project

Bench = Callable[[], Workbench]
A_COLUMNS = (("size", "bigint", "changed"), ("title", "text", "new"), ("name", "text", "dropped"))


def test_unreleased_revisions_are_shown_in_both_directions(bench: Bench) -> None:
    changes = read_changes(bench())
    assert (changes.before, changes.after) == ("aaaa", "bbbb")
    (sql,) = changes.sql
    assert sql.operations == 'op.add_column("note", sa.Column("body", sa.Text()), schema="core")'
    assert sql.upgrade == "ALTER TABLE core.note ADD COLUMN body TEXT;"
    assert sql.downgrade == "ALTER TABLE core.note DROP COLUMN body;"
    assert changes.entities == (Entity("core.note", "changed", (("body", "text", "new"),)),)


def test_operations_are_shown_with_the_decisions_on_them(project: Project, bench: Bench) -> None:
    decided = "# migrate-kit: drop core.note.id because …\n"
    project.revision("bbbb", "aaaa", f'{decided}op.execute("SELECT 1")\nif True:\n    op.execute("SELECT 2")')
    project.revision("cccc", "bbbb")
    first, second = read_changes(bench()).sql
    assert first.operations == f'{decided}op.execute("SELECT 1")\nif True:\n    op.execute("SELECT 2")'
    assert second.operations == ""


def test_what_depends_on_the_database_is_said(project: Project, bench: Bench) -> None:
    up = "op.execute('SELECT 1')\nif op.get_bind().exec_driver_sql('SELECT 2').scalar():\n    pass"
    project.revision("bbbb", "aaaa", up)
    (sql,) = read_changes(bench()).sql
    assert sql.upgrade.startswith("SELECT 1;")
    assert "from here on it depends on the database" in sql.upgrade


def test_nothing_unreleased_changes_nothing(project: Project, bench: Bench) -> None:
    (project.versions / "2023-01-01-bbbb-vx_x_x.py").unlink()
    changes = read_changes(bench())
    assert (changes.before, changes.after, changes.sql, changes.entities) == ("aaaa", "aaaa", (), ())


def test_new_dropped_changed_and_neighbouring_tables_are_told_apart(scratch: ScratchDatabase) -> None:
    ground = """
        CREATE TABLE a (id int PRIMARY KEY, name text, size int); CREATE TABLE gone (id int, a int REFERENCES a);
        CREATE TABLE quiet (id int); CREATE TABLE beside (id int PRIMARY KEY);
    """
    step = """
        DROP TABLE gone; ALTER TABLE a ALTER size TYPE bigint, DROP name, ADD title text;
        CREATE TABLE fresh (id int, b int REFERENCES beside)
    """
    with scratch.connect() as connection:
        connection.exec_driver_sql(ground)
        before = inspect_catalog(connection)
        connection.exec_driver_sql(step)
        found = entities_of(before, inspect_catalog(connection))
    assert found == (
        Entity("public.a", "changed", A_COLUMNS),
        Entity("public.fresh", "new", (("id", "integer", ""), ("b", "integer", "")), ("public.beside",)),
        Entity("public.gone", "dropped", (("id", "integer", "dropped"), ("a", "integer", "dropped")), ("public.a",)),
        Entity("public.beside", ""),
    )
