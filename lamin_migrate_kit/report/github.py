"""Findings as GitHub shows them beside the lines of a pull request."""

from __future__ import annotations

from pathlib import PurePosixPath

from lamin_migrate_kit.report.model import Finding, Proof, Report, Status
from lamin_migrate_kit.report.redact import redact

_KINDS = ("error", "warning", "notice")
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


def _worst_first(report: Report) -> list[tuple[Proof, Finding]]:
    """What fails, then what was not proven or may hurt, then notes; within each as the proofs ran."""
    found = [(proof, finding) for proof in report.proofs for finding in proof.findings]
    return sorted(found, key=lambda one: _KINDS.index(_kind(*one)))


def _kind(proof: Proof, finding: Finding) -> str:
    """A finding of a failed proof is an error unless it says itself that it is less."""
    if proof.status is Status.FAILED and finding.severity in (None, "error"):
        return "error"
    return "notice" if finding.severity == "note" or proof.waived else "warning"


def _annotation(proof: Proof, finding: Finding, folder: str) -> str:
    kind = _kind(proof, finding)
    file = PurePosixPath(folder, finding.file) if finding.file else None
    fields = {"file": file, "line": finding.line, "title": proof.title}
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items() if value)
    return f"::{kind} {shown}::{_message(redact(finding.message))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
