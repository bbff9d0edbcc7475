"""What surrounds Alembic is put back as it was, whichever thread ends first."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import SAWarning

from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic, quiet_process


def test_what_revisions_print_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_alembic():
        print("of a revision")
    print("a document")
    assert capsys.readouterr() == ("a document\n", "of a revision\n")


def test_other_threads_go_on_to_print_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    quiet, printed = threading.Event(), threading.Event()

    def revise() -> None:
        with quiet_alembic():
            print("of a revision")
            quiet.set()
            printed.wait(5)
            print("of it again")

    with ThreadPoolExecutor(1) as threads:
        revising = threads.submit(revise)
        assert quiet.wait(5)
        print("a line of the report")
        printed.set()
        revising.result()
    assert capsys.readouterr() == ("a line of the report\n", "of a revision\nof it again\n")


def test_everything_is_as_it_was_when_the_first_ends_first() -> None:
    before = sys.stdout, list(warnings.filters), logging.getLogger("alembic").level
    inner = threading.Event()
    ended = threading.Event()

    def other() -> None:
        with quiet_process():
            inner.set()
            ended.wait(5)

    with ThreadPoolExecutor(1) as threads:
        with quiet_process():
            running = threads.submit(other)
            assert inner.wait(5)
        assert sys.stdout is not before[0]
        ended.set()
        running.result()
    assert (sys.stdout, list(warnings.filters), logging.getLogger("alembic").level) == before


def test_reflection_warnings_are_no_errors() -> None:
    with quiet_alembic():
        warnings.warn("did not recognize type", SAWarning, stacklevel=1)
    with pytest.raises(SAWarning):
        warnings.warn("did not recognize type", SAWarning, stacklevel=1)


def test_log_lines_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with quiet_alembic():
        logging.getLogger("alembic").error("Running upgrade")
    logging.getLogger("alembic").error("somebody else's")
    assert [record.message for record in caplog.records] == ["somebody else's"]
