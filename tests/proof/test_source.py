"""Where things stand in a revision file."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lamin_migrate_kit.proof.source import body_of, line_of


def written(folder: Path, body: str) -> Path:
    path = folder / "revision.py"
    path.write_text(f"revision = 'a'\n\n\ndef downgrade() -> None:\n    {body}\n")
    return path


def test_line_of_a_function(tmp_path: Path) -> None:
    path = written(tmp_path, "pass")
    assert (line_of(path, "downgrade"), line_of(path, "upgrade")) == (4, None)


def test_body_of_a_function(tmp_path: Path) -> None:
    assert body_of(written(tmp_path, "# why\n    op.drop_table('a')"), "downgrade") == "# why\nop.drop_table('a')"
    assert body_of(written(tmp_path, "pass"), "downgrade") == ""


def test_threads_may_ask_at_the_same_time(tmp_path: Path) -> None:
    """CPython 3.11 loses count of its recursion when two threads make trees at once.

    It lets another thread go on in the midst of a tree when a garbage collection calls back.
    """
    path = written(tmp_path, "\n    ".join(f"f({'-' * 60}{number}, [a.b.c[d] for d in e])" for number in range(100)))
    before = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(_called_back)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(lambda _: line_of(path, "downgrade"), range(100))) == [4] * 100
    finally:
        gc.set_threshold(*before[0])
        sys.setswitchinterval(before[1])
        gc.callbacks.remove(_called_back)


def _called_back(*_: object) -> None:
    sum(range(20))
