"""Digests of relations tell apart what the whole catalog tells apart, and nothing else."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Column
from lamin_migrate_kit.catalog.places import NOWHERE, by_place
from lamin_migrate_kit.catalog.touched import TouchedReader
from lamin_migrate_kit.servers import Server
from tests.acceptance.crossing import all_cases
from tests.acceptance.runner import Case, open_database


class Side:
    """A database of a case: the digest of each relation, and its objects."""

    def __init__(self, server: Server, *scripts: str) -> None:
        with open_database(server, "touched", *scripts) as database:
            catalog = inspect_catalog(database.connection)
            database.connection.rollback()
            touched = TouchedReader(database.connection).read_all()
        self.objects = by_place(catalog.objects.values())
        self.nowhere = self.objects.pop(NOWHERE, {})
        self.digests = {one.place: one.digest for one in touched.relations.values() if not one.is_type}
        # An identity is a part of its column, and has a sequence of its own.
        self.identities = {
            (column.key.schema, column.identity_sequence): (column.key.schema, column.key.name)
            for column in catalog.of(Column)
            if column.identity_sequence
        }


class Sides:
    """Both databases of a case, and the relations of both whose digests differ, or whose objects do."""

    def __init__(self, server: Server, case: Case) -> None:
        self.current = Side(server, case.common, case.current)
        self.desired = Side(server, case.common, case.desired)
        one, other = self.current, self.desired
        both = one.digests.keys() & other.digests.keys()
        self.by_digest = {place for place in both if one.digests[place] != other.digests[place]}
        self.by_objects = {place for place in both if one.objects.get(place) != other.objects.get(place)}


CASES = [
    pytest.param(case, id=f"{file}: {case.name}", marks=() if place % 4 == 0 else pytest.mark.slow)
    for place, (file, case) in enumerate(all_cases())
    if case.since <= 18
]


@pytest.mark.parametrize("case", CASES)
def test_digests_differ_where_objects_do(server: Server, case: Case) -> None:
    sides = Sides(server, case)
    identities = sides.current.identities | sides.desired.identities
    assert sides.by_objects <= sides.by_digest | {identities.get(place) for place in sides.by_digest}
    if not sides.by_objects and sides.current.nowhere == sides.desired.nowhere:
        assert sides.by_digest <= identities.keys()
