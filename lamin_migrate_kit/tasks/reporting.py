"""Which writer a `--format` stands for."""

from __future__ import annotations

from lamin_migrate_kit.report.json import print_document, report_document
from lamin_migrate_kit.report.model import Report
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.report.terminal import TerminalProgress, print_report


def progress_for(format: str) -> Progress:
    """Who hears of a run while it runs: people do, machines wait for the document."""
    return TerminalProgress() if format == "text" else Progress()


def show_report(report: Report, format: str) -> None:
    """Print what a run came to."""
    if format == "json":
        print_document(report_document(report))
    else:
        print_report(report)
