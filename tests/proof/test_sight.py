"""Looking only at what a step touched sees the same as looking at everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.proof.sight import Sight, WholeSight
from lamin_migrate_kit.scratch import ScratchDatabase

GROUND = """
CREATE SCHEMA core;
CREATE TYPE core.status AS ENUM ('draft', 'open');
CREATE TABLE core.author (id serial PRIMARY KEY, name varchar(80) NOT NULL, born date);
CREATE TABLE core.note (
    id bigint PRIMARY KEY, author_id integer REFERENCES core.author, status core.status, pages integer CHECK (pages > 0)
);
CREATE INDEX ix_note_pages ON core.note (pages) WHERE pages > 3;
CREATE VIEW core.long AS SELECT id, pages FROM core.note WHERE pages > 100;
CREATE TABLE core.log (at date, line text) PARTITION BY RANGE (at);
CREATE TABLE core.log_2024 PARTITION OF core.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE FUNCTION core.touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON core.note FOR EACH ROW EXECUTE FUNCTION core.touch();
"""

# Each of them is a step; the kinds that are told by more than the touched relations are among them.
STEPS = (
    "CREATE TABLE core.tag (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note_id bigint REFERENCES core.note)",
    "ALTER TABLE core.note ADD COLUMN title text DEFAULT 'none', ADD CONSTRAINT u UNIQUE (author_id, pages)",
    "ALTER TABLE core.author RENAME COLUMN id TO author_id",
    "ALTER TABLE core.author RENAME TO writer",
    "ALTER TABLE core.note RENAME COLUMN pages TO sheets",
    "ALTER VIEW core.long RENAME TO longest",
    "ALTER INDEX core.ix_note_pages RENAME TO ix_note_sheets",
    "ALTER TABLE core.writer DROP COLUMN born",
    "DROP INDEX core.ix_note_sheets",
    "ALTER TABLE core.note DROP CONSTRAINT u",
    "COMMENT ON COLUMN core.note.sheets IS 'of paper'",
    "COMMENT ON CONSTRAINT note_pkey ON core.note IS 'the key'",
    "ALTER TYPE core.status ADD VALUE 'done'",
    "ALTER TYPE core.status RENAME TO state",
    "COMMENT ON TYPE core.state IS 'how far'",
    "CREATE DOMAIN core.word AS text CHECK (value <> '')",
    "ALTER DOMAIN core.word ADD CONSTRAINT short CHECK (length(value) < 9)",
    "ALTER TABLE core.tag ADD COLUMN word core.word, ADD COLUMN whole core.note",
    "ALTER TABLE core.note RENAME TO paper",
    "ALTER SEQUENCE core.author_id_seq RENAME TO writer_id_seq",
    "CREATE SEQUENCE core.free; ALTER SEQUENCE core.free OWNED BY core.paper.id",
    "CREATE STATISTICS core.both ON author_id, sheets FROM core.paper",
    "ALTER TABLE core.paper ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON core.paper USING (sheets > 0)",
    "CREATE RULE quiet AS ON DELETE TO core.paper DO INSTEAD NOTHING",
    "DROP TRIGGER touch ON core.paper; DROP FUNCTION core.touch()",
    "CREATE TABLE core.log_2025 PARTITION OF core.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "CREATE INDEX ix_log ON core.log (line)",
    "CREATE TABLE core.child (more text) INHERITS (core.writer)",
    "ALTER TABLE core.writer ALTER COLUMN name TYPE text",
    "CREATE TYPE core.pair AS (a integer, b integer)",
    "CREATE FUNCTION core.many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM core.paper; END",
    "ALTER TABLE core.paper RENAME COLUMN title TO heading",
    "CREATE MATERIALIZED VIEW core.kept AS SELECT author_id FROM core.paper",
    "ALTER SCHEMA core RENAME TO base",
    "DROP TABLE base.paper CASCADE",
    "DROP SCHEMA base CASCADE",
)


@pytest.fixture
def ground(scratch: ScratchDatabase) -> Iterator[Connection]:
    with scratch.connect() as connection:
        connection.exec_driver_sql(GROUND)
        connection.commit()
        yield connection


def sight_of(connection: Connection) -> Sight:
    return Sight(connection, inspect_catalog, ())


def take(connection: Connection, sight: Sight | WholeSight, sql: str) -> None:
    connection.exec_driver_sql(sql)
    sight.before_commit(True)
    connection.commit()
    sight.look()


def test_every_kind_of_step_is_seen_as_a_whole_look_sees_it(ground: Connection) -> None:
    sight = sight_of(ground)
    for sql in STEPS:
        moment = sight.mark()
        take(ground, sight, sql)
        assert not sight.same(moment), sql
        sight.forget(moment)
        assert sight.check(), sql


def test_most_steps_need_no_whole_look(ground: Connection) -> None:
    sight = sight_of(ground)
    before = sight.whole_looks
    for sql in STEPS[:11]:
        take(ground, sight, sql)
    assert sight.whole_looks == before
    assert sight.check()


def test_what_was_there_at_a_moment_is_told_from_what_is_there_now(ground: Connection) -> None:
    sight = sight_of(ground)
    before = sight.mark()
    take(ground, sight, "ALTER TABLE core.note ADD COLUMN title text")
    between = sight.mark()
    take(ground, sight, "ALTER TABLE core.note DROP COLUMN title")
    assert sight.same(before)
    assert not sight.same(between)


def test_whole_look_tells_what_differs(ground: Connection) -> None:
    sight = WholeSight(ground, inspect_catalog)
    before = sight.mark()
    take(ground, sight, "ALTER TABLE core.note ADD COLUMN title text")
    assert not sight.same(before)
    assert sight.differences(before) == ("column core.note.title is there and should not be",)


def test_table_that_is_made_anew_is_the_same(ground: Connection) -> None:
    sight = sight_of(ground)
    moment = sight.mark()
    take(ground, sight, "DROP VIEW core.long; ALTER TABLE core.note RENAME TO paper")
    take(ground, sight, "ALTER TABLE core.paper RENAME TO note")
    take(ground, sight, "CREATE VIEW core.long AS SELECT id, pages FROM core.note WHERE pages > 100")
    assert sight.same(moment)


# Back and forth, so that the oids or the numbers of columns are others afterwards.
WAYS = (
    ("ALTER TABLE core.author DROP COLUMN born", "ALTER TABLE core.author ADD COLUMN born date"),
    ("DROP INDEX core.ix_note_pages", "CREATE INDEX ix_note_pages ON core.note (pages) WHERE pages > 3"),
    (
        "DROP VIEW core.long; ALTER TABLE core.note DROP COLUMN pages",
        "ALTER TABLE core.note ADD COLUMN pages integer CHECK (pages > 0);"
        "CREATE INDEX ix_note_pages ON core.note (pages) WHERE pages > 3;"
        "CREATE VIEW core.long AS SELECT id, pages FROM core.note WHERE pages > 100",
    ),
    (
        "ALTER TABLE core.note DROP COLUMN author_id; DROP TABLE core.author",
        "CREATE TABLE core.author (id serial PRIMARY KEY, name varchar(80) NOT NULL, born date);"
        "ALTER TABLE core.note ADD COLUMN author_id integer REFERENCES core.author",
    ),
    (
        "ALTER TABLE core.note ALTER COLUMN status TYPE text; DROP TYPE core.status",
        "CREATE TYPE core.status AS ENUM ('draft', 'open');"
        "ALTER TABLE core.note ALTER COLUMN status TYPE core.status USING status::core.status",
    ),
    ("ALTER TABLE core.author RENAME TO writer", "ALTER TABLE core.writer RENAME TO author"),
    ("ALTER TABLE core.note RENAME COLUMN pages TO sheets", "ALTER TABLE core.note RENAME COLUMN sheets TO pages"),
    (
        "DROP TABLE core.log_2024",
        "CREATE TABLE core.log_2024 PARTITION OF core.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    ),
    (
        "DROP TRIGGER touch ON core.note",
        "CREATE TRIGGER touch BEFORE UPDATE ON core.note FOR EACH ROW EXECUTE FUNCTION core.touch()",
    ),
    ("ALTER TABLE core.note ALTER COLUMN pages SET NOT NULL", "ALTER TABLE core.note ALTER COLUMN pages DROP NOT NULL"),
    (
        "ALTER TABLE core.author ALTER COLUMN name TYPE text",
        "ALTER TABLE core.author ALTER COLUMN name TYPE varchar(80)",
    ),
    ("CREATE TYPE core.pair AS (a integer)", "DROP TYPE core.pair"),
)


@pytest.mark.parametrize(("there", "back"), WAYS)
def test_way_that_leads_back_is_seen_to(ground: Connection, there: str, back: str) -> None:
    sight = sight_of(ground)
    moment = sight.mark()
    take(ground, sight, there)
    assert not sight.same(moment)
    take(ground, sight, back)
    assert sight.same(moment)
    assert sight.check()


def test_step_that_committed_something_on_its_own_is_looked_at_as_a_whole(ground: Connection) -> None:
    sight = sight_of(ground)
    moment = sight.mark()
    ground.exec_driver_sql("CREATE TABLE core.tag ()")
    ground.commit()
    sight.before_commit(False)
    sight.look()
    assert not sight.same(moment)
    assert sight.whole_looks == 2


def test_change_that_nothing_told_of_is_found_by_the_last_look(ground: Connection, scratch: ScratchDatabase) -> None:
    sight = sight_of(ground)
    with scratch.connect() as other:
        other.exec_driver_sql("ALTER TABLE core.note ADD COLUMN title text")
        other.commit()
    take(ground, sight, "ALTER TABLE core.author ADD COLUMN email text")
    assert not sight.check()
    assert sight.check()


def test_statements_that_a_revision_lets_go_of_are_prepared_again(ground: Connection) -> None:
    sight = sight_of(ground)
    moment = sight.mark()
    take(ground, sight, "DEALLOCATE ALL; CREATE TABLE core.tag ()")
    assert not sight.same(moment)
    assert sight.check()


def test_what_is_looked_at_before_the_commit_is_not_changed_by_the_look(ground: Connection) -> None:
    sight = sight_of(ground)
    ground.exec_driver_sql("SET LOCAL search_path = core; ALTER TABLE note ADD COLUMN title text")
    sight.before_commit(True)
    assert ground.exec_driver_sql("SELECT current_setting('search_path')").scalar() == "core"
    assert ground.exec_driver_sql("SELECT current_setting('enable_seqscan')").scalar() == "on"
    ground.rollback()


def test_nothing_is_left_behind_on_the_connection(ground: Connection) -> None:
    driver: Any = ground.connection.dbapi_connection
    sight = sight_of(ground)
    take(ground, sight, STEPS[0])
    assert driver.get_transaction_status() == 0
    for name, value in (("enable_seqscan", "on"), ("search_path", '"$user", public')):
        assert ground.exec_driver_sql(f"SELECT current_setting('{name}')").scalar() == value
