"""What all proofs have in common: a name, a promise, a clock, and a reason when they could not be run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec

from lamin_migrate_kit.report.model import Finding, Measured, Proof, RowsAccount, Status

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a proof came out; see `Proof` for the fields."""

    status: Status
    summary: str = ""
    findings: tuple[Finding, ...] = ()
    measured: tuple[Measured, ...] = ()
    accounts: tuple[RowsAccount, ...] = ()

    @classmethod
    def of(cls, findings: tuple[Finding, ...], summary: str) -> Outcome:
        """PASSED with the summary, or FAILED when something was found."""
        if not findings:
            return cls(Status.PASSED, summary)
        return cls(Status.FAILED, counted(len(findings), "finding"), findings)


@dataclass(frozen=True, slots=True)
class Prover(Generic[Arguments]):
    """A proof to be run: calling it runs the check, measures its time and gives the `Proof`.

    Attributes:
        name: The stable id, as in JSON and in settings.
        title: What it promises, as people read it.
    """

    name: str
    title: str
    check: Callable[Arguments, Outcome]

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Proof:
        began = time.perf_counter()
        outcome = self.check(*args, **kwargs)
        return self._proof(outcome, time.perf_counter() - began)

    def not_proven(self, reason: str) -> Proof:
        """The proof when it could not be run."""
        return self._proof(Outcome(Status.NOT_PROVEN, reason), 0.0)

    def _proof(self, outcome: Outcome, seconds: float) -> Proof:
        return Proof(
            name=self.name,
            title=self.title,
            status=outcome.status,
            seconds=seconds,
            summary=outcome.summary,
            findings=outcome.findings,
            measured=outcome.measured,
            accounts=outcome.accounts,
        )


def proves(name: str, title: str) -> Callable[[Callable[Arguments, Outcome]], Prover[Arguments]]:
    """Declare a function that gives an `Outcome` as the proof `name`, which promises `title`."""
    return lambda check: Prover(name, title, check)


def counted(number: int, noun: str) -> str:
    """`1 revision`, `7 revisions`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
