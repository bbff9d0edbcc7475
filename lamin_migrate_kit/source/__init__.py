"""What the models' source says of renames: declared in the models, and seen in their git history."""

from __future__ import annotations

from lamin_migrate_kit.source.declared import declared_renames
from lamin_migrate_kit.source.evidence import read_source_evidence
from lamin_migrate_kit.source.recorded import recorded_renames

__all__ = ["declared_renames", "read_source_evidence", "recorded_renames"]
