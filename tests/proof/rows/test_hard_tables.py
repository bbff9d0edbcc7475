"""Twenty hard tables get rows, every column a value, and come out PASSED with their rows accounted for."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_name
from lamin_migrate_kit.proof.rows.fill import fill_tables
from lamin_migrate_kit.proof.rows.proof import prove_rows
from lamin_migrate_kit.report.model import Status
from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.workbench import Workbench
from tests.proof.project import Project

HARD = {
    "keys of several columns, shared by two references": """
        CREATE TABLE core.tenant (id int PRIMARY KEY);
        CREATE TABLE core.author (tenant int REFERENCES core.tenant, id int, PRIMARY KEY (tenant, id));
        CREATE TABLE core.shelf (tenant int REFERENCES core.tenant, id int, PRIMARY KEY (tenant, id));
        CREATE TABLE core.book (tenant int NOT NULL, id serial PRIMARY KEY, author int NOT NULL, shelf int,
            FOREIGN KEY (tenant, author) REFERENCES core.author, FOREIGN KEY (tenant, shelf) REFERENCES core.shelf)
    """,
    "a circle that NULL opens": """
        CREATE TABLE core.team (id int PRIMARY KEY, lead int);
        CREATE TABLE core.member (id int PRIMARY KEY, team int NOT NULL REFERENCES core.team);
        ALTER TABLE core.team ADD FOREIGN KEY (lead) REFERENCES core.member
    """,
    "a circle of checks that can wait": """
        CREATE TABLE core.egg (id int PRIMARY KEY, hen int NOT NULL);
        CREATE TABLE core.hen (id int PRIMARY KEY, egg int NOT NULL REFERENCES core.egg DEFERRABLE);
        ALTER TABLE core.egg ADD FOREIGN KEY (hen) REFERENCES core.hen DEFERRABLE INITIALLY DEFERRED
    """,
    "a circle that nothing opens": """
        CREATE TABLE core.lock (id uuid PRIMARY KEY, key uuid NOT NULL UNIQUE);
        CREATE TABLE core.key (id uuid PRIMARY KEY, lock uuid NOT NULL UNIQUE REFERENCES core.lock);
        ALTER TABLE core.lock ADD FOREIGN KEY (key) REFERENCES core.key
    """,
    "a tree that has to have a root": """
        CREATE TABLE core.node (tenant int NOT NULL, id int GENERATED ALWAYS AS IDENTITY, parent int NOT NULL,
            PRIMARY KEY (tenant, id), FOREIGN KEY (tenant, parent) REFERENCES core.node)
    """,
    "rooms that are not booked twice": """
        CREATE TABLE core.booking (id int PRIMARY KEY, room int4range NOT NULL, during tstzrange NOT NULL,
            EXCLUDE USING gist (room WITH &&, during WITH &&), EXCLUDE USING gist (during WITH &&),
            CHECK (NOT isempty(during)), CHECK (lower(room) > 0))
    """,
    "domains on domains": """
        CREATE DOMAIN core.label AS text CHECK (VALUE ~ '^[a-z][a-z0-9-]{2,}$') CHECK (length(VALUE) < 12);
        CREATE DOMAIN core.slug AS core.label NOT NULL CHECK (VALUE LIKE '%-%');
        CREATE DOMAIN core.share AS numeric(5, 4) CHECK (VALUE BETWEEN 0.25 AND 0.75);
        CREATE TABLE core.page (slug core.slug PRIMARY KEY, tags core.label[] NOT NULL, share core.share NOT NULL)
    """,
    "computed columns with checks": """
        CREATE TABLE core.item (id int PRIMARY KEY, price numeric(8, 2) NOT NULL, amount int NOT NULL,
            total numeric GENERATED ALWAYS AS (price * amount) STORED, CHECK (total BETWEEN 5 AND 9), UNIQUE (total))
    """,
    "partitions by range, list and hash": """
        CREATE TABLE core.event (id bigint NOT NULL, day date NOT NULL, kind text NOT NULL, PRIMARY KEY (id, day, kind))
            PARTITION BY RANGE (day);
        CREATE TABLE core.event_20 PARTITION OF core.event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE core.event_21 PARTITION OF core.event FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')
            PARTITION BY LIST (kind);
        CREATE TABLE core.event_21_a PARTITION OF core.event_21 FOR VALUES IN ('added', 'altered');
        CREATE TABLE core.event_21_b PARTITION OF core.event_21 FOR VALUES IN ('dropped') PARTITION BY HASH (id);
        CREATE TABLE core.event_21_b0 PARTITION OF core.event_21_b FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE core.event_21_b1 PARTITION OF core.event_21_b FOR VALUES WITH (MODULUS 2, REMAINDER 1)
    """,
    "partitions that are referenced": """
        CREATE TABLE core.day (day date NOT NULL, nr int NOT NULL, PRIMARY KEY (day, nr)) PARTITION BY LIST (nr);
        CREATE TABLE core.day_7 PARTITION OF core.day FOR VALUES IN (7, 8);
        CREATE TABLE core.hour (id int PRIMARY KEY, day date, nr int, FOREIGN KEY (day, nr) REFERENCES core.day)
    """,
    "checks over many columns": """
        CREATE TABLE core.offer (id int PRIMARY KEY, low int NOT NULL, high int NOT NULL, mean int NOT NULL,
            starts date NOT NULL, ends date NOT NULL, percent int NOT NULL,
            CHECK (low < mean AND mean < high), CHECK (high - low <= 10), CHECK (ends > starts),
            CHECK (ends - starts <= 31), CHECK (starts >= '2023-04-01'), CHECK (percent + mean = 100))
    """,
    "one of several": """
        CREATE TABLE core.person (id int PRIMARY KEY);
        CREATE TABLE core.firm (id int PRIMARY KEY);
        CREATE TABLE core.owner (id int PRIMARY KEY, person int REFERENCES core.person, firm int REFERENCES core.firm,
            CHECK (num_nonnulls(person, firm) = 1))
    """,
    "arrays with checks": """
        CREATE TYPE core.mood AS ENUM ('calm', 'loud', 'shy');
        CREATE TABLE core.poll (id int PRIMARY KEY,
            moods core.mood[] NOT NULL CHECK (cardinality(moods) BETWEEN 2 AND 3),
            days text[] NOT NULL CHECK (days <@ ARRAY['mon', 'tue', 'wed'] AND 'tue' = ANY (days)),
            matrix int[][] CHECK (array_ndims(matrix) = 2), votes int[] CHECK (0 <= ALL (votes)))
    """,
    "domains over arrays of domains": """
        CREATE DOMAIN core.digit AS int CHECK (VALUE BETWEEN 0 AND 9);
        CREATE DOMAIN core.pin AS core.digit[] NOT NULL CHECK (array_length(VALUE, 1) = 4 AND array_ndims(VALUE) = 1);
        CREATE TABLE core.card (id int PRIMARY KEY, pin core.pin)
    """,
    "computed when it is read": """
        CREATE TABLE core.cell (id int PRIMARY KEY, width int NOT NULL,
            twice int GENERATED ALWAYS AS (width * 2) VIRTUAL)
    """,
    "codes of a length": """
        CREATE TABLE core.code (ulid text PRIMARY KEY CHECK (length(ulid) = 26 AND ulid = upper(ulid)
            AND ulid !~ '[ILOU]'), secret text NOT NULL CHECK (secret ~ '^(?=.*[0-9])(?=.*[A-Z])[A-Za-z0-9]{8,}$'))
    """,
    "documents with checks": """
        CREATE TABLE core.message (id int PRIMARY KEY,
            body jsonb NOT NULL CHECK (jsonb_typeof(body -> 'tags') = 'array' AND body ->> 'kind' IN ('mail', 'call')),
            head jsonb NOT NULL CHECK (head ? 'from' AND (head #>> '{size,width}')::int > 10),
            extra json CHECK (json_typeof(extra) = 'object'))
    """,
    "inheritance": """
        CREATE TABLE core.place (id int NOT NULL, name text NOT NULL CHECK (name <> ''), height int CHECK (height > 0));
        CREATE TABLE core.city (mayor text NOT NULL, PRIMARY KEY (id)) INHERITS (core.place);
        CREATE TABLE core.capital (of char(2) NOT NULL UNIQUE CHECK (of = upper(of))) INHERITS (core.city)
    """,
    "composite types": """
        CREATE DOMAIN core.zip AS text CHECK (VALUE ~ '^\\d{5}$');
        CREATE TYPE core.address AS (street text, zip core.zip, at point);
        CREATE TABLE core.house (id int PRIMARY KEY, address core.address NOT NULL CHECK ((address).zip > '1'),
            former core.address[])
    """,
    "ranges of its own": """
        CREATE TYPE core.span AS RANGE (subtype = float8, multirange_type_name = core.spans);
        CREATE TABLE core.beam (id int PRIMARY KEY, span core.span NOT NULL CHECK (NOT isempty(span)),
            spans core.spans NOT NULL, days datemultirange NOT NULL CHECK (NOT isempty(days)))
    """,
    "numbers, bits, networks and shapes": """
        CREATE TABLE core.odd (flags bit(8) PRIMARY KEY CHECK (get_bit(flags, 7) = 1), more bit varying(3) NOT NULL,
            net cidr NOT NULL UNIQUE, host inet CHECK (family(host) = 4), mac macaddr8 NOT NULL, at point NOT NULL,
            area polygon, ring circle CHECK (radius(ring) > 0), cash money NOT NULL, search tsvector NOT NULL,
            lsn pg_lsn NOT NULL, hash bytea CHECK (octet_length(hash) = 32), part numeric(3, 3) NOT NULL, c "char")
    """,
    "texts of a certain shape": """
        CREATE TABLE core.contact (mail text PRIMARY KEY CHECK (mail ~* '^[a-z0-9.]+@[a-z0-9.]+\\.[a-z]{2,}$'),
            iban varchar(34) NOT NULL CHECK (iban SIMILAR TO '[A-Z]{2}[0-9]{2}%' AND length(iban) >= 15),
            phone text CHECK (phone LIKE '+49%'), code char(6) NOT NULL UNIQUE CHECK (code ~ '^[A-F]{3}\\d{3}$'),
            name text NOT NULL CHECK (name = btrim(name) AND char_length(name) BETWEEN 3 AND 20))
    """,
    "functions in checks, and a trigger": """
        CREATE FUNCTION core.is_grade(grade text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
            $$ BEGIN RETURN grade IN ('alpha', 'beta') OR grade LIKE 'level-%'; END $$;
        CREATE FUNCTION core.stamp() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.stamped := '2020-01-01'; RETURN NEW; END $$;
        CREATE TABLE core.exam (id int PRIMARY KEY, grade text NOT NULL UNIQUE CHECK (core.is_grade(grade)),
            stamped date NOT NULL, points smallint CHECK (points % 5 = 0 AND points BETWEEN 20 AND 95));
        CREATE TRIGGER stamp BEFORE INSERT ON core.exam FOR EACH ROW EXECUTE FUNCTION core.stamp()
    """,
    "names that need quotes, and few values": """
        CREATE TYPE core."Two Words" AS ENUM ('it''s "one"', 'o,t{h}er');
        CREATE TABLE core."Odd.Table" ("select" boolean PRIMARY KEY, "a""b" core."Two Words" NOT NULL,
            "per cent%" text CHECK ("per cent%" <> '50%'), "list" core."Two Words"[])
    """,
}


@pytest.mark.parametrize("extremes", [False, True], ids=["plain", "extreme"])
@pytest.mark.parametrize("ddl", HARD.values(), ids=HARD.keys())
def test_every_table_gets_rows_and_every_column_a_value(scratch: ScratchDatabase, ddl: str, extremes: bool) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql(("CREATE SCHEMA core;" + ddl).replace("%", "%%"))
        catalog = inspect_catalog(connection)
        filled = fill_tables(connection, catalog, extremes=extremes)
        assert not filled.not_made
        for table in (one for one in catalog.of(Table) if one.partition_of is None):
            for column in catalog.columns(table.key):
                count = f"SELECT count({quote_name(column.key.part)}) FROM ONLY {qualified(table.key)}"
                count = count.replace("ONLY ", "") if table.partition_key else count
                assert connection.exec_driver_sql(count.replace("%", "%%")).scalar_one() > 0, str(column.key)


def test_every_partition_gets_a_row(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        ddl = "CREATE SCHEMA core;" + HARD["partitions by range, list and hash"]
        connection.exec_driver_sql(ddl)
        fill_tables(connection, inspect_catalog(connection))
        found = connection.exec_driver_sql("SELECT DISTINCT tableoid::regclass::text FROM core.event ORDER BY 1")
        assert list(found.scalars()) == ["core.event_20", "core.event_21_a", "core.event_21_b0", "core.event_21_b1"]


def test_the_same_database_gets_the_same_rows(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql(("CREATE SCHEMA core;" + ";".join(HARD.values())).replace("%", "%%"))
        connection.commit()
        seen = []
        for _ in range(2):
            # Sequences go on counting when a transaction is taken back.
            connection.exec_driver_sql("ALTER SEQUENCE core.book_id_seq RESTART")
            catalog = inspect_catalog(connection)
            fill_tables(connection, catalog)
            tables = [qualified(table.key) for table in catalog.of(Table) if table.partition_of is None]
            rows = " UNION ALL ".join(f"SELECT t::text FROM {name} t" for name in tables)
            seen.append(connection.exec_driver_sql(rows.replace("%", "%%")).scalars().all())
            connection.rollback()
        assert seen[0] == seen[1]
        assert len(seen[0]) > 60


def test_all_hard_tables_come_out_passed(project: Project, bench: Callable[[], Workbench]) -> None:
    ddl = "CREATE SCHEMA core;" + ";".join(textwrap.dedent(one) for one in HARD.values())
    project.revision("aaaa", None, f"op.execute(sa.text({ddl.replace(':', chr(92) + ':')!r}))", version="0_1_0")
    project.revision(
        "bbbb",
        "aaaa",
        'op.alter_column("person", column_name="id", new_column_name="number", schema="core")',
        'op.alter_column("person", column_name="number", new_column_name="id", schema="core")',
    )
    proof = prove_rows(bench())
    assert proof.status is Status.PASSED, proof.findings
    (account,) = proof.accounts
    assert len(account.rows) > 25
    assert min(count for _, count in account.rows) > 0
