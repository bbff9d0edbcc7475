"""What a database contains, as frozen values.

A `Catalog` is flat: every object stands under its own `ObjectKey`, also columns, constraints and indexes, so that one
comparison and one ordering serve all kinds. Text (types, defaults, definitions) is spelled by the server with an empty
`search_path`, so every name in it is qualified.

Fields with `compare=False` are known, shown and used for ordering, and are no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar


class ObjectKey(NamedTuple):
    """The identity of an object in a catalog.

    `kind` is one of the words in `KINDS`; `schema` is empty for objects outside any schema; `part` is the name inside a
    table (column, constraint, trigger, policy, rule) or the types of a function's arguments.
    """

    kind: str
    schema: str
    name: str
    part: str = ""

    @property
    def table(self) -> ObjectKey:
        """The key of the relation that a column, constraint, trigger, policy or rule belongs to."""
        return ObjectKey("table", self.schema, self.name)

    def __str__(self) -> str:
        """Dotted, as in flags and messages: `core.notebook.v`."""
        if self.kind in ("function", "procedure", "aggregate"):
            return f"{self.schema}.{self.name}({self.part})"
        return ".".join(part for part in (self.schema, self.name, self.part) if part)


STANDARD_COMMENT = "standard public schema"


@dataclass(frozen=True, slots=True)
class Schema:
    """A Postgres namespace."""

    key: ObjectKey
    comment: str | None = None
    """None for `public` is the standard comment, which every new database has; empty is none at all."""


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension; objects that belong to it are part of it and not listed on their own."""

    key: ObjectKey
    schema: str
    version: str
    comment: str | None = field(default=None, compare=False)
    """A fact between two databases; models have no words for it."""
    standard_comment: bool = field(default=True, compare=False)
    """Whether the comment is the one that comes with the extension."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table without its columns, constraints and indexes, which stand on their own."""

    key: ObjectKey
    persistence: str = "p"
    """`p` permanent, `u` unlogged."""
    partition_key: str | None = None
    """As in `PARTITION BY <partition_key>`."""
    key_columns: tuple[str, ...] = ()
    """The columns that the partition key reads."""
    partition_of: ObjectKey | None = None
    partition_bound: str | None = None
    inherits: tuple[ObjectKey, ...] = ()
    options: tuple[str, ...] = ()
    """Storage parameters, `name=value`; those of the TOAST table with the prefix `toast.`. Their order is no fact."""
    row_security: bool = False
    force_row_security: bool = False
    replica_identity: str = "d"
    """`d` default, `n` nothing, `f` full, or `i:<index name>`."""
    access_method: str = "heap"
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class SequenceOptions:
    """What `CREATE SEQUENCE` takes. All in the units of the sequence's type."""

    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, partition or foreign table."""

    key: ObjectKey
    type: str
    """As the server spells it, with length, precision and array brackets: `character varying(5)[]`."""
    not_null: bool = False
    default: str | None = None
    generated: str = ""
    """`s` stored, `v` virtual (18); the expression is in `default`."""
    identity: str = ""
    """`a` always, `d` by default."""
    identity_options: SequenceOptions | None = None
    identity_sequence: str | None = field(default=None, compare=False)
    """The name of the identity's sequence, in the table's schema."""
    collation: str | None = None
    """Quoted and qualified, only when it is not the type's own."""
    storage: str | None = None
    """PLAIN, EXTERNAL, EXTENDED or MAIN, only when it is not the type's own."""
    type_storage: str = field(default="EXTENDED", compare=False)
    """The type's own, which has to be spelled out before 16."""
    compression: str | None = None
    statistics: int | None = None
    options: tuple[str, ...] = ()
    comment: str | None = None
    local: bool = True
    """Declared on this table; False when it only comes from a parent."""
    serial: ObjectKey | None = None
    """The sequence that the column owns and that its default reads, as `SERIAL` makes it."""
    not_null_name: str | None = field(default=None, compare=False)
    """The name of 18's not-null constraint, when it is not the one that the server would choose."""
    not_null_no_inherit: bool = False
    not_null_valid: bool = True
    not_null_local: bool = field(default=True, compare=False)
    """Required by this table itself; False when only a parent requires it. Postgres before 18 does not tell."""
    not_null_comment: str | None = None
    position: int = field(default=0, compare=False)
    """Physical place, from 1, not counting dropped columns."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A primary key, unique, foreign key, check or exclusion constraint."""

    key: ObjectKey
    type: str
    """`p`, `u`, `f`, `c`, `x`, as in `pg_constraint.contype`; `t` for constraint triggers is not used."""
    definition: str
    """As `pg_get_constraintdef` gives it, with NOT VALID, NO INHERIT, DEFERRABLE and so on."""
    columns: tuple[str, ...] = ()
    """The table's columns that take part, in order."""
    referenced: ObjectKey | None = None
    """A foreign key's target table."""
    referenced_columns: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """Storage parameters of the index behind it."""
    local: bool = True
    """Declared on this table; False when it only comes from a parent."""
    partition_of: ObjectKey | None = None
    """The constraint or index of the partitioned table that this one belongs to."""
    complete: bool = True
    """Whether every partition has its part of the index behind it."""
    validated: bool = True
    deferrable: bool = False
    initially_deferred: bool = False
    clustered: bool = False
    comment: str | None = None
    index_comment: str | None = None
    """The comment on the index behind it, which is not the constraint's own."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index that no constraint owns. Its key has the schema and the index's own name."""

    key: ObjectKey
    table: ObjectKey
    definition: str
    """As `pg_get_indexdef` gives it; on a partitioned table without ONLY."""
    columns: tuple[str, ...] = ()
    """The columns it is on or includes, in order; expressions are left out."""
    unique: bool = False
    valid: bool = True
    method: str = "btree"
    expressions: bool = False
    predicate: str | None = None
    partition_of: ObjectKey | None = None
    """The index of the partitioned table that this one is attached to."""
    clustered: bool = False
    statistics: tuple[tuple[int, int], ...] = ()
    """(column number, statistics target) of expression columns where one is set."""
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A view (`kind` view) or materialized view (`kind` materialized_view)."""

    key: ObjectKey
    definition: str
    columns: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """(name, type) in order; follows from the definition and from what it reads."""
    options: tuple[str, ...] = ()
    column_defaults: tuple[tuple[str, str], ...] = ()
    comment: str | None = None
    column_comments: tuple[tuple[str, str], ...] = ()
    column_settings: tuple[tuple[str, str], ...] = ()
    """(name, clause of ALTER COLUMN) for storage, compression, statistics and options of a materialized view."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence that stands alone or that a SERIAL column owns; those of identity columns are part of the column."""

    key: ObjectKey
    options: SequenceOptions
    owned_by: ObjectKey | None = None
    persistence: str = "p"
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class EnumType:
    key: ObjectKey
    values: tuple[str, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class DomainConstraint:
    name: str
    definition: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    key: ObjectKey
    type: str
    collation: str | None = None
    not_null: bool = False
    default: str | None = None
    constraints: tuple[DomainConstraint, ...] = ()
    comment: str | None = None
    not_null_name: str | None = field(default=None, compare=False)
    """The name of 17's not-null constraint, when it is not the one that the server would choose."""


@dataclass(frozen=True, slots=True)
class CompositeType:
    key: ObjectKey
    attributes: tuple[tuple[str, str, str | None], ...] = ()
    """(name, type, collation) in order."""
    comment: str | None = None
    attribute_comments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RangeType:
    key: ObjectKey
    definition: str
    """What stands in the parentheses of `CREATE TYPE … AS RANGE (…)`, without the multirange's name."""
    comment: str | None = None
    multirange: str = ""
    """The name of its multirange type, in the same schema."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, procedure or aggregate; `part` of the key holds the types of its arguments."""

    key: ObjectKey
    definition: str
    """The whole CREATE statement, without a closing semicolon."""
    arguments: str
    result: str
    comment: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    """(mode, name) in order; modes as in `pg_proc.proargmodes`."""
    defaults: int = 0
    """How many of the last arguments have a default."""
    body: str | None = None
    """The text of a body that the server reads only when it runs; None for SQL that it has parsed."""


@dataclass(frozen=True, slots=True)
class Trigger:
    key: ObjectKey
    definition: str
    enabled: str = "O"
    """`O` origin, `D` disabled, `R` replica, `A` always."""
    comment: str | None = None
    clone_of: ObjectKey | None = None
    """The trigger of the partitioned table that this one is the clone of; listed only when its state is its own."""


@dataclass(frozen=True, slots=True)
class Rule:
    key: ObjectKey
    definition: str
    enabled: str = "O"
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    key: ObjectKey
    permissive: bool
    command: str
    """ALL, SELECT, INSERT, UPDATE or DELETE."""
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class EventTrigger:
    key: ObjectKey
    event: str
    function: str
    tags: tuple[str, ...] = ()
    enabled: str = "O"
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Extended statistics."""

    key: ObjectKey
    table: ObjectKey
    definition: str
    target: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Privilege:
    """What one role may do with one object; only where the settings ask for privileges."""

    key: ObjectKey
    on: ObjectKey
    grantee: str
    """Quoted, or PUBLIC."""
    privileges: tuple[str, ...] = ()
    """`SELECT`, `INSERT WITH GRANT OPTION`, sorted; nothing where even what everybody usually may is revoked."""
    comment: None = None


CatalogObject = (
    Schema
    | Extension
    | Table
    | Column
    | Constraint
    | Index
    | View
    | Sequence
    | EnumType
    | Domain
    | CompositeType
    | RangeType
    | Function
    | Trigger
    | Rule
    | Policy
    | EventTrigger
    | Statistics
    | Privilege
)

KINDS = (
    "schema",
    "extension",
    "enum",
    "domain",
    "composite",
    "range",
    "sequence",
    "function",
    "procedure",
    "aggregate",
    "table",
    "column",
    "constraint",
    "index",
    "statistics",
    "view",
    "materialized_view",
    "rule",
    "trigger",
    "policy",
    "event_trigger",
)

Kind = TypeVar("Kind", bound=CatalogObject)


@dataclass(frozen=True)
class Catalog:
    """A snapshot of what a database contains.

    Attributes:
        server_version: As `server_version_num`: 180006.
        objects: Every object under its key, sorted by key.
        dependencies: Pairs (object, what it needs), between keys of this catalog and keys of kind `default`, which
            stand for a column's default: it can go and come back without the column.
        inherited: Checks and foreign keys that a table has only from its parents. They are part of the parents' own
            constraints and stand for themselves once the table is detached.
        not_compared: (kind, name) of what was found and is of no kind in `KINDS`.
        privileges: What is granted, where privileges are no objects to compare: it stays with what is made anew.
    """

    server_version: int
    objects: Mapping[ObjectKey, CatalogObject]
    dependencies: Set[tuple[ObjectKey, ObjectKey]] = frozenset()
    inherited: tuple[Constraint, ...] = ()
    not_compared: tuple[tuple[str, str], ...] = ()
    privileges: tuple[Privilege, ...] = ()

    def of(self, cls: type[Kind]) -> Iterator[Kind]:
        """All objects of one class, in the order of their keys."""
        return (value for value in self.objects.values() if isinstance(value, cls))

    def columns(self, table: ObjectKey) -> tuple[Column, ...]:
        """A table's columns in physical order."""
        return self._columns.get((table.schema, table.name), ())

    @cached_property
    def _columns(self) -> dict[tuple[str, str], tuple[Column, ...]]:
        found: dict[tuple[str, str], list[Column]] = {}
        for column in self.of(Column):
            found.setdefault((column.key.schema, column.key.name), []).append(column)
        return {table: tuple(sorted(columns, key=lambda c: c.position)) for table, columns in found.items()}
