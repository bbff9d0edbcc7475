"""Findings as GitHub shows them beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from lamin_migrate_kit.report.model import Finding, Proof, Report, Status
from lamin_migrate_kit.report.redact import redact

# GitHub shows no more of each kind for one step.
_MOST = 10


def annotation_lines(report: Report) -> tuple[str, ...]:
    """Workflow commands, what failed first.

    Escaped as https://docs.github.com/actions/reference/workflow-commands-for-github-actions asks for.
    """
    return tuple(_annotation(proof, finding) for proof, finding in _worst_first(report))[:_MOST]


def _worst_first(report: Report) -> Iterator[tuple[Proof, Finding]]:
    for status in (Status.FAILED, Status.NOT_PROVEN):
        yield from ((proof, one) for proof in report.proofs if proof.status is status for one in proof.findings)


def _annotation(proof: Proof, finding: Finding) -> str:
    kind = "error" if proof.status is Status.FAILED else "warning"
    fields = {"file": finding.file, "line": finding.line, "title": proof.title}
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items() if value)
    return f"::{kind} {shown}::{_message(redact(finding.message))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
