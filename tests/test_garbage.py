"""Garbage collection is off where much is made, and as it was afterwards."""

from __future__ import annotations

import gc

from lamin_migrate_kit.garbage import seldom_collected, uncollected


def test_blocks_of_several_threads_overlap() -> None:
    first, second = uncollected(), uncollected()
    assert gc.isenabled()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_a_command_collects_seldom() -> None:
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before
