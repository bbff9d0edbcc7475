"""Which writer a `--format` stands for."""

from __future__ import annotations

from pathlib import Path

from lamin_migrate_kit.errors import WriteError
from lamin_migrate_kit.report.github import annotation_lines
from lamin_migrate_kit.report.json import print_document, report_document, to_json
from lamin_migrate_kit.report.markdown import to_markdown
from lamin_migrate_kit.report.model import Report
from lamin_migrate_kit.report.progress import Progress
from lamin_migrate_kit.report.terminal import TerminalProgress, print_report, print_text


def progress_for(format: str) -> Progress:
    """Who hears of a run while it runs: people do, machines wait for the document."""
    return TerminalProgress() if format == "text" else Progress()


def show_report(report: Report, format: str) -> None:
    """Print what a run came to."""
    if format == "json":
        print_document(report_document(report))
    else:
        print_report(report)


def annotate(report: Report, root: Path) -> None:
    """Print the findings as GitHub takes them for annotations.

    Args:
        report: The report.
        root: The project's folder, which need not be the repository's.
    """
    repository = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    for line in annotation_lines(report, root.relative_to(repository).as_posix()):
        print_text(line)


def keep_report(report: Report, folder: str) -> None:
    """Write the report into a folder, as JSON and as Markdown.

    Raises:
        WriteError: They could not be written.
    """
    texts = {".json": to_json(report_document(report)) + "\n", ".md": to_markdown(report)}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for suffix, text in texts.items():
            (Path(folder) / f"{report.command}{suffix}").write_text(text, encoding="utf-8")
    except OSError as error:
        raise WriteError(
            f"The report could not be written: {error.strerror}.",
            where=folder,
            next_command="invoke ci --report reports   # a folder that you may write to",
        ) from error
