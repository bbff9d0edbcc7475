"""Where the code of the previous release is: installed, or in git at its tag or at the commit that set its version."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.assignments import find_bindings, parse_python
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.temporary import temporary_folder

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

_SECONDS = 60


class NoOldCode(MigrateKitError):
    """The previous release's code is not to be had."""


@dataclass(frozen=True, slots=True)
class OldCode:
    """The previous release's package.

    Attributes:
        version: Its version.
        folder: The package's folder.
        source: Where it is from, in words.
    """

    version: str
    folder: Path
    source: str


@contextmanager
def previous_release(module: SchemaModule) -> Iterator[OldCode]:
    """The package as it was released with the version that the checkout still has.

    Raises:
        NoOldCode: It is neither installed nor in git.
    """
    installed = _installed(module)
    if installed is not None:
        yield OldCode(module.version, installed, "installed")
        return
    commit, source = _commit(module)
    with temporary_folder("lamin-migrate-old-") as folder:
        yield OldCode(module.version, _extracted(module, commit, folder), source)


def _installed(module: SchemaModule) -> Path | None:
    """Another copy of the package on this interpreter's path that says it is this version."""
    parts = module.package.split(".")
    for entry in sys.path:
        folder = Path(entry or ".").joinpath(*parts)
        init_file = folder / "__init__.py"
        if init_file.is_file() and folder.resolve() != module.folder.resolve():
            return folder if _version_in(init_file.read_bytes()) == module.version else None
    return None


def _commit(module: SchemaModule) -> tuple[str, str]:
    """(commit, where it is from)."""
    for tag in (f"v{module.version}", module.version, f"{module.package}-{module.version}"):
        found = _git(module, "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}^{{commit}}")
        if found:
            return found.decode().strip(), f"git tag {tag}"
    commit = _that_set_the_version(module)
    if commit is None:
        raise NoOldCode(
            f"the code of {module.version} is not installed, and git has neither a tag v{module.version} nor a commit"
            " that set that version"
        )
    return commit, f"git commit {commit[:10]}"


def _that_set_the_version(module: SchemaModule) -> str | None:
    """Of the newest run of commits that say this version, the oldest one."""
    oldest: str | None = None
    for path in module.version_files:
        listed = _git(module, "log", "--format=%H", "--", str(path)) or b""
        for commit in listed.decode().split():
            content = _git(module, "show", f"{commit}:./{path.name}", folder=path.parent) or b""
            if _says(content, path, module.version):
                oldest = commit
            elif oldest is not None:
                break
        if oldest is not None:
            return oldest
    return None


def _says(content: bytes, path: Path, version: str) -> bool:
    if path.suffix == ".toml":
        return f'version = "{version}"'.encode() in content.replace(b"'", b'"')
    return _version_in(content) == version


def _version_in(source: bytes) -> str | None:
    try:
        bindings = find_bindings(parse_python(source, "__init__.py"), "__version__")
    except MigrateKitError:
        return None
    return bindings[-1].value if bindings else None


def _extracted(module: SchemaModule, commit: str, folder: Path) -> Path:
    """The package's folder as it was at a commit."""
    parts = module.package.split(".")
    archive = _git(module, "archive", "--format=tar", commit, "--", ".", folder=module.folder)
    if archive is None:
        raise NoOldCode(f"the package was somewhere else at {commit[:10]}, which set {module.version}")
    target = folder.joinpath(*parts)
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        # Pythons before 3.11.4 have no filters; what git archives of the author's own repository is safe without.
        if hasattr(tarfile, "data_filter"):
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(target)  # noqa: S202  (see above)
    return target


def _git(module: SchemaModule, *arguments: str, folder: Path | None = None) -> bytes | None:
    """What git prints; None when it fails, or is not there."""
    command = ["git", "--no-optional-locks", "-C", str(folder or module.folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
