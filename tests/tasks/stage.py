"""The example module in a folder of its own, and commands run there as an author types them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "lnschema-core"
RENAME = 'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")'
_MODEL = '    v: str = Field(default="1", primary_key=True)'


class Stage:
    """A copy of the example.

    Args:
        root: Where to put it.
        server_url: The server that commands use.
    """

    def __init__(self, root: Path, server_url: str) -> None:
        shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
        self.root = root
        self.models = root / "lnschema_core" / "models.py"
        self.init_file = root / "lnschema_core" / "__init__.py"
        self.versions = root / "lnschema_core" / "migrations" / "versions"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_", "GITHUB_"))},
            "LAMIN_MIGRATE_SERVER_URL": server_url,
        }

    def rename_v(self) -> None:
        """The change of the story: `v` becomes `version`."""
        self.edit(self.models, _MODEL, _MODEL.replace("v:", "version:"))

    def edit(self, path: Path, current: str, desired: str) -> None:
        text = path.read_text()
        assert current in text
        path.write_text(text.replace(current, desired))

    @property
    def unreleased(self) -> Path:
        (path,) = self.versions.glob("*-vx_x_x.py")
        return path

    def commit(self) -> None:
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
            identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
            subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True)

    def files(self) -> dict[str, str]:
        """Every file with its checksum, to see that nothing was written."""
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git" not in path.parts
        }

    def invoke(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a task without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.root,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def json(self, *arguments: str) -> tuple[int, Any]:
        """Run a task with `--format json`; its exit code and its document."""
        done = self.invoke(*arguments, "--format", "json")
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    def at_a_terminal(self, *arguments: str, answers: list[str]) -> tuple[int, str]:
        """Run a task on a pseudo terminal, typing an answer whenever it asks; its exit code and all it showed."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.root,
            env={**self.environ, "NO_COLOR": "1", "TERM": "xterm"},
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        shown = _converse(leader, answers)
        os.close(leader)
        return process.wait(30), shown


def _converse(leader: int, answers: list[str], seconds: float = 60) -> str:
    shown, asked, end = "", 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([leader], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(leader, 4096).decode(errors="replace")
        except OSError:  # Linux says so when the other side is closed
            break
        shown += chunk
        if shown.count("for why") > asked and shown.rstrip().endswith(":"):
            os.write(leader, f"{answers[asked]}\n".encode() if answers[asked] != "^D" else b"\x04")
            asked += 1
    return shown
