"""Everything that the doctor looks at, in the order in which one thing needs another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lamin_migrate_kit.doctor.machine import check_machine
from lamin_migrate_kit.doctor.model import Check, Examination
from lamin_migrate_kit.doctor.postgres import check_providers, check_server, no_server
from lamin_migrate_kit.doctor.workspace import check_workspace
from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.fingerprint import environment
from lamin_migrate_kit.report.model import Environment
from lamin_migrate_kit.servers import open_server
from lamin_migrate_kit.settings import Settings

Say = Callable[[Check], None]


def examine(settings: Settings, say: Say) -> Examination:
    """Look at everything, and start the server that commands would take, for as long as that needs.

    Args:
        settings: The project's settings.
        say: Told of each check as it is done.
    """
    checks: list[Check] = []

    def note(check: Check) -> None:
        checks.append(check)
        say(check)

    for check in (*check_machine(settings), *check_workspace(settings)):
        note(check)
    for check in check_providers(settings):
        note(check)
    found = _examine_server(settings, note)
    return Examination(tuple(checks), found)


def _examine_server(settings: Settings, note: Say) -> Environment:
    # What is wanted of the server is looked at here, and not by the chooser, which would look for another one.
    asked = replace(settings, extensions=())
    try:
        with open_server(asked) as server:
            for check in check_server(settings, server):
                note(check)
            return environment(server)
    except ServerError as error:
        note(no_server(error))
        return environment(None)
