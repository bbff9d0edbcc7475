"""Whether the catalog of a database that revisions walk up and down is as it was.

`Sight` tells at the price of what a step touched, `WholeSight` at that of the whole catalog, and tells what differs.

What a step touched is told by the locks that it holds before it commits. Of these relations, digests are read, and of
those that depend on them where a name is gone; see `catalog.touched`. Everything else that a catalog has (types,
functions, schemas, extensions, …) is small, and told by the transactions that wrote it: when any of it changed, or when
a step committed something on its own so that its locks are gone, all is read.

What this rests on is checked in the end: `check` reads everything once more and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.alembic_bridge import Ask
from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, ObjectKey
from lamin_migrate_kit.catalog.places import NOWHERE, Place, by_place
from lamin_migrate_kit.catalog.touched import LEAVE, OIDS, Relation, Touched, TouchedReader
from lamin_migrate_kit.diff.differ import diff_catalogs

if TYPE_CHECKING:
    from sqlalchemy import Connection

_Told = Relation | Mapping[ObjectKey, CatalogObject] | None


class Moment:
    """What the database was like at some moment, as far as it has changed since."""

    def __init__(self) -> None:
        self.former: dict[Place, _Told] = {}


class Sight:
    """Looks at one connection's database.

    Args:
        connection: Nobody else changes its database. Between steps it has no transaction open.
        inspect: Reads the whole catalog.
        ignore: Names of tables that `inspect` leaves out.
        privileges: Whether it reads what is granted.

    Attributes:
        catalog: The whole catalog, when everything was read last.
        whole_looks: How often that was.
    """

    def __init__(
        self,
        connection: Connection,
        inspect: Callable[[Connection], Catalog],
        ignore: tuple[str, ...],
        *,
        privileges: bool = False,
    ) -> None:
        self.whole_looks = 0
        self._connection = connection
        self._inspect = inspect
        self._reader = TouchedReader(connection, ignore, privileges=privileges)
        self._told: dict[Place, _Told] = {}
        self._places: dict[int, Place] = {}
        self._moments: list[Moment] = []
        self._found: Touched | None = None
        self._noted: frozenset[int] = frozenset()
        self._rest = ""
        self._look_at_all()

    def noting(self) -> Ask:
        """What to ask before a commit where what a step has touched need not be known before the next look."""

        def told(rows: Sequence[Any]) -> None:
            self._noted |= frozenset(rows[0][0])

        return Ask(OIDS, told)

    def looking(self) -> Ask:
        """What to ask before a commit, so that `look` can take in what the step has touched."""

        def told(rows: Sequence[Any]) -> None:
            self._found = self._completed(self._reader.told(rows))

        return Ask(self._reader.query(self._noted), told, LEAVE)

    def before_commit(self, locks_tell_all: bool) -> None:
        """Likewise, asked on its own; see `alembic_bridge.BeforeCommit`."""
        self._found = self._completed(self._reader.read(self._noted)) if locks_tell_all else None

    def look(self) -> None:
        """Take in what the steps that were committed since the last look have changed."""
        found, self._found, self._noted = self._found, None, frozenset()
        if found is None or found.rest != self._rest:
            self._look_at_all()
        else:
            self._take_in(found)

    def mark(self) -> Moment:
        """Remember how the database is now."""
        self._moments.append(Moment())
        return self._moments[-1]

    def forget(self, *moments: Moment | None) -> None:
        """Let go of moments that are not asked about any more."""
        self._moments = [one for one in self._moments if one not in moments]

    def same(self, moment: Moment) -> bool:
        """Whether the database is as it was at a moment; False is to be confirmed by whole looks."""
        return all(self._told.get(place) == former for place, former in moment.former.items())

    def check(self) -> bool:
        """Whether reading everything says the same as all the looks together."""
        moment = self.mark()
        self._look_at_all()
        self.forget(moment)
        return self.same(moment)

    def _completed(self, found: Touched) -> Touched | None:
        """What the open transaction has touched, with what that may have changed elsewhere; None for too much."""
        before = [self._told.get(self._places[oid]) for oid in found.oids if oid in self._places]
        if any(isinstance(one, Relation) and one.is_type for one in [*before, *found.relations.values()]):
            return None
        if not any(self._names_gone(oid, relation) for oid, relation in found.relations.items()):
            return found
        related = self._reader.related(found.oids)
        return None if related is None else replace(found, relations={**related, **found.relations})

    def _names_gone(self, oid: int, relation: Relation) -> bool:
        """Whether a name is gone that may stand in the definitions of others: of a relation, or of a column."""
        place = self._places.get(oid)
        former = self._told.get(place) if place is not None else None
        if not isinstance(former, Relation):
            return False
        # By number: names may also have been swapped.
        renamed = any(one != other for one, other in zip(former.columns, relation.columns, strict=False))
        return former.place != relation.place or renamed

    def _take_in(self, found: Touched) -> None:
        gone = {self._places.pop(oid) for oid in found.oids | found.relations.keys() if oid in self._places}
        self._places.update((oid, relation.place) for oid, relation in found.relations.items())
        for place in gone - {relation.place for relation in found.relations.values()}:
            self._replace(place, None)
        for relation in found.relations.values():
            self._replace(relation.place, relation)

    def _look_at_all(self) -> None:
        self.whole_looks += 1
        self.catalog = self._inspect(self._connection)
        self._connection.rollback()
        nowhere = by_place(self.catalog.objects.values()).get(NOWHERE)
        found = self._reader.read_all()
        self._rest = found.rest
        self._replace(NOWHERE, nowhere)
        self._take_in(replace(found, oids=found.oids | self._places.keys()))

    def _replace(self, place: Place, told: _Told) -> None:
        former = self._told.get(place)
        if former != told:
            for moment in self._moments:
                moment.former.setdefault(place, former)
        if told is None:
            self._told.pop(place, None)
        else:
            self._told[place] = told  # also where it is the same: the numbers of its columns may be others


class WholeSight:
    """Likewise, reading the whole catalog after every step: what it calls different is, and it tells in what.

    Args:
        connection: As for `Sight`.
        inspect: Reads the whole catalog.

    Attributes:
        catalog: The whole catalog, as it is.
    """

    def __init__(self, connection: Connection, inspect: Callable[[Connection], Catalog]) -> None:
        self._connection = connection
        self._inspect = inspect
        self.look()

    def before_commit(self, locks_tell_all: bool) -> None:
        """As `Sight.before_commit`: there is nothing to ask."""

    def look(self) -> None:
        """Read everything."""
        self.catalog = self._inspect(self._connection)
        self._connection.rollback()

    def mark(self) -> Catalog:
        """Remember how the database is now."""
        return self.catalog

    def forget(self, *moments: Catalog | None) -> None:
        """As `Sight.forget`: there is nothing to do."""

    def same(self, moment: Catalog) -> bool:
        """Whether the database is as it was at a moment."""
        return not self.differences(moment)

    def differences(self, moment: Catalog) -> tuple[str, ...]:
        """What would have to change for the database to be as it was at a moment."""
        return diff_catalogs(self.catalog, moment).describe()

    def check(self) -> bool:
        """As `Sight.check`: everything was read."""
        return True
