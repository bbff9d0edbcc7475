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
