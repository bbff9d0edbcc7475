"""Rows of the system catalogs -> a Catalog. Pure; one function a kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any

from lamin_migrate_kit.catalog import addresses as at
from lamin_migrate_kit.catalog.addresses import Addresses
from lamin_migrate_kit.catalog.dependencies import Dependencies
from lamin_migrate_kit.catalog.model import (
    STANDARD_COMMENT,
    Catalog,
    CatalogObject,
    Column,
    CompositeType,
    Constraint,
    Domain,
    DomainConstraint,
    EnumType,
    EventTrigger,
    Extension,
    Function,
    Index,
    ObjectKey,
    Policy,
    Privilege,
    RangeType,
    Rule,
    Schema,
    Sequence,
    SequenceOptions,
    Statistics,
    Table,
    Trigger,
    View,
)
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, stored_object_name
from lamin_migrate_kit.catalog.rows import Rows
from lamin_migrate_kit.catalog.unfrozen import unfrozen

_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "x": "EXTENDED", "m": "MAIN"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_PARTS = frozenset(("column", "constraint", "trigger", "policy", "rule"))
_WITH_PARTS = ("table", "view", "materialized_view")
_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


def assemble_catalog(rows: Rows, ignore: Collection[str] = (), *, privileges: bool = False) -> Catalog:
    """Put a catalog together.

    Args:
        rows: What the queries gave.
        ignore: Names of tables, in any schema, that are left out with all that belongs to them.
        privileges: Whether privileges are objects.
    """
    reader = _Reader(rows)
    granted = tuple(reader.privileges())
    listed = chain(_left(reader, ignore), granted if privileges else ())
    found = {value.key: value for value in listed}
    # Joined with what no name has in it, keys sort as they do by themselves, several times as fast.
    objects = {key: found[key] for key in sorted(found, key="\0".join)}
    return Catalog(
        server_version=rows.server_version,
        objects=objects,
        dependencies=Dependencies(lambda: reader.dependencies(objects)),
        inherited=tuple(sorted(reader.inherited(), key=lambda constraint: constraint.key)),
        not_compared=tuple(sorted(reader.not_compared())),
        privileges=() if privileges else granted,
    )


def _left(reader: _Reader, ignore: Collection[str]) -> Iterable[CatalogObject]:
    """The objects without those of ignored tables."""
    if not any(row[2] in ignore for row in reader.rows.relations):
        return reader.objects()
    return (value for value in reader.objects() if not _ignored(value, ignore))


def _ignored(value: CatalogObject, ignore: Collection[str]) -> bool:
    if isinstance(value, Index | Statistics):
        return value.table.name in ignore
    if isinstance(value, Sequence) and value.owned_by is not None:
        return value.owned_by.name in ignore
    return value.key.kind in ("table", "column", "constraint", "trigger", "policy", "rule") and value.key.name in ignore


_new_column, _new_constraint, _new_index = unfrozen(Column), unfrozen(Constraint), unfrozen(Index)


class _Reader:
    """Holds what several kinds look up: addresses, comments, owners, options of sequences."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.addresses = Addresses(rows)
        self.comments = {(row[0], row[1], row[2]): row[3] for row in rows.comments}
        self.sequence_options = {row[0]: SequenceOptions(*row[1:8]) for row in rows.sequences}
        self.sequence_owners = {
            row[1]: (row[4], row[5], row[6])
            for row in rows.dependencies
            if row[0] == row[3] == at.PG_CLASS and row[5] and row[6] in "ai" and row[1] in self.sequence_options
        }
        self.domain_checks: dict[int, list[Any]] = defaultdict(list)
        for row in rows.constraints:
            if row[2] and row[4] == "c":
                self.domain_checks[row[2]].append(row)
        self.domain_not_null = {row[2]: row[3] for row in rows.constraints if row[4] == "n" and row[2]}
        self.composite_columns: dict[int, list[Any]] = defaultdict(list)
        for row in rows.columns:
            if row[15] == "c":
                self.composite_columns[row[0]].append(row)
        self.names_not_null = rows.server_version >= 180000
        self.index_parents = {row[0]: row[14][0] for row in rows.relations if row[3] in "iI" and row[14]}
        self.constrained = {row[0]: row[1] for row in rows.constraints if row[4] == "f"}
        self.relation_kinds = {row[0]: row[3] for row in rows.relations}
        # The constructor functions of a range type belong to the type.
        self.constructors = {
            row[1] for row in rows.dependencies if row[0] == at.PG_PROC and row[3] == at.PG_TYPE and row[6] == "i"
        }

    def objects(self) -> Iterator[CatalogObject]:
        """What needs the last rows comes last: they are still being read, see `rows`."""
        yield from self.schemas()
        yield from self.extensions()
        yield from self.functions()
        yield from self.sequences()
        yield from self.columns()
        yield from self.views()
        yield from self.table_parts()
        yield from self.statistics()
        yield from self.event_triggers()
        yield from self.types()
        yield from self.constraints()
        yield from self.tables()
        yield from self.indexes()

    def comment(self, catalog: int, oid: int, column: int = 0) -> str | None:
        return self.comments.get((catalog, oid, column))

    def schemas(self) -> Iterator[Schema]:
        for oid, name in self.rows.schemas:
            if self.addresses.owned(at.PG_NAMESPACE, oid):
                continue
            comment = self.comment(at.PG_NAMESPACE, oid)
            if name == "public":
                comment = None if comment == STANDARD_COMMENT else comment or ""
            yield Schema(self.addresses[at.PG_NAMESPACE, oid, 0], comment)

    def extensions(self) -> Iterator[Extension]:
        for oid, _, schema, version, standard in self.rows.extensions:
            key = self.addresses[at.PG_EXTENSION, oid, 0]
            comment = self.comment(at.PG_EXTENSION, oid)
            yield Extension(key, schema, version, comment, comment == standard)

    def tables(self) -> Iterator[Table]:
        replica = {row[1]: row[0] for row in self.rows.indexes if row[5]}
        key_columns = self._key_columns()
        for row in self.rows.relations:
            oid, _, _, kind, persistence, row_security, force, identity, method, options, toast, is_partition = row[:12]
            if kind not in "rp" or self.addresses.owned(at.PG_CLASS, oid):
                continue
            parents = tuple(self.addresses.relation(parent) for parent in row[14] or ())
            if identity == "i" and oid in replica:
                index = self.addresses.relation(replica[oid])
                identity = f"i:{index.part or index.name}"
            yield Table(
                key=self.addresses.relation(oid),
                persistence=persistence,
                partition_key=row[12],
                key_columns=key_columns.get(oid, ()),
                partition_of=parents[0] if is_partition and parents else None,
                partition_bound=row[13] if is_partition and parents else None,
                inherits=() if is_partition else parents,
                options=_options(options) + tuple(f"toast.{option}" for option in _options(toast)),
                row_security=row_security,
                force_row_security=force,
                replica_identity=identity,
                access_method=method or "heap",
                comment=self.comment(at.PG_CLASS, oid),
            )

    def _key_columns(self) -> dict[int, tuple[str, ...]]:
        """The columns that partition keys read: they depend on their own table."""
        found: dict[int, list[int]] = defaultdict(list)
        for catalog, oid, column, other_catalog, other, other_column, _ in self.rows.dependencies:
            if catalog == other_catalog == at.PG_CLASS and oid == other and column and not other_column:
                found[oid].append(column)
        return {oid: self.addresses.names(oid, sorted(numbers)) for oid, numbers in found.items()}

    def columns(self) -> Iterator[Column]:
        # There are many: what most of them do not have is not looked up.
        commented = {(oid, number) for catalog, oid, number in self.comments if catalog == at.PG_CLASS and number}
        owned = {owner[:2]: sequence for sequence, owner in self.sequence_owners.items()}
        position, last = 0, 0
        for row in sorted(self.rows.columns, key=itemgetter(0, 1)):
            relation, number = row[0], row[1]
            if row[15] not in "rp" or self.addresses.owned(at.PG_CLASS, relation):
                continue
            position = position + 1 if relation == last else 1
            last = relation
            comment = self.comment(at.PG_CLASS, relation, number) if (relation, number) in commented else None
            yield self._column(row, owned.get((relation, number)), position, comment)

    def _column(self, row: Any, owned: int | None, position: int, comment: str | None) -> Column:
        (relation, number, _, type_, not_null, generated, identity, _, default, collation, storage, compression) = row[
            :12
        ]
        statistics, options, local, _, type_storage, constraint, name, no_inherit, valid, required_here = row[12:22]
        key = self.addresses[at.PG_CLASS, relation, number]
        sequence = self.addresses.relation(owned) if owned else None
        serial = sequence if sequence and not identity and default == _nextval(sequence) else None
        # 18's constraint, where it is not the usual one.
        usual_name = constraint is None or name == stored_object_name(key.name, key.part, "not_null")
        usually_required_here = not_null if self.names_not_null else local
        return _new_column(
            key,
            type_,
            not_null,
            default,
            generated,
            identity,
            self.sequence_options[owned] if identity and owned else None,
            sequence.name if identity and sequence else None,
            collation,
            _STORAGE[storage] if storage else None,
            _STORAGE[type_storage],
            _COMPRESSION.get(compression) if compression else None,
            statistics,
            _options(options),
            comment,
            local,
            serial,
            None if usual_name else name,
            constraint is not None and no_inherit,
            constraint is None or valid,
            usually_required_here if constraint is None else required_here,
            self.comment(at.PG_CONSTRAINT, constraint) if constraint else None,
            position,
        )

    def constraints(self) -> Iterator[Constraint]:
        """Those that stand for themselves; a partition's part of a key has a name and an index of its own."""
        for row in self._constraint_rows():
            if row[4] in "pux" or not _inherited(row):
                yield self._constraint(row)

    def inherited(self) -> Iterator[Constraint]:
        """See `Catalog.inherited`."""
        for row in self._constraint_rows():
            # The clones of a foreign key on the partitions that it references belong to the referencing table.
            clone = row[4] == "f" and row[15] and self.constrained.get(row[15]) == row[1]
            if row[4] in "cf" and _inherited(row) and not clone:
                yield self._constraint(row)

    def _constraint_rows(self) -> Iterator[Any]:
        for row in self.rows.constraints:
            if row[1] and not self._skipped_relation(row[1]):
                yield row

    def _constraint(self, row: Any) -> Constraint:
        oid, relation, _, _, kind, definition, columns, referenced, referenced_columns = row[:9]
        parent = self.index_parents.get(row[14]) if kind in "pux" else None
        return _new_constraint(
            key=self.addresses[at.PG_CONSTRAINT, oid, 0],
            type=kind,
            definition=definition,
            columns=self.addresses.names(relation, columns),
            referenced=self.addresses.relation(referenced) if referenced else None,
            referenced_columns=self.addresses.names(referenced, referenced_columns) if referenced else (),
            options=_options(row[16]),
            local=not _inherited(row),
            partition_of=self.addresses.relation(parent) if parent else None,
            complete=row[18],
            validated=row[10],
            deferrable=row[11],
            initially_deferred=row[12],
            clustered=row[17],
            comment=self.comment(at.PG_CONSTRAINT, oid),
            index_comment=self.comment(at.PG_CLASS, row[14]) if kind in "pux" else None,
        )

    def _skipped_relation(self, oid: int) -> bool:
        key = self.addresses.get((at.PG_CLASS, oid, 0))
        return key is None or self.addresses.owned(at.PG_CLASS, oid)

    def indexes(self) -> Iterator[Index]:
        relations = {row[0]: row for row in self.rows.relations}
        for row in self.rows.indexes:
            oid, relation, unique, valid, clustered, _, numbers, definition, predicate, expressions, targets = row
            if oid in self.addresses.constraint_indexes or self._skipped_relation(relation):
                continue
            parent = self.index_parents.get(oid)
            yield _new_index(
                key=self.addresses.relation(oid),
                table=self.addresses.relation(relation),
                definition=definition.replace(" ON ONLY ", " ON ", 1),
                columns=self.addresses.names(relation, numbers),
                unique=unique,
                valid=valid,
                method=relations[oid][8],
                expressions=expressions,
                predicate=predicate,
                partition_of=self.addresses.relation(parent) if parent else None,
                clustered=clustered,
                statistics=tuple((number, target) for number, target in targets or ()),
                comment=self.comment(at.PG_CLASS, oid),
            )

    def views(self) -> Iterator[View]:
        columns: dict[int, list[Any]] = defaultdict(list)
        for row in self.rows.columns:
            if row[15] in "vm":
                columns[row[0]].append(row)
        for row in self.rows.relations:
            oid, kind = row[0], row[3]
            if kind not in "vm" or self.addresses.owned(at.PG_CLASS, oid):
                continue
            own = sorted(columns[oid], key=lambda column: column[1])
            commented = ((column[2], self.comment(at.PG_CLASS, oid, column[1])) for column in own)
            yield View(
                key=self.addresses.relation(oid),
                definition=row[15].strip().removesuffix(";"),
                columns=tuple((column[2], column[3]) for column in own),
                options=_options(row[9]),
                column_defaults=tuple((column[2], column[8]) for column in own if column[8] is not None),
                comment=self.comment(at.PG_CLASS, oid),
                column_comments=tuple((name, comment) for name, comment in commented if comment is not None),
                column_settings=tuple((column[2], clause) for column in own for clause in _settings(column)),
            )

    def sequences(self) -> Iterator[Sequence]:
        for row in self.rows.relations:
            oid, kind, persistence = row[0], row[3], row[4]
            owner = self.sequence_owners.get(oid)
            if kind != "S" or (owner and owner[2] == "i") or self.addresses.owned(at.PG_CLASS, oid):
                continue
            owned_by = self.addresses.get((at.PG_CLASS, owner[0], owner[1])) if owner else None
            options = self.sequence_options[oid]
            comment = self.comment(at.PG_CLASS, oid)
            yield Sequence(self.addresses.relation(oid), options, owned_by, persistence, comment)

    def types(self) -> Iterator[CatalogObject]:
        for row in self.rows.types:
            oid, kind, relation = row[0], row[3], row[4]
            if self.addresses.owned(at.PG_TYPE, oid) or (at.PG_TYPE, oid, 0) not in self.addresses:
                continue
            key = self.addresses[at.PG_TYPE, oid, 0]
            comment = self.comment(at.PG_TYPE, oid)
            if kind == "e":
                yield EnumType(key, tuple(row[11] or ()), comment)
            elif kind == "d":
                yield self._domain(row, key, comment)
            elif kind == "r":
                yield RangeType(key, _range_definition(row), comment, row[18] or "")
            elif kind == "c" and self.relation_kinds.get(relation) == "c":
                yield self._composite(relation, key, comment)

    def _domain(self, row: Any, key: ObjectKey, comment: str | None) -> Domain:
        checks = self.domain_checks[row[0]]
        constraints = (
            DomainConstraint(check[3], check[5], self.comment(at.PG_CONSTRAINT, check[0])) for check in checks
        )
        ordered = tuple(sorted(constraints, key=lambda constraint: constraint.name))
        name = self.domain_not_null.get(row[0])
        named = None if name == stored_object_name(key.name, "", "not_null") else name
        return Domain(key, row[7], row[10], row[8], row[9], ordered, comment, named)

    def _composite(self, relation: int, key: ObjectKey, comment: str | None) -> CompositeType:
        rows = sorted(self.composite_columns[relation], key=lambda row: row[1])
        comments = ((row[2], self.comment(at.PG_CLASS, relation, row[1])) for row in rows)
        return CompositeType(
            key,
            tuple((row[2], row[3], row[9]) for row in rows),
            comment,
            tuple((name, text) for name, text in comments if text is not None),
        )

    def functions(self) -> Iterator[Function]:
        for row in self.rows.functions:
            oid, kind, definition, arguments, result = row[0], row[3], row[5], row[6], row[7]
            if self.addresses.owned(at.PG_PROC, oid) or oid in self.constructors:
                continue
            key = self.addresses[at.PG_PROC, oid, 0]
            text = _aggregate_definition(key, arguments, row) if kind == "a" else definition.strip()
            comment = self.comment(at.PG_PROC, oid)
            yield Function(key, text, arguments, result, comment, _parameters(*row[29:32]), row[32], row[33])

    def table_parts(self) -> Iterator[CatalogObject]:
        addresses = self.addresses
        for oid, relation, _, definition, enabled, parent, differs in self.rows.triggers:
            if not self._skipped_relation(relation) and differs:
                key = addresses[at.PG_TRIGGER, oid, 0]
                clone_of = addresses[at.PG_TRIGGER, parent, 0] if parent else None
                yield Trigger(key, definition, enabled, self.comment(at.PG_TRIGGER, oid), clone_of)
        for oid, relation, name, enabled, definition in self.rows.rules:
            if name != "_RETURN" and not self._skipped_relation(relation):
                key = addresses[at.PG_REWRITE, oid, 0]
                yield Rule(key, definition.strip().removesuffix(";"), enabled, self.comment(at.PG_REWRITE, oid))
        for oid, relation, _, permissive, command, roles, using, check in self.rows.policies:
            if not self._skipped_relation(relation):
                key = addresses[at.PG_POLICY, oid, 0]
                comment = self.comment(at.PG_POLICY, oid)
                yield Policy(key, permissive, _COMMANDS[command], tuple(roles or ()), using, check, comment)

    def statistics(self) -> Iterator[Statistics]:
        for oid, _, _, relation, definition, target in self.rows.statistics:
            if not self._skipped_relation(relation):
                key = self.addresses[at.PG_STATISTIC_EXT, oid, 0]
                table = self.addresses.relation(relation)
                yield Statistics(key, table, definition, target, self.comment(at.PG_STATISTIC_EXT, oid))

    def event_triggers(self) -> Iterator[EventTrigger]:
        for oid, _, event, function, tags, enabled in self.rows.event_triggers:
            if not self.addresses.owned(at.PG_EVENT_TRIGGER, oid):
                key = self.addresses[at.PG_EVENT_TRIGGER, oid, 0]
                comment = self.comment(at.PG_EVENT_TRIGGER, oid)
                yield EventTrigger(key, event, function, tuple(tags or ()), enabled, comment)

    def privileges(self) -> Iterator[Privilege]:
        for catalog, oid, grantee, privileges in self.rows.privileges:
            target = self.addresses.get((catalog, oid, 0))
            if target is not None and not self.addresses.owned(catalog, oid):
                kind = target.kind.replace("_", " ")
                key = ObjectKey("privilege", target.schema, target.name, f"{kind} ({target.part}) to {grantee}")
                yield Privilege(key, target, grantee, tuple(privileges))

    def dependencies(self, objects: Collection[ObjectKey]) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        listed = {*objects, *(key for key in self.addresses.values() if key.kind == "default")}
        on = ((value.key, value.on) for value in self.privileges())
        for dependent, needed in chain(self._recorded(), self._by_place(), self._constraint_dependencies(), on):
            if dependent is not needed and dependent in listed and needed in listed and dependent != needed:
                yield dependent, needed

    def _recorded(self) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        """What the server has recorded."""
        find = self.addresses.get
        for catalog, oid, column, other_catalog, other, other_column, kind in self.rows.dependencies:
            # A partition's index is there before it is attached to the one of the whole table, not after.
            if kind == "P" or kind == "S":
                continue
            # A sequence that a column owns goes with the column; the default's need for the sequence is what orders.
            if catalog == at.PG_CLASS and other_column and oid in self.sequence_options and kind in "ai":
                continue
            dependent = find((catalog, oid, column)) or find((catalog, oid, 0))
            needed = find((other_catalog, other, other_column)) or find((other_catalog, other, 0))
            if dependent and needed:
                yield dependent, needed

    def _by_place(self) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        """What follows from where an object is: in a table, in a schema."""
        for key in set(self.addresses.values()):
            kind, schema, name, _ = key
            if kind == "default":
                yield key, key._replace(kind="column")
            elif kind in _PARTS:
                for owner in _WITH_PARTS:
                    yield key, ObjectKey(owner, schema, name)
            elif schema:
                yield key, ObjectKey("schema", "", schema)
        for row in self.rows.indexes:
            index, relation = (self.addresses.get((at.PG_CLASS, oid, 0)) for oid in row[:2])
            if index and relation and index.kind == "index":
                yield index, relation

    def _constraint_dependencies(self) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        for row in self.rows.constraints:
            key = self.addresses.get((at.PG_CONSTRAINT, row[0], 0))
            if key is None or key.kind != "constraint":
                continue
            for name in self.addresses.names(row[1], [*row[6], *self.index_columns.get(row[14], ())]):
                yield key, ObjectKey("column", key.schema, key.name, name)
            if row[4] == "f":
                yield from ((key, index) for index in self.uniques[row[7], frozenset(row[8])])

    @cached_property
    def index_columns(self) -> Mapping[int, list[int]]:
        """The numbers of an index's columns, those it includes too, which no constraint lists as its own."""
        return {row[0]: row[6] for row in self.rows.indexes}

    @cached_property
    def uniques(self) -> Mapping[tuple[int, frozenset[int]], list[ObjectKey]]:
        """What a foreign key can rest on, by table and columns: the server takes any, and another one the next time."""
        found: dict[tuple[int, frozenset[int]], list[ObjectKey]] = defaultdict(list)
        for row in self.rows.constraints:
            if row[4] in "pu" and not row[11]:
                found[row[1], frozenset(row[6])].append(self.addresses[at.PG_CONSTRAINT, row[0], 0])
        for row in self.rows.indexes:
            index = self.addresses.get((at.PG_CLASS, row[0], 0))
            if row[2] and row[8] is None and not row[9] and index and index.kind == "index":
                found[row[1], frozenset(row[6])].append(index)
        return found

    def not_compared(self) -> Iterator[tuple[str, str]]:
        members = {oid for _, oid in self.addresses.extension_members}
        for kind, name, oid in self.rows.not_compared:
            if oid not in members:
                yield kind, name


