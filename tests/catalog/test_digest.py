"""The digest of a catalog: the same for the same, another one for whatever differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamin_migrate_kit.catalog import digest
from lamin_migrate_kit.catalog.digest import digest_catalog
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.scratch import ScratchDatabase

DDL = """
CREATE TYPE e AS ENUM ('a'); CREATE DOMAIN d AS int CHECK (value > 0);
CREATE TABLE t (id serial PRIMARY KEY, a int GENERATED ALWAYS AS IDENTITY, b d, c e); CREATE INDEX i ON t (c);
CREATE VIEW v AS SELECT b FROM t; CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1';
"""


def catalog_of(scratch: ScratchDatabase, ddl: str) -> Catalog:
    with scratch.connect() as connection:
        connection.exec_driver_sql(ddl)
        return inspect_catalog(connection)


def test_same_ddl_has_the_same_digest(scratch: ScratchDatabase) -> None:
    assert digest_catalog(catalog_of(scratch, DDL)) == digest_catalog(catalog_of(scratch, DDL))


@pytest.mark.parametrize(
    "more",
    [
        "COMMENT ON INDEX t_pkey IS 'x'",
        "ALTER TABLE t ALTER a SET (n_distinct = 5)",
        "ALTER TYPE e ADD VALUE 'b'",
        "ALTER TABLE t DROP b CASCADE; ALTER TABLE t ADD b d; CREATE VIEW v AS SELECT b FROM t",
        'CREATE COLLATION c FROM "C"',
    ],
)
def test_whatever_differs_is_another_digest(scratch: ScratchDatabase, more: str) -> None:
    assert digest_catalog(catalog_of(scratch, DDL)) != digest_catalog(catalog_of(scratch, DDL + more))


def test_another_kit_and_another_server_have_digests_of_their_own(
    scratch: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = catalog_of(scratch, DDL)
    ours = digest_catalog(catalog)
    assert digest_catalog(replace(catalog, server_version=170000)) != ours
    monkeypatch.setattr(digest.queries, "SCHEMAS", "select 1")
    assert digest_catalog(catalog) != ours
