"""Types are compared as the server spells them."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.diff.renames.types import family, normal_type, same_family, same_type


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("VARCHAR(255)", "character varying(255)"),
        ("character varying(5)[]", "character varying(5)[]"),
        ("VARCHAR[]", "character varying[]"),
        ("timestamp(3) without time zone", "timestamp without time zone(3)"),
        ("TIMESTAMP", "timestamp without time zone"),
        ("numeric(11, 2)", "numeric(11,2)"),
        ('core."Status"', 'core."Status"'),
    ],
)
def test_spellings_have_one_form(spelling: str, expected: str) -> None:
    assert normal_type(spelling) == expected


def test_a_family_carries_values_over() -> None:
    assert same_family("varchar(5)", "text")
    assert same_family("timestamp", "timestamp with time zone")
    assert not same_family("text", "integer")
    assert not same_family("text[]", "text")
    assert family("core.status") == "core.status"


def test_an_unknown_type_is_no_evidence() -> None:
    assert same_type(None, "text") is None
    assert same_family("text", None) is None
