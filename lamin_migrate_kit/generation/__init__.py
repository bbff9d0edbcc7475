"""A comparison -> a revision file that is proven before it is kept."""

from __future__ import annotations

from lamin_migrate_kit.generation.generating import GenerateOptions, GenerateResult, generate_revision
from lamin_migrate_kit.generation.proving import Fill

__all__ = ["Fill", "GenerateOptions", "GenerateResult", "generate_revision"]
