"""A second opinion: what squawk, which reads SQL and never runs it, says of the same statements."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lamin_migrate_kit.proof.hazards.rules import RULES
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement

LEFT_OUT = (
    "prefer-robust-stmts",  # a revision runs in a transaction, and once: IF NOT EXISTS would hide that it did not
    "prefer-text-field",  # a matter of taste: the two are stored alike
    "require-statement-timeout",  # `invoke deploy` limits the waiting for locks; how long work takes is its own affair
)
SAME = {
    name: frozenset(rule.id for rule in RULES if name in rule.squawk) for name in {n for r in RULES for n in r.squawk}
}
"""For each rule of squawk, the rules of ours that say the same. What was measured outranks what is guessed: where none
of them holds, squawk's finding is left out."""
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Said:
    """One finding of squawk's.

    Attributes:
        rule: Its name there.
        line: The line of the revision file.
        message: What it says, with its advice.
        sql: The statement.
    """

    rule: str
    line: int
    message: str
    sql: str


class NoSecondOpinion(Exception):
    """squawk is not there, or cannot be understood. Its text says which."""


def find_squawk() -> Path:
    """The program, from beside this Python or from PATH.

    Raises:
        NoSecondOpinion: It is not installed.
    """
    found = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if found is None:
        raise NoSecondOpinion("squawk is not installed")
    return Path(found)


def ask_squawk(program: Path, trace: RevisionTrace, major: int, lock_timeout: str) -> tuple[Said, ...]:
    """What squawk says of a revision's statements.

    Args:
        program: From `find_squawk`.
        trace: What the revision sent.
        major: The major version of Postgres.
        lock_timeout: What is set before the revision runs.

    Raises:
        NoSecondOpinion: squawk failed, or its answer cannot be understood.
    """
    within = [s for s in trace.statements if not s.autocommit]
    alone = [s for s in trace.statements if s.autocommit]
    begin = f"SET lock_timeout = '{lock_timeout}';"
    return (
        *_ask(program, within, major, begin, "--assume-in-transaction"),
        *_ask(program, alone, major, begin, "--no-assume-in-transaction"),
    )


def _ask(
    program: Path, statements: Sequence[TracedStatement], major: int, begin: str, transaction: str
) -> Iterator[Said]:
    if not statements:
        return
    options = ["--reporter", "json", "--pg-version", f"{major}.0", "--stdin-filepath", "revision.sql", transaction]
    excluded = [f"--exclude={name}" for name in LEFT_OUT]
    text, places = _script(statements, begin)
    try:
        ran = subprocess.run(
            [str(program), *options, *excluded],
            input=text, capture_output=True, text=True, encoding="utf-8", timeout=_SECONDS, check=False,
        )  # fmt: skip
        found = json.loads(ran.stdout or "null")
        if found is None:
            raise NoSecondOpinion(f"squawk failed: {(ran.stderr.strip().splitlines() or ['no word'])[-1]}")
        yield from _said(found, places)
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoSecondOpinion(f"squawk cannot be asked: {type(error).__name__}: {error}") from error


def _script(statements: Iterable[TracedStatement], begin: str) -> tuple[str, dict[int, TracedStatement]]:
    """The statements as one text, and whose each of its lines is, from 0."""
    lines = [begin]
    places: dict[int, TracedStatement] = {}
    for statement in statements:
        for line in f"{statement.sql.rstrip().rstrip(';')};".splitlines():
            places[len(lines)] = statement
            lines.append(line)
    return "\n".join(lines) + "\n", places


def _said(found: Iterable[dict[str, object]], places: dict[int, TracedStatement]) -> Iterator[Said]:
    for one in found:
        statement = places.get(int(str(one["line"])))
        if statement is not None:
            advice = f" {one['help']}" if one.get("help") else ""
            yield Said(str(one["rule_name"]), statement.line, f"{one['message']}{advice}", statement.sql)
