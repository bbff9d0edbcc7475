"""What the previous release's code cannot do any more on the upgraded database, for those who roll out apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lamin_migrate_kit
from lamin_migrate_kit.alembic_bridge import upgrade
from lamin_migrate_kit.errors import MigrationError
from lamin_migrate_kit.proof.old_code.release import NoOldCode, OldCode, previous_release
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.rows.fill import fill_tables
from lamin_migrate_kit.proof.rows.sources import MadeUpRows, rows_folder
from lamin_migrate_kit.proof.source import line_of
from lamin_migrate_kit.report.model import Finding, Status
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.temporary import temporary_folder

if TYPE_CHECKING:
    from lamin_migrate_kit.scratch import ScratchDatabase
    from lamin_migrate_kit.workbench import Workbench

_SECONDS = 300
_TRIAL = "lamin_migrate_kit.proof.old_code.trial"


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of one table on one database."""

    table: str
    empty: bool
    broken: tuple[tuple[str, str, str], ...]
    """(what it did, why it failed, the statement)."""


@proves("old-code", "what breaks for the previous release's code")
def prove_old_code(bench: Workbench) -> Outcome:
    """Let the previous release's models read and write every table, before and after the unreleased revisions.

    What breaks is a warning: whoever deploys code and schema together has nothing to fear from it. What did not work
    before either is not the upgrade's doing.
    """
    if not bench.history.unreleased:
        return Outcome(Status.NOT_PROVEN, "no unreleased revision")
    try:
        with previous_release(bench.module) as old:
            return _outcome(bench, old, *_tried(bench, old))
    except NoOldCode as reason:
        return Outcome(Status.NOT_PROVEN, reason.what)
    except MigrationError as error:
        return Outcome(Status.NOT_PROVEN, f"the upgrade does not run on rows: {error.what}")


def _tried(bench: Workbench, old: OldCode) -> tuple[Sequence[_Tried], Sequence[_Tried]]:
    """The tables of the old models, on the database as released, and on a copy that was upgraded."""
    refused: MigrationError | None = None
    for fill in _fillings(bench):
        with ExitStack() as stack:
            released = stack.enter_context(scratch_database(bench.server, template=bench.released_database, hint="old"))
            if not fill(released):
                break
            upgraded = stack.enter_context(scratch_database(bench.server, template=released, hint="upgraded"))
            try:
                _upgrade(bench, upgraded)
            except MigrationError as error:
                refused = refused or error
                continue
            found = _run_trial(bench, old, {"before": released, "after": upgraded})
            return found["before"], found["after"]
    assert refused is not None, "there is more than one way to fill tables"
    raise refused


def _fillings(bench: Workbench) -> Iterator[Callable[[ScratchDatabase], bool]]:
    """Ways to fill the released tables: plainly, then with rows that fit what the upgrade leads to."""
    rows = MadeUpRows(bench.module)

    def filled(database: ScratchDatabase, turn: int | None) -> bool:
        with database.connect() as connection:
            current = bench.inspect_connection(connection)
            if turn is None:
                fill_tables(connection, current, folder=rows_folder(bench.module))
            elif rows.fill_like(connection, current, bench.head_catalog, turn) is None:
                return False
            connection.commit()
            return True

    yield lambda database: filled(database, None)
    for turn in count():
        yield lambda database, turn=turn: filled(database, turn)  # type: ignore[misc]


def _upgrade(bench: Workbench, database: ScratchDatabase) -> None:
    with database.connect() as connection:
        upgrade(connection, bench.module, bench.script)
        connection.commit()


def _run_trial(
    bench: Workbench, old: OldCode, databases: Mapping[str, ScratchDatabase]
) -> Mapping[str, Sequence[_Tried]]:
    with temporary_folder("lamin-migrate-") as folder:
        answer = folder / "answer.json"
        request = {
            "package": bench.module.package,
            "folder": str(old.folder),
            "metadata": bench.module.metadata_path,
            "answer": str(answer),
            # On stdin, because a URL may hold a password.
            "databases": {name: one.url.render_as_string(hide_password=False) for name, one in databases.items()},
        }
        try:
            done = subprocess.run(
                [sys.executable, "-m", _TRIAL],
                input=json.dumps(request),
                cwd=folder,
                env=_environ(bench, old),
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoOldCode(f"the code of {old.version} ({old.source}) could not be run: {error}") from error
        return _read_answer(old, answer, done.stderr)


def _environ(bench: Workbench, old: OldCode) -> dict[str, str]:
    """The old package stands first; the checkout, which holds the new one, not at all."""
    own = str(Path(lamin_migrate_kit.__file__).parents[1])
    depth = bench.module.package.count(".")
    hidden = {bench.module.folder.parents[depth].resolve()}
    rest = [entry for entry in sys.path if entry and Path(entry).resolve() not in hidden]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(old.folder.parents[depth]), *rest, own])}


def _read_answer(old: OldCode, answer: Path, stderr: str) -> Mapping[str, Sequence[_Tried]]:
    found: dict[str, Any] = json.loads(answer.read_text()) if answer.is_file() else {"failed": stderr.strip()[-500:]}
    if "failed" in found:
        raise NoOldCode(f"the code of {old.version} ({old.source}) does not run here: {found['failed']}")
    return {
        name: tuple(
            _Tried(
                ".".join(one["key"]),
                one["empty"],
                tuple((part["what"], part["why"], part["statement"]) for part in one["broken"]),
            )
            for one in tables
        )
        for name, tables in found.items()
    }


def _outcome(bench: Workbench, old: OldCode, before: Sequence[_Tried], after: Sequence[_Tried]) -> Outcome:
    former = {one.table: one for one in before}
    findings = tuple(finding for one in after for finding in _broken(bench, old, former[one.table], one))
    unwritten = [one.table for one in before if one.empty and not one.broken]
    summary = f"{old.version}: {len(findings) or 'none'} of {counted(len(after), 'table')}"
    if unwritten:
        reason = f"{', '.join(unwritten)} had no rows to write; {summary}"
        return Outcome(Status.NOT_PROVEN, reason, findings)
    return Outcome(Status.PASSED, summary, findings)


def _broken(bench: Workbench, old: OldCode, before: _Tried, after: _Tried) -> Iterator[Finding]:
    """One finding a table: what worked before, and does not any more."""
    worked_not = {what for what, _, _ in before.broken}
    new = [(what, why, statement) for what, why, statement in after.broken if what not in worked_not]
    if not new:
        return
    revision = bench.history.unreleased[0]
    what = " and ".join(dict.fromkeys(what for what, _, _ in new))
    yield Finding(
        f"Code of {old.version} cannot {what} {after.table}: {new[0][1]}",
        revision.id,
        bench.module.shown(revision.path),
        line_of(revision.path, "upgrade"),
        details="\n".join([f"-- code from {old.source}", *(f"{sql}\n-- {why}" if sql else why for _, why, sql in new)]),
        next_command="deploy code and schema together; or change in two releases: add first, drop later",
        severity="warning",
    )
