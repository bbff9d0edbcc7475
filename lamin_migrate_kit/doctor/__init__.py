"""What is here and what is missing for each way of working, and the command that mends it."""

from __future__ import annotations

from lamin_migrate_kit.doctor.examination import examine
from lamin_migrate_kit.doctor.model import Check, Examination, State

__all__ = ["Check", "Examination", "State", "examine"]
