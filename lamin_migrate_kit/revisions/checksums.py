"""Checksums of released revisions in a committed file, so that a change to one of them is seen.

A released revision has run on instances; changing it afterwards makes new instances differ from old ones. The file
`migrations/checksums.txt` has a line `<sha256>  <revision>  <version>` for each, in the order of the history. It goes
by the revision and not by the file name, and by the text and not by its line ends, which git may have changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lamin_migrate_kit.errors import RevisionError

if TYPE_CHECKING:
    from lamin_migrate_kit.revisions.history import History, Revision
    from lamin_migrate_kit.schema_module import SchemaModule

_HEADER = "# Released revisions must not change; `invoke release` adds to this file, `invoke ci` compares.\n"
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})\s+(?P<id>\w+)\s+(?P<version>\S+)")


@dataclass(frozen=True, slots=True)
class Checksum:
    """One line of the file.

    Attributes:
        id: The revision.
        version: The release that contains it.
        sha256: Of its text with line ends `\\n`, in hexadecimal.
    """

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Tampered:
    """A released revision that is not as it was released.

    Attributes:
        id: The revision.
        problem: `changed`: its text differs. `missing`: there is no such revision any more. `unreleased`: its name says
            again that it is unreleased. `unrecorded`: it says that it is released, and no checksum was kept.
        path: Its file; None when that is missing.
        message: The same in a sentence.
    """

    id: str
    problem: Literal["changed", "missing", "unreleased", "unrecorded"]
    path: Path | None
    message: str


def checksum(content: bytes) -> str:
    """The sha256 of a file's text, whatever its line ends."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).hexdigest()


def read_checksums(module: SchemaModule) -> dict[str, Checksum]:
    """The recorded checksums by revision; empty when the file is not there.

    Raises:
        RevisionError: A line is none of ours, as after a merge conflict; names the line.
    """
    try:
        text = module.checksums_file.read_bytes().decode("utf-8-sig", "replace")
    except FileNotFoundError:
        return {}
    found: dict[str, Checksum] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = _LINE.fullmatch(line.strip())
        if fields is None or fields["id"] in found:
            shown = module.shown(module.checksums_file)
            what = "is listed twice" if fields else "is no line `<sha256>  <revision>  <version>`"
            raise RevisionError(
                f"Line {number} of {shown} {what}.",
                where=f"{shown}:{number}",
                details=line,
                next_command=f"git log -p -- {shown}   # what it was",
            )
        found[fields["id"]] = Checksum(fields["id"], fields["version"], fields["sha256"])
    return found


def render_checksums(checksums: Mapping[str, Checksum]) -> bytes:
    """The file's bytes, in the order of the mapping."""
    lines = [f"{one.sha256}  {one.id}  {one.version}\n" for one in checksums.values()]
    return (_HEADER + "".join(lines)).encode()


def verify_checksums(module: SchemaModule, history: History) -> tuple[Tampered, ...]:
    """Compare the released revisions with what was recorded when they were released.

    A history whose releases were all made before there were checksums has none; every released revision is then
    `unrecorded`.

    Raises:
        RevisionError: The file of checksums cannot be read.
    """
    recorded = read_checksums(module)
    return tuple(_tampered(module, history, recorded))


def _tampered(module: SchemaModule, history: History, recorded: Mapping[str, Checksum]) -> Iterator[Tampered]:
    revisions = {revision.id: revision for revision in history.revisions}
    for one in recorded.values():
        revision = revisions.get(one.id)
        if revision is None:
            yield Tampered(
                one.id, "missing", None, f"Revision {one.id} was released with {one.version} and is not there."
            )
        elif revision.version is None:
            message = f"{revision.path.name} was released with {one.version}, and its name says unreleased."
            yield Tampered(one.id, "unreleased", revision.path, message)
        elif checksum(revision.path.read_bytes()) != one.sha256:
            message = f"{module.shown(revision.path)} has changed since it was released with {one.version}."
            yield Tampered(one.id, "changed", revision.path, message)
    yield from (_unrecorded(module, revision) for revision in history.released if revision.id not in recorded)


def _unrecorded(module: SchemaModule, revision: Revision) -> Tampered:
    shown = module.shown(revision.path)
    return Tampered(revision.id, "unrecorded", revision.path, f"{shown} says that it is released, and has no checksum.")
