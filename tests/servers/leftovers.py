"""What to look at, to see whether a server left something behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def run_folders(base: Path) -> list[Path]:
    """The folders of private servers in `base`."""
    return [path for path in base.glob("lamin_migrate_kit-*") if not path.name.endswith("-kept")]


def processes_naming(text: object) -> list[str]:
    """The command lines of all processes that contain `text`, this one's aside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(text) in command and int(folder.name) != os.getpid():
            found.append(command)
    return found


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
