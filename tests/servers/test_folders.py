"""Where servers keep things, and under which account."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamin_migrate_kit.servers import folders
from lamin_migrate_kit.servers.folders import Account
from lamin_migrate_kit.settings import Settings


def test_an_account_passes_only_open_folders(shared_folder: Path) -> None:
    stranger = Account(uid=12345, gid=12345)
    inner = shared_folder / "inner"
    inner.mkdir(mode=0o755)
    program = inner / "program"
    program.touch(mode=0o755)
    assert stranger.can_use(program)
    inner.chmod(0o700)
    assert not stranger.can_use(program)
    inner.chmod(0o755)
    program.chmod(0o600)
    assert not stranger.can_use(program)
    assert not stranger.can_use(inner / "missing")


def test_two_worktrees_of_one_name_never_share_a_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "kit", tmp_path / "b" / "kit"
    settings = [Settings(root=root, state_home=tmp_path / "state") for root in (one, two)]
    names = {folders._project_name(one.root) for one in settings}
    assert len(names) == 2


def test_looking_for_a_development_server_makes_no_folder(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_home=tmp_path / "state")
    assert folders.find_state_folder(settings) is None
    assert not (tmp_path / "state").exists()


def test_a_kept_folder_that_somebody_else_made_is_not_used(
    shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder for somebody else")
    monkeypatch.setattr("tempfile.tempdir", str(shared_folder))
    planted = shared_folder / f"lamin_migrate_kit-{os.geteuid()}-kept"
    planted.mkdir()
    os.chown(planted, 65534, 65534)
    assert not folders._ours(planted)


@pytest.mark.parametrize(("folder", "fits"), [("/tmp/" + "x" * 84, True), ("/tmp/" + "x" * 85, False), ("/a,b", False)])
def test_a_socket_needs_a_short_path_without_commas(folder: str, fits: bool) -> None:
    assert folders.socket_fits(Path(folder)) is fits
