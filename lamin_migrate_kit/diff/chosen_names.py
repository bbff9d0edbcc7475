"""Names that the server chose are no facts: where a revision chose another one, that one counts. Pure.

A rename is where it matters: `notebook_v_key` is what the server calls a unique constraint on `v`, so with `v` it gets
a new name; `one_version` is what somebody called it, so it stays, also when the models leave its name to the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, Constraint, ObjectKey, Sequence
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, stored_object_name
from lamin_migrate_kit.diff.differ import Change, diff_catalogs
from lamin_migrate_kit.diff.renames import Rename, TableKey

_LABELS = {"p": "pkey", "u": "key", "f": "fkey", "c": "check", "x": "excl"}


def adopt_chosen_names(before: Catalog, renamed: Catalog, desired: Catalog, renames: Iterable[Rename]) -> Catalog:
    """The desired catalog, with names that revisions chose in place of names that the server chose.

    Args:
        before: The current catalog, renames not done: it tells which names the server chose.
        renamed: The current catalog, renames done.
        desired: What the models make.
        renames: The renames between the first two.
    """
    unknown = desired.objects.keys() - renamed.objects.keys()
    if not any(named_by_server(desired.objects[key]) for key in unknown):
        return desired
    former = {rename.desired_table_key: rename.table_key for rename in renames if rename.kind == "table"}
    adopted = {
        change.desired.key: change.current.key
        for change in diff_catalogs(renamed, desired).changed
        if "key" in change.fields and _is_adopted(change, before, former)
    }
    return _with_names(desired, adopted) if adopted else desired


def _is_adopted(change: Change, before: Catalog, former: Mapping[TableKey, TableKey]) -> bool:
    if not named_by_server(change.desired):
        return False
    key = change.current.key
    if isinstance(change.current, Sequence):
        owner = change.current.owned_by
        table = owner and TableKey(owner.schema, owner.name)
        schema = former.get(table, table).schema if table else key.schema
        was = before.objects.get(key._replace(schema=schema))
    else:
        table = TableKey(key.schema, key.name)
        was = before.objects.get(ObjectKey(key.kind, *former.get(table, table), key.part))
    return was is not None and not named_by_server(was)


def named_by_server(value: CatalogObject) -> bool:
    """Whether the server gives an object of this kind, table and columns exactly this name, numbers aside."""
    if isinstance(value, Sequence):
        owner = value.owned_by
        return owner is not None and value.key.name == stored_object_name(owner.name, owner.part, "seq")
    if not isinstance(value, Constraint):
        return False
    table, label = value.key.name, _LABELS[value.type]
    columns = "_".join(value.columns)
    seconds = {"p": [""], "c": ["", *value.columns]}.get(value.type, [columns])
    names = {stored_object_name(table, second, label) for second in seconds}
    return value.key.part in names or value.key.part.rstrip("0123456789") in names


def _with_names(desired: Catalog, adopted: Mapping[ObjectKey, ObjectKey]) -> Catalog:
    objects = {}
    for value in desired.objects.values():
        given = _with_name(value, adopted)
        objects[given.key] = given
    dependencies = frozenset((adopted.get(a, a), adopted.get(b, b)) for a, b in desired.dependencies)
    return replace(desired, objects=dict(sorted(objects.items())), dependencies=dependencies)


def _with_name(value: CatalogObject, adopted: Mapping[ObjectKey, ObjectKey]) -> CatalogObject:
    if value.key in adopted:
        return replace(value, key=adopted[value.key])
    if isinstance(value, Column) and value.serial in adopted and value.serial and value.default:
        sequence = adopted[value.serial]
        return replace(value, serial=sequence, default=value.default.replace(_text(value.serial), _text(sequence)))
    return value


def _text(sequence: ObjectKey) -> str:
    """The sequence as it stands in a default: `'core.notebook_id_seq'`."""
    return quote_literal(qualified(sequence))
