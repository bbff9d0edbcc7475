"""`invoke ci` as CI runs it: annotations beside the lines, and a report in a folder."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.tasks.stage import Stage

pytestmark = pytest.mark.slow


def test_on_github_findings_stand_beside_their_lines_and_the_report_is_kept(stage: Stage) -> None:
    subprocess.run(["git", "init", "-q", str(stage.root.parent)], check=True)
    stage.edit(stage.init_file, '_migration = "', '_migration = "f')
    done = stage.invoke("ci", "--report", "../reports", GITHUB_ACTIONS="true")
    assert done.returncode == 1, done.stdout + done.stderr
    (annotation, *_) = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    found = re.match(r"::error file=([^,]+),line=(\d+),title=", annotation)
    assert found
    repository = stage.root.parent
    assert "_migration" in (repository / found[1]).read_text().splitlines()[int(found[2]) - 1]
    kept = json.loads((repository / "reports" / "ci.json").read_text())
    assert (kept["status"], kept["environment"]["provider"]) == ("failed", "url")
    assert kept["environment"]["packages"] in (repository / "reports" / "ci.md").read_text()


def test_elsewhere_nothing_is_said_to_github(stage: Stage) -> None:
    stage.edit(stage.init_file, '_migration = "', '_migration = "f')
    assert "::error" not in stage.invoke("ci").stdout
