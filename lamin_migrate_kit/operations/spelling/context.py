"""What every spelling may look at."""

from __future__ import annotations

from dataclasses import dataclass

from lamin_migrate_kit.catalog.model import Catalog, Column, ObjectKey
from lamin_migrate_kit.operations.model import Answers
from lamin_migrate_kit.operations.types import TypeWords, needed_imports, type_words


@dataclass(frozen=True, slots=True)
class Context:
    """Both sides, the server's version, the author's words for types, and the answers given.

    Attributes:
        current: The catalog that the operations start from.
        desired: The catalog that they lead to.
        version: The lowest `server_version_num` that the statements must be valid on.
        author_types: The author's spelling of a desired column's type.
        answers: What was decided about changes that need more than DDL.
        exact_names: Whether the names of not-null constraints are spelled out.
    """

    current: Catalog
    desired: Catalog
    version: int
    author_types: TypeWords
    answers: Answers
    exact_names: bool = False

    def column_type(self, column: Column) -> tuple[str, frozenset[str]] | None:
        """Python for a column's type: the author's own, else what the server's spelling means."""
        derived = type_words(column.type, self.desired)
        if derived and "postgresql.ENUM(" in derived:
            return derived, needed_imports(derived)
        found = self.author_types(column)
        if found:
            return found
        return (derived, needed_imports(derived)) if derived else None

    def is_new(self, table: ObjectKey) -> bool:
        """Whether a table is only on the desired side, so that it has no rows yet."""
        return table not in self.current.objects


def no_author_types(column: Column) -> None:
    """For comparisons of two databases, where there are no models."""
