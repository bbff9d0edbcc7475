"""What a revision records is read back as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.proof.hazards.waivers import read_decisions


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("using core.run.size=size::bigint", "core.run.size"),
        ('using core.run."a=b:c d"="a=b:c d"::bigint', "core.run.a=b:c d"),
        ('enum-map core.status."a.b=c"=open', "core.status.a.b=c"),
        ('drop core."x because y" because nobody reads it', "core.x because y"),
        ('rename core."a -> b".v -> version (said by a flag)', "core.a -> b.v"),
        ('drop core."say ""so""" because it is "old', 'core.say "so"'),
        ("drop core.f(integer, text) because nobody calls it", "core.f(integer, text)"),
        ('drop core."f(x)"(integer) because nobody calls it', "core.f(x)(integer)"),
    ],
)
def test_names_of_a_decision_may_hold_anything_in_quotes(tmp_path: Path, comment: str, names: str) -> None:
    path = tmp_path / "revision.py"
    path.write_text(f"def upgrade() -> None:\n    # migrate-kit: {comment}\n    pass\n")
    assert [decision.names for decision in read_decisions(path).all] == [names]


BLOCK = """\
def upgrade() -> None:
    # migrate-kit: allow=add-check because the whole block is fine
    with op.get_context().autocommit_block():
        # migrate-kit: allow=drop-column because nobody reads a
        op.drop_column("note", "a")
        op.drop_column("note", "b")
        op.create_check_constraint("c", "note", "true")
    op.drop_column("note", "d")
"""


@pytest.mark.parametrize(
    ("rule", "line", "waived"),
    [
        ("drop-column", 5, True),
        ("drop-column", 6, False),
        ("drop-column", 8, False),
        ("drop-column", 3, True),
        ("add-check", 7, True),
        ("add-check", 3, True),
        ("add-check", 8, False),
    ],
)
def test_waiver_counts_for_the_operation_that_it_stands_on(tmp_path: Path, rule: str, line: int, waived: bool) -> None:
    path = tmp_path / "revision.py"
    path.write_text(BLOCK)
    assert bool(read_decisions(path).allowed(rule, line)) is waived
