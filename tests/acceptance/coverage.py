"""What the rows cover: kinds of objects, and what happens to them.

    python -m tests.acceptance.coverage

prints the number of rows for every kind and every verb. `depended on` counts rows in which an object comes, changes or
goes while another one needs it. No row is run: both sides are built in a transaction, read, and taken back.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import KINDS, Catalog, CatalogObject, Constraint
from lamin_migrate_kit.diff.differ import CatalogDiff, diff_catalogs
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.settings import Settings
from tests.acceptance.crossing import all_cases
from tests.acceptance.runner import Case

VERBS = ("create", "alter", "drop", "rename", "depended on")
_CONSTRAINTS = {"p": "primary key", "u": "unique", "f": "foreign key", "c": "check", "x": "exclusion"}
LABELS = tuple(label for kind in KINDS for label in (_CONSTRAINTS.values() if kind == "constraint" else (kind,)))

Cell = tuple[str, str]

_BY_DECISION = "a rename by decision: tests/acceptance/test_every_release.py, tests/comparison/test_renames.py"
_BY_NAME = "its name is what it is: another name is another object"
_NOTHING = "nothing can depend on it"
EMPTY: dict[Cell, str] = {
    **{(label, "rename"): _BY_DECISION for label in ("schema", "table", "column", "enum")},
    **{
        (label, "rename"): _BY_NAME
        for label in (
            "extension",
            "domain",
            "composite",
            "range",
            "function",
            "procedure",
            "aggregate",
            "statistics",
            "view",
            "materialized_view",
            "rule",
            "trigger",
            "policy",
            "event_trigger",
        )
    },
    **{
        (label, "depended on"): _NOTHING
        for label in (
            "procedure",
            "foreign key",
            "check",
            "exclusion",
            "statistics",
            "rule",
            "trigger",
            "policy",
            "event_trigger",
        )
    },
}
"""Cells that no row can fill, with the reason."""


def covered(server: Server) -> tuple[Counter[Cell], list[str]]:
    """How many rows fill each cell, and the rows that cannot be built in a transaction."""
    found: Counter[Cell] = Counter()
    left_out = []
    with scratch_database(server, hint="coverage") as database, database.connect() as connection:
        for file, case in all_cases():
            try:
                sides = [_built(connection, case, ddl) for ddl in (case.current, case.desired)]
            except DBAPIError:
                connection.rollback()
                left_out.append(f"{file}: {case.name}")
                continue
            found.update(set(_cells(*sides)))
    return found, left_out


def _built(connection: sa.Connection, case: Case, ddl: str) -> Catalog:
    script = case.common + ddl
    if script.strip():
        connection.exec_driver_sql(script.replace("%", "%%"))
    catalog = inspect_catalog(connection)
    connection.rollback()
    return catalog


def _cells(current: Catalog, desired: Catalog) -> Iterator[Cell]:
    diff = diff_catalogs(current, desired, exact_names=True)
    yield from ((label(value), "create") for value in diff.created)
    yield from ((label(value), "drop") for value in diff.dropped)
    for change in diff.changed:
        if change.fields - {"key"}:
            yield label(change.desired), "alter"
        if "key" in change.fields:
            yield label(change.desired), "rename"
    yield from _depended_on(current, desired, diff)


def _depended_on(current: Catalog, desired: Catalog, diff: CatalogDiff) -> Iterator[Cell]:
    gone = {value.key for value in diff.dropped} | {change.current.key for change in diff.changed}
    come = {value.key for value in diff.created} | {change.desired.key for change in diff.changed}
    for catalog, keys in ((current, gone), (desired, come)):
        for dependent, needed in catalog.dependencies:
            if needed in keys and dependent.table != needed.table and dependent.kind != "default":
                yield label(catalog.objects[needed]), "depended on"


def label(value: CatalogObject) -> str:
    """What the table calls an object."""
    return _CONSTRAINTS[value.type] if isinstance(value, Constraint) else value.key.kind


def table(found: Counter[Cell]) -> Iterator[str]:
    """The table, line by line; `-` stands where no row can be."""
    yield f"{'kind':20}" + "".join(f"{verb:>13}" for verb in VERBS)
    for name in LABELS:
        cells = ((found[name, verb] or ("-" if (name, verb) in EMPTY else "0")) for verb in VERBS)
        yield f"{name.replace('_', ' '):20}" + "".join(f"{cell:>13}" for cell in cells)


def main() -> None:
    """Print what the rows cover; fails when a cell is empty."""
    with open_server(Settings(root=Path.cwd(), provider="embedded")) as server:
        found, left_out = covered(server)
    print("\n".join(table(found)))
    print(f"{len(all_cases())} rows; not in a transaction: {', '.join(left_out) or 'none'}")
    missing = [f"{verb} {name}" for name in LABELS for verb in VERBS if not found[name, verb]]
    missing = [cell for cell in missing if cell not in {f"{verb} {name}" for name, verb in EMPTY}]
    sys.exit(f"no row: {', '.join(missing)}" if missing else 0)


if __name__ == "__main__":
    main()
