"""The example module, deployed: its whole history, and the story of the README."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lamin_migrate_kit.deploy import Instance
from lamin_migrate_kit.scratch import ScratchDatabase
from tests.conftest import ROOT
from tests.deploy.instances import rows, run

EXAMPLE = ROOT / "examples" / "lnschema-core"
RENAME = '''"""v1.0.0."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = "dd2b4a9499f2"
down_revision = "8280855a5064"


def upgrade() -> None:
    op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")


def downgrade() -> None:
    op.alter_column("notebook", column_name="version", new_column_name="v", schema="core")
'''


# In processes of their own: SQLModel lets a class be declared once in a process, and other tests have the example too.
DEPLOY = """
import json, sys
sys.path.insert(0, sys.argv[2])
from lamin_migrate_kit.deploy import apply_plan, parse_instance_url, plan_deployment
from lamin_migrate_kit.schema_module import installed_schema_module
from tests.deploy.instances import changes, record_everything, shown_statements
plan = plan_deployment(parse_instance_url(sys.argv[1]), installed_schema_module("lnschema_core"))
sent = []
with record_everything(sent):
    apply_plan(plan)
print(json.dumps([[step.unknown for step in plan.steps], changes(sent), shown_statements(plan)]))
"""
LOAD = """
import json, sys
sys.path.insert(0, sys.argv[2])
import sqlalchemy
from lamin_migrate_kit import load
asked = []
engine = load(sys.argv[1], "lnschema_core", ask=lambda plan: not asked.append(plan.question))
with engine.connect() as connection:
    found = connection.execute(sqlalchemy.text("SELECT * FROM core.notebook")).mappings().all()
print(json.dumps([asked, [dict(row) for row in found]], default=str))
"""


def python(program: str, instance: Instance, site: Path) -> Any:
    url = instance.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", program, url, str(site)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a copy of the example's package, as pip would install it."""
    shutil.copytree(EXAMPLE / "lnschema_core", tmp_path / "site" / "lnschema_core")
    return tmp_path / "site"


@pytest.fixture
def instance(scratch: ScratchDatabase) -> Instance:
    """An empty database."""
    return Instance(scratch.url)


def release_1_0_0(site: Path) -> None:
    versions = site / "lnschema_core" / "migrations" / "versions"
    (versions / "2023-02-16-dd2b4a9499f2-v1_0_0.py").write_text(RENAME)
    init = site / "lnschema_core" / "__init__.py"
    init.write_text(init.read_text().replace("8280855a5064", "dd2b4a9499f2").replace("0.33.8", "1.0.0"))


def test_the_whole_history_runs_as_it_is_shown(site: Path, instance: Instance) -> None:
    unknown, sent, shown = python(DEPLOY, instance, site)
    assert unknown == [None] * 9
    assert sent == shown


def test_the_story_of_the_readme(site: Path, instance: Instance) -> None:
    (created,), _ = python(LOAD, instance, site)
    assert created == "Do you want to create core 0.33.8/8280855a5064 in this database (y/n)?"
    run(instance, "INSERT INTO core.user (id, email, handle) VALUES ('u1', 'a@b.c', 'ada')")
    run(instance, "INSERT INTO core.notebook (id, v, name, created_by) VALUES ('n1', '7', 'x', 'u1')")
    release_1_0_0(site)

    asked, found = python(LOAD, instance, site)

    assert asked == ["Do you want to migrate core from 0.33.8/8280855a5064 to 1.0.0/dd2b4a9499f2 (y/n)?"]
    assert [(row["id"], row["version"]) for row in found] == [("n1", "7")]
    recorded = rows(instance, "SELECT v, migration FROM version_yvzi ORDER BY created_at")
    assert recorded == [("0.33.8", "8280855a5064"), ("1.0.0", "dd2b4a9499f2")]
    assert python(LOAD, instance, site) == [[], found]
