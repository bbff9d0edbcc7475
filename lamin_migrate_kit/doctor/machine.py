"""Python, packages, git, disk and ports."""

from __future__ import annotations

import platform
import re
import shutil
import socket
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from lamin_migrate_kit.doctor.model import Check, State
from lamin_migrate_kit.fingerprint import installed_packages, packages_hash
from lamin_migrate_kit.settings import Settings

_GROUP = "this machine"
_OLDEST_PYTHON = (3, 11)
_NEWEST_PYTHON = (3, 14)
_NEEDED_BYTES = 1 << 30
_LOCK = Path("requirements") / "runtime.txt"


def check_machine(settings: Settings) -> tuple[Check, ...]:
    """What every way of working needs."""
    return (check_python(), check_packages(settings), check_git(settings), check_disk(settings), check_ports())


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> Check:
    """Whether this Python is one that the kit is tested with."""
    found = f"{platform.python_version()} at {sys.executable}"
    if version < _OLDEST_PYTHON:
        return Check(
            _GROUP, "Python", State.BROKEN, f"{found}; 3.11 or later is needed", "PYTHON=... ./scripts/bootstrap"
        )
    late = "" if version <= _NEWEST_PYTHON else "; newer than any that the kit is tested with"
    return Check(_GROUP, "Python", State.READY, found + late)


def check_packages(settings: Settings) -> Check:
    """Whether what the kit needs is installed, in a checkout of the kit in the locked versions."""
    installed = installed_packages("lamin_migrate_kit")
    lacking = _lacking(installed)
    if lacking:
        return Check(
            _GROUP, "packages", State.BROKEN, f"missing: {', '.join(lacking)}", "pip install lamin_migrate_kit"
        )
    lock = _find_lock(settings.root)
    if lock is None:
        return Check(_GROUP, "packages", State.READY, f"{len(installed)} packages, hash {packages_hash()}")
    other = sorted(
        f"{name} {installed[name]}" for name, locked in _locked(lock).items() if installed.get(name, locked) != locked
    )
    if other:
        return Check(_GROUP, "packages", State.BROKEN, f"not as locked: {', '.join(other)}", "./scripts/bootstrap")
    return Check(_GROUP, "packages", State.READY, f"{len(installed)} packages as locked, hash {packages_hash()}")


def check_git(settings: Settings) -> Check:
    """Whether git knows this folder; the kit does without, and then has no history to learn renames from."""
    if shutil.which("git") is None:
        return Check(_GROUP, "git", State.MISSING, "not installed", "sudo apt-get install git")
    asked = ["git", "-C", str(settings.root), "rev-parse", "--show-toplevel"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return Check(_GROUP, "git", State.READY, done.stdout.strip())
    if "dubious ownership" in done.stderr:
        trust = f"git config --global --add safe.directory {settings.root}"
        return Check(_GROUP, "git", State.MISSING, "the checkout belongs to another user", trust)
    return Check(_GROUP, "git", State.MISSING, "this folder is in no repository", "git init")


def check_disk(settings: Settings, needed: int = _NEEDED_BYTES) -> Check:
    """Whether there is room for scratch databases."""
    free = shutil.disk_usage(settings.root).free
    found = f"{free / (1 << 30):.1f} GiB free at {settings.root}"
    if free < needed:
        return Check(_GROUP, "disk", State.BROKEN, f"{found}; 1 GiB is needed", "docker system df; df -h")
    return Check(_GROUP, "disk", State.READY, found)


def check_ports() -> Check:
    """Whether a program may listen on this machine; which port it is does not matter."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return Check(_GROUP, "ports", State.READY, "free ones on 127.0.0.1; the kit takes no fixed port")
    except OSError as error:
        return Check(
            _GROUP, "ports", State.MISSING, f"nothing may listen on 127.0.0.1: {error}", "ss --listening --tcp"
        )


def _lacking(installed: dict[str, str]) -> list[str]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = (Requirement(line) for line in requires("lamin_migrate_kit") or ())
    needed = (one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""}))
    return [
        str(one)
        for one in needed
        if not one.specifier.contains(installed.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]


def _find_lock(root: Path) -> Path | None:
    """The lock of the kit's own checkout, if we are in one."""
    return next((folder / _LOCK for folder in (root, *root.parents) if _is_kit(folder)), None)


def _is_kit(folder: Path) -> bool:
    return (folder / _LOCK).is_file() and (folder / "lamin_migrate_kit" / "doctor").is_dir()


def _locked(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock.read_text("utf-8"), re.MULTILINE))
