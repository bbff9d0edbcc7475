"""What a catalog says as one short text: two catalogs with the same one need not be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args

from lamin_migrate_kit import __version__
from lamin_migrate_kit.catalog import queries
from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, DomainConstraint, SequenceOptions


def digest_catalog(catalog: Catalog) -> str:
    """32 hex digits over everything in a catalog, what is no difference too, and over how this kit reads it.

    Args:
        catalog: What was read. What its objects need of each other follows from their definitions, and is left out.
    """
    said = (
        __version__,
        [text for name, text in sorted(vars(queries).items()) if isinstance(text, str) and name.isupper()],
        catalog.server_version,
        list(catalog.objects.values()),
        catalog.inherited,
        catalog.not_compared,
    )
    return hashlib.sha256(json.dumps(said, default=_values, separators=(",", ":")).encode()).hexdigest()[:32]


def _values(value: Any) -> tuple[object, ...]:
    name = type(value).__name__
    return (name, *_READ[name](value))


_READ: dict[str, Callable[[Any], tuple[object, ...]]] = {
    kind.__name__: attrgetter(*(field.name for field in fields(kind)))
    for kind in (*get_args(CatalogObject), SequenceOptions, DomainConstraint)
}
"""What gives the values of all fields of a class, of which there are at least two."""