def _nextval(sequence: ObjectKey) -> str:
    return f"nextval({quote_literal(qualified(sequence))}::regclass)"


def _inherited(row: Any) -> bool:
    return row[15] != 0 or not row[9]


def _settings(row: Any) -> Iterator[str]:
    """What can be set on a materialized view's column."""
    storage, compression, statistics, options = row[10:14]
    if storage:
        yield f"SET STORAGE {_STORAGE[storage]}"
    if compression:
        yield f"SET COMPRESSION {_COMPRESSION[compression]}"
    if statistics is not None:
        yield f"SET STATISTICS {statistics}"
    if options:
        yield f"SET ({', '.join(_options(options))})"


def _parameters(modes: list[str] | None, names: list[str] | None, count: int) -> tuple[tuple[str, str], ...]:
    modes = modes or ["i"] * (len(names) if names else count)
    return tuple(zip(modes, names or [""] * len(modes), strict=True))


def _options(options: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(options) if options else ()


def _range_definition(row: Any) -> str:
    subtype = row[12]
    opclass, collation, canonical, diff = row[14:18]
    parts = {
        "SUBTYPE": subtype,
        "SUBTYPE_OPCLASS": opclass,
        "COLLATION": collation,
        "CANONICAL": canonical,
        "SUBTYPE_DIFF": diff,
    }
    return ", ".join(f"{name} = {value}" for name, value in parts.items() if value)


def _aggregate_definition(key: ObjectKey, arguments: str, row: Any) -> str:
    (kind, transition, final, combine, serial, deserial, moving, inverse, moving_final) = row[8:17]
    final_extra, moving_extra, modify, moving_modify, sort, state, space, moving_state, moving_space = row[17:26]
    initial, moving_initial, parallel = row[26:29]
    moving_on = moving_state is not None
    modes = {"r": "READ_ONLY", "s": "SHAREABLE", "w": "READ_WRITE"}
    default_mode = "w" if kind in "oh" else "r"
    parts: list[tuple[str, str | None]] = [
        ("SFUNC", transition),
        ("STYPE", state),
        ("SSPACE", str(space) if space else None),
        ("FINALFUNC", final),
        ("FINALFUNC_MODIFY", modes[modify] if final and modify != default_mode else None),
        ("COMBINEFUNC", combine),
        ("SERIALFUNC", serial),
        ("DESERIALFUNC", deserial),
        ("INITCOND", quote_literal(initial) if initial is not None else None),
        ("MSFUNC", moving if moving_on else None),
        ("MINVFUNC", inverse if moving_on else None),
        ("MSTYPE", moving_state),
        ("MSSPACE", str(moving_space) if moving_space else None),
        ("MFINALFUNC", moving_final if moving_on else None),
        ("MFINALFUNC_MODIFY", modes[moving_modify] if moving_final and moving_modify != default_mode else None),
        ("MINITCOND", quote_literal(moving_initial) if moving_initial is not None else None),
        ("SORTOP", sort),
        ("PARALLEL", {"s": "SAFE", "r": "RESTRICTED", "u": None}[parallel]),
    ]
    flags = [
        name
        for name, on in (
            ("FINALFUNC_EXTRA", final_extra),
            ("MFINALFUNC_EXTRA", moving_extra),
            ("HYPOTHETICAL", kind == "h"),
        )
        if on
    ]
    body = ", ".join([f"{name} = {value}" for name, value in parts if value is not None] + flags)
    return f"CREATE AGGREGATE {qualified(key)}({arguments or '*'}) ({body})"
