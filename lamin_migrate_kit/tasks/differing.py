"""What `migrate.diff` compares, and how it shows what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.comparison import Comparison, compare_databases, compare_module, compare_sides
from lamin_migrate_kit.report.json import document, environment_fields, print_document
from lamin_migrate_kit.report.terminal import console, kept_and_not_compared, print_lines
from lamin_migrate_kit.tasks.given import open_given
from lamin_migrate_kit.workbench import open_workbench

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.decisions import Decisions
    from lamin_migrate_kit.report.model import Environment
    from lamin_migrate_kit.servers import Server
    from lamin_migrate_kit.settings import Settings


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, and what it ran on.

    Attributes:
        comparison: What was found.
        current: Where the current side was read; with a module, both. None where nobody asked: finding out costs more
            than comparing a small module.
        desired: Where the desired side was read, when it is not the same server.
    """

    comparison: Comparison
    current: Environment | None = None
    desired: Environment | None = None


def compare_own(settings: Settings, decisions: Decisions, *, located: bool) -> Compared:
    """The module's revisions with its models; where they were read too, if it is `located`."""
    with open_workbench(settings) as bench:
        comparison = compare_module(bench, decisions)
        return Compared(comparison, _environment(bench.server)) if located else Compared(comparison)


def compare_instance(settings: Settings, current: str, decisions: Decisions, *, located: bool) -> Compared:
    """A database, by its URL and only read, with the module's models."""
    with open_given("--current", current) as connection, open_workbench(settings) as bench:
        comparison = compare_sides(bench.sides_from(connection), decisions)
        if not located:
            return Compared(comparison)
        return Compared(comparison, _given_environment(connection, "current"), _environment(bench.server))


def compare_given(settings: Settings, current: str, desired: str, decisions: Decisions, *, located: bool) -> Compared:
    """One database with another, by their URLs; both are only read."""
    with open_given("--current", current) as one, open_given("--desired", desired) as other:
        comparison = compare_databases(one, other, decisions, settings=settings)
        if not located:
            return Compared(comparison)
        return Compared(comparison, _given_environment(one, "current"), _given_environment(other, "desired"))


def _environment(server: Server) -> Environment:
    from lamin_migrate_kit.fingerprint import environment

    return environment(server)


def _given_environment(connection: Connection, side: str) -> Environment:
    from lamin_migrate_kit.fingerprint import given_environment

    return given_environment(connection, side)


def show(compared: Compared, format: str) -> int:
    """Print a comparison; stdout holds nothing but what the format says, everything else goes to stderr.

    Returns:
        0 when nothing differs, 1 otherwise.
    """
    comparison = compared.comparison
    if format == "json":
        print_document(comparison_document(compared))
    elif format == "sql":
        comparison.require_decisions()
        print_lines(sql_script(comparison))
    else:
        print_lines(comparison.missing_lines())
    if format != "json":
        _say_the_rest(comparison)
    return 0 if comparison.empty else 1


def comparison_document(compared: Compared) -> dict[str, object]:
    """The comparison as JSON: everything that was found, also what is undecided."""
    comparison = compared.comparison
    return document(
        "migrate.diff",
        "equal" if comparison.empty else "different",
        environment=environment_fields(compared.current) if compared.current else None,
        desired_environment=environment_fields(compared.desired) if compared.desired else None,
        differences=list(comparison.diff.describe()),
        operations=[line for operation in comparison.upgrade for line in operation.lines],
        sql=[statement for operation in comparison.upgrade for statement in operation.statements],
        renames=[candidate.as_json() for candidate in comparison.candidates],
        questions=[
            {"kind": one.kind, "name": one.name, "text": one.text, "flags": one.flags, "evidence": one.evidence}
            for one in comparison.questions
        ],
        kept=list(comparison.kept),
        not_compared=[{"kind": kind, "name": name} for kind, name in comparison.not_compared],
        notes=list(comparison.notes),
    )


def sql_script(comparison: Comparison) -> tuple[str, ...]:
    """Lines that `psql -v ON_ERROR_STOP=1` runs: one transaction, as far as the statements allow."""
    if not comparison.upgrade:
        return ()
    lines = ["SET client_encoding = 'UTF8';", "SET check_function_bodies = off;", "BEGIN;"]
    for operation in comparison.upgrade:
        lines += [f"-- {comment}" for comment in operation.comments]
        statements = [line for statement in operation.statements for line in _ended(statement).split("\n")]
        lines += ["COMMIT;", *statements, "BEGIN;"] if operation.autocommit else statements
    return (*lines, "COMMIT;")


def _ended(statement: str) -> str:
    """The statement with its semicolon, which a comment at its end must not swallow."""
    return f"{statement}\n;" if "--" in statement.rpartition("\n")[2] else f"{statement};"


def _say_the_rest(comparison: Comparison) -> None:
    to = console(stderr=True)
    for question in comparison.questions:
        to.print(f"undecided: {question.text}  {'   or   '.join(question.flags)}", style="yellow")
    remarks = [*comparison.notes, *kept_and_not_compared(comparison.kept, comparison.not_compared)]
    for remark in remarks:
        to.print(remark, style="dim")
    if comparison.empty:
        to.print("nothing differs", style="green")
