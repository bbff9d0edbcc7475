"""A report as Markdown: for a job's summary, a comment on a pull request, and to keep."""

from __future__ import annotations

from lamin_migrate_kit.report.model import Environment, Finding, Proof, Report, Status
from lamin_migrate_kit.report.redact import redact
from lamin_migrate_kit.report.terminal import beside_title, kept_and_not_compared, verdict

_MARKS = {Status.PASSED: "✅", Status.FAILED: "❌", Status.NOT_PROVEN: "❔"}
_LONGEST = 60_000


def to_markdown(report: Report) -> str:
    """The report, its verdict first; cut with a note when it is longer than GitHub takes."""
    on = report.environment
    server = on.postgres or "no Postgres needed"
    versions = f"Python {on.python} · SQLAlchemy {on.sqlalchemy} · lamin_migrate_kit {on.kit} · packages {on.packages}"
    lines = [
        f"### `invoke {report.command}`, {report.module}: {verdict(report)}",
        "",
        f"{server} · {versions}",
        "",
        *_environment(on),
        "",
        "| | proof | | seconds |",
        "| --- | --- | --- | ---: |",
    ]
    lines += [_row(proof) for proof in report.proofs]
    for proof in report.proofs:
        for finding in proof.findings:
            lines += ["", *_finding(proof.title, finding)]
    for remark in (*report.notes, *kept_and_not_compared(report.kept, report.not_compared)):
        lines += ["", redact(remark)]
    if report.missing:
        lines += ["", "Missing in `upgrade()`:", "", *_fenced("\n".join(report.missing), "python")]
    text = "\n".join(lines) + "\n"
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition("\n")[0] + "\n\n(cut: it is too long)\n"


def _environment(on: Environment) -> list[str]:
    """All of the rest that can make a difference, folded away until somebody asks."""
    said = {"platform": on.platform, "alembic": on.alembic, "provider": on.provider, "image": on.image}
    fields = [(name, value) for name, value in said.items() if value]
    lines = [f"{name}: {value}" for name, value in (*fields, *on.settings)]
    return ["<details><summary>what it ran on</summary>", "", *_fenced("\n".join(lines), ""), "", "</details>"]


def _row(proof: Proof) -> str:
    status = f"{_MARKS[proof.status]} {proof.status.value}"
    return f"| {status} | {_cell(proof.title)} | {_cell(beside_title(proof))} | {proof.seconds:.2f} |"


def _cell(text: str) -> str:
    return redact(text).replace("|", "\\|").replace("\n", " ")


def _finding(title: str, finding: Finding) -> list[str]:
    place = f"`{finding.file}:{finding.line}`" if finding.line else f"`{finding.file}`" if finding.file else ""
    lines = [f"**{_cell(title)}**: {redact(finding.message)} {place}".rstrip()]
    if finding.details:
        lines += ["", *_fenced(redact(finding.details), "")]
    if finding.next_command:
        lines += ["", *_fenced(finding.next_command, "sh")]
    return lines


def _fenced(text: str, language: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}{language}", text.rstrip(), fence]
