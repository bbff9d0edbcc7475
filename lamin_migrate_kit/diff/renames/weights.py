"""What each fact weighs, in log-odds: +0.7 doubles the odds of a rename, -0.7 halves them.

The weights of names, types, keys and columns in common were fitted on ten projects' histories (`benchmarks/renames.py`),
regularised, constrained to the sign that makes sense, checked by leaving out one project at a time, and rounded. Those
of facts that the histories do not contain (defaults, comments, membership, places, the source) are set by judgement and
say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NAMES = {
    "shared words": 3.0,
    "related words": 3.0,
    "spelling": 3.5,
    "same words": 1.5,
    "same exact words": 0.3,
    "word added or removed": 0.5,
    "word replaced": 0.3,
    "opposite words": -0.5,
    "recurring words": 2.9,
}

_JUDGED = {
    "in a table to ask about": 0.0,
    "same default": 0.7,
    "other default": -0.7,
    "same comment": 1.5,
    "other comment": -0.3,
    "both in primary key": 1.0,
    "one in primary key": -1.0,
    "both in unique key": 0.5,
    "one in unique key": -0.3,
    "both in index": 0.5,
    "one in index": -0.3,
    "same place": 0.7,
    "same line": 3.0,
    "same line elsewhere": 2.0,
    "changed at the same place": 0.7,
}

COLUMN_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "bias": -3.1,
        **_NAMES,
        **_JUDGED,
        "same type": 0.8,
        "rare type": 0.1,
        "type of one family": 0.0,
        "type unknown": 0.8,
        "other type": -2.6,
        "other nullability": -1.6,
        "same foreign key": 1.6,
        "other foreign key": -3.5,
        "recurring pair": 1.4,
        "table renamed likewise": 2.0,
    }
)

TABLE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "bias": -5.4,
        **_NAMES,
        **_JUDGED,
        "shared words": 1.6,
        "spelling": 2.8,
        "related words": 0.9,
        "same words": 0.8,
        "recurring words": 1.3,
        "same name": 4.7,
        "other schema": 0.7,
        "share of columns": 3.0,
        "kept columns": 2.0,
        "many columns": 0.7,
        "all columns": 1.5,
        "references follow": 2.5,
        "columns unknown": 1.4,
        "few columns": 0.0,
    }
)

ENUM_WEIGHTS: Mapping[str, float] = MappingProxyType({**TABLE_WEIGHTS, "share of values": 5.0, "all values": 1.5})

VALUE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"bias": -2.5, **_NAMES, **_JUDGED, "same letters": 4.0, "same place": 1.5}
)
