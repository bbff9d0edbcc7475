"""Steps -> the order in which they can run: from dependencies, with a fixed and readable order among equals."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lamin_migrate_kit.catalog.model import ObjectKey


class Step(NamedTuple):
    """What is done to an object.

    Besides `drop`, `create` and `alter`: `own` and `disown` (a sequence's column), `attach` and `detach` (a table and
    its parents, a part of an index and its whole), `identify` (a table's replica identity), `aside` (a type, or the
    names of a column, step aside for one that takes the name).
    """

    verb: str
    key: ObjectKey


# Among steps that do not need each other, the order that people expect to read: what stands in the way goes first, then
# names and types, tables, columns, what hangs on them, code, and last what nobody needs any more.
_RANKS = {
    ("create", "schema"): 0,
    ("create", "extension"): 1,
    ("detach", "table"): 9,
    ("drop", "event_trigger"): 10,
    ("drop", "policy"): 11,
    ("drop", "trigger"): 12,
    ("drop", "rule"): 13,
    ("drop", "materialized_view"): 14,
    ("drop", "view"): 15,
    ("drop", "statistics"): 16,
    ("drop", "index"): 18,
    ("drop", "constraint"): 17,
    ("drop", "default"): 19,
    ("disown", "sequence"): 19,
    ("aside", "column"): 19,
    ("aside", "type"): 20,
    ("create", "type"): 20,
    ("alter", "type"): 21,
    ("create", "sequence"): 22,
    ("alter", "sequence"): 23,
    ("create", "table"): 30,
    ("create", "column"): 31,
    ("alter", "table"): 32,
    ("alter", "column"): 33,
    ("drop", "column"): 34,
    ("create", "default"): 35,
    ("own", "sequence"): 36,
    ("alter", "constraint"): 37,
    ("create", "constraint"): 38,
    ("alter", "index"): 39,
    ("create", "index"): 40,
    ("attach", "constraint"): 41,
    ("attach", "index"): 41,
    ("attach", "table"): 42,
    ("identify", "table"): 42,
    ("create", "statistics"): 43,
    ("alter", "statistics"): 44,
    ("create", "function"): 45,
    ("alter", "function"): 46,
    ("create", "view"): 50,
    ("alter", "view"): 51,
    ("create", "materialized_view"): 52,
    ("alter", "materialized_view"): 53,
    ("create", "rule"): 54,
    ("create", "trigger"): 55,
    ("create", "policy"): 56,
    ("drop", "table"): 60,
    ("drop", "function"): 62,
    ("drop", "sequence"): 63,
    ("drop", "type"): 64,
    ("drop", "extension"): 65,
    ("drop", "schema"): 66,
    ("create", "event_trigger"): 70,
}
_FAMILIES = {
    "enum": "type",
    "domain": "type",
    "composite": "type",
    "range": "type",
    "procedure": "function",
    "aggregate": "function",
}


def rank(step: Step) -> int:
    """The place of a step among those that could run at the same time."""
    return _RANKS.get((step.verb, _FAMILIES.get(step.key.kind, step.key.kind)), 58)


def order_steps(steps: Iterable[Step], after: Mapping[Step, Iterable[Step]]) -> tuple[list[Step], list[Step]]:
    """Sort steps topologically, stable among equals.

    Args:
        steps: All steps.
        after: For a step, those that must run before it.

    Returns:
        The order, and steps that need each other in a circle (empty when there is none; then the order is complete).
    """
    waiting = {step: set(after.get(step, ())) - {step} for step in steps}
    followers: dict[Step, list[Step]] = defaultdict(list)
    for step, needed in waiting.items():
        needed &= waiting.keys()
        for other in needed:
            followers[other].append(step)
    ready = [(rank(step), step) for step, needed in waiting.items() if not needed]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, step = heapq.heappop(ready)
        ordered.append(step)
        for follower in followers[step]:
            waiting[follower].discard(step)
            if not waiting[follower]:
                heapq.heappush(ready, (rank(follower), follower))
    return ordered, _circle({step: needed for step, needed in waiting.items() if needed})


def _circle(waiting: Mapping[Step, set[Step]]) -> list[Step]:
    """One circle among steps that all wait for another."""
    if not waiting:
        return []
    path = [min(waiting)]
    while True:
        following = min(waiting[path[-1]])
        if following in path:
            return path[path.index(following) :]
        path.append(following)
