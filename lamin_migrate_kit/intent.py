"""What authors have said of renames and of what stays: in revisions, in models, in the history of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lamin_migrate_kit.diff.renames import Declaration, Rename, SourceEvidence
from lamin_migrate_kit.source import declared_renames, read_source_evidence, recorded_renames

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
        source: Reads what the models' source says, out of git: it is asked for only where something may be renamed.
    """

    keep: tuple[str, ...] = ()
    declared: tuple[Declaration, ...] = ()
    recorded: tuple[Rename, ...] = ()
    source: Callable[[], SourceEvidence] = SourceEvidence


def read_intent(module: SchemaModule, history: History) -> Intent:
    """Gather it all.

    Args:
        module: The schema module; its models are imported, and its folder's git history is read where there is one.
        history: Its revisions.

    Raises:
        SchemaModuleError: The models cannot be imported, or declare a former name that is none.
        SettingsError: A recorded comment does not follow the grammar.
    """
    texts = [revision.path.read_text(encoding="utf-8") for revision in history.revisions]
    return Intent(
        keep=tuple(_recorded_keeps(texts)),
        declared=declared_renames(module.metadata()),
        recorded=recorded_renames(texts),
        source=partial(read_source_evidence, module.folder),
    )


def _recorded_keeps(texts: Iterable[str]) -> Iterator[str]:
    for line in (line.strip() for text in texts for line in text.splitlines()):
        if line.startswith(_KEEP):
            yield line.removeprefix(_KEEP).split(" because ")[0].strip()
