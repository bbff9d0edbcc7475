"""psycopg2. Whatever may be the first to need it imports it from here.

While psycopg2's C code is imported, it imports other modules, and throws away what that raises: a Ctrl-C too.
"""

from __future__ import annotations

from lamin_migrate_kit.interruption import signals_deferred

with signals_deferred():
    import psycopg2
    import psycopg2.extensions

__all__ = ["psycopg2"]
