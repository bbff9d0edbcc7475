"""Rows of an instance: a sample that is whole, read in one snapshot, never written to, masked where it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.alembic_bridge import upgrade
from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.proof.rows.instance import Clone, InstanceRows
from lamin_migrate_kit.proof.rows.proof import prove_rows
from lamin_migrate_kit.report.model import Proof, Status
from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import DROP, Project

TABLES = """
CREATE SCHEMA core;
CREATE TABLE core.author (id serial PRIMARY KEY, mail text UNIQUE, boss int REFERENCES core.author);
CREATE TABLE core.note (id text PRIMARY KEY, author int NOT NULL REFERENCES core.author, body text,
    size int GENERATED ALWAYS AS (length(body)) STORED);
CREATE TABLE core.event (id int, day date, note text REFERENCES core.note, PRIMARY KEY (id, day))
    PARTITION BY RANGE (day);
CREATE TABLE core.event_20 PARTITION OF core.event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE core.event_21 PARTITION OF core.event FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE core.empty (id int PRIMARY KEY, name text NOT NULL);
"""
ROWS = """
INSERT INTO core.author (mail, boss) SELECT 'secret' || n || '@example.org', n - 1 + (n = 1)::int
    FROM generate_series(1, 50) n;
INSERT INTO core.note (id, author, body) SELECT 'n' || n, 1 + n % 50, 'body ' || n FROM generate_series(1, 500) n;
INSERT INTO core.event SELECT n, '2020-06-01'::date + n % 500, 'n' || 1 + n % 500 FROM generate_series(1, 400) n;
"""
RENAME = 'op.alter_column("note", column_name="body", new_column_name="text", schema="core")'
RENAME_BACK = 'op.alter_column("note", column_name="text", new_column_name="body", schema="core")'


@pytest.fixture
def opened(project: Project, bench: Callable[[], Workbench]) -> Workbench:
    create = "\n".join(f"op.execute({one!r})" for one in TABLES.split(";") if one.strip())
    project.revision("aaaa", None, create, DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", RENAME, RENAME_BACK)
    return bench()


@pytest.fixture
def instance(opened: Workbench, scratch: ScratchDatabase) -> Iterator[Connection]:
    """A database that stands for an instance at the released revision."""
    with scratch.connect() as connection:
        upgrade(connection, opened.module, opened.script, "aaaa")
        connection.exec_driver_sql(ROWS.replace("%", "%%"))
        connection.commit()
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        connection.commit()
        yield connection


def prove(bench: Workbench, instance: Connection, rows: int = 10_000) -> Proof:
    return prove_rows(bench, clone=Clone(instance, rows))


def counts(proof: Proof) -> dict[str, int]:
    return dict(proof.accounts[0].rows)


def test_all_rows_of_an_instance_are_accounted_for(opened: Workbench, instance: Connection) -> None:
    proof = prove(opened, instance)
    assert proof.status is Status.PASSED, proof.findings
    found = counts(proof)
    assert (found["core.author"], found["core.note"], found["core.event"]) == (50, 500, 400)
    (body,) = (column for column in proof.accounts[0].columns if column.column == "core.note.body")
    assert (body.fate, body.values, body.not_back) == ("renamed", 500, 0)


def test_table_that_is_empty_there_gets_rows_that_are_made_up(opened: Workbench, instance: Connection) -> None:
    assert counts(prove(opened, instance))["core.empty"] == 3


def test_sample_references_nothing_outside_of_itself(opened: Workbench, instance: Connection) -> None:
    proof = prove(opened, instance, rows=6)
    assert proof.status is Status.PASSED, proof.findings
    found = counts(proof)
    # The oldest and the newest of each, what events reference, and bosses up to the first.
    assert found["core.event"] == 6
    assert 6 <= found["core.note"] <= 12
    assert found["core.author"] == 50


def test_values_that_only_the_instance_has_are_seen_to_be_lost(
    project: Project, opened: Workbench, instance: Connection
) -> None:
    project.revision("bbbb", "aaaa", "op.execute(\"UPDATE core.note SET body = 'x' WHERE body = 'body 7'\")")
    fresh = Workbench(opened.settings, opened.module, opened.server, opened._stack)
    proof = prove(fresh, instance)
    assert proof.status is Status.FAILED
    assert "changes 1 of the 500 values of core.note.body" in proof.findings[0].message


def test_revision_that_the_instances_rows_stop_fails_without_showing_a_value(
    project: Project, opened: Workbench, instance: Connection
) -> None:
    project.revision("bbbb", "aaaa", "op.execute('ALTER TABLE core.author ALTER mail TYPE int USING mail::int')")
    fresh = Workbench(opened.settings, opened.module, opened.server, opened._stack)
    proof = prove(fresh, instance)
    assert proof.status is Status.FAILED
    assert "invalid input syntax for type integer" in proof.findings[0].message
    assert "secret" not in repr(proof)


def test_instance_is_read_in_one_snapshot_that_cannot_write(
    opened: Workbench, instance: Connection, scratch: ScratchDatabase
) -> None:
    seen: list[str] = []
    settings = "transaction_isolation", "transaction_read_only"

    class Spy(InstanceRows):
        def _tables(self) -> list[object]:  # type: ignore[override]
            cursor = instance.connection.cursor()
            for name in settings:
                cursor.execute(f"SHOW {name}")
                seen.append(cursor.fetchone()[0])  # type: ignore[index]
            with scratch.connect() as other:
                other.exec_driver_sql("SET default_transaction_read_only = off; DELETE FROM core.event")
                other.commit()
            return list(super()._tables())

    with closing(Spy(opened, Clone(instance, 1000))) as rows:
        assert rows.total == 50 + 500 + 400
    assert seen == ["repeatable read", "on"]
    assert not instance.in_transaction()


def test_instance_has_the_same_rows_and_objects_afterwards(opened: Workbench, instance: Connection) -> None:
    query = "SELECT (SELECT count(*) FROM pg_class), (SELECT sum(hashtext(n::text)) FROM core.note n)"
    before = instance.exec_driver_sql(query).one()
    prove(opened, instance, rows=50)
    assert instance.exec_driver_sql(query).one() == before


def test_instance_is_not_written_to(opened: Workbench, instance: Connection) -> None:
    def written() -> int:
        instance.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        instance.commit()
        counters = (
            "sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables WHERE schemaname IN ('core', 'public')"
        )
        return int(instance.exec_driver_sql(f"SELECT {counters}").scalar_one())

    before = written()
    instance.commit()
    assert prove(opened, instance, rows=50).accounts
    assert written() == before > 0


def masked(bench: Workbench, *masks: str) -> Workbench:
    return Workbench(replace(bench.settings, mask=masks), bench.module, bench.server, bench._stack)


def sampled(bench: Workbench, instance: Connection) -> str:
    with closing(InstanceRows(bench, Clone(instance, 1000))) as rows:
        texts = []
        for copied in rows._copied:
            copied.file.seek(0)
            texts.append(copied.file.read().decode())
        return "\n".join(texts)


def test_masked_columns_never_leave_the_instance(opened: Workbench, instance: Connection) -> None:
    assert "secret" in sampled(opened, instance)
    bench = masked(opened, "core.author.mail", "core.note.body='text of ' || length(body)")
    text = sampled(bench, instance)
    assert "secret" not in text
    assert "body 7" not in text
    assert "text of 6" in text
    assert prove(bench, instance).status is Status.PASSED


def test_mask_follows_references_to_both_ends(opened: Workbench, instance: Connection) -> None:
    bench = masked(opened, "core.note.id")
    text = sampled(bench, instance)
    assert "\tn7\n" not in text
    assert not text.startswith("n7\t")
    assert prove(bench, instance).status is Status.PASSED


def test_mask_under_the_name_that_a_column_gets_holds_before_it_has_it(
    project: Project, opened: Workbench, instance: Connection
) -> None:
    project.revision("bbbb", "aaaa", f"# migrate-kit: rename core.note.body -> text\n{RENAME}", RENAME_BACK)
    assert "body 7" not in sampled(masked(opened, "core.note.text"), instance)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("core.author.nail", "there is no such column"),
        ("author.mail", "does not say schema, table and column"),
        ("core.author.mail=", "nothing stands behind"),
        ("core.author.boss", "has no usual mask"),
    ],
)
def test_mask_that_would_mask_nothing_is_refused(opened: Workbench, instance: Connection, mask: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        prove(masked(opened, mask), instance)


def test_instance_that_is_at_the_head_proves_nothing(opened: Workbench, scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        upgrade(connection, opened.module, opened.script, "bbbb")
        connection.commit()
        proof = prove(opened, connection)
    assert (proof.status, proof.summary) == (Status.NOT_PROVEN, "the instance is at the head already: bbbb")


def test_database_without_the_module_proves_nothing(opened: Workbench, scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        proof = prove(opened, connection)
    assert proof.status is Status.NOT_PROVEN
    assert "is not deployed on the instance" in proof.summary


def test_instance_that_may_not_be_read_proves_nothing(opened: Workbench, scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        upgrade(connection, opened.module, opened.script, "aaaa")
        role = f"kit_reader_{scratch.name[-20:].replace('-', '_')}"
        connection.exec_driver_sql(f"CREATE ROLE {role}; GRANT SELECT ON migration_yvzi TO {role}")
        connection.commit()
        try:
            connection.exec_driver_sql(f"SET SESSION AUTHORIZATION {role}")
            connection.commit()
            proof = prove(opened, connection)
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"RESET SESSION AUTHORIZATION; DROP OWNED BY {role}; DROP ROLE {role}")
            connection.commit()
    assert proof.status is Status.NOT_PROVEN
    assert "permission denied" in proof.summary


def test_drifted_table_is_named_with_the_reason(opened: Workbench, instance: Connection) -> None:
    instance.exec_driver_sql("SET default_transaction_read_only = off")
    instance.commit()
    instance.exec_driver_sql("ALTER TABLE core.author ADD COLUMN by_hand int")
    instance.commit()
    proof = prove(opened, instance)
    assert proof.status is Status.NOT_PROVEN
    assert "core.author" in proof.summary
    assert "the instance's rows do not fit" in proof.findings[0].message
