"""What people read in a terminal. A line that is to be copied is never wrapped or cut."""

from __future__ import annotations

import functools
import sys

from rich.console import Console
from rich.text import Text

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.report.redact import redact


@functools.cache
def _console(stderr: bool, stream: int) -> Console:  # noqa: ARG001  (a new stream, as under pytest, is a new console)
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def console(*, stderr: bool = False) -> Console:
    """The console for stdout or stderr. Colour only on a terminal without NO_COLOR; it never wraps."""
    return _console(stderr, id(sys.stderr if stderr else sys.stdout))


def print_text(text: str, style: str | None = None) -> None:
    """Print text to stdout as it is."""
    console().print(Text(text, style=style or ""))


def print_error(error: MigrateKitError) -> None:
    """Print to stderr what happened, where, and the next command to type."""
    to = console(stderr=True)
    first, *rest = redact(str(error)).splitlines() or [""]
    to.print(Text.assemble(("error: ", "bold red"), first))
    for line in rest:
        to.print(Text(line))
