"""What each fact weighs, in log-odds: +0.7 doubles the odds of a rename, -0.7 halves them.

The weights of names, types, foreign keys and columns in common were fitted on ten projects' histories
(`benchmarks/renames.py`): regularised, held to the sign that makes sense, checked by leaving out one project at a time,
and rounded. Those of facts that the histories do not contain (defaults, comments, membership, places, the source) are
set by judgement, in `JUDGED`, and so are those of enum types and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NAMES = {
    "shared words": 3.0,
    "related words": 3.2,
    "spelling": 3.4,
    "same words": 2.0,
    "same exact words": 0.2,
    "word added or removed": 0.5,
    "word replaced": 0.3,
    "opposite words": -0.5,
    "recurring words": 2.8,
}

JUDGED = {
    "in a table to ask about": 0.0,
    "another pair refused": -1.5,
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
        "bias": -3.0,
        **_NAMES,
        **JUDGED,
        "same type": 0.7,
        "rare type": 0.1,
        "type of one family": 0.0,
        "type unknown": 0.9,
        "other type": -2.6,
        "other nullability": -1.6,
        "same foreign key": 1.5,
        "other foreign key": -3.0,
        "recurring pair": 1.2,
        "table renamed likewise": 1.5,
    }
)

TABLE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "bias": -5.4,
        **_NAMES,
        **JUDGED,
        "shared words": 1.5,
        "related words": 0.8,
        "spelling": 2.5,
        "same words": 0.9,
        "word added or removed": 0.4,
        "word replaced": 0.7,
        "recurring words": 1.0,
        "table renamed likewise": 1.2,
        "same name": 4.3,
        "other schema": 0.6,
        "prefix of all": 0.0,
        "share of columns": 2.7,
        "kept columns": 1.8,
        "many columns": 0.4,
        "all columns": 1.3,
        "references follow": 2.8,
        "columns unknown": 1.6,
        "few columns": 0.0,
        "the columns alone": 0.0,
        "the foreign keys": 0.0,
    }
)

ENUM_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {**TABLE_WEIGHTS, "share of values": 5.0, "all values": 1.5, "few values": 0.0}
)

VALUE_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"bias": -2.5, **_NAMES, **JUDGED, "same letters": 4.0, "same place": 1.5, "table renamed likewise": 1.0}
)
