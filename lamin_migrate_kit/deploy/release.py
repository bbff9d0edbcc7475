"""A release of a schema module as an instance knows it: a version and the migration that it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import SchemaModuleError

if TYPE_CHECKING:
    from lamin_migrate_kit.revisions.history import History
    from lamin_migrate_kit.schema_module import SchemaModule

_UNRELEASED = "unreleased"


@dataclass(frozen=True, slots=True)
class Release:
    """What an instance is at, or is to be at.

    Attributes:
        version: The package's version; None when nothing says which one it was. Ends in `unreleased` when the
            migration is in no release yet.
        migration: The revision; None before the first one.
    """

    version: str | None
    migration: str | None

    def __str__(self) -> str:
        if self.migration is None:
            return "nothing"
        return f"{self.version or 'an unknown release'}/{self.migration}"

    @property
    def installable(self) -> str | None:
        """The version that `pip install` would find; None when there is none or it is not known."""
        return None if self.unreleased else self.version

    @property
    def unreleased(self) -> bool:
        """Whether a checkout was, or would be, deployed."""
        return self.version is not None and self.version.endswith(_UNRELEASED)


def packaged_release(module: SchemaModule, history: History) -> Release:
    """What the package at hand wants an instance to be at.

    Raises:
        SchemaModuleError: `_migration` names another revision than the newest file.
    """
    head = history.head
    if module.migration is not None and module.migration != (head.id if head else None):
        raise SchemaModuleError(
            f"{module.package} says that its migration is {module.migration}, and its newest revision file is"
            f" {head.id if head else 'missing'}.",
            where=str(module.folder / "__init__.py"),
            next_command="invoke ci   # in the package's repository, before it is released",
        )
    if head is None:
        return Release(module.version, None)
    return Release(module.version if head.version else f"{module.version}+{_UNRELEASED}", head.id)


def release_of(history: History, migration: str) -> Release:
    """The release that a revision came with, as its file says it: what is known of an instance without a record."""
    revision = history.get(migration)
    if revision is None:
        return Release(None, migration)
    return Release(revision.version or _UNRELEASED, migration)


def install_command(module: SchemaModule, release: Release) -> str:
    """The command that installs the package which fits an instance at this release."""
    if release.installable:
        return f"pip install {module.package}=={release.installable}"
    return f"pip install the release of {module.package} that ends with the migration {release.migration}"
