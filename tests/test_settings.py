"""What a setting may hold, and how it is refused: by its name, with the lines to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.errors import SettingsError
from lamin_migrate_kit.settings import Settings, read_settings

REFUSED = [
    ("package = 3", "package must be a string"),
    ('package = ""', "package must be a string"),
    ('package = "../core"', "package must be a string"),
    ('package = "lnschema-core"', "package must be a string"),
    ('metadata = ""', "metadata must be a string"),
    ('metadata = ":Base.metadata"', "metadata must be a string"),
    ('metadata = "core.models:"', "metadata must be a string"),
    ('metadata = "core.models Base"', "metadata must be a string"),
    ('keep = "core.ix"', "keep must be a list of strings"),
    ('schemas = [""]', "schemas must be a list of strings"),
    ('extensions = [" "]', "extensions must be a list of strings"),
    ("extensions = [1]", "extensions must be a list of strings"),
    ('privileges = "yes"', "privileges must be true or false"),
    ('image = ""', "image must be a string"),
    ('waive = "rows"', "waive must be a table of reasons"),
    ("packages = 1", "has no setting 'packages'; it has: extensions, image, keep"),
]


def refused(folder: Path, text: str) -> SettingsError:
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(folder, {})
    assert caught.value.where == str(folder / "pyproject.toml")
    assert caught.value.next_command
    return caught.value


@pytest.mark.parametrize(("line", "says"), REFUSED)
def test_a_setting_that_cannot_be_used_is_told_with_lines_to_write(tmp_path: Path, line: str, says: str) -> None:
    error = refused(tmp_path, f"[tool.lamin_migrate_kit]\n{line}\n")
    assert says in error.what
    key = line.partition(" =")[0] if "no setting" not in says else "package"
    assert f"[tool.lamin_migrate_kit]\n{key} = " in str(error.next_command)


@pytest.mark.parametrize("text", ["tool = 3\n", "[tool]\nlamin_migrate_kit = 3\n", "[[tool.lamin_migrate_kit]]\n"])
def test_what_should_be_a_table_and_is_none(tmp_path: Path, text: str) -> None:
    assert "in pyproject.toml must be a table" in refused(tmp_path, text).what


def test_a_file_that_is_no_toml_is_told_with_the_place(tmp_path: Path) -> None:
    error = refused(tmp_path, "[tool.lamin_migrate_kit]\npackage = core\n")
    assert "pyproject.toml cannot be read" in error.what
    assert "line 2" in error.what


def test_every_example_that_a_message_shows_can_be_used(tmp_path: Path) -> None:
    from lamin_migrate_kit.settings import _EXAMPLES

    lines = "\n".join(f"{key} = {example}" for key, example in _EXAMPLES.items())
    (tmp_path / "pyproject.toml").write_text(f"[tool.lamin_migrate_kit]\n{lines}\n")
    assert read_settings(tmp_path, {}).package == "lnschema_core"


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ('package = "company.größe"', "package", "company.größe"),
        ('metadata = "core.models"', "metadata", "core.models"),
        ('schemas = ["Odd \\"name\\""]', "schemas", ('Odd "name"',)),
        ("keep = []", "keep", ()),
    ],
)
def test_a_setting_that_can_be_used(tmp_path: Path, line: str, attribute: str, value: object) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.lamin_migrate_kit]\n{line}\n")
    assert getattr(read_settings(tmp_path, {}), attribute) == value


def test_no_file_is_no_settings(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert read_settings(tmp_path, {}) == Settings(root=tmp_path)
