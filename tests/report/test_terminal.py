"""The terminal's text: plain without a terminal, whole lines where they are copied, readable when narrow."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.report import terminal
from lamin_migrate_kit.report.model import Environment, Finding, Proof, Report, Status

ROOT = Path(__file__).parents[2]
ENVIRONMENT = Environment("0.1.0", "3.11.7", "2.1.9", "1.20.1", "embedded Postgres 18.6", "embedded", True)
OPERATION = 'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")'
PASSED = Proof("upgrade", "upgrades from an empty database", Status.PASSED, 0.4, "7 revisions")
FAILED = Proof(
    "match",
    "models match the migrated database",
    Status.FAILED,
    0.2,
    "1 difference",
    (Finding("column core.notebook.v is called version", file="a.py", line=3, next_command="invoke migrate.generate"),),
)
ROWS = Proof("rows", "rows survive", Status.NOT_PROVEN, 0.0, "not accounted for yet")


def report(*proofs: Proof, missing: tuple[str, ...] = ()) -> Report:
    return Report("ci", "lnschema_core", ENVIRONMENT, proofs, missing=missing)


def test_last_line_is_the_missing_operation_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    long = OPERATION.replace("notebook", "n" * 200)
    terminal.print_report(report(FAILED, missing=("# or, when v is another thing:", "# op.drop_column(...)", long)))
    assert capsys.readouterr().out.splitlines()[-1] == long


def test_findings_come_with_place_and_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_report(report(PASSED, FAILED))
    shown = capsys.readouterr().out
    assert "a.py:3" in shown
    assert "next: invoke migrate.generate" in shown
    assert "1 of 2 proofs failed" in shown


def test_rows_that_were_not_accounted_for_are_not_called_proven(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_report(report(PASSED, ROWS))
    assert capsys.readouterr().out.splitlines()[-1] == "schema proven; rows NOT PROVEN"


def test_what_is_not_compared_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_report(Report("ci", "m", ENVIRONMENT, (PASSED,), not_compared=(("view", "core.latest"),)))
    assert "view core.latest" in capsys.readouterr().out


def test_endless_details_are_cut_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    endless = Finding("It differs.", details="\n".join(f"line {number}" for number in range(500)))
    terminal.print_report(report(replace(FAILED, findings=(endless,))))
    shown = capsys.readouterr().out
    assert "… and 460 more lines; --format json has them all" in shown
    assert "line 40" not in shown


def test_proof_line_has_status_title_summary_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_proof(PASSED)
    words = capsys.readouterr().out.split()
    assert words == ["PASSED", "upgrades", "from", "an", "empty", "database", "7", "revisions", "0.40", "s"]


def test_error_goes_to_stderr_without_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_error(ServerError("No answer from postgresql://a:hunter2@h/db."))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "error: No answer from postgresql://a:***@h/db.\n"


SCRIPT = textwrap.dedent(
    f"""
    import sys; sys.path.insert(0, {str(ROOT)!r})
    from tests.report.test_terminal import *
    terminal.print_header(ENVIRONMENT, "lnschema_core 0.33.8")
    with terminal.running("models match"):
        pass
    for proof in (PASSED, FAILED, ROWS):
        terminal.print_proof(proof)
    terminal.print_report(report(PASSED, FAILED, ROWS, missing=(OPERATION,)))
    """
)


def piped(**environ: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, **environ}, capture_output=True, text=True, check=True
    ).stdout


def on_a_terminal(**environ: str) -> str:
    """Run the script on a pseudo terminal and return what it wrote there."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", **environ}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], env=env, stdout=follower, stdin=follower)
    os.close(follower)
    chunks = []
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(leader)
    assert process.wait() == 0
    return b"".join(chunks).decode()


def test_piped_output_has_no_escape_codes() -> None:
    assert "\x1b" not in piped()


def test_terminal_output_has_colour() -> None:
    assert "\x1b[32m" in on_a_terminal()


def test_no_color_is_obeyed_on_a_terminal() -> None:
    shown = on_a_terminal(NO_COLOR="1")
    assert "\x1b[32m" not in shown
    assert "\x1b[1;31m" not in shown


def test_narrow_terminal_keeps_every_word_within_its_width() -> None:
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", on_a_terminal(COLUMNS="40"))
    prose = [line for line in shown.splitlines() if not line.startswith(("op.", "lamin_migrate_kit"))]
    assert max(map(len, prose)) <= 40
    assert "0.40 s" in shown


def test_ascii_locale_is_no_reason_to_crash() -> None:
    assert OPERATION in piped(PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")


def test_waived_proof_says_why_and_is_not_called_proven(capsys: pytest.CaptureFixture[str]) -> None:
    way_back = Proof("stairway", "up and down", Status.NOT_PROVEN, 0.0, "bbbb has no way back", waived="data is folded")
    terminal.print_proof(way_back)
    assert "bbbb has no way back; waived: data is folded" in capsys.readouterr().out
    assert terminal.verdict(report(PASSED, way_back)) == "schema proven; the way back NOT PROVEN (waived)"


def test_findings_stand_by_revision_and_the_worst_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    locks = Proof("locks", "locks", Status.PASSED, findings=(Finding("noted", "bbbb", severity="note"),))
    hazards = Proof(
        "hazards",
        "hazards",
        Status.FAILED,
        findings=(Finding("warned", "bbbb", severity="warning"), Finding("lost", "bbbb", severity="error")),
    )
    rows = Proof("rows", "rows", Status.NOT_PROVEN, findings=(Finding("no rows", "aaaa"),))
    terminal.print_report(report(locks, rows, hazards))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    wanted = ["revision bbbb", "lost", "warned", "noted", "revision aaaa", "no rows"]
    assert [line for line in lines if line in wanted] == wanted
    assert lines[lines.index("lost") - 1] == "FAILED: hazards"
    assert lines[lines.index("warned") - 1] == "warning: hazards"
