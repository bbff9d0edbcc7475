"""Renames that revision files record in comments."""

from __future__ import annotations

from collections.abc import Iterable

from lamin_migrate_kit.diff.renames.grammar import RenameFlag, parse_comment
from lamin_migrate_kit.diff.renames.model import Rename, part_rename, table_rename
from lamin_migrate_kit.diff.renames.shapes import TableKey


def recorded_renames(texts: Iterable[str]) -> tuple[Rename, ...]:
    """The renames that comments record, in order.

    What a comment names is not looked up: the tables of that time may be gone. So three names are a column's (or an
    enum value's), in a table that kept its name, and two are a table's (or an enum type's).

    Args:
        texts: The contents of revision files, oldest first.

    Raises:
        SettingsError: A comment does not follow the grammar.
    """
    comments = (parse_comment(line) for text in texts for line in text.splitlines())
    found = [_rename(comment.flag) for comment in comments if comment is not None]
    return tuple(rename for rename in found if rename is not None)


def _rename(flag: RenameFlag) -> Rename | None:
    if len(flag.current) == 3 and len(flag.desired) == 1:
        schema, table, part = flag.current
        return part_rename("column", TableKey(schema, table), part, flag.desired[0])
    if len(flag.current) == 2 and flag.desired:
        key = TableKey(*flag.current)
        return table_rename(key, TableKey(flag.desired[0] if len(flag.desired) > 1 else key.schema, flag.desired[-1]))
    return None
