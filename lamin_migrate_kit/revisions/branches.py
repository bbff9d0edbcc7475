"""Two heads: what two branches added to one history meanwhile, and which of them can follow the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.revisions.history import Revision, read_revisions

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule


@dataclass(frozen=True, slots=True)
class Fork:
    """A history with two heads. The lines are not empty, and the first of each follows `below`.

    Attributes:
        below: The last revision that both have; None when they have nothing in common.
        staying: The line that is left as it is: released, or made first.
        moving: The unreleased line that is to follow it.
    """

    below: Revision | None
    staying: tuple[Revision, ...]
    moving: tuple[Revision, ...]


def find_fork(module: SchemaModule) -> Fork | None:
    """The fork of a module's history; None when it has none.

    Raises:
        RevisionError: A file cannot be read; there are more than two heads, or both lines have been released.
    """
    revisions = read_revisions(module)
    by_id = {revision.id: revision for revision in revisions}
    downs = {revision.down for revision in revisions}
    heads = [revision for revision in revisions if revision.id not in downs]
    if len(heads) < 2:
        return None
    if len(heads) > 2:
        raise RevisionError(
            f"There are {len(heads)} heads: {', '.join(sorted(one.id for one in heads))}.",
            where=module.shown(module.versions_folder),
            next_command="bring two of them into line first: in all but two, set down_revision to another head",
        )
    return _fork(module, by_id, heads[0], heads[1])


def _fork(module: SchemaModule, by_id: Mapping[str, Revision], one: Revision, other: Revision) -> Fork:
    lines = _line(by_id, one), _line(by_id, other)
    common = {revision.id for revision in lines[0]} & {revision.id for revision in lines[1]}
    below = next((revision for revision in reversed(lines[0]) if revision.id in common), None)
    own = [tuple(revision for revision in line if revision.id not in common) for line in lines]
    if all(_released(line) for line in own):
        raise RevisionError(
            f"{own[0][-1].id} and {own[1][-1].id} are two heads, and both have been released: instances are on either"
            " of them, and no order is right for all.",
            where=module.shown(module.versions_folder),
            next_command="decide which release is withdrawn, and delete its revisions",
        )
    staying, moving = sorted(own, key=lambda line: (not _released(line), line[-1].date, line[-1].id))
    return Fork(below, staying, moving)


def _released(line: tuple[Revision, ...]) -> bool:
    return any(revision.version is not None for revision in line)


def _line(by_id: Mapping[str, Revision], head: Revision) -> list[Revision]:
    """The revisions up to a head, the first one first."""
    line = [head]
    while line[-1].down is not None:
        line.append(by_id[line[-1].down])
    return line[::-1]
