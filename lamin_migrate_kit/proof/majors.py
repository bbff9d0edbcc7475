"""The same proofs on every other Postgres major that the settings name: `postgres = ["15", "18"]`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.proof.outcome import counted
from lamin_migrate_kit.report.model import Finding, Proof, Status
from lamin_migrate_kit.workbench import open_workbench

if TYPE_CHECKING:
    from lamin_migrate_kit.settings import Settings
    from lamin_migrate_kit.workbench import Workbench

_PROVIDERS = ("system", "embedded", "compose")

RunAll = Callable[["Workbench"], Sequence[Proof]]


def name_of(major: int) -> str:
    """What the proof for one major is called, as in settings and reports."""
    return f"postgres-{major}"


def prove_on_major(settings: Settings, major: int, run: RunAll, here: Sequence[Proof]) -> Proof:
    """Run the proofs that need a server on another major.

    Args:
        settings: Which server to use; where the one that they name is of another major, any that is to be had.
        major: The major.
        run: Runs all proofs on a workbench.
        here: What the proofs came to on the server that all others ran on: what is not proven there either is no
            news of this major.
    """
    began = time.perf_counter()
    try:
        with _workbench(settings, major) as bench:
            label, proofs = bench.server.label, run(bench)
    except ServerError as error:
        return _proof(major, began, Status.NOT_PROVEN, f"no Postgres {major} is to be had: {_first_line(error)}")
    return _summed_up(major, began, label, proofs, here)


@contextmanager
def _workbench(settings: Settings, major: int) -> Iterator[Workbench]:
    with ExitStack() as stack:
        yield _first_of(stack, settings, major)


def _first_of(stack: ExitStack, settings: Settings, major: int) -> Workbench:
    wanted = replace(settings, major=major)
    anywhere = [replace(wanted, server_url=None, devcontainer=False, provider=name) for name in _PROVIDERS]
    reasons: list[str] = []
    for choice in (wanted, *anywhere):
        with ExitStack() as attempt:
            try:
                bench = attempt.enter_context(open_workbench(choice))
            except ServerError as error:
                reasons.append(_first_line(error))
                continue
            if bench.server.major == major:
                stack.push(attempt.pop_all())
                return bench
    raise ServerError(reasons[-1] if reasons else "the server that is named is of another major")


def _summed_up(major: int, began: float, label: str, proofs: Sequence[Proof], here: Sequence[Proof]) -> Proof:
    failed = [proof for proof in proofs if proof.status is Status.FAILED]
    if failed:
        findings = tuple(_finding(major, proof, finding) for proof in failed for finding in _told(proof))
        summary = f"{label}: {', '.join(proof.name for proof in failed)} failed"
        return replace(_proof(major, began, Status.FAILED, summary), findings=findings)
    unproven_here = {proof.name for proof in here if proof.status is Status.NOT_PROVEN}
    unproven = [one for one in proofs if one.status is Status.NOT_PROVEN]
    news = [one for one in unproven if one.name not in unproven_here]
    if news:
        why = "; ".join(f"{proof.name}: {proof.summary}" for proof in news)
        return _proof(major, began, Status.NOT_PROVEN, f"{label}: {why}")
    held = f"{label}, {counted(len(proofs) - len(unproven), 'proof')}"
    neither = f"{', '.join(one.name for one in unproven)} NOT PROVEN there either" if unproven else ""
    return _proof(major, began, Status.PASSED, "; ".join(part for part in (held, neither) if part))


def _told(proof: Proof) -> Sequence[Finding]:
    """What failed a proof; notes and warnings are told where all proofs are."""
    errors = [finding for finding in proof.findings if finding.severity in (None, "error")]
    return errors or [Finding(proof.summary or proof.title)]


def _finding(major: int, proof: Proof, finding: Finding) -> Finding:
    return replace(finding, message=f"On Postgres {major}, {proof.name}: {finding.message}")


def _proof(major: int, began: float, status: Status, summary: str) -> Proof:
    title = f"all of it holds on Postgres {major}"
    return Proof(name_of(major), title, status, time.perf_counter() - began, summary)


def _first_line(error: ServerError) -> str:
    return error.what.splitlines()[0]
