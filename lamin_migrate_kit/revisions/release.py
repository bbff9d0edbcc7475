"""A release as a plan of file changes: shown as a diff, then made all together or not at all.

The proofs are not run here; the task runs them before it applies the plan.
"""

from __future__ import annotations

import ast
import difflib
import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from lamin_migrate_kit.assignments import byte_span, set_assignments
from lamin_migrate_kit.errors import ReleaseError
from lamin_migrate_kit.file_set import FileChange, FileSet
from lamin_migrate_kit.revisions.checksums import Checksum, checksum, read_checksums, render_checksums
from lamin_migrate_kit.revisions.naming import parse_filename, revision_doc, revision_filename

if TYPE_CHECKING:
    from lamin_migrate_kit.revisions.history import History, Revision
    from lamin_migrate_kit.schema_module import SchemaModule

_BOM = b"\xef\xbb\xbf"
_UNRELEASED_DOC = re.compile(r"\bv[xX]\.[xX]\.[xX]\b")


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What a release changes.

    Attributes:
        module: As it is before.
        version: In its normal form.
        revisions: The ids that the release contains.
        changes: What happens to each file.
    """

    module: SchemaModule
    version: str
    revisions: tuple[str, ...]
    changes: tuple[FileChange, ...]

    def diff(self) -> str:
        """The changes as a unified diff in git's form, which `git apply` takes; paths relative to the project."""
        return "".join(line for change in self.changes for line in _diff(self.module, change))


def plan_release(
    module: SchemaModule,
    history: History,
    version: str,
    *,
    no_migration: bool = False,
    allow_dirty: bool = False,
) -> ReleasePlan:
    """Plan a release; changes nothing.

    Args:
        module: The schema module.
        history: Its revisions; all unreleased ones get the version.
        version: As typed, such as `1.0.0`.
        no_migration: Release although there is no unreleased revision.
        allow_dirty: Release although the files to change have uncommitted changes.

    Raises:
        ReleaseError: The release is refused; each reason has its own message.
        RevisionError: The recorded checksums cannot be read.
    """
    number = _checked_version(module, version)
    if not history.unreleased and not no_migration:
        raise ReleaseError(
            f"There is no unreleased revision, so {number} would contain no migration.",
            where=module.shown(module.versions_folder),
            next_command=f"invoke release {number} --no-migration   # to release all the same\n"
            "invoke migrate.generate   # when the models have changed",
        )
    if not module.version_files:
        raise ReleaseError(
            f"No file sets the version of {module.package} as a plain string, so there is nothing to set to {number}.",
            where=module.shown(module.init_file),
            next_command=f"write into {module.shown(module.init_file)}, as its only line that sets the version:\n"
            f'__version__ = "{module.version}"',
        )
    revisions = tuple(_released(module, revision, number) for revision in history.unreleased)
    versions = tuple(_versioned(module, path, number) for path in module.version_files)
    checksums = _with_checksums(module, history, revisions, number)
    changes = tuple(change for change in (*versions, *revisions, checksums) if change.before != change.after)
    if not allow_dirty:
        _refuse_uncommitted(module, changes, number)
    return ReleasePlan(module, number, tuple(one.id for one in history.unreleased), changes)


def apply_release(plan: ReleasePlan) -> None:
    """Make a plan's changes: all of them, or none.

    Raises:
        WriteError: A file has changed since the plan was made, would be overwritten, or cannot be written.
    """
    files = FileSet(plan.module.folder)
    for change in plan.changes:
        files.add(change)
    files.commit()


def _checked_version(module: SchemaModule, version: str) -> str:
    try:
        wanted = Version(version)
    except InvalidVersion as error:
        raise ReleaseError(
            f"{version!r} is no version as PEP 440 defines them.",
            next_command=f"invoke release {_next_version(module.version)}",
        ) from error
    try:
        current = Version(module.version)
    except InvalidVersion as error:
        raise ReleaseError(
            f"The current version {module.version!r} is no version as PEP 440 defines them, so nothing is greater.",
            where=", ".join(module.shown(path) for path in module.version_files),
            next_command='correct it, for example to "0.0.0", and commit',
        ) from error
    if wanted <= current:
        raise ReleaseError(
            f"{wanted} is not greater than the current version {current}.",
            where=", ".join(module.shown(path) for path in module.version_files) or None,
            next_command=f"invoke release {_next_version(module.version)}",
        )
    return str(wanted)


def _next_version(version: str) -> str:
    """The next minor version, as an example to type."""
    try:
        current = Version(version)
    except InvalidVersion:
        return "1.0.0"
    epoch = f"{current.epoch}!" if current.epoch else ""
    return f"{epoch}{current.major}.{current.minor + 1}.0"


def _released(module: SchemaModule, revision: Revision, version: str) -> FileChange:
    """A revision gets the version in its name and its docstring; one named in Alembic's way only in its checksum."""
    before = revision.path.read_bytes()
    name = parse_filename(revision.path.name)
    if name is None:
        return FileChange(revision.path, before, _with_doc(before, version) or before)
    after = _with_doc(before, version)
    if after is None:
        raise ReleaseError(
            f"The docstring of {revision.path.name} does not say vX.X.X, so the version has no place in it.",
            where=f"{module.shown(revision.path)}:1",
            next_command=f'write as the first line of {module.shown(revision.path)}:\n"""vX.X.X."""',
        )
    target = revision.path.with_name(revision_filename(name.date, name.id, version))
    return FileChange(revision.path, before, after, target)


