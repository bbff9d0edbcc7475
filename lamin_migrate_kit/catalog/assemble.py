"""Rows of the system catalogs -> a Catalog. Pure; one function a kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from lamin_migrate_kit.catalog import addresses as at
from lamin_migrate_kit.catalog.addresses import Addresses
from lamin_migrate_kit.catalog.model import (
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
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name, stored_object_name
from lamin_migrate_kit.catalog.rows import Rows

_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "x": "EXTENDED", "m": "MAIN"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
_DEFAULT_COMMENTS = {"standard public schema"}


def assemble_catalog(rows: Rows, ignore: Collection[str] = ()) -> Catalog:
    """Put a catalog together.

    Args:
        rows: What the queries gave.
        ignore: Names of tables, in any schema, that are left out with all that belongs to them.
    """
    reader = _Reader(rows)
    found = {value.key: value for value in reader.objects() if not _ignored(value, ignore)}
    objects = dict(sorted(found.items()))
    return Catalog(
        server_version=rows.server_version,
        objects=objects,
        dependencies=frozenset(reader.dependencies(objects)),
        not_compared=tuple(sorted(reader.not_compared())),
    )


def _ignored(value: CatalogObject, ignore: Collection[str]) -> bool:
    if isinstance(value, Index | Statistics):
        return value.table.name in ignore
    if isinstance(value, Sequence) and value.owned_by is not None:
        return value.owned_by.name in ignore
    return value.key.kind in ("table", "column", "constraint", "trigger", "policy", "rule") and value.key.name in ignore


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
        self.not_null = {(row[1], row[6][0]): row for row in rows.constraints if row[4] == "n" and row[1] and row[6]}
        self.relation_kinds = {row[0]: row[3] for row in rows.relations}
        # The constructor functions of a range type belong to the type.
        self.constructors = {
            row[1] for row in rows.dependencies if row[0] == at.PG_PROC and row[3] == at.PG_TYPE and row[6] == "i"
        }

    def objects(self) -> Iterator[CatalogObject]:
        yield from self.schemas()
        yield from self.extensions()
        yield from self.types()
        yield from self.functions()
        yield from self.sequences()
        yield from self.tables()
        yield from self.columns()
        yield from self.constraints()
        yield from self.indexes()
        yield from self.views()
        yield from self.table_parts()
        yield from self.statistics()
        yield from self.event_triggers()

    def comment(self, catalog: int, oid: int, column: int = 0) -> str | None:
        return self.comments.get((catalog, oid, column))

    def schemas(self) -> Iterator[Schema]:
        for oid, _ in self.rows.schemas:
            if self.addresses.owned(at.PG_NAMESPACE, oid):
                continue
            comment = self.comment(at.PG_NAMESPACE, oid)
            key = self.addresses[at.PG_NAMESPACE, oid, 0]
            yield Schema(key, None if comment in _DEFAULT_COMMENTS else comment)

    def extensions(self) -> Iterator[Extension]:
        for oid, _, schema, version in self.rows.extensions:
            key = self.addresses[at.PG_EXTENSION, oid, 0]
            yield Extension(key, schema, version, self.comment(at.PG_EXTENSION, oid))

    def tables(self) -> Iterator[Table]:
        replica = {row[1]: row[0] for row in self.rows.indexes if row[5]}
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

    def columns(self) -> Iterator[Column]:
        owned = {owner[:2]: sequence for sequence, owner in self.sequence_owners.items()}
        positions: dict[int, int] = defaultdict(int)
        for row in sorted(self.rows.columns, key=lambda row: (row[0], row[1])):
            relation, number = row[0], row[1]
            if row[15] not in "rp" or self.addresses.owned(at.PG_CLASS, relation):
                continue
            positions[relation] += 1
            yield self._column(row, owned.get((relation, number)), positions[relation])

    def _column(self, row: Any, owned: int | None, position: int) -> Column:
        (relation, number, _, type_, not_null, generated, identity, _, default, collation, storage, compression) = row[
            :12
        ]
        key = self.addresses[at.PG_CLASS, relation, number]
        sequence = self.addresses.relation(owned) if owned else None
        serial = sequence if sequence and not identity and default == _nextval(sequence) else None
        constraint = self.not_null.get((relation, number))
        name = constraint[3] if constraint else None
        return Column(
            key=key,
            type=type_,
            not_null=not_null,
            default=default,
            generated=generated,
            identity=identity,
            identity_options=self.sequence_options[owned] if identity and owned else None,
            identity_sequence=sequence.name if identity and sequence else None,
            collation=collation,
            storage=_STORAGE[storage] if storage else None,
            compression=_COMPRESSION.get(compression) if compression else None,
            statistics=row[12],
            options=_options(row[13]),
            comment=self.comment(at.PG_CLASS, relation, number),
            local=row[14],
            serial=serial,
            not_null_name=None if name == stored_object_name(key.name, key.part, "not_null") else name,
            not_null_no_inherit=bool(constraint and constraint[13]),
            not_null_valid=bool(constraint[10]) if constraint else True,
            position=position,
        )

    def constraints(self) -> Iterator[Constraint]:
        for row in self.rows.constraints:
            oid, relation, _, _, kind, definition, columns, referenced, referenced_columns = row[:9]
            inherited = row[15] != 0 or not row[9]
            partition_key = inherited and kind in "pux"
            if not relation or kind == "n" or self._skipped_relation(relation) or (inherited and not partition_key):
                continue
            yield Constraint(
                key=self.addresses[at.PG_CONSTRAINT, oid, 0],
                type=kind,
                definition=definition,
                columns=self.addresses.names(relation, columns),
                referenced=self.addresses.relation(referenced) if referenced else None,
                referenced_columns=self.addresses.names(referenced, referenced_columns) if referenced else (),
                options=_options(row[16]),
                local=not inherited,
                validated=row[10],
                deferrable=row[11],
                initially_deferred=row[12],
                clustered=row[17],
                comment=self.comment(at.PG_CONSTRAINT, oid),
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
            parents = relations[oid][14]
            yield Index(
                key=self.addresses.relation(oid),
                table=self.addresses.relation(relation),
                definition=definition.replace(" ON ONLY ", " ON ", 1),
                columns=self.addresses.names(relation, numbers),
                unique=unique,
                valid=valid,
                method=relations[oid][8],
                expressions=expressions,
                predicate=predicate,
                partition_of=self.addresses.relation(parents[0]) if parents else None,
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
                yield RangeType(key, _range_definition(row, key), comment)
            elif kind == "c" and self.relation_kinds.get(relation) == "c":
                yield self._composite(relation, key, comment)

    def _domain(self, row: Any, key: ObjectKey, comment: str | None) -> Domain:
        checks = [check for check in self.rows.constraints if check[2] == row[0] and check[4] == "c"]
        constraints = (
            DomainConstraint(check[3], check[5], self.comment(at.PG_CONSTRAINT, check[0])) for check in checks
        )
        ordered = tuple(sorted(constraints, key=lambda constraint: constraint.name))
        return Domain(key, row[7], row[10], row[8], row[9], ordered, comment)

    def _composite(self, relation: int, key: ObjectKey, comment: str | None) -> CompositeType:
        rows = sorted((row for row in self.rows.columns if row[0] == relation), key=lambda row: row[1])
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
            yield Function(key, text, arguments, result, self.comment(at.PG_PROC, oid))

    def table_parts(self) -> Iterator[CatalogObject]:
        addresses = self.addresses
        for oid, relation, _, definition, enabled in self.rows.triggers:
            if not self._skipped_relation(relation):
                key = addresses[at.PG_TRIGGER, oid, 0]
                yield Trigger(key, definition, enabled, self.comment(at.PG_TRIGGER, oid))
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

    def dependencies(self, objects: Collection[ObjectKey]) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        for pair in self._all_dependencies():
            if pair[0] != pair[1] and all(key in objects or key.kind == "default" for key in pair):
                yield pair

    def _all_dependencies(self) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        own = self.addresses
        for catalog, oid, column, other_catalog, other, other_column, kind in self.rows.dependencies:
            # A sequence that a column owns goes with the column; the default's need for the sequence is what orders.
            if catalog == at.PG_CLASS and oid in self.sequence_options and other_column and kind in "ai":
                continue
            # A partition's index is there before it is attached to the one of the whole table, not after.
            if kind in "PS":
                continue
            dependent = own.get((catalog, oid, column)) or own.get((catalog, oid, 0))
            needed = own.get((other_catalog, other, other_column)) or own.get((other_catalog, other, 0))
            if dependent and needed:
                yield dependent, needed
        for key in set(own.values()):
            if key.kind == "default":
                yield key, key._replace(kind="column")
            elif key.kind in ("column", "constraint", "trigger", "policy", "rule"):
                for kind in ("table", "view", "materialized_view"):
                    yield key, ObjectKey(kind, key.schema, key.name)
            elif key.schema:
                yield key, ObjectKey("schema", "", key.schema)
        yield from self._constraint_dependencies()
        for row in self.rows.indexes:
            index, relation = (own.get((at.PG_CLASS, oid, 0)) for oid in row[:2])
            if index and relation and index.kind == "index":
                yield index, relation

    def _constraint_dependencies(self) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        for row in self.rows.constraints:
            key = self.addresses.get((at.PG_CONSTRAINT, row[0], 0))
            if key is None or key.kind != "constraint":
                continue
            for name in self.addresses.names(row[1], row[6]):
                yield key, ObjectKey("column", key.schema, key.name, name)

    def not_compared(self) -> Iterator[tuple[str, str]]:
        members = {oid for _, oid in self.addresses.extension_members}
        for kind, name, oid in self.rows.not_compared:
            if oid not in members:
                yield kind, name


def _nextval(sequence: ObjectKey) -> str:
    return f"nextval({quote_literal(qualified(sequence))}::regclass)"


def _options(options: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(sorted(options or ()))


def _range_definition(row: Any, key: ObjectKey) -> str:
    subtype = row[12]
    opclass, collation, canonical, diff, multirange = row[14:19]
    parts = {
        "SUBTYPE": subtype,
        "SUBTYPE_OPCLASS": opclass,
        "COLLATION": collation,
        "CANONICAL": canonical,
        "SUBTYPE_DIFF": diff,
        "MULTIRANGE_TYPE_NAME": f"{quote_name(key.schema)}.{quote_name(multirange)}" if multirange else None,
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
    return f"CREATE AGGREGATE {qualified(key)}({arguments}) ({body})"
