"""No password leaves the process, whoever wrote the text."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.report.redact import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:hunter2@host:5432/db", "postgresql://ada:***@host:5432/db"),
        ("postgresql+psycopg2://:hunter2@/db?host=/run", "postgresql+psycopg2://:***@/db?host=/run"),
        ("at postgres://a:p@ss:w@rd@host/db and so on", "at postgres://a:***@host/db and so on"),
        ("host=x password=hunter2 user=ada", "host=x password=*** user=ada"),
        ("password='hunter 2' user=ada", "password=*** user=ada"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
        ("?user=ada&password=hunter2&x=1", "?user=ada&password=***&x=1"),
    ],
)
def test_password_is_replaced(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://host:5432/db",
        "postgresql://ada@host/db",
        "lnschema_core/migrations/versions/x.py:12",
        'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")',
        "password authentication failed for user ada",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert redact(text) == text
