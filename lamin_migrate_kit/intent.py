"""What authors have said of renames and of what stays: in revisions, in models, in the history of the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.diff.renames import NO_SOURCE, Rename, SourceEvidence

if TYPE_CHECKING:
    from lamin_migrate_kit.revisions.history import History
    from lamin_migrate_kit.schema_module import SchemaModule

_KEEP = "# migrate-kit: keep "


@dataclass(frozen=True, slots=True)
class Intent:
    """What was said.

    Attributes:
        keep: Names that revisions record as kept.
        declared: Renames that the models declare.
        recorded: Renames that revisions record.
        source: What the models' source says.
        notes: Sentences about what was said and cannot be followed.
    """

    keep: tuple[str, ...] = ()
    declared: tuple[Rename, ...] = ()
    recorded: tuple[Rename, ...] = ()
    source: SourceEvidence = NO_SOURCE
    notes: tuple[str, ...] = ()


def read_intent(module: SchemaModule, history: History) -> Intent:  # noqa: ARG001
    """Gather it all.

    Args:
        module: The schema module; its models are imported.
        history: Its revisions.
    """
    return Intent(keep=tuple(_recorded_keeps(history)))


def _recorded_keeps(history: History) -> Iterator[str]:
    for revision in history.revisions:
        for line in revision.path.read_text(encoding="utf-8").splitlines():
            if line.strip().startswith(_KEEP):
                yield line.strip().removeprefix(_KEEP).split(" because ")[0].strip()
