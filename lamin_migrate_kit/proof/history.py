"""Proofs that read files only: the chain of revisions, their names, and what a release contains."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.proof.source import finding_from
from lamin_migrate_kit.report.model import Finding, Status
from lamin_migrate_kit.revisions.checksums import Tampered, verify_checksums
from lamin_migrate_kit.revisions.history import History, Revision
from lamin_migrate_kit.revisions.naming import parse_filename, revision_doc, revision_filename

if TYPE_CHECKING:
    from packaging.version import Version

    from lamin_migrate_kit.schema_module import SchemaModule


@proves("history", "revisions are one chain with one head")
def prove_history(module: SchemaModule, read: Callable[[], History]) -> Outcome:
    """The revision files can be read, and follow one another without a fork or a gap.

    Args:
        module: Whose files they are.
        read: As `read_history` does; what it returns is needed again.
    """
    try:
        history = read()
    except RevisionError as error:
        return Outcome.of((finding_from(error, module),), "")
    total, unreleased = len(history.revisions), len(history.unreleased)
    return Outcome(Status.PASSED, f"{counted(total, 'revision')}, {unreleased} unreleased")


@proves("names", "names, docstrings, _migration and __version__ agree")
def prove_names(module: SchemaModule, history: History) -> Outcome:
    """What files are called, and what the package says of itself, is what the revisions are."""
    findings = [
        *(finding for revision in history.revisions for finding in _wrong_names(module, revision)),
        *_wrong_order(module, history),
        *_wrong_migration(module, history),
        *_wrong_version(module, history),
    ]
    return Outcome.of(tuple(findings), f"{history.head.id if history.head else 'no revision'}, {module.version}")


@proves("checksums", "released revisions are as they were released")
def prove_checksums(module: SchemaModule, history: History) -> Outcome:
    """No revision that a release contains has changed since, going by the committed checksums."""
    try:
        tampered = verify_checksums(module, history)
    except RevisionError as error:
        return Outcome.of((finding_from(error, module),), "")
    unrecorded = [one for one in tampered if one.problem == "unrecorded"]
    changed = [_changed(module, one) for one in tampered if one.problem != "unrecorded"]
    if changed:
        return Outcome.of(tuple(changed), "")
    if unrecorded:
        return Outcome(Status.NOT_PROVEN, f"{counted(len(unrecorded), 'revision')} without a checksum")
    return Outcome(Status.PASSED, counted(len(history.released), "revision"))


def _move(shown: str, name: str) -> str:
    """The command that gives a file another name in its folder."""
    return shlex.join(["git", "mv", shown, f"{shown.rpartition('/')[0]}/{name}"])


def _wrong_names(module: SchemaModule, revision: Revision) -> Iterator[Finding]:
    shown = module.shown(revision.path)
    name = parse_filename(revision.path.name)
    if name is None:
        if module.schema_id is not None:
            wanted = revision_filename("YYYY-MM-DD", revision.id, revision.version)
            yield Finding(
                f"The file of revision {revision.id} is not named by the convention.",
                revision.id,
                shown,
                next_command=_move(shown, wanted),
            )
        return
    if name.id != revision.id:
        wanted = revision_filename(name.date, revision.id, name.version)
        yield Finding(
            f"The file name says {name.id}, and the revision in it is {revision.id}.",
            revision.id,
            shown,
            next_command=_move(shown, wanted),
        )
    first = next(iter(revision.doc.splitlines()), "").strip()
    if first != revision_doc(revision.version):
        yield Finding(
            f"The docstring begins with {first!r}, and the file name makes it {revision_doc(revision.version)!r}.",
            revision.id,
            shown,
            1,
            next_command=f'make the first line of {shown}: """{revision_doc(revision.version)}"""',
        )


def _wrong_order(module: SchemaModule, history: History) -> Iterator[Finding]:
    """Released revisions come first, and their versions only rise."""
    for before, after in pairwise(history.revisions):
        earlier, later = _version(before.version), _version(after.version)
        if before.version is None and after.version is not None:
            message = f"{after.id} was released with {after.version}, and follows {before.id}, which is unreleased."
        elif earlier and later and later < earlier:
            message = f"{after.id} belongs to {after.version}, and follows {before.id} of {before.version}."
        else:
            continue
        yield Finding(message, after.id, module.shown(after.path))


def _wrong_migration(module: SchemaModule, history: History) -> Iterator[Finding]:
    head = history.head.id if history.head else None
    if module.schema_id is None and module.migration is None:
        return  # a package that only has Alembic
    if module.migration != head:
        said = f'"{module.migration}"' if module.migration else "None"
        line = f'_migration = "{head}"' if head else "_migration = None"
        yield Finding(
            f"_migration is {said}, and the newest revision is {head or 'not there'}.",
            head,
            module.shown(module.init_file),
            module.migration_line,
            next_command=f"write into {module.shown(module.init_file)}: {line}",
        )


def _wrong_version(module: SchemaModule, history: History) -> Iterator[Finding]:
    file = module.shown(module.version_files[0]) if module.version_files else None
    here = _version(module.version)
    if here is None:
        yield Finding(f"__version__ is {module.version!r}, which is no version (PEP 440).", file=file)
        return
    newest = next((one for one in reversed(history.revisions) if one.version), None)
    there = _version(newest.version) if newest else None
    if newest and there and here < there:
        yield Finding(
            f"__version__ is {module.version}, and revision {newest.id} was released with {newest.version}.",
            newest.id,
            file,
            next_command=f'write into {file or "pyproject.toml"}: __version__ = "{newest.version}"',
        )


def _changed(module: SchemaModule, one: Tampered) -> Finding:
    shown = module.shown(one.path) if one.path else None
    wanted = shown or module.shown(module.versions_folder)
    return Finding(
        one.message,
        one.id,
        shown,
        next_command=f"git log -p -- {wanted}   # what it was; what is to change goes into a new revision",
    )


def _version(text: str | None) -> Version | None:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text) if text else None
    except InvalidVersion:
        return None
