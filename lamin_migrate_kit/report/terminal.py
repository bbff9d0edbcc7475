"""What people read in a terminal: one line a proof while it runs, then what failed, then what is missing.

A line that is to be copied is never wrapped or cut. Colour only on a terminal, and not with NO_COLOR.
"""

from __future__ import annotations

import functools
import io
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TextIO

from rich.console import Console
from rich.text import Text

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.printing import real_stdout
from lamin_migrate_kit.report.model import Environment, Finding, Proof, Report, Status
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.report.redact import redact

STYLES = {Status.PASSED: "green", Status.FAILED: "bold red", Status.NOT_PROVEN: "yellow"}
_IN_SHORT = {"stairway": "the way back", "old-code": "old code", "alembic-check": "Alembic's own comparison"}
_WIDEST = 100
_NARROW = 72
_TITLE_WIDTH = 51
_MOST_DETAILS = 40
_STATUS_WIDTH = max(len(status.value) for status in Status)
_INDENT = " " * (_STATUS_WIDTH + 2)


@functools.cache
def _console(to: TextIO | None, stderr: bool) -> Console:
    if isinstance(to, io.TextIOWrapper):
        # A name that the locale cannot spell is no reason to crash.
        to.reconfigure(errors="backslashreplace")
    return Console(file=to, stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def console(*, stderr: bool = False) -> Console:
    """The console for stdout or stderr. It never wraps on its own."""
    return _console(sys.stderr if stderr else real_stdout(), stderr)


def at_a_terminal() -> bool:
    """Whether somebody sits there who sees a question and can answer it. What the caller closed is None."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def print_text(text: str = "", style: str | None = None) -> None:
    """Print text to stdout as it is."""
    console().print(Text(text, style=style or ""))


def print_lines(lines: Sequence[str]) -> None:
    """Print lines that are to be copied; comments step back."""
    for line in lines:
        print_text(line, "dim" if line.lstrip().startswith("#") else None)


def print_diff(diff: str) -> None:
    """Print a unified diff, as `git apply` takes it."""
    styles = {"+": "green", "-": "red", "@": "cyan", "d": "bold"}
    for line in diff.splitlines():
        print_text(line, styles.get(line[:1]))


def print_note(text: str) -> None:
    """Print a sentence, wrapped to the terminal's width."""
    for line in wrapped(text):
        print_text(line, "dim")


def print_error(error: MigrateKitError) -> None:
    """Print to stderr what happened, where, and the next command to type."""
    to = console(stderr=True)
    first, *rest = redact(str(error)).splitlines() or [""]
    to.print(Text.assemble(("error: ", "bold red"), first))
    for line in rest:
        to.print(Text(line))


def print_header(environment: Environment, module: str) -> None:
    """One line: the kit, the module, and the server with its exact version."""
    server = environment.postgres or "no Postgres needed"
    parts = [f"lamin_migrate_kit {environment.kit}", module, server]
    dot = "·" if console().encoding.startswith("utf") else "-"
    print_text(f" {dot} ".join(part for part in parts if part), "bold")
    print_text()


@contextmanager
def running(title: str) -> Iterator[None]:
    """Show on a terminal that something is going on; elsewhere nothing."""
    if not console().is_terminal:
        yield
        return
    with console().status(Text(title, style="dim"), spinner="dots"):
        yield


def print_proof(proof: Proof) -> None:
    """The line of a proof that is done: status, what it promises, a few words, its time."""
    time = f"{proof.seconds:.2f} s"
    status = Text(proof.status.value.ljust(_STATUS_WIDTH), style=STYLES[proof.status])
    room = width() - len(_INDENT)
    summary = beside_title(proof)
    title = proof.title.ljust(min(_TITLE_WIDTH, room - len(summary) - len(time) - 4))
    beside = f"{title}  {summary}"
    if width() >= _NARROW and len(beside) + len(time) + 2 <= room:
        filler = " " * (room - len(beside) - len(time))
        console().print(Text.assemble(status, "  ", title, "  ", (summary, "dim"), filler, (time, "dim")))
        return
    first, *more = wrapped(proof.title, indent=len(_INDENT)) or [""]
    console().print(Text.assemble(status, "  ", first.strip()))
    for line in [*more, *wrapped(f"{summary} ({time})" if summary else time, indent=len(_INDENT))]:
        print_text(line, "dim")


def beside_title(proof: Proof) -> str:
    """The few words beside a proof's title: its summary, and why it is waived."""
    if proof.waived is None:
        return proof.summary
    return "; ".join(part for part in (proof.summary, f"waived: {redact(proof.waived)}") if part)


class TerminalProgress(Progress):
    """Prints the header, and each proof's line when it is done."""

    def begin(self, environment: Environment, module: str) -> None:
        print_header(environment, module)

    def running(self, title: str) -> AbstractContextManager[None]:
        return running(title)

    def done(self, proof: Proof) -> None:
        print_proof(proof)


def print_report(report: Report) -> None:
    """Everything below the proofs' lines: findings, what is not compared, notes, the verdict, missing operations."""
    for heading, found in _by_revision(report):
        print_text()
        print_text(heading, "bold")
        for proof, finding in found:
            _print_finding(proof, finding)
    _print_remarks(report)
    print_text()
    proven, *unproven = re.split("(?=; [^;]*NOT PROVEN)", verdict(report))
    style = STYLES[Status.PASSED if report.passed else Status.FAILED]
    console().print(Text.assemble((proven, style), ("".join(unproven), STYLES[Status.NOT_PROVEN])))
    if report.missing:
        print_text()
        print_text("missing in upgrade():", "bold")
        print_text()
        print_lines(report.missing)


def _by_revision(report: Report) -> Iterator[tuple[str, list[tuple[Proof, Finding]]]]:
    """Findings by the revision that they belong to, those of the module as a whole first; the worst first in each."""
    found: dict[str | None, list[tuple[Proof, Finding]]] = {}
    for proof in report.proofs:
        for finding in proof.findings:
            found.setdefault(finding.revision, []).append((proof, finding))
    for revision in sorted(found, key=lambda one: (min(map(_rank, found[one])), one is not None)):
        heading = f"revision {revision}" if revision else report.module
        yield heading, sorted(found[revision], key=_rank)


def _rank(one: tuple[Proof, Finding]) -> int:
    """0 for what fails, then what was not proven, then what is only shown: warnings, then notes."""
    proof, finding = one
    if proof.status is Status.FAILED and finding.severity in (None, "error"):
        return 0
    severity = {"error": 1, "warning": 3, "note": 4}.get(finding.severity or "", 2)
    return min(severity, 2) if proof.status is Status.NOT_PROVEN else severity


def verdict(report: Report) -> str:
    """The sentence that a run comes to."""
    failed = sum(proof.status is Status.FAILED for proof in report.proofs)
    if failed:
        return f"{failed} of {len(report.proofs)} proofs failed"
    proven = ["schema proven", *(["rows proven"] if _rows_proven(report) else [])]
    return "; ".join([*proven, *(_unproven(proof) for proof in report.proofs if proof.status is Status.NOT_PROVEN)])


def _rows_proven(report: Report) -> bool:
    """Whether there were rows, and all of them are accounted for."""
    passed = (account for proof in report.proofs if proof.status is Status.PASSED for account in proof.accounts)
    return any(count for account in passed for _, count in account.rows)


def _unproven(proof: Proof) -> str:
    return f"{_IN_SHORT.get(proof.name, proof.name)} NOT PROVEN{' (waived)' if proof.waived else ''}"


def width() -> int:
    """How wide the output may be; what is piped is as wide as is read with ease."""
    return min(console().width, _WIDEST) if console().is_terminal else _WIDEST


def wrapped(text: str, *, indent: int = 0) -> list[str]:
    """Wrap prose to the width; long words, such as paths, stay whole."""
    space = " " * indent
    filled: list[str] = []
    for line in text.splitlines():
        filled += textwrap.wrap(
            line,
            max(width(), indent + 20),
            initial_indent=space,
            subsequent_indent=space,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return filled


def _print_finding(proof: Proof, finding: Finding) -> None:
    label = proof.status.value if proof.status is not Status.PASSED else finding.severity or proof.status.value
    if proof.status is Status.FAILED and finding.severity not in (None, "error"):
        label = finding.severity or label
    for line in wrapped(f"{label}: {proof.title}", indent=2):
        print_text(line, STYLES[proof.status] if label == proof.status.value else "dim")
    for line in wrapped(redact(finding.message), indent=4):
        print_text(line)
    if finding.file:
        print_text(f"    {finding.file}:{finding.line}" if finding.line else f"    {finding.file}", "cyan")
    details = redact(finding.details).splitlines()
    for line in details[:_MOST_DETAILS]:
        print_text(f"    {line}", "dim")
    if len(details) > _MOST_DETAILS:
        print_text(f"    … and {len(details) - _MOST_DETAILS} more lines; --format json has them all", "dim")
    if finding.next_command:
        first, *rest = finding.next_command.splitlines()
        for line in (f"    next: {first}", *(f"          {more}" for more in rest)):
            print_text(line)


def kept_and_not_compared(kept: Sequence[str], not_compared: Sequence[tuple[str, str]]) -> list[str]:
    """Sentences about what a comparison left alone: nothing is passed over in silence."""
    remarks = []
    if kept:
        remarks.append(f"kept, because only revisions make them: {', '.join(kept)}")
    if not_compared:
        shown = ", ".join(f"{kind} {name}" for kind, name in not_compared)
        remarks.append(f"not compared, of a kind that the kit does not know yet: {shown}")
    return remarks


def _print_remarks(report: Report) -> None:
    remarks = [*report.notes, *kept_and_not_compared(report.kept, report.not_compared)]
    if remarks:
        print_text()
    for remark in remarks:
        print_note(redact(remark))
