"""What the functions of a revision do is told from their text, without running it."""

from __future__ import annotations

import ast

import pytest

from lamin_migrate_kit.revisions.ways import Way, way_of


def written(body: str) -> ast.Module:
    return ast.parse(f"revision = 'a'\n\n\ndef downgrade() -> None:\n    {body}\n")


@pytest.mark.parametrize("body", ["pass", "...", '"""Nothing."""', "return", "return None", '"""Nothing."""\n    pass'])
def test_function_that_does_nothing_is_empty(body: str) -> None:
    assert way_of(written(body), "downgrade") is Way.EMPTY


@pytest.mark.parametrize("body", ["raise NotImplementedError", 'raise NotImplementedError("never")'])
def test_function_that_raises_on_purpose_is_refused(body: str) -> None:
    assert way_of(written(body), "downgrade") is Way.REFUSED


@pytest.mark.parametrize("body", ["op.drop_table('a')", "raise ValueError", "return f()", "if x:\n        pass"])
def test_everything_else_is_written(body: str) -> None:
    assert way_of(written(body), "downgrade") is Way.WRITTEN


def test_missing_function_is_refused() -> None:
    assert way_of(written("pass"), "upgrade") is Way.REFUSED
