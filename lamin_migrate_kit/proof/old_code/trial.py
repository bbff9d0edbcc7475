"""What runs in the process of its own: other models' tables, read and written on databases; nothing stays written.

    python -m lamin_migrate_kit.proof.old_code.trial   # a request in JSON on stdin, an answer in the file that it names

Every table is read as the models declare it, and a row that is there is updated and inserted once more, as this code
would do it. The second row with the same key is refused by the key: that comes last, after columns, types, NOT NULL and
checks have been looked at. Then one is inserted without the values that the models leave to the server: code relies on
its defaults, and on its not giving a number again.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_BY_DEFAULT = "insert with the server's defaults into"
# What says that the row was fine, but for being there already.
_THERE_ALREADY = ("23505", "23P01")


class CountsAgain(Exception):
    """A sequence stands below the numbers that rows have: it will come to one of theirs."""


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    answer = Path(request["answer"])
    try:
        answer.write_text(json.dumps(try_models(request)))
    except Exception as error:
        answer.write_text(json.dumps({"failed": f"{type(error).__name__}: {error}"}))


def try_models(request: dict[str, Any]) -> dict[str, Any]:
    """What comes of every table on every database.

    Returns:
        For each database by its name, for each table: `key`, `empty` and `broken` (a list of what, why, statement).
    """
    from lamin_migrate_kit.model_import import find_metadata, import_models, owned_table_keys

    package, folder = request["package"], Path(request["folder"])
    modules = import_models(package, folder, request["metadata"])
    metadata = find_metadata(package, modules, request["metadata"])
    owned = owned_table_keys(package, metadata)
    tables = [table for table in metadata.sorted_tables if table.key in owned]
    rows: dict[str, Any] = {}
    return {name: [_try(table, url, rows) for table in tables] for name, url in request["databases"].items()}


def _try(table: Any, url: str, known: dict[str, Any]) -> dict[str, Any]:
    """Try one table on one database; a row that it gave on an earlier one is written on later ones, too."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, poolclass=NullPool)
    broken: list[dict[str, str]] = []
    with engine.connect() as connection:
        broken += _attempt("read", lambda: _read(connection, table, known))
        connection.rollback()
        for row in [known[table.key]] if table.key in known else []:
            for what, write in (("update", _update), ("insert", _insert), (_BY_DEFAULT, _insert_by_default)):
                if what == _BY_DEFAULT and any(one["what"] == "insert" for one in broken):
                    continue  # it has been said
                given = _given(table) if what == _BY_DEFAULT else frozenset()
                broken += _attempt(what, lambda write=write, row=row: write(connection, table, row), given)  # type: ignore[misc]
                connection.rollback()
    engine.dispose()
    return {"key": [table.schema or "public", table.name], "empty": table.key not in known, "broken": broken}


def _read(connection: Any, table: Any, known: dict[str, Any]) -> None:
    """Read all rows; the fullest one is kept, because it says most, and the first one found, as old code knows it."""
    from sqlalchemy import select

    rows = connection.execute(select(table)).mappings().all()
    if rows:
        known.setdefault(table.key, max(rows, key=lambda row: sum(value is not None for value in row.values())))


def _update(connection: Any, table: Any, row: Any) -> None:
    from sqlalchemy import update

    keys = list(table.primary_key.columns)
    where = [column == row[column.name] for column in keys]
    written = {column: row[column.name] for column in _writable(table) if column not in keys}
    if written:
        connection.execute(update(table).where(*where).values(written))


def _insert(connection: Any, table: Any, row: Any) -> None:
    from sqlalchemy import insert

    connection.execute(insert(table).values({column: row[column.name] for column in _writable(table)}))


def _insert_by_default(connection: Any, table: Any, row: Any) -> None:
    from sqlalchemy import func, insert, select

    given, counted = _given(table), table.autoincrement_column
    if not given:
        return
    values = {column: row[column.name] for column in _writable(table) if column.name not in given}
    done = connection.execute(insert(table).values(values))
    if counted is None:
        return
    number = done.inserted_primary_key[list(table.primary_key.columns).index(counted)]
    highest = connection.scalar(select(func.max(counted)))
    if highest > number:
        raise CountsAgain(f"the next {counted.name} is {number}, and there is a row with {highest}")


def _given(table: Any) -> frozenset[str]:
    """The columns whose values the models leave to the server."""
    counted = table.autoincrement_column
    return frozenset(c.name for c in table.columns if c.server_default is not None or c.identity or c is counted)


def _writable(table: Any) -> list[Any]:
    return [c for c in table.columns if c.computed is None and not (c.identity is not None and c.identity.always)]


def _attempt(what: str, run: Callable[[], object], given: frozenset[str] = frozenset()) -> Iterator[dict[str, str]]:
    """What is broken when something fails; that a row is there already is nothing, unless the server gave its key."""
    try:
        run()
    except Exception as error:
        original = getattr(error, "orig", None)
        if getattr(original, "pgcode", None) in _THERE_ALREADY and not _gave_again(original, given):
            return
        lines = str(original or error).strip().splitlines() or [type(error).__name__]
        kind = "" if original is not None else f"{type(error).__name__}: "
        yield {"what": what, "why": kind + lines[0], "statement": str(getattr(error, "statement", None) or "")}


def _gave_again(error: Any, given: frozenset[str]) -> bool:
    """Whether the key that is there already consists of what the server gave."""
    key = re.match(r"Key \((.*?)\)=", error.diag.message_detail or "")
    return key is not None and {name.strip('"') for name in key[1].split(", ")} <= given


if __name__ == "__main__":
    main()
