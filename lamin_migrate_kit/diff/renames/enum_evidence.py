"""Facts about a pair of enum types, and about a pair of values of one type."""

from __future__ import annotations

from lamin_migrate_kit.diff.renames.name_evidence import name_facts
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.shapes import EnumShape
from lamin_migrate_kit.diff.renames.surroundings import Surroundings
from lamin_migrate_kit.diff.renames.table_evidence import key_facts

MANY_VALUES = 3
"""How many values two enum types must have, all of them the same, before that alone vouches for a rename."""


def enum_facts(current: EnumShape, desired: EnumShape, around: Surroundings) -> list[Fact]:
    """Everything known about a pair of enum types.

    Args:
        current: The type that is gone.
        desired: The type that is new.
        around: What the rest of the comparison says.
    """
    ours, theirs = set(current.values), set(desired.values)
    common, every = len(ours & theirs), max(1, len(ours | theirs))
    alone = current.values == desired.values and len(current.values) >= MANY_VALUES
    return [
        *key_facts(current.key, desired.key, around),
        Fact("share of values", common / every, f"{common} of {every} values are the same", vouches=alone),
        Fact("all values", float(ours == theirs)),
        *(
            [Fact("few values", 1.0, "too few values in common to be sure", contradicts=True)]
            if common < every / 2
            else []
        ),
    ]


def value_facts(current: str, desired: str, around: Surroundings) -> list[Fact]:
    """Everything known about a pair of values of one enum type, but for their places.

    Args:
        current: The value that is gone.
        desired: The value that is new.
        around: What the rest of the comparison says.
    """
    letters = current.lower() == desired.lower()
    same = [Fact("same letters", 1.0, "only capital letters differ", vouches=True)] if letters else []
    return [*name_facts(current, desired, (), around), *same]
