"""Temporary folders: gone afterwards, also when an interrupt comes while they are made or removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lamin_migrate_kit.temporary import temp_folder, temporary_folder

_SCRIPT = """
from lamin_migrate_kit.interruption import termination_raises
from lamin_migrate_kit.temporary import temporary_folder

with termination_raises():
    print("ready", flush=True)
    while True:
        with temporary_folder("made-") as folder:
            for number in range(200):
                (folder / str(number)).touch()
"""


def test_folder_is_there_in_the_block_and_gone_afterwards() -> None:
    with temporary_folder("made-") as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_folder_is_gone_after_an_error() -> None:
    with pytest.raises(FileNotFoundError), temporary_folder("made-") as folder:
        (folder / "missing").rename(folder / "file")
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("milliseconds", range(0, 24, 3))
def test_interrupts_leave_nothing(tmp_path: Path, number: signal.Signals, milliseconds: int) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(milliseconds / 1000)
    process.send_signal(number)
    process.wait(timeout=30)
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []


_INTERRUPTED_TRIAL = """
import os, signal
opened = os.open

def open_and_interrupt(*args):
    found = opened(*args)
    signal.raise_signal(signal.SIGINT)
    return found

os.open = open_and_interrupt
from lamin_migrate_kit.temporary import temp_folder
temp_folder()
"""


def test_interrupt_while_the_temp_folder_is_tried_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_TRIAL], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == []


def test_temp_folder_is_pythons() -> None:
    assert temp_folder() == Path(tempfile.gettempdir())
