"""Two sides -> what differs, what was renamed, what has to be decided, and the operations from one to the other.

The way on one screen is `compare_sides`. What it needs from a server (a side with operations done) comes through
callables of `Sides`, so that a schema module on its workbench and two databases by URL go the same way.
"""

from __future__ import annotations

from lamin_migrate_kit.comparison.comparing import compare_module, compare_sides
from lamin_migrate_kit.comparison.databases import DatabaseCopy, compare_databases, without_bookkeeping
from lamin_migrate_kit.comparison.model import Ask, Comparison, Preview, Replayed, Sides

__all__ = [
    "Ask",
    "Comparison",
    "DatabaseCopy",
    "Preview",
    "Replayed",
    "Sides",
    "compare_databases",
    "compare_module",
    "compare_sides",
    "without_bookkeeping",
]
