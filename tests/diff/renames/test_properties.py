"""What holds for any two sides."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamin_migrate_kit.diff.renames import (
    ColumnShape,
    EnumShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
    find_candidates,
    parse_comment,
    render_comment,
)

WORDS = ("user", "users", "id", "is", "created", "at", "v", "version", "Nümber", "2", "x y", "a.b", "_")
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("_".join)
keys = st.builds(TableKey, st.sampled_from(("", "core", "other")), names)
unknown = st.none()
columns = st.builds(
    ColumnShape,
    names,
    st.sampled_from((None, "text", "integer", "core.status", "numeric(5,2)", "text[]")),
    unknown | st.booleans(),
    unknown | st.sampled_from(("", "1", "now(), x")),
    unknown | st.lists(st.builds(ForeignTarget, keys, names), max_size=1).map(tuple),
    unknown | st.integers(1, 9),
    unknown | st.booleans(),
    unknown | st.booleans(),
    unknown | st.booleans(),
    unknown | st.sampled_from(("", "a comment\nof two, lines")),
)


def by_name(items: list[ColumnShape]) -> tuple[ColumnShape, ...]:
    return tuple({item.name: item for item in items}.values())


tables = st.builds(TableShape, keys, st.lists(columns, max_size=5).map(by_name), unknown, st.booleans())
enums = st.builds(EnumShape, keys, st.lists(names, max_size=4, unique=True).map(tuple))
sides = st.builds(
    SchemaShape,
    st.lists(tables, max_size=5, unique_by=lambda table: table.key).map(tuple),
    st.lists(enums, max_size=2, unique_by=lambda enum: enum.key).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sides, sides)
def test_every_object_is_in_one_decision_or_guess_and_everything_can_be_shown(
    current: SchemaShape, desired: SchemaShape
) -> None:
    candidates = find_candidates(current, desired)
    chosen = [candidate.rename for candidate in candidates if candidate.outcome != "none"]
    assert len({rename.end for rename in chosen}) == len(chosen)
    assert len({rename.desired_end for rename in chosen}) == len(chosen)
    for candidate in candidates:
        assert 0 <= candidate.score <= 1
        assert (candidate.outcome == "decided") == bool(candidate.decided_by)
        json.dumps(candidate.as_json())
        recorded = parse_comment(render_comment(candidate.rename, candidate.evidence))
        assert recorded is not None
        assert recorded.evidence == candidate.evidence
    assert find_candidates(current, desired) == candidates


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(sides)
def test_a_side_and_itself_have_no_candidates(side: SchemaShape) -> None:
    assert find_candidates(side, side) == ()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(sides, sides)
def test_what_is_asked_can_be_answered_and_leaves_nothing_to_ask(current: SchemaShape, desired: SchemaShape) -> None:
    """Yes to every question decides; the answers of the last round are followed in the next."""
    flags = []
    for _ in range(10):
        candidates = find_candidates(current, desired, flags=flags)
        asked = [
            candidate.rename for candidate in candidates if candidate.outcome == "ask" and not candidate.depends_on
        ]
        if not asked:
            break
        flags.append(asked[0])
        again = find_candidates(current, desired, flags=flags)
        answered = {c.rename.end for c in again if c.outcome == "decided"}
        assert asked[0].end in answered
