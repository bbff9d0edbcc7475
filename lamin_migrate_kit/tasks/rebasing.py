"""What `migrate.rebase` does, and how it shows what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.generation.rebasing import Rebased, rebase
from lamin_migrate_kit.report.json import document, print_document
from lamin_migrate_kit.report.terminal import print_text
from lamin_migrate_kit.schema_module import find_schema_module
from lamin_migrate_kit.tasks.reporting import progress_for

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.settings import Settings

_COMMAND = "migrate.rebase"


def rebase_history(settings: Settings, *, dry_run: bool, format: str) -> int:
    """Rebase and show it. The exit code is 0 also when there is one head."""
    module = find_schema_module(settings)
    with progress_for(format).running("both orders on scratch databases"):
        done = rebase(settings, module, write=not dry_run)
    if format == "json":
        print_document(_document(done, dry_run))
    elif done is None:
        print_text("nothing to rebase: there is one head", "bold green")
    else:
        _print(module, done, dry_run)
    return 0


def _print(module: SchemaModule, done: Rebased, dry_run: bool) -> None:
    moved, onto = [one.id for one in done.fork.moving], done.fork.staying[-1].id
    print_text(f"PASSED  {' and '.join(moved)} and {onto} make the same database in either order", "green")
    print_text()
    would = "would set" if dry_run else "set"
    print_text(f'{would} down_revision = "{onto}" in {done.file}')
    if module.migration is not None:
        print_text(f'{would} _migration = "{done.head}" in {module.shown(module.init_file)}')
    if not dry_run:
        print_text("next: invoke ci")


def _document(done: Rebased | None, dry_run: bool) -> dict[str, object]:
    if done is None:
        return document(_COMMAND, "nothing")
    return document(
        _COMMAND,
        "planned" if dry_run else "rebased",
        moved=[revision.id for revision in done.fork.moving],
        onto=done.fork.staying[-1].id,
        path=done.file,
        migration=done.head,
    )
