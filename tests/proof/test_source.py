"""What the text of a revision tells without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.proof.source import Way, line_of, way_of


def written(folder: Path, body: str) -> Path:
    path = folder / "revision.py"
    path.write_text(f"revision = 'a'\n\n\ndef downgrade() -> None:\n    {body}\n")
    return path


@pytest.mark.parametrize("body", ["pass", "...", '"""Nothing."""', "return", "return None", '"""Nothing."""\n    pass'])
def test_function_that_does_nothing_is_empty(tmp_path: Path, body: str) -> None:
    assert way_of(written(tmp_path, body), "downgrade") is Way.EMPTY


@pytest.mark.parametrize("body", ["raise NotImplementedError", 'raise NotImplementedError("never")'])
def test_function_that_raises_on_purpose_is_refused(tmp_path: Path, body: str) -> None:
    assert way_of(written(tmp_path, body), "downgrade") is Way.REFUSED


@pytest.mark.parametrize("body", ["op.drop_table('a')", "raise ValueError", "return f()", "if x:\n        pass"])
def test_everything_else_is_written(tmp_path: Path, body: str) -> None:
    assert way_of(written(tmp_path, body), "downgrade") is Way.WRITTEN


def test_missing_function_is_refused(tmp_path: Path) -> None:
    assert way_of(written(tmp_path, "pass"), "upgrade") is Way.REFUSED


def test_line_of_a_function(tmp_path: Path) -> None:
    path = written(tmp_path, "pass")
    assert (line_of(path, "downgrade"), line_of(path, "upgrade")) == (4, None)
