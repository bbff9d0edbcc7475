"""What the unreleased revisions change, for a reviewer: their SQL both ways, and the tables that they touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import PlannedStep, plan_steps
from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, Constraint, ObjectKey, Table
from lamin_migrate_kit.catalog.places import Place, by_place
from lamin_migrate_kit.proof.source import body_of
from lamin_migrate_kit.report.model import Changes, Entity, RevisionSql

if TYPE_CHECKING:
    from lamin_migrate_kit.workbench import Workbench


def read_changes(bench: Workbench) -> Changes:
    """What stands between the released revisions and the head.

    Args:
        bench: A module whose upgrade is proven to run.
    """
    unreleased = bench.history.unreleased
    head = bench.history.head.id if bench.history.head else None
    if not unreleased:
        return Changes(head, head)
    below = unreleased[0].down
    ups = plan_steps(bench.module, bench.script, below, "head")
    downs = {step.revision: step for step in plan_steps(bench.module, bench.script, head, below, down=True)}
    paths = {revision.id: revision.path for revision in unreleased}
    table = bench.module.version_table
    sql = (
        RevisionSql(
            up.revision,
            bench.module.shown(paths[up.revision]),
            _text(up, table),
            _text(downs[up.revision], table),
            body_of(paths[up.revision], "upgrade"),
        )
        for up in ups
    )
    entities = entities_of(bench.inspect(bench.released_database), bench.head_catalog)
    return Changes(below, head, tuple(sql), entities)


def entities_of(before: Catalog, after: Catalog) -> tuple[Entity, ...]:
    """The tables that two catalogs do not have in common, and those that these reference.

    A renamed table or column is one that goes and one that comes; what it was called stands in the SQL. Pure.
    """
    parts = by_place(before.objects.values()), by_place(after.objects.values())
    tables = {value.key for catalog in (before, after) for value in catalog.of(Table) if not value.partition_of}
    touched = {key for key in tables if _told(parts[0], key) != _told(parts[1], key)}
    neighbours = {other for key in touched for other in _references(parts, key)} & tables - touched
    entities = [_entity(before, after, key, _references(parts, key)) for key in sorted(touched)]
    return (*entities, *(Entity(str(key), "") for key in sorted(neighbours)))


_Parts = Mapping[Place, Mapping[ObjectKey, CatalogObject]]


def _told(parts: _Parts, table: ObjectKey) -> dict[ObjectKey, CatalogObject]:
    """A table with all that belongs to it, whatever the order of its columns."""
    own = parts.get((table.schema, table.name), {})
    return {key: replace(one, position=0) if isinstance(one, Column) else one for key, one in own.items()}


def _references(parts: tuple[_Parts, _Parts], table: ObjectKey) -> list[ObjectKey]:
    """The other tables that a table references; those of a table that is gone as it did before."""
    place = (table.schema, table.name)
    own = parts[1].get(place) or parts[0].get(place, {})
    found = {one.referenced for one in own.values() if isinstance(one, Constraint) and one.referenced}
    return sorted(found - {table})


def _entity(before: Catalog, after: Catalog, table: ObjectKey, references: Iterable[ObjectKey]) -> Entity:
    former = {column.key.part: column for column in before.columns(table)}
    latter = {column.key.part: column for column in after.columns(table)}
    change = "new" if table not in before.objects else "dropped" if table not in after.objects else "changed"
    columns = [(name, column.type, _change(former.get(name), column, change)) for name, column in latter.items()]
    columns += [(name, column.type, "dropped") for name, column in former.items() if name not in latter]
    shown = [column for column in columns if column[2] or change == "new"]
    return Entity(str(table), change, tuple(shown), tuple(map(str, references)))


def _change(former: Column | None, latter: Column, of_table: str) -> str:
    if former is None:
        return "" if of_table == "new" else "new"
    return "" if replace(former, position=0) == replace(latter, position=0) else "changed"


def _text(step: PlannedStep, version_table: str) -> str:
    """A step's statements without Alembic's bookkeeping."""
    kept = [f"{one};" for one in step.statements if version_table not in one]
    if step.unknown:
        kept.append(f"-- from here on it depends on the database: {step.unknown}")
    return "\n".join(kept)
