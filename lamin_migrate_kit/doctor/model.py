"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lamin_migrate_kit.report.model import Environment


class State(Enum):
    """How something is."""

    READY = "ready"
    MISSING = "missing"
    """Not here, and another way of working does without it."""
    BROKEN = "broken"
    """The kit does not work until it is mended."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        group: What it is needed for: `this machine`, `Postgres from` or `workspace`.
        name: What was looked at, such as `compose`.
        state: How it is.
        found: What is there, or why not, in a few words.
        next_command: What mends it, where something does.
    """

    group: str
    name: str
    state: State
    found: str
    next_command: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was looked at, and what a run would run on."""

    checks: tuple[Check, ...]
    environment: Environment

    @property
    def healthy(self) -> bool:
        """Whether the kit works here, in one way at least."""
        return all(check.state is not State.BROKEN for check in self.checks)
