"""Reads two versions of the models' source, one out of git, and compares them. Only here a git process is started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from lamin_migrate_kit.diff.renames.model import NO_SOURCE, SourceChange, SourceEvidence

_SECONDS = 20
"""How long a git command may take before there is no evidence instead."""

_VERSIONS = "migrations/versions"

_HOOK_VARIABLES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})


def read_source_evidence(folder: Path, *, bases: Sequence[str] | None = None) -> SourceEvidence:
    """What the source of a package's models says, compared with one or more base commits.

    Without git, a commit, or a checkout there is no evidence, and no error: evidence is a help, never a need.

    Args:
        folder: The package's folder.
        bases: Commits, the one to believe first; by default `find_bases`.
    """
    # What reads Python and compares names is loaded here: most commands never ask.
    from lamin_migrate_kit.source.classes import read_tables
    from lamin_migrate_kit.source.comparing import compare_sources

    found = find_bases(folder) if bases is None else tuple(bases)
    now = read_tables(_working_tree(folder)) if found else ()
    changes: dict[tuple[object, ...], SourceChange] = {}
    for base in found:
        for change in compare_sources(read_tables(dict(_files_at(folder, base))), now):
            changes.setdefault((change.kind, change.table, change.current, change.desired), change)
    return SourceEvidence(found[0][:12], tuple(changes.values())) if changes else NO_SOURCE


def find_bases(folder: Path) -> tuple[str, ...]:
    """The commits whose models the revisions probably make, the likeliest first.

    The one that added (or, at a release, renamed) the last revision file; the one that set `__version__` last; the last
    version tag.

    Args:
        folder: The package's folder.
    """
    if _git(folder, "rev-parse", "--is-inside-work-tree") is None:
        return ()
    log = ("log", "-n", "1", "--format=%H")
    commits = (
        _git(folder, *log, "--diff-filter=AR", "-M", "--", f":(glob){_VERSIONS}/*.py"),
        _git(folder, *log, "-G", r"^__version__\b", "--", "__init__.py"),
        _git(folder, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "--match", "[0-9]*"),
    )
    hashes = (
        _git(folder, "rev-parse", f"{commit.strip()}^{{commit}}") for commit in commits if commit and commit.strip()
    )
    return tuple(dict.fromkeys(text.strip() for text in hashes if text))


def _working_tree(folder: Path) -> dict[str, str]:
    files = {}
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if _may_hold_models(name):
            try:
                files[name] = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError):
                continue
    return files


def _files_at(folder: Path, commit: str) -> Iterator[tuple[str, str]]:
    listing = _git(folder, "ls-tree", "-r", "-z", "--name-only", commit, "--", ".") or ""
    listed = (name for name in listing.split("\0") if name.endswith(".py") and _may_hold_models(name))
    # One process reads all files; it takes a name a line.
    names = [name for name in listed if "\n" not in name]
    prefix = (_git(folder, "rev-parse", "--show-prefix") or "").strip("\n")
    asked = "".join(f"{commit}:{prefix}{name}\n" for name in names)
    answer = _run(folder, ("cat-file", "--batch"), asked.encode()) if asked else None
    if answer is not None:
        yield from zip(names, _contents(answer), strict=False)


def _contents(answer: bytes) -> Iterator[str]:
    """The files in the answer of `git cat-file --batch`: a line that ends in the size, the content, a line break."""
    start = 0
    while start < len(answer):
        end = answer.index(b"\n", start)
        header = answer[start:end].split()
        size = int(header[-1]) if header[-1].isdigit() else 0
        yield answer[end + 1 : end + 1 + size].decode("utf-8", "replace").removeprefix("\ufeff")
        start = end + 1 + (size + 1 if header[-1].isdigit() else 0)


def _may_hold_models(name: str) -> bool:
    parts = name.split("/")
    return not {"migrations", "tests", "test"} & set(parts) and not any(part.startswith(".") for part in parts)


def _git(folder: Path, *arguments: str) -> str | None:
    answer = _run(folder, arguments, b"")
    return None if answer is None else answer.decode("utf-8", "replace")


def _run(folder: Path, arguments: Sequence[str], given: bytes) -> bytes | None:
    """The output of a git command, or None when it fails for whatever reason."""
    # Inside a git hook these lead to another place than the package's folder.
    ours = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
    environment = {**ours, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_SECONDS, env=environment, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
