"""What a rename leaves behind: names that it does not reach, for people to know."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lamin_migrate_kit.catalog.model import Catalog, Function, ObjectKey, View
from lamin_migrate_kit.diff.renames import Rename


def rename_notes(before: Catalog, renamed: Catalog, renames: Collection[Rename]) -> Iterator[str]:
    """Sentences about views and functions that go on saying a name which something no longer has.

    Args:
        before: The current catalog.
        renamed: The same after the renames.
        renames: The renames.
    """
    if not renames:
        return
    columns = {rename.current for rename in renames if rename.kind == "column"}
    for view in renamed.of(View):
        shown = {name for name, _ in view.columns} & columns
        if shown and before.objects.get(view.key) != view:
            yield f"{_named(view.key)} goes on calling its own column {' and '.join(sorted(shown))}."
    for function in renamed.of(Function):
        said = [rename.current for rename in renames if _says(function, rename)]
        if said:
            yield (
                f"{_named(function.key)} has {' and '.join(dict.fromkeys(said))} in its text,"
                " where Postgres renames nothing: does it have to be changed?"
            )


def _says(function: Function, rename: Rename) -> bool:
    """Whether a function's text has a renamed name as a word; a column's only where it has its table's too."""
    _, _, text = function.definition.partition("$")
    words = set(re.findall(r"\w+", text))
    return rename.current in words and bool({rename.table, rename.desired_table} & words)


def _named(key: ObjectKey) -> str:
    return f"{key.kind.replace('_', ' ')} {key}"
