"""`invoke doctor`: what is here, what is missing, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.tasks.edge import current_settings, kit_task

if TYPE_CHECKING:
    from invoke.context import Context

    from lamin_migrate_kit.doctor import Check, Examination


@kit_task("doctor", help={"format": "text or json"})
def doctor(c: Context, format: str = "text") -> int:  # noqa: ARG001 - Invoke passes its context to every task
    """Show what is here and what is missing for each way of working, each with the command that mends it.

    Starts the Postgres that other commands would use, for a moment. Exit code: 0 the kit works here, 1 something
    must be mended first.
    """
    from lamin_migrate_kit.doctor import examine
    from lamin_migrate_kit.report.json import print_document
    from lamin_migrate_kit.report.terminal import print_text

    found = examine(current_settings(), say=_Printer() if format == "text" else _say_nothing)
    if format == "json":
        print_document(_document(found))
    else:
        print_text()
        print_text(*("the kit works here", "bold green") if found.healthy else ("mend what is broken", "bold red"))
    return 0 if found.healthy else 1


def _say_nothing(_check: Check) -> None:
    pass


class _Printer:
    """Prints each check when it is done, below the name of its group, and the same advice in full once."""

    def __init__(self) -> None:
        self.group = ""
        self.advice: set[str] = set()

    def __call__(self, check: Check) -> None:
        from rich.text import Text

        from lamin_migrate_kit.doctor import State
        from lamin_migrate_kit.report.redact import redact
        from lamin_migrate_kit.report.terminal import console, print_text

        if check.group != self.group:
            if self.group:
                print_text()
            print_text(check.group, "bold")
            self.group = check.group
        style = {State.READY: "green", State.MISSING: "yellow", State.BROKEN: "bold red"}[check.state]
        console().print(Text.assemble("  ", (f"{check.state.value:8}", style), f"{check.name:13}", redact(check.found)))
        if check.next_command and check.state is not State.READY:
            known = check.next_command in self.advice
            first, *rest = ["the same"] if known else check.next_command.splitlines()
            self.advice.add(check.next_command)
            for line in (f"next: {first}", *(f"      {more}" for more in rest)):
                print_text(f"{'':23}{line}", "dim")


def _document(found: Examination) -> dict[str, object]:
    from dataclasses import asdict

    from lamin_migrate_kit.report.json import document, environment_fields
    from lamin_migrate_kit.report.redact import redact

    return document(
        "doctor",
        "healthy" if found.healthy else "broken",
        environment=environment_fields(found.environment),
        checks=[{**asdict(check), "found": redact(check.found), "state": check.state.value} for check in found.checks],
    )
