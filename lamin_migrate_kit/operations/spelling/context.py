"""What every spelling may look at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, ObjectKey
from lamin_migrate_kit.catalog.quoting import stored_object_name
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
        shared_names: (schema, name) of constraints of which several tables have one: the server would choose another.
    """

    current: Catalog
    desired: Catalog
    version: int
    author_types: TypeWords
    answers: Answers
    exact_names: bool = False
    shared_names: frozenset[tuple[str, str]] = frozenset()

    def column_type(self, column: Column) -> tuple[str, frozenset[str]] | None:
        """Python for a column's type: the author's own, else what the server's spelling means."""
        derived = type_words(column.type, self.desired)
        if derived and any(named in derived for named in ("postgresql.ENUM(", "postgresql.DOMAIN(")):
            return derived, needed_imports(derived)
        found = self.author_types(column)
        if found:
            return found
        return (derived, needed_imports(derived)) if derived else None

    def is_new(self, table: ObjectKey) -> bool:
        """Whether a table is only on the desired side, so that it has no rows yet."""
        return table not in self.current.objects

    def not_null_name(self, column: Column) -> str | None:
        """The name to spell out with NOT NULL; None where the server may choose it."""
        if not self.exact_names or self.version < 180000:
            return None
        shared = (column.key.schema, not_null_name(column)) in self.shared_names
        return not_null_name(column) if shared or column.not_null_name else None


def not_null_name(column: Column) -> str:
    """The name of 18's not-null constraint, also when it is the one that the server chooses."""
    return column.not_null_name or stored_object_name(column.key.name, column.key.part, "not_null")


def find_shared_names(*catalogs: Catalog) -> frozenset[tuple[str, str]]:
    """See `Context.shared_names`."""
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for catalog in catalogs:
        for constraint in (*catalog.of(Constraint), *catalog.inherited):
            owners[constraint.key.schema, constraint.key.part].add(constraint.key.name)
        for column in catalog.of(Column):
            if column.not_null:
                owners[column.key.schema, not_null_name(column)].add(column.key.name)
    return frozenset(name for name, tables in owners.items() if len(tables) > 1)


def no_author_types(column: Column) -> None:
    """For comparisons of two databases, where there are no models."""
