"""Findings as GitHub shows them beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from lamin_migrate_kit.report.model import Finding, Proof, Report, Status
from lamin_migrate_kit.report.redact import redact

# GitHub shows no more of each kind for one step.
_MOST = 10


def annotation_lines(report: Report, folder: str = ".") -> tuple[str, ...]:
    """Workflow commands, what failed first.

    Args:
        report: The report; the paths in it begin at the project.
        folder: The project within the repository, where GitHub's paths begin.

    Escaped as https://docs.github.com/actions/reference/workflow-commands-for-github-actions asks for.
    """
    return tuple(_annotation(proof, finding, folder) for proof, finding in _worst_first(report))[:_MOST]


def _worst_first(report: Report) -> Iterator[tuple[Proof, Finding]]:
    for status in (Status.FAILED, Status.NOT_PROVEN):
        yield from ((proof, one) for proof in report.proofs if proof.status is status for one in proof.findings)


def _annotation(proof: Proof, finding: Finding, folder: str) -> str:
    kind = "error" if proof.status is Status.FAILED else "warning"
    file = PurePosixPath(folder, finding.file) if finding.file else None
    fields = {"file": file, "line": finding.line, "title": proof.title}
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items() if value)
    return f"::{kind} {shown}::{_message(redact(finding.message))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