def _with_doc(source: bytes, version: str) -> bytes | None:
    """The file with the version in its docstring, every other byte as it was; None when it says no vX.X.X."""
    tree = ast.parse(source)
    first = tree.body[0] if tree.body else None
    literal = first.value if isinstance(first, ast.Expr) else None
    if not isinstance(literal, ast.Constant) or not isinstance(literal.value, str):
        return None
    end = (literal.end_lineno or literal.lineno, literal.end_col_offset or literal.col_offset)
    start, stop = byte_span(source, (literal.lineno, literal.col_offset, *end))
    written = source[start:stop].decode("latin-1")  # a byte stays a byte
    found = _UNRELEASED_DOC.search(written)
    if found is None:
        return None
    doc = revision_doc(version).removesuffix(".")
    return source[:start] + (written[: found.start()] + doc + written[found.end() :]).encode("latin-1") + source[stop:]


def _versioned(module: SchemaModule, path: Path, version: str) -> FileChange:
    before = path.read_bytes()
    if path == module.init_file:
        return FileChange(path, before, set_assignments(before, {"__version__": version}, where=module.shown(path)))
    return FileChange(path, before, _with_project_version(module, before, version))


def _with_project_version(module: SchemaModule, source: bytes, version: str) -> bytes:
    """pyproject.toml with another `[project] version`, everything else as it was."""
    import tomlkit

    bom, text = source[: len(source) - len(source.removeprefix(_BOM))], source.decode("utf-8-sig")
    document = tomlkit.parse(text)
    project = document["project"]
    literal = "'" in project["version"].as_string()[:1]
    project["version"] = tomlkit.string(version, literal=literal)
    after = tomlkit.dumps(document)
    expected = tomllib.loads(text)
    expected["project"]["version"] = version
    if tomllib.loads(after) != expected:
        raise ReleaseError(
            "pyproject.toml is written in a way that its version cannot be set without changing more.",
            where=module.shown(module.root / "pyproject.toml"),
            next_command=f'write it as:\n[project]\nversion = "{module.version}"',
        )
    return bom + after.encode()


def _with_checksums(module: SchemaModule, history: History, released: Sequence[FileChange], version: str) -> FileChange:
    """The file of checksums with the revisions of this release, and with earlier ones that were never recorded."""
    recorded = read_checksums(module)
    contents = {change.path: change.after for change in released}
    checksums = dict(recorded)
    for revision in history.revisions:
        if revision.id not in recorded:
            content = contents.get(revision.path) or revision.path.read_bytes()
            checksums[revision.id] = Checksum(revision.id, revision.version or version, checksum(content))
    path = module.checksums_file
    before = path.read_bytes() if path.exists() else None
    after = render_checksums(checksums)
    if before is not None and b"\r\n" in before:
        after = after.replace(b"\n", b"\r\n")
    # An unchanged set of checksums leaves the file alone, whatever its comments.
    return FileChange(path, before, before if checksums == recorded and before is not None else after)


def _refuse_uncommitted(module: SchemaModule, changes: Sequence[FileChange], version: str) -> None:
    """Refuse when git knows of uncommitted changes to the files. Outside of a git checkout there are none."""
    if not any((folder / ".git").exists() for folder in (module.root, *module.root.parents)):
        return
    paths = [str(change.path) for change in changes if change.before is not None]
    command = ["git", "--no-optional-locks", "-c", "core.quotepath=off", "status", "--porcelain", "--", *paths]
    try:
        done = subprocess.run(
            command, cwd=module.root, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
        problem = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        raise ReleaseError(
            "git cannot say whether the files to change have uncommitted changes.",
            where=str(module.root),
            details=problem,
            next_command=f"invoke release {version} --allow-dirty   # to release all the same",
        )
    if done.stdout.strip():
        raise ReleaseError(
            "Files that the release changes have uncommitted changes.",
            where=str(module.root),
            details=done.stdout.rstrip(),
            next_command="git commit   # what belongs to the release\n"
            f"invoke release {version} --allow-dirty   # to release all the same",
        )


def _diff(module: SchemaModule, change: FileChange) -> Iterator[str]:
    """One file's part of the diff."""
    old, new = module.shown(change.path), module.shown(change.target)
    yield f"diff --git a/{old} b/{new}\n"
    if change.before is None:
        yield "new file mode 100644\n"
    if old != new:
        yield f"similarity index {_similarity(change)}%\nrename from {old}\nrename to {new}\n"
    yield from _hunks(change, "/dev/null" if change.before is None else f"a/{old}", f"b/{new}")


def _hunks(change: FileChange, old: str, new: str) -> Iterator[str]:
    # A tab after a name with spaces is how git, and patch, know where the name ends.
    old, new = (f"{name}\t" if " " in name else name for name in (old, new))
    for line in difflib.unified_diff(_lines(change.before), _lines(change.after), old, new):
        yield line.rstrip("\n") + "\n" if line.startswith(("---", "+++")) else line
        if not line.endswith("\n"):
            yield "\n\\ No newline at end of file\n"


def _lines(content: bytes | None) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", (content or b"").decode("utf-8", "surrogateescape"))


def _similarity(change: FileChange) -> int:
    matcher = difflib.SequenceMatcher(None, _lines(change.before), _lines(change.after), autojunk=False)
    return int(matcher.ratio() * 100)
