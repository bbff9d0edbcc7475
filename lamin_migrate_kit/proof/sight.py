"""The catalog of a database that revisions walk up and down, kept up to date by looking only at what a step touched.

What a step touched is told by the locks that it holds before it commits: whatever changes a relation takes a lock on it
that is stronger than ROW EXCLUSIVE (which only its rows need), also when it is made or dropped. (Comments on its
constraints do not: these are among what follows.) Before and after are compared for these relations and for those that
depend on them. Everything else that a catalog has (types, functions, schemas, extensions, …) is small, and told by the
transactions that wrote it: when any of it changed, or when a step committed something on its own so that its locks are
gone, or where a few relations do not tell enough, the whole catalog is read.

What this rests on is checked in the end: `check` reads the whole catalog once more and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, ObjectKey
from lamin_migrate_kit.catalog.partial import Partial, PartialReader, Place, by_place
from lamin_migrate_kit.diff.differ import CatalogDiff, diff_catalogs

if TYPE_CHECKING:
    from sqlalchemy import Connection

Objects = Mapping[ObjectKey, CatalogObject]

_RELATIONS = """
SELECT c.oid::bigint, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c', 'f')
"""
_NAMED = ("column", "view", "materialized_view")


class Moment:
    """What the database was like at some moment, as far as it has changed since."""

    def __init__(self) -> None:
        self.former: dict[Place, Objects] = {}


class Sight:
    """Looks at one connection's database.

    Args:
        connection: Nobody else changes its database. Between steps it has no transaction open.
        inspect: Reads the whole catalog.
        ignore: Names of tables that `inspect` leaves out.
        only_whole: Never look at a part.
    """

    def __init__(
        self,
        connection: Connection,
        inspect: Callable[[Connection], Catalog],
        ignore: tuple[str, ...],
        *,
        only_whole: bool = False,
    ) -> None:
        self.whole_looks = 0
        self._only_whole = only_whole
        driver: Any = connection.connection.dbapi_connection
        self._connection = connection
        self._driver = driver
        self._inspect = inspect
        self._reader = PartialReader(connection, ignore)
        self._parts: dict[Place, Objects] = {}
        self._oids: dict[int, Place] = {}
        self._moments: list[Moment] = []
        self._found: Partial | None = None
        self._noted: frozenset[int] = frozenset()
        self._rest = ""
        self._version = 0
        self._look_at_all()

    def note(self, _committed_within: bool) -> None:
        """Instead of `before_commit`, where what a step has touched need not be known before the next look."""
        self._noted |= self._reader.touched()

    def before_commit(self, committed_within: bool) -> None:
        """Read what the step that is about to be committed has touched; see `alembic_bridge.BeforeCommit`."""
        self._found = None
        if committed_within or self._only_whole:
            return
        self._found = self._reader.read(self._noted)
        if self._found.objects is not None and self._renamed(self._found.places, self._found.objects):
            self._found = self._reader.read(self._noted, dependents=True)

    def mark(self) -> Moment:
        """Remember how the database is now."""
        self._moments.append(Moment())
        return self._moments[-1]

    def forget(self, *moments: Moment | None) -> None:
        """Let go of moments that are not asked about any more."""
        self._moments = [one for one in self._moments if one not in moments]

    def look(self) -> None:
        """Take in what the steps that were committed since the last look have changed."""
        if self._found is None or not self._take_in(self._found):
            self._look_at_all()
        self._found, self._noted = None, frozenset()

    def since(self, moment: Moment) -> CatalogDiff:
        """What would have to change for the database to be as it was at a moment."""
        former = {place: then for place, then in moment.former.items() if then != self._parts.get(place, {})}
        now = {place: self._parts.get(place, {}) for place in former}
        return diff_catalogs(self._catalog(now), self._catalog(former))

    def catalog(self) -> Catalog:
        """The objects that the database has, as far as was looked."""
        return self._catalog(self._parts)

    def check(self) -> bool:
        """Whether a whole look says the same as all the partial ones together."""
        moment = self.mark()
        self._look_at_all()
        self.forget(moment)
        return self.since(moment).empty

    def _take_in(self, found: Partial) -> bool:
        """Whether what was read tells all."""
        if found.objects is None or found.rest != self._rest:
            return False
        gone = {self._oids.pop(oid) for oid in found.touched | found.places.keys() if oid in self._oids}
        self._oids.update(found.places)
        for place in gone - found.objects.keys():
            self._replace(place, {})
        for place, objects in found.objects.items():
            self._replace(place, objects)
        return True

    def _renamed(self, places: Mapping[int, Place], objects: Mapping[Place, Objects]) -> bool:
        """Whether a name is gone that may stand in the definitions of others: of a relation, or of a column."""
        for oid, place in places.items():
            former = self._oids.get(oid, place)
            named = {key for key in self._parts.get(former, {}) if key.kind in _NAMED}
            if former != place or named - objects[place].keys():
                return True
        return False

    def _look_at_all(self) -> None:
        self.whole_looks += 1
        catalog = self._inspect(self._connection)
        with closing(self._driver.cursor()) as cursor:
            cursor.execute(_RELATIONS)
            self._oids = {oid: (schema, name) for oid, schema, name in cursor.fetchall()}
        self._driver.rollback()
        self._rest, self._version = self._reader.rest(), catalog.server_version
        parts = by_place(catalog.objects.values())
        for place in [*self._parts, *parts]:
            self._replace(place, parts.get(place, {}))

    def _replace(self, place: Place, objects: Objects) -> None:
        former = self._parts.get(place, {})
        if former == objects:
            return
        for moment in self._moments:
            moment.former.setdefault(place, former)
        if objects:
            self._parts[place] = objects
        else:
            self._parts.pop(place, None)

    def _catalog(self, parts: Mapping[Place, Objects]) -> Catalog:
        return Catalog(self._version, {key: value for part in parts.values() for key, value in part.items()})
