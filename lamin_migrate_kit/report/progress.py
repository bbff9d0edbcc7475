"""Who is told of proofs while they run. `Progress` itself says nothing, as `--format json` wants it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from lamin_migrate_kit.report.model import Environment, Proof


class Progress:
    """Hears of a run; the terminal's child prints it."""

    def begin(self, environment: Environment, module: str) -> None:
        """What the run runs on is known."""

    def running(self, title: str) -> AbstractContextManager[None]:
        """Surrounds whatever takes a while."""
        del title
        return nullcontext()

    def done(self, proof: Proof) -> None:
        """A proof came out."""
