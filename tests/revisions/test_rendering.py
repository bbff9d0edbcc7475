"""Revision files have the form that they have had all along."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.revisions.rendering import render_revision

EMPTY = '''"""vX.X.X."""
from alembic import op
import sqlalchemy as sa  # noqa
import sqlmodel as sqm  # noqa

revision = 'dd2b4a9499f2'
down_revision = '8280855a5064'


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
'''


def render(**changed: Any) -> str:
    arguments: dict[str, Any] = {"id": "dd2b4a9499f2", "down": "8280855a5064", "upgrade": [], "downgrade": []}
    return render_revision(**arguments | changed)


def test_an_empty_revision_is_byte_for_byte_what_authors_know() -> None:
    assert render() == EMPTY


def test_operations_stand_in_the_bodies() -> None:
    text = render(
        upgrade=['op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")'],
        downgrade=['op.alter_column("notebook", column_name="version", new_column_name="v", schema="core")'],
    )
    head, _, rest = EMPTY.partition("    pass\n")
    assert text == (
        f"{head}"
        '    op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")\n'
        f"{rest.partition('    pass')[0]}"
        '    op.alter_column("notebook", column_name="version", new_column_name="v", schema="core")\n'
    )


def test_the_first_revision_follows_none() -> None:
    assert "\ndown_revision = None\n" in render(down=None)


def test_comments_alone_still_need_a_statement() -> None:
    assert "def upgrade() -> None:\n    # nothing\n    pass\n" in render(upgrade=["# nothing"])


def test_blocks_and_empty_lines() -> None:
    text = render(upgrade=["with op.get_context().autocommit_block():", "    op.f()", "   ", "op.g()"])
    assert "None:\n    with op.get_context().autocommit_block():\n        op.f()\n\n    op.g()\n" in text


STRINGS = [
    'op.execute("""\nCREATE FUNCTION f() AS $$\n  SELECT 1\n\n   \n$$\n""")',
    "op.execute('''a\nb''')\nop.f()",
    'op.execute(f"""a {x(1)}\nb {"c"}\nd""")',
    "op.execute(\"\"\"a\"\"\", '''b\nc''')",
]


@pytest.mark.parametrize("lines", STRINGS)
@pytest.mark.parametrize("split", [True, False])
def test_text_over_several_lines_stays_what_it_is(lines: str, split: bool) -> None:
    text = render(upgrade=lines.split("\n") if split else [lines])
    upgrade = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    assert ast.dump(ast.Module(upgrade.body, [])) == ast.dump(ast.parse(lines))


def test_notes_stand_in_the_docstring() -> None:
    text = render(notes=["Rename notebook.v.", "The downgrade cannot restore:\n- core.notebook.name"])
    assert text.startswith(
        '"""vX.X.X.\n\nRename notebook.v.\n\nThe downgrade cannot restore:\n- core.notebook.name\n"""\nfrom alembic'
    )


@pytest.mark.parametrize("note", ['a """ b', "a \\d b", 'ends with "', "ends with \\", "ümlaut 'and' \"quotes\""])
@pytest.mark.parametrize("place", ["doc", "notes"])
def test_any_text_can_stand_in_the_docstring(note: str, place: str) -> None:
    text = render(doc=note) if place == "doc" else render(notes=[note])
    doc = ast.get_docstring(ast.parse(text), clean=False)
    assert doc == (note if place == "doc" else f"vX.X.X.\n\n{note}\n")


def test_postgresql_is_imported_where_it_is_used() -> None:
    text = render(upgrade=['op.add_column("t", sa.Column("x", postgresql.JSONB()))'])
    assert "import sqlmodel as sqm  # noqa\nfrom sqlalchemy.dialects import postgresql\n\nrevision" in text
    assert "import postgresql" not in render(upgrade=['op.execute("postgresql.x")'])


def test_the_authors_own_types_are_imported_once_and_in_order() -> None:
    text = render(imports=["import zoo", "import core.types", "import zoo"])
    assert "# noqa\nimport core.types\nimport zoo\n\nrevision" in text


def test_what_is_no_python_is_not_rendered() -> None:
    with pytest.raises(RevisionError, match=r"What downgrade\(\) should do is no valid Python"):
        render(downgrade=["op.f("])


def test_bodies_are_what_a_formatter_leaves_alone(tmp_path: Path) -> None:
    path = tmp_path / "revision.py"
    path.write_text(render(upgrade=["op.f()"], downgrade=["op.g()"]).replace("'", '"').replace('."""\n', '."""\n\n', 1))
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--check", str(path)]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0
