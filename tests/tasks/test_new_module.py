"""A module at its very beginning, and a package that only has Alembic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lamin_migrate_kit.servers import Server

pytestmark = pytest.mark.slow

MODELS = """
from sqlalchemy import Column, MetaData, String, Table

metadata = MetaData()
note = Table("note", metadata, Column("id", String, primary_key=True), schema="core")
"""


class New:
    """A package without any revision."""

    def __init__(self, root: Path, server: Server, init: str) -> None:
        self.root = root
        self.folder = root / "lnschema_new"
        self.folder.mkdir(parents=True)
        (root / "pyproject.toml").write_text('[tool.lamin_migrate_kit]\npackage = "lnschema_new"\n')
        (root / "tasks.py").write_text("from lamin_migrate_kit.tasks import namespace  # noqa\n")
        (self.folder / "__init__.py").write_text(init)
        (self.folder / "models.py").write_text(MODELS)
        self.url = server.url.render_as_string(hide_password=False)

    def invoke(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": "/usr/bin:/bin", "LAMIN_MIGRATE_SERVER_URL": self.url, "HOME": str(self.root)}
        return subprocess.run(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.root,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def new(tmp_path: Path, server: Server) -> New:
    return New(tmp_path / "new", server, '_schema_id = "abcd"\n_migration = None\n__version__ = "0.0.0"\n')


def test_models_without_revisions_fail_to_match(new: New) -> None:
    done = new.invoke("ci", "--format", "json")
    shown = json.loads(done.stdout)
    failed = [proof["name"] for proof in shown["proofs"] if proof["status"] == "FAILED"]
    assert (done.returncode, failed) == (1, ["match"])
    assert any("create_table" in line for line in shown["missing"])


def test_first_revision_is_generated_and_proven(new: New) -> None:
    generated = new.invoke("migrate.generate")
    assert generated.returncode == 0, generated.stderr
    (path,) = (new.folder / "migrations" / "versions").glob("*.py")
    assert "down_revision = None" in path.read_text()
    proven = new.invoke("ci")
    assert proven.returncode == 0, proven.stdout + proven.stderr
    released = new.invoke("release", "0.1.0")
    assert released.returncode == 0, released.stdout + released.stderr


def test_package_that_only_has_alembic_is_proven_too(tmp_path: Path, server: Server) -> None:
    plain = New(tmp_path / "plain", server, '__version__ = "0.1.0"\n')
    versions = plain.folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "1f2e_first.py").write_text(
        '"""First."""\nfrom alembic import op\nimport sqlalchemy as sa\n\nrevision = "1f2e"\ndown_revision = None\n\n\n'
        "def upgrade():\n    op.execute('CREATE SCHEMA core')\n"
        '    op.create_table("note", sa.Column("id", sa.String(), primary_key=True), schema="core")\n\n\n'
        "def downgrade():\n    op.execute('DROP SCHEMA core CASCADE')\n"
    )
    done = plain.invoke("ci")
    assert done.returncode == 0, done.stdout + done.stderr
    # Below the first revision there is no table, and so no row that it could lose.
    assert done.stdout.splitlines()[-1] == "schema proven"
    assert "0 rows" in done.stdout
