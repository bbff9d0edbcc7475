"""The history runs from an empty database to its head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import MigrationError, RevisionError
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.source import finding_from

if TYPE_CHECKING:
    from lamin_migrate_kit.workbench import Workbench


@proves("upgrade", "upgrades from an empty database")
def prove_upgrade(bench: Workbench) -> Outcome:
    """Every revision's upgrade runs, one after the other, on a database that was empty."""
    try:
        if bench.history.unreleased:
            bench.released_database  # noqa: B018 (made on first use; the head's is made from it then)
        bench.head_database  # noqa: B018
    except (MigrationError, RevisionError) as error:  # one fails, or cannot even be loaded
        return Outcome.of((finding_from(error, bench.module, revision=getattr(error, "revision", None)),), "")
    return Outcome.of((), counted(len(bench.history.revisions), "revision"))
