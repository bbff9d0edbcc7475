"""Revisions that ask the clock, chance or the machine are found by their text; what SQL asks is none of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamin_migrate_kit.proof.repeatable import asks_outside, prove_repeatable
from lamin_migrate_kit.report.model import Status
from lamin_migrate_kit.revisions.history import read_history
from tests.proof.project import CREATE, DROP, Project


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("import datetime\nx = datetime.datetime.now()", "datetime.datetime.now"),
        ("from datetime import date as d\nx = d.today()", "datetime.date.today"),
        ("import time\nx = time.time()", "time.time"),
        ("from time import time\nx = time()", "time.time"),
        ("import uuid\nx = uuid.uuid4()", "uuid.uuid4"),
        ("import random\nx = random.choice([1])", "random.choice"),
        ("import os\nif os.environ['HOME']: pass", "os.environ"),
        ("from os import getenv\nx = getenv('USER')", "os.getenv"),
        ("from os import environ\nx = environ['HOME']", "os.environ"),
        ("from os import environ as e\nx = e.get('HOME')", "os.environ"),
        ("import sys\nif sys.platform == 'win32': pass", "sys.platform"),
        ("import subprocess\nx = subprocess.run(['hostname'])", "subprocess.run"),
        ("import socket as s\nx = s.gethostname()", "socket.gethostname"),
        ("from pathlib import Path\nx = Path.home()", "pathlib.Path.home"),
    ],
)
def test_question_is_found_with_its_line(tmp_path: Path, text: str, asked: str) -> None:
    (tmp_path / "one.py").write_text(text)
    assert asks_outside(tmp_path / "one.py") == [(2, asked)]


@pytest.mark.parametrize(
    "text",
    [
        "import datetime\nx = datetime.date(2024, 1, 1)",
        "import uuid\nx = uuid.UUID(int=7)",
        "import os\nx = os.path.join('a', 'b')",
        "import sqlalchemy as sa\nx = sa.func.now()",
        "x = 'SELECT now(), gen_random_uuid()'",
        "from pathlib import Path\nx = Path(__file__).parent",
        "import time",
        "import sys\nx = sys.maxsize",
        "from sqlalchemy import text as environ\nx = environ('SELECT 1')",
    ],
)
def test_value_that_is_written_down_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.py").write_text(text)
    assert asks_outside(tmp_path / "one.py") == []


def test_revision_that_asks_the_clock_fails(project: Project) -> None:
    up = "import time\nop.execute(f\"COMMENT ON TABLE core.note IS '{time.time()}'\")"
    project.revision("bbbb", "aaaa", up)
    proof = prove_repeatable(project.module(), read_history(project.module()))
    assert proof.status is Status.FAILED
    (finding,) = proof.findings
    assert (finding.revision, finding.line) == ("bbbb", 12)
    assert "time.time" in finding.message


def test_released_revision_that_asks_is_only_told_of(project: Project) -> None:
    project.revision("aaaa", None, f"import uuid\nuuid.uuid4()\n{CREATE}", DROP, version="0_1_0")
    proof = prove_repeatable(project.module(), read_history(project.module()))
    assert proof.status is Status.PASSED
    assert [finding.severity for finding in proof.findings] == ["note"]


def test_revisions_that_ask_nothing_pass(project: Project) -> None:
    proof = prove_repeatable(project.module(), read_history(project.module()))
    assert (proof.status, proof.summary) == (Status.PASSED, "2 revisions")
