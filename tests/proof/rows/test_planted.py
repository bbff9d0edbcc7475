"""Planted: revisions that lose or keep rows in ways that are easily missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamin_migrate_kit.proof.rows.proof import prove_rows
from lamin_migrate_kit.report.model import Proof, Status
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import DROP, Project

NOTE = "CREATE TABLE core.note (id serial PRIMARY KEY, body text, size numeric(12, 4), at timestamptz, price float8)"
EVENT = """
CREATE TABLE core.event (id int, day date, kind text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE core.event_20 PARTITION OF core.event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE core.event_21 PARTITION OF core.event FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')
"""
STATUS = "CREATE TYPE core.status AS ENUM ('draft', 'open'); CREATE TABLE core.task (id int PRIMARY KEY, s core.status)"
MAPPED = """
UPDATE core.task SET s = 'open' WHERE s = 'draft';
ALTER TYPE core.status RENAME TO status_old; CREATE TYPE core.status AS ENUM ('open');
ALTER TABLE core.task ALTER s TYPE core.status USING s::text::core.status; DROP TYPE core.status_old
"""

LOSES = {
    "a partition is dropped": (EVENT, "DROP TABLE core.event_20", "of core.event"),
    "rows are truncated": (NOTE, "TRUNCATE core.note", "loses 3 of 3 rows of core.note"),
    "a schema is dropped": (NOTE, "DROP SCHEMA core CASCADE", "loses 3 of 3 rows of core.note"),
    "texts are folded": (NOTE, "UPDATE core.note SET body = lower(body)", "of core.note.body"),
    "texts are trimmed": (NOTE, "UPDATE core.note SET body = btrim(body)", "of core.note.body"),
    "texts are cut": (
        NOTE,
        "ALTER TABLE core.note ALTER body TYPE varchar(200) USING left(body, 200)",
        "core.note.body",
    ),
    "digits are rounded": (NOTE, "ALTER TABLE core.note ALTER size TYPE numeric(12, 2)", "of core.note.size"),
    "bytes are cut": (
        "CREATE TABLE core.file (id int PRIMARY KEY, content bytea)",
        "UPDATE core.file SET content = substring(content FROM 1 FOR 16)",
        "of core.file.content",
    ),
    "cents are rounded": (
        "CREATE TABLE core.bill (id int PRIMARY KEY, total money)",
        "ALTER TABLE core.bill ALTER total TYPE numeric(12, 0) USING total::numeric",
        "of core.bill.total",
    ),
    "texts that are equal in any case are folded": (
        "CREATE EXTENSION citext; CREATE TABLE core.author (id int PRIMARY KEY, name citext)",
        "UPDATE core.author SET name = lower(name)",
        "of core.author.name",
    ),
    "ranges grow together": (
        "CREATE TABLE core.shift (id int PRIMARY KEY, hours int4multirange, days datemultirange)",
        "UPDATE core.shift SET hours = int4multirange(range_merge(hours)), days = datemultirange(range_merge(days))",
        "of core.shift.days",
    ),
    "ranges are rounded": (
        "CREATE TABLE core.shift (id int PRIMARY KEY, at tstzrange)",
        "UPDATE core.shift SET at = tstzrange(date_trunc('hour', lower(at)), date_trunc('hour', upper(at)))",
        "of core.shift.at",
    ),
    "documents become flat": (
        "CREATE TABLE core.doc (id int PRIMARY KEY, j jsonb)",
        "UPDATE core.doc SET j = (SELECT jsonb_object_agg(key, value #>> '{}') FROM jsonb_each(j))",
        "of core.doc.j",
    ),
    "hosts become networks": (
        "CREATE TABLE core.host (id int PRIMARY KEY, at inet)",
        "ALTER TABLE core.host ALTER at TYPE cidr USING network(at)",
        "of core.host.at",
    ),
    "times of day lose their zone": (
        "CREATE TABLE core.alarm (id int PRIMARY KEY, at timetz)",
        "ALTER TABLE core.alarm ALTER at TYPE time USING at::time",
        "of core.alarm.at",
    ),
    "times become days": (NOTE, "ALTER TABLE core.note ALTER at TYPE date USING at::date", "of core.note.at"),
    "floats get shorter": (NOTE, "ALTER TABLE core.note ALTER price TYPE real", "of core.note.price"),
    "texts become documents": (
        NOTE,
        "ALTER TABLE core.note ALTER body TYPE jsonb USING to_jsonb(body)",
        "core.note.body",
    ),
    "keys are counted anew": (
        NOTE,
        "ALTER TABLE core.note DROP COLUMN id; ALTER TABLE core.note ADD id serial PRIMARY KEY",
        "of core.note.id",
    ),
    "two columns become one": (
        "CREATE TABLE core.person (id int PRIMARY KEY, first text, last text)",
        "ALTER TABLE core.person ADD name text; UPDATE core.person SET name = first || ' ' || last;"
        "ALTER TABLE core.person DROP COLUMN first, DROP COLUMN last",
        "drops core.person.first",
    ),
    "two columns change places": (
        "CREATE TABLE core.pair (id int PRIMARY KEY, a text, b text)",
        "UPDATE core.pair SET a = b, b = a",
        "of core.pair.a",
    ),
    "values of an enum go": (STATUS, MAPPED, "of core.task.s"),
    "a table is made anew without a column": (
        NOTE,
        "CREATE TABLE core.new (id int PRIMARY KEY, body text, size numeric(12, 4), at timestamptz);"
        "INSERT INTO core.new SELECT id, body, size, at FROM core.note; DROP TABLE core.note;"
        "ALTER TABLE core.new RENAME TO note",
        "drops core.note.price",
    ),
    "what was saved of the session is discarded": (NOTE, "DISCARD TEMP; DELETE FROM core.note", "of core.note"),
    "a flag is turned into another one": (
        "CREATE TABLE core.note (id int PRIMARY KEY, open boolean NOT NULL)",
        "ALTER TABLE core.note ADD closed boolean; UPDATE core.note SET closed = NOT open;"
        "ALTER TABLE core.note DROP COLUMN open",
        "drops core.note.open",
    ),
    "values move to a table of their own and get mixed up": (
        "CREATE TABLE core.note (id int PRIMARY KEY, body text NOT NULL)",
        "CREATE TABLE core.text (note int, body text);"
        "INSERT INTO core.text SELECT id, lead(body, 1, (SELECT min(body) FROM core.note)) OVER (ORDER BY body)"
        " FROM core.note; ALTER TABLE core.note DROP COLUMN body",
        "drops core.note.body",
    ),
    "values with a key of two columns move to a table of their own and get mixed up": (
        "CREATE TABLE core.note (id int, v int, body text NOT NULL, PRIMARY KEY (id, v))",
        "CREATE TABLE core.text (note int, v int, body text);"
        "INSERT INTO core.text SELECT id, v, lead(body, 1, (SELECT min(body) FROM core.note)) OVER (ORDER BY body)"
        " FROM core.note; ALTER TABLE core.note DROP COLUMN body",
        "drops core.note.body",
    ),
    "an inherited table goes": (
        "CREATE TABLE core.a (id int PRIMARY KEY); CREATE TABLE core.b (x text) INHERITS (core.a)",
        "DROP TABLE core.b",
        "rows of core.b",
    ),
    "a trigger drops what is copied": (
        NOTE,
        "CREATE TABLE core.page (LIKE core.note); INSERT INTO core.page SELECT * FROM core.note WHERE body IS NOT NULL;"
        "DROP TABLE core.note",
        "rows of core.note",
    ),
}

KEEPS = {
    "a partition stands on its own": (EVENT, "ALTER TABLE core.event DETACH PARTITION core.event_20"),
    "a table becomes a partition": (
        "CREATE TABLE core.log (id int, day date NOT NULL)",
        "CREATE TABLE core.logs (id int, day date NOT NULL) PARTITION BY RANGE (day);"
        "ALTER TABLE core.logs ATTACH PARTITION core.log DEFAULT",
    ),
    "a table gets partitions": (
        "CREATE TABLE core.log (id int, day date NOT NULL)",
        "ALTER TABLE core.log RENAME TO log_old; CREATE TABLE core.log (LIKE core.log_old) PARTITION BY RANGE (day);"
        "CREATE TABLE core.log_all PARTITION OF core.log DEFAULT; INSERT INTO core.log SELECT * FROM core.log_old;"
        "DROP TABLE core.log_old",
    ),
    "a schema is renamed": (NOTE, "ALTER SCHEMA core RENAME TO app"),
    "a table moves": (NOTE, "CREATE SCHEMA app; ALTER TABLE core.note SET SCHEMA app"),
    "a zone is left out": (NOTE, "ALTER TABLE core.note ALTER at TYPE timestamp USING at AT TIME ZONE 'UTC'"),
    "numbers get room": (NOTE, "ALTER TABLE core.note ALTER size TYPE numeric, ALTER id TYPE bigint"),
    "two columns change names": (
        "CREATE TABLE core.pair (id int PRIMARY KEY, a text, b text)",
        "ALTER TABLE core.pair RENAME a TO c; ALTER TABLE core.pair RENAME b TO a; ALTER TABLE core.pair RENAME c TO b",
    ),
    "values move to a table of their own": (
        "CREATE TABLE core.note (id int PRIMARY KEY, body text, open boolean)",
        "CREATE TABLE core.text (note int, body text, open boolean);"
        "INSERT INTO core.text SELECT id, body, open FROM core.note;"
        "ALTER TABLE core.note DROP COLUMN body, DROP COLUMN open",
    ),
    "values with a key of two columns move to a table of their own": (
        "CREATE TABLE core.note (id int, v int, body text NOT NULL, PRIMARY KEY (id, v))",
        "CREATE TABLE core.text (v int, note int, body text); INSERT INTO core.text SELECT v, id, body FROM core.note;"
        "ALTER TABLE core.note DROP COLUMN body",
    ),
    "values move to a table that counts as theirs does": (
        "CREATE TABLE core.note (id serial PRIMARY KEY, body text NOT NULL)",
        "CREATE TABLE core.text (id int GENERATED ALWAYS AS IDENTITY (START 1001), note int, body text);"
        "INSERT INTO core.text (note, body) SELECT id, body FROM core.note ORDER BY id DESC;"
        "ALTER TABLE core.note DROP COLUMN body",
    ),
    "texts move to a list": (
        "CREATE TABLE core.note (id int PRIMARY KEY, author text)",
        "CREATE TABLE core.author (id serial PRIMARY KEY, name text UNIQUE);"
        "INSERT INTO core.author (name) SELECT DISTINCT author FROM core.note WHERE author IS NOT NULL;"
        "ALTER TABLE core.note ADD author_id int REFERENCES core.author;"
        "UPDATE core.note n SET author_id = a.id FROM core.author a WHERE a.name = n.author;"
        "ALTER TABLE core.note DROP COLUMN author",
    ),
    "documents change their form": (
        "CREATE TABLE core.doc (id int PRIMARY KEY, j json)",
        "ALTER TABLE core.doc ALTER j TYPE jsonb",
    ),
    "a computed column changes": (
        "CREATE TABLE core.item (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n / 2) STORED)",
        "ALTER TABLE core.item DROP COLUMN twice;"
        "ALTER TABLE core.item ADD twice int GENERATED ALWAYS AS (n / 4) STORED",
    ),
    "a column is computed when it is read": (
        "CREATE TABLE core.item (id int PRIMARY KEY, n int)",
        "ALTER TABLE core.item ADD twice int GENERATED ALWAYS AS (n * 2) VIRTUAL",
    ),
    "a table has no columns": ("CREATE TABLE core.log ()", "ALTER TABLE core.log ADD COLUMN a int"),
    "missing values are filled in": (NOTE, "UPDATE core.note SET body = '' WHERE body IS NULL"),
    "the session is changed": (
        NOTE,
        "SET TIME ZONE 'Asia/Tokyo'; SET DateStyle = 'German'; SET search_path = core, public",
    ),
    "enum values are added and renamed": (
        STATUS,
        "ALTER TYPE core.status RENAME VALUE 'draft' TO 'new'; ALTER TYPE core.status ADD VALUE 'done'",
    ),
}

Prove = Callable[..., Proof]


@pytest.fixture
def prove(project: Project, bench: Callable[[], Workbench]) -> Prove:
    def run(create: str, upgrade: str, comment: str = "") -> Proof:
        project.revision("aaaa", None, f"op.execute({f'CREATE SCHEMA core; {create}'!r})", DROP, version="0_1_0")
        project.revision("bbbb", "aaaa", f"{comment}\nop.execute({upgrade!r})", "raise NotImplementedError")
        return prove_rows(bench())

    return run


@pytest.mark.parametrize(("create", "upgrade", "said"), LOSES.values(), ids=LOSES.keys())
def test_loss_is_found(prove: Prove, create: str, upgrade: str, said: str) -> None:
    proof = prove(create, upgrade)
    assert proof.status is Status.FAILED, proof
    assert any(said in finding.message for finding in proof.findings), proof.findings
    assert all(finding.next_command for finding in proof.findings)


@pytest.mark.parametrize(("create", "upgrade"), KEEPS.values(), ids=KEEPS.keys())
def test_what_keeps_all_values_passes(prove: Prove, create: str, upgrade: str) -> None:
    proof = prove(create, upgrade)
    assert proof.status is Status.PASSED, proof.findings
    assert sum(count for _, count in proof.accounts[0].rows) > 0


@pytest.mark.parametrize(
    ("case", "comment"),
    [
        ("values of an enum go", "# migrate-kit: enum-map core.status.draft=open"),
        ("texts are folded", "# migrate-kit: using core.note.body=lower(body)"),
        ("digits are rounded", "# migrate-kit: allow=narrow-type because cents will do\n# core.note.size"),
        ("rows are truncated", "# migrate-kit: allow=truncate-table because it is a cache"),
        ("a schema is dropped", "# migrate-kit: drop core because it has moved"),
        ("a partition is dropped", "# migrate-kit: drop core.event_20 because it is archived"),
        ("a schema is dropped", "# migrate-kit: allow=drop-schema because it has moved"),
        ("values of an enum go", "# migrate-kit: drop core.status.draft because nobody has drafts"),
    ],
)
def test_decision_that_is_recorded_is_accepted(prove: Prove, case: str, comment: str) -> None:
    create, upgrade, _ = LOSES[case]
    proof = prove(create, upgrade, comment)
    assert proof.status is Status.PASSED, proof.findings


@pytest.mark.parametrize(
    "comment",
    [
        "# migrate-kit: drop core.other because it is old",
        "# migrate-kit: using core.note.bod=lower(body)",
        "# migrate-kit: allow=delete-rows",
        "# migrate-kit: rename core.note.body -> text",
    ],
)
def test_decision_on_something_else_is_none(prove: Prove, comment: str) -> None:
    create, upgrade, _ = LOSES["texts are folded"]
    assert prove(create, upgrade, comment).status is Status.FAILED


PAIR = "CREATE TABLE core.note (id int PRIMARY KEY, body text, body_type text); CREATE TABLE core.page (LIKE core.note)"
WAIVED = {
    "a waiver speaks of a longer name": """
        # migrate-kit: allow=drop-column because body_type is not read
        op.drop_column("note", "body_type", schema="core")
        op.drop_column("note", "body", schema="core")
    """,
    "a waiver speaks of another table": """
        # migrate-kit: allow=drop-column because pages have no body
        op.drop_column("page", "body", schema="core")
        op.drop_column("note", "body", schema="core")
    """,
    "a waiver of a drop is none of a change": """
        # migrate-kit: allow=drop-column because pages have no body
        op.execute("ALTER TABLE core.page DROP COLUMN body; UPDATE core.note SET body = NULL")
    """,
    "a waiver in a block is about its operation": """
        for table in ("note", "page"):
            # migrate-kit: allow=drop-column because nobody reads it
            op.drop_column(table, "body_type", schema="core")
            op.drop_column(table, "body", schema="core")
    """,
    "a reason names a column": """
        # migrate-kit: allow=drop-column because body_type of note says it as well as the body did
        op.drop_column("note", "body_type", schema="core")
        op.drop_column("note", "body", schema="core")
    """,
}


@pytest.mark.parametrize("upgrade", WAIVED.values(), ids=WAIVED.keys())
def test_waiver_says_nothing_of_what_else_is_lost(
    project: Project, bench: Callable[[], Workbench], upgrade: str
) -> None:
    project.revision("aaaa", None, f"op.execute({f'CREATE SCHEMA core; {PAIR}'!r})", DROP, version="0_1_0")
    project.revision("bbbb", "aaaa", upgrade, "raise NotImplementedError")
    proof = prove_rows(bench())
    assert proof.status is Status.FAILED
    assert "core.note.body" in {key for one in proof.findings for key in one.message.replace(",", "").split()}


@pytest.mark.parametrize(
    ("upgrade", "decision"),
    [
        ("UPDATE core.task SET s = NULL", "enum-map core.status.draft=open"),
        ("UPDATE core.task SET s = 'draft'", "enum-map core.status.draft=open"),
        ("UPDATE core.task SET s = 'open' WHERE s = 'draft'", "enum-map core.status.draft=draft"),
        ("UPDATE core.task SET s = NULL", "drop core.status.draft because nobody has drafts"),
        ("UPDATE core.task SET s = 'draft'", "backfill core.task.s='draft'"),
    ],
)
def test_decision_is_held_to_what_it_says(prove: Prove, upgrade: str, decision: str) -> None:
    assert prove(STATUS, upgrade, f"# migrate-kit: {decision}").status is Status.FAILED
