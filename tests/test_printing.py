"""What some threads print goes to stderr, and what others print to stdout."""

from __future__ import annotations

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from lamin_migrate_kit.model_import import import_models
from lamin_migrate_kit.printing import printed_to_stderr, stdout_by_thread
from lamin_migrate_kit.report.terminal import print_text


def test_closed_stdout_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with printed_to_stderr():
        print("to nobody")
    assert sys.stdout is None


def test_what_an_author_leaves_in_place_of_stdout_is_taken_away() -> None:
    before = sys.stdout
    with printed_to_stderr():
        sys.stdout = sys.stderr
    assert sys.stdout is before


def test_report_is_printed_whatever_another_thread_has_put_there(capsys: pytest.CaptureFixture[str]) -> None:
    redirected, printed = threading.Event(), threading.Event()

    def revise() -> None:
        with printed_to_stderr(), redirect_stdout(io.StringIO()):
            redirected.set()
            printed.wait(5)

    with stdout_by_thread(), ThreadPoolExecutor(1) as threads:
        revising = threads.submit(revise)
        assert redirected.wait(5)
        print_text("a line of the report")
        printed.set()
        revising.result()
    assert capsys.readouterr().out == "a line of the report\n"


def test_stdout_is_as_it_was_whichever_thread_ends_first() -> None:
    before, inner, ended = sys.stdout, threading.Event(), threading.Event()

    def other() -> None:
        with printed_to_stderr():
            inner.set()
            ended.wait(5)

    with ThreadPoolExecutor(1) as threads:
        with stdout_by_thread():
            running = threads.submit(other)
            assert inner.wait(5)
        assert sys.stdout is not before
        ended.set()
        running.result()
    assert sys.stdout is before


def test_block_within_a_block_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with printed_to_stderr():
        with printed_to_stderr():
            pass
        print("still here")
    assert capsys.readouterr() == ("", "still here\n")


def test_models_that_two_threads_ask_for_leave_stdout_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lnschema_asked"
    folder.mkdir()
    (folder / "__init__.py").write_text("print('imported')\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = sys.stdout
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: import_models("lnschema_asked", folder), range(200)))
    assert len(found) == 200
    assert sys.stdout is before
