"""The example module, copied: tests never write into the repository's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import URL

from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.settings import read_settings

SOURCE = Path(__file__).parent.parent / "examples" / "lnschema-core"
STORY_BEFORE = '    v: str = Field(default="1", primary_key=True)\n'
STORY_AFTER = '    version: str = Field(default="1", primary_key=True)\n'
STORY_OPERATION = 'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")'

# Alembic's command line in a process where the kit cannot be imported.
_ALEMBIC_ALONE = "import sys; sys.modules['lamin_migrate_kit'] = None; from alembic.config import main; main()"


def copy_example(root: Path) -> Path:
    """Copy the example project to `root`, which must not exist; returns it."""
    shutil.copytree(SOURCE, root, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return root


def example_module(root: Path) -> SchemaModule:
    """The schema module of a copy."""
    return find_schema_module(read_settings(root, {}))


def change_models(root: Path, before: str, after: str) -> None:
    """Edit the models of a copy, as the author would."""
    models = root / "lnschema_core" / "models.py"
    text = models.read_text()
    assert text.count(before) == 1
    models.write_text(text.replace(before, after))


def run_python(root: Path, code: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, where `lnschema_core` is the copy's: models are imported once a process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LNSCHEMA_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=root,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def run_alembic(root: Path, url: URL | None, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the `alembic` command on a copy, without the kit."""
    given = ["-x", f"url={url.render_as_string(hide_password=False)}"] if url else []
    return run_python(root, _ALEMBIC_ALONE, *given, *arguments, check=check)


def create_from_models(root: Path, url: URL) -> None:
    """Build the models of a copy on an empty database."""
    code = """
import sys, sqlalchemy as sa
from lnschema_core.models import SQLModel
with sa.create_engine(sys.argv[1]).begin() as connection:
    connection.execute(sa.text("CREATE SCHEMA core"))
    SQLModel.metadata.create_all(connection)
"""
    run_python(root, code, url.render_as_string(hide_password=False))
