"""The eight modes of table locks, spelled as in the Postgres manual, and which of them exclude each other."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class LockMode(Enum):
    """A table-level lock mode, weakest first.

    Source: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
    """

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @classmethod
    def from_server(cls, name: str) -> LockMode:
        """The mode that `pg_locks.mode` calls `AccessExclusiveLock` and the like."""
        return _SERVER_NAMES[name]

    @property
    def strength(self) -> int:
        """Its place in the manual's table, from 0; a stronger mode has a larger one."""
        return _ORDER[self]

    def conflicts_with(self, other: LockMode) -> bool:
        """Whether two transactions cannot hold these two modes on one table at a time."""
        return other in _CONFLICTS[self]

    @property
    def blocks(self) -> tuple[str, ...]:
        """Who waits while this mode is held: `reads`, `writes`, `other DDL`."""
        return tuple(who for who, needs in _WHO_NEEDS.items() if self.conflicts_with(needs))


def strongest(modes: Iterable[LockMode]) -> LockMode:
    """The strongest of some modes."""
    return max(modes, key=lambda mode: mode.strength)


_ORDER = {mode: number for number, mode in enumerate(LockMode)}
_SERVER_NAMES = {mode.value.title().replace(" ", "") + "Lock": mode for mode in LockMode}

_CONFLICTS = {
    # The manual's table 13.2, a row a line: the modes that conflict are always the ones from some mode on, except that
    # SHARE and SHARE UPDATE EXCLUSIVE differ in whether they conflict with themselves.
    LockMode.ACCESS_SHARE: frozenset({LockMode.ACCESS_EXCLUSIVE}),
    LockMode.ROW_SHARE: frozenset({LockMode.EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE}),
    LockMode.ROW_EXCLUSIVE: frozenset(
        {LockMode.SHARE, LockMode.SHARE_ROW_EXCLUSIVE, LockMode.EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE}
    ),
    LockMode.SHARE_UPDATE_EXCLUSIVE: frozenset(
        {
            LockMode.SHARE_UPDATE_EXCLUSIVE,
            LockMode.SHARE,
            LockMode.SHARE_ROW_EXCLUSIVE,
            LockMode.EXCLUSIVE,
            LockMode.ACCESS_EXCLUSIVE,
        }
    ),
    LockMode.SHARE: frozenset(
        {
            LockMode.ROW_EXCLUSIVE,
            LockMode.SHARE_UPDATE_EXCLUSIVE,
            LockMode.SHARE_ROW_EXCLUSIVE,
            LockMode.EXCLUSIVE,
            LockMode.ACCESS_EXCLUSIVE,
        }
    ),
    LockMode.SHARE_ROW_EXCLUSIVE: frozenset(set(LockMode) - {LockMode.ACCESS_SHARE, LockMode.ROW_SHARE}),
    LockMode.EXCLUSIVE: frozenset(set(LockMode) - {LockMode.ACCESS_SHARE}),
    LockMode.ACCESS_EXCLUSIVE: frozenset(LockMode),
}

_WHO_NEEDS = {
    "reads": LockMode.ACCESS_SHARE,
    "writes": LockMode.ROW_EXCLUSIVE,
    "other DDL": LockMode.SHARE_UPDATE_EXCLUSIVE,
}
