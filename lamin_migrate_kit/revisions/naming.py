"""Names of revision files: `{YYYY-MM-DD}-{revision}-v{version}.py`, with `x_x_x` until a release contains it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

UNRELEASED = "x_x_x"
UNRELEASED_DOC = "vX.X.X."

_FILENAME = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})-(?P<id>\w+)-v(?P<version>[^\s/]+)\.py")


@dataclass(frozen=True, slots=True)
class RevisionName:
    """What a file name says.

    Attributes:
        date: As `2023-02-16`.
        id: The revision.
        version: The release that contains it, such as `1.0.0`; None when none does yet.
    """

    date: str
    id: str
    version: str | None


def revision_filename(date: str, id: str, version: str | None) -> str:
    """The name of a revision's file.

    A version's dots become underscores; everything else of a PEP 440 version in its normal form (`2!1.0rc1.post1+x.y`)
    stays, so that `parse_filename` gives it back.

    Args:
        date: As `2023-02-16`.
        id: The revision.
        version: The release that contains it, in its normal form; None for an unreleased one.
    """
    return f"{date}-{id}-v{version.replace('.', '_') if version else UNRELEASED}.py"


def parse_filename(filename: str) -> RevisionName | None:
    """Read a file name; None when it does not follow the convention, as those that Alembic chooses."""
    found = _FILENAME.fullmatch(filename)
    if found is None:
        return None
    version = found["version"]
    released = None if version.lower() == UNRELEASED else version.replace("_", ".")
    return RevisionName(found["date"], found["id"], released)


def revision_doc(version: str | None) -> str:
    """The first line of a revision's docstring: `v1.0.0.`, or `vX.X.X.` while it is unreleased."""
    return f"v{version}." if version else UNRELEASED_DOC


def new_revision_id() -> str:
    """A new random revision: 12 hexadecimal digits, as Alembic makes them."""
    return uuid.uuid4().hex[-12:]
