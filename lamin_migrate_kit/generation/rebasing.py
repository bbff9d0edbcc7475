"""Two heads -> one: the unreleased line follows the other one, where both orders make the same database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.assignments import set_assignments
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.errors import MigrationError, ProofFailed
from lamin_migrate_kit.file_set import FileSet
from lamin_migrate_kit.generation.trying import copied_revisions
from lamin_migrate_kit.revisions.branches import Fork, find_fork
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.workbench import open_workbench

if TYPE_CHECKING:
    from lamin_migrate_kit.catalog.model import Catalog
    from lamin_migrate_kit.revisions.history import Revision
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.settings import Settings
    from lamin_migrate_kit.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Rebased:
    """What was done, or would be.

    Attributes:
        fork: The two lines as they were.
        file: The file whose `down_revision` changes, relative to the project.
        head: The new value of `_migration`.
    """

    fork: Fork
    file: str
    head: str


def rebase(settings: Settings, module: SchemaModule, *, write: bool) -> Rebased | None:
    """Let the unreleased one of two lines follow the other; None when there is one head.

    Both orders are run on scratch databases first, each from what the lines have in common, and have to give the same
    catalog: then it makes no difference that somebody may already have run the moved line without the other.

    Args:
        settings: Which server to use.
        module: The module, whose history has a fork.
        write: Change the files; otherwise only prove.

    Raises:
        RevisionError: There is no line that could move.
        ProofFailed: An order does not run, or the two give different catalogs; nothing was changed.
    """
    fork = find_fork(module)
    if fork is None:
        return None
    with open_workbench(settings) as bench:
        _prove_both_orders(bench, fork)
    moved = fork.moving[0]
    if write:
        _write(module, fork)
    return Rebased(fork, module.shown(moved.path), fork.moving[-1].id)


def _prove_both_orders(bench: Workbench, fork: Fork) -> None:
    with bench.prepared("rebase") as ground:
        if fork.below is not None:
            _upgrade(bench, ground, {}, fork, fork.below)
        first = _catalog_of(bench, ground, fork, fork.staying, fork.moving)
        second = _catalog_of(bench, ground, fork, fork.moving, fork.staying)
    differences = diff_catalogs(second, first).describe()
    if differences:
        raise ProofFailed(
            f"{_named(fork.moving)} was not moved: it depends on the order whether"
            f" {_named(fork.staying)} or {_named(fork.moving)} runs first.",
            details="\n".join([f"with {_named(fork.moving)} first:", *differences]),
            next_command=_by_hand(bench.module, fork),
        )


def _catalog_of(
    bench: Workbench, ground: ScratchDatabase, fork: Fork, first: tuple[Revision, ...], second: tuple[Revision, ...]
) -> Catalog:
    """What the two lines make in one order."""
    with scratch_database(bench.server, template=ground, hint="order") as database:
        _upgrade(bench, database, {second[0]: first[-1].id}, fork, second[-1])
        return bench.inspect(database)


def _upgrade(
    bench: Workbench, database: ScratchDatabase, parents: Mapping[Revision, str], fork: Fork, target: Revision
) -> None:
    from lamin_migrate_kit.alembic_bridge import open_script, upgrade

    files = {revision.path.name: _following(bench.module, revision, parent) for revision, parent in parents.items()}
    left_out = () if parents else [revision.path for revision in (*fork.staying, *fork.moving)]
    with copied_revisions(bench.module, files, left_out) as module, database.connect() as connection:
        try:
            upgrade(connection, module, open_script(module), target.id)
        except MigrationError as error:
            raise ProofFailed(
                f"{_named(fork.moving)} was not moved: {error.what}",
                details=_order(parents, fork) + (f"\n{error.details}" if error.details else ""),
                next_command=_by_hand(bench.module, fork),
            ) from error


def _following(module: SchemaModule, revision: Revision, parent: str) -> bytes:
    """The file of a revision with another `down_revision`; what Alembic's template says in the docstring follows."""
    source = revision.path.read_bytes().replace(f"Revises: {revision.down}".encode(), f"Revises: {parent}".encode(), 1)
    return set_assignments(source, {"down_revision": parent}, where=module.shown(revision.path))


def _write(module: SchemaModule, fork: Fork) -> None:
    moved, head = fork.moving[0], fork.moving[-1].id
    files = FileSet(module.folder)
    files.stage(moved.path, _following(module, moved, fork.staying[-1].id))
    if module.migration is not None:
        source = module.init_file.read_bytes()
        files.stage(
            module.init_file, set_assignments(source, {"_migration": head}, where=module.shown(module.init_file))
        )
    files.commit()


def _named(line: tuple[Revision, ...]) -> str:
    return " and ".join(revision.id for revision in line)


def _order(parents: Mapping[Revision, str], fork: Fork) -> str:
    if not parents:
        return "below both of them"
    second = fork.moving if fork.moving[0] in parents else fork.staying
    first = fork.staying if second is fork.moving else fork.moving
    return f"with {_named(first)} first, then {_named(second)}"


def _by_hand(module: SchemaModule, fork: Fork) -> str:
    moved = module.shown(fork.moving[0].path)
    return (
        f"decide the order by hand: in {moved}: down_revision = {fork.staying[-1].id!r}, then correct what it does, set"
        f" _migration to {fork.moving[-1].id!r}, then: invoke ci"
    )
