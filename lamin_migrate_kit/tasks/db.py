"""`invoke db.*`: the development server of this project, whichever provider it is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from invoke.collection import Collection

from lamin_migrate_kit.tasks.edge import current_settings, kit_task

if TYPE_CHECKING:
    from invoke.context import Context

    from lamin_migrate_kit.servers.development import Development
    from lamin_migrate_kit.servers.server import Server

_FORMAT = {"format": "text or json"}


@kit_task("db.up", help=_FORMAT, interrupted="The development server does not run.")
def up(c: Context, format: str = "text") -> int:
    """Start the development server, and keep it running until db.down."""
    from lamin_migrate_kit.servers.development import start_development

    if c.config.run.dry:
        return _dry("start the development server")
    return _show_status("db.up", format, running=start_development(current_settings(), say=_say))


@kit_task("db.down", help=_FORMAT, interrupted="The development server may still run: see db.status.")
def down(c: Context, format: str = "text") -> int:
    """Stop the development server. Its data stay, and are there after the next db.up."""
    from lamin_migrate_kit.servers.development import stop_development

    if c.config.run.dry:
        return _dry("stop the development server")
    stop_development(current_settings(), say=_say)
    _show_status("db.down", format)
    return 0


@kit_task("db.status", help=_FORMAT)
def status(c: Context, format: str = "text") -> int:  # noqa: ARG001 - Invoke passes its context to every task
    """Show whether the development server runs, what it is and where its data are. Exit code 1: it does not run."""
    return _show_status("db.status", format)


@kit_task("db.url", help=_FORMAT)
def url(c: Context, format: str = "text") -> int:  # noqa: ARG001 - Invoke passes its context to every task
    """Print the URL of the development server, as psql and other programs take it."""
    from lamin_migrate_kit.report.json import document, print_document
    from lamin_migrate_kit.servers.development import require_development, shown_url

    shown = shown_url(require_development(current_settings()))
    print_document(document("db.url", "done", url=shown)) if format == "json" else print(shown)
    return 0


@kit_task("db.psql", help={"command": "Run this SQL and end, instead of opening a prompt."})
def psql(c: Context, command: str = "") -> int:
    """Open psql on the development server."""
    import os

    from lamin_migrate_kit.servers.development import require_development
    from lamin_migrate_kit.servers.psql import psql_command

    settings = current_settings()
    program = psql_command(require_development(settings), settings, command)
    if c.config.run.dry:
        return _dry(f"run {' '.join(program.arguments)}")
    # In our place, so that the terminal and its signals are psql's.
    return os.execve(program.arguments[0], program.arguments, {**os.environ, **program.variables})  # noqa: S606


@kit_task("db.reset", help={"yes": "Do not ask.", **_FORMAT}, interrupted="The data may be gone: see db.status.")
def reset(c: Context, yes: bool = False, format: str = "text") -> int:
    """Empty the development server: every database and row in it is lost."""
    from lamin_migrate_kit.servers.development import reset_development

    if c.config.run.dry:
        return _dry("empty the development server")
    if not yes:
        _ask_before_reset()
    reset_development(current_settings(), say=_say)
    _show_status("db.reset", format)
    return 0


def _dry(what: str) -> int:
    print(f"Would {what}.")
    return 0


def _ask_before_reset() -> None:
    from lamin_migrate_kit.errors import DecisionNeeded
    from lamin_migrate_kit.report.terminal import at_a_terminal

    answer = ""
    if at_a_terminal():
        with suppress(EOFError):  # Ctrl-D is a no
            answer = input("Every database and row in the development server will be lost. Go on (y/n)? ")
    if answer.strip().lower() not in ("y", "yes"):
        raise DecisionNeeded("Nothing was emptied.", next_command="invoke db.reset --yes")


def _say(line: str) -> None:
    from lamin_migrate_kit.report.terminal import console

    console(stderr=True).print(line, style="dim")


def _show_status(command: str, format: str, running: Server | None = None) -> int:
    """Print what there is now, after a start the server that it gave; the exit code says whether one runs."""
    from lamin_migrate_kit.report.json import document, print_document
    from lamin_migrate_kit.servers.development import inspect_development

    found = inspect_development(current_settings(), running=running)
    if format == "json":
        stopped = "unknown" if found.unavailable else "stopped"
        print_document(document(command, "running" if found.server else stopped, **_fields(found)))
    else:
        _print_text(found)
    return 0 if found.server else 1


def _fields(found: Development) -> dict[str, object]:
    from lamin_migrate_kit.servers.development import shown_url

    server = found.server
    return {
        "provider": found.provider,
        "data": found.place,
        "postgres": server.version if server else None,
        "url": shown_url(server) if server else None,
    }


def _print_text(found: Development) -> None:
    from lamin_migrate_kit.report.terminal import print_text
    from lamin_migrate_kit.servers.development import shown_url

    if found.unavailable is not None:
        print_text(f"It cannot be told whether the development server runs: {found.unavailable.reason}.")
        if found.unavailable.install:
            print_text(f"  next: {found.unavailable.install}")
    elif found.server is None:
        print_text("The development server does not run (start it with: invoke db.up).")
    else:
        print_text(f"The development server runs: {found.server.label}")
        print_text(f"  url:  {shown_url(found.server)}")
    print_text(f"  data: {found.place}")


namespace = Collection("db", up, down, status, url, psql, reset)
