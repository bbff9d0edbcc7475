"""What models may stand on without making it themselves: an extension's type, a function in a default. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from lamin_migrate_kit.catalog.model import Catalog, Sequence

_KINDS = frozenset(
    ("schema", "extension", "enum", "domain", "composite", "range", "sequence", "function", "procedure", "aggregate")
)


def ground_of(current: Catalog, empty: Catalog, made: Collection[str]) -> Catalog:
    """What of the current side has to be there before models can be built that use it.

    Args:
        current: What the revisions make.
        empty: What the database has before anything is built.
        made: Names of types and sequences that the models make themselves.
    """
    found = {
        key: value
        for key, value in current.objects.items()
        if key.kind in _KINDS and key.name not in made and not (isinstance(value, Sequence) and value.owned_by)
    }
    dependencies = frozenset(pair for pair in current.dependencies if found.keys() >= set(pair))
    objects = dict(sorted({**empty.objects, **found}.items()))
    return replace(empty, objects=objects, dependencies=empty.dependencies | dependencies)
