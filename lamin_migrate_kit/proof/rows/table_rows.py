"""Rows for one table: where each column's values come from, what has to hold, and an INSERT that the server takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lamin_migrate_kit.catalog.model import Catalog, Column, Constraint, Function, ObjectKey, Table
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.proof.rows.asking import Asking
from lamin_migrate_kit.proof.rows.hints import Hints, read_hints
from lamin_migrate_kit.proof.rows.solving import Puzzle, Rule, Source, keep_fitting, keep_valid, solve
from lamin_migrate_kit.proof.rows.values import SEEDS, Values

_SHIFTS = (0, 1, 3, 7)
"""Added to a row's number when the server refuses it, so that its values are others."""
_KEPT = 60
_MOST_KEYS = 12


@dataclass(frozen=True, slots=True)
class Leaf:
    """A partition that holds rows itself, and the condition that they satisfy; of other tables the table itself."""

    table: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Cuts:
    """References that are not followed while a table is filled, because the tables reference each other.

    Attributes:
        empty: Those that get NULL for now.
        provisional: Those that get some value for now, which references nothing.
    """

    empty: Collection[ObjectKey] = ()
    provisional: Collection[ObjectKey] = ()


@dataclass
class _Want:
    """What a row should be like.

    Attributes:
        number: Its number, from 1.
        shift: Added to the number when candidates are chosen.
        nulls: NULL wherever NULL is allowed.
        relaxed: References may be NULL.
        filled: Columns that must have a value.
        leaf: Where it goes.
    """

    number: int
    shift: int
    nulls: bool
    relaxed: bool
    filled: Collection[str]
    leaf: Leaf


class TableRows:
    """Adds rows to one table of a scratch database.

    Args:
        asking: Where.
        catalog: What the database contains.
        values: Candidates by type.
        modest: Candidates for columns that are computed with, without values that are too large for it.
        table: The table.
        leaves: Where its rows are.
        cuts: References that are not followed.
        likes: Types that the columns' values should fit as well, by the columns' names.
    """

    def __init__(
        self,
        asking: Asking,
        catalog: Catalog,
        values: Values,
        modest: Values,
        table: Table,
        leaves: Sequence[Leaf],
        cuts: Cuts,
        likes: Mapping[str, str],
    ) -> None:
        self.reason = ""
        self._asking = asking
        self._catalog = catalog
        self._values = values
        self._modest = modest
        self._table = table
        self._leaves = leaves
        self._cuts = cuts
        self._likes = likes
        self._every = {column.key.part: column for column in catalog.columns(table.key)}
        self._columns = {name: column for name, column in self._every.items() if not column.generated}
        own = [one for one in (*catalog.of(Constraint), *catalog.inherited) if one.key.table == table.key]
        self._foreign = [one for one in own if one.type == "f" and one.key not in cuts.provisional]
        self._checks = [_rule(one, self._every) for one in own if one.type == "c" and _is_enforced(one)]
        self._pools: dict[str, list[str]] = {}
        self._keys: dict[ObjectKey, list[Sequence[str]]] = {}

    def add(self, number: int, *, nulls: bool, filled: Collection[str] = ()) -> bool:
        """Whether a row could be added; if not, `reason` says why.

        Args:
            number: The row's number, from 1.
            nulls: Whether it should have NULL wherever NULL is allowed.
            filled: Columns that must have a value.
        """
        leaf = self._leaves[(number - 1) % len(self._leaves)]
        ways = ((nulls, False), (not nulls, False), (False, True)) if not filled else ((False, False), (False, True))
        for nulls_now, relaxed in ways:
            for shift in _SHIFTS:
                row = self._choose(_Want(number, shift, nulls_now, relaxed, filled, leaf))
                if row is None:
                    break
                if self._insert(row):
                    return True
        return False

    def count_from(self, number: int) -> None:
        """Let sequences begin elsewhere than new ones do, so that it shows when rows are counted anew."""
        for name, column in self._columns.items():
            if self._counts(column):
                table = quote_literal(qualified(self._table.key))
                self._asking.attempt(f"SELECT setval(pg_get_serial_sequence({table}, {quote_literal(name)}), {number})")

    # Choosing

    def _choose(self, want: _Want) -> dict[str, str] | None:
        """One expression for every column; None when there is none."""
        sources = self._sources(want)
        if sources is None:
            return None
        rules = [*self._checks, *self._rules_of_leaf(want.leaf), *self._self_rules(want, sources)]
        chosen: dict[str, str] = {}
        for place, (linked, over) in enumerate(_linked(sources, rules, self._columns_read)):
            puzzle = Puzzle(tuple(linked), tuple(over), self._computed)
            if len(linked) == 1 and not over:
                chosen |= dict(zip(linked[0].columns, linked[0].choices[0], strict=True))
                continue
            found = solve(self._asking, puzzle, prefer=want.number + want.shift + place)
            if found is None:
                self.reason = "no values were found for " + ", ".join(rule.name for rule in over)
                return None
            chosen |= found
        return chosen

    def _sources(self, want: _Want) -> list[Source] | None:
        """Where every column's value comes from; None when there is nothing for one."""
        sources: list[Source] = []
        for constraint in self._foreign:
            source = self._of_reference(constraint, want)
            if source is None:
                return None
            if source.columns:
                sources.append(source)
        covered = {column for source in sources for column in source.columns}
        for place, name in enumerate(name for name in self._columns if name not in covered):
            choices = self._of_column(name, want, place)
            if not choices:
                return None
            sources.append(Source((name,), tuple((choice,) for choice in choices)))
        return sources

    def _of_column(self, name: str, want: _Want, place: int) -> list[str]:
        column = self._columns[name]
        null = f"NULL::{column.type}"
        if want.nulls and not column.not_null and name not in want.filled:
            return [null]
        if self._counts(column) and name not in self._explicit:
            return ["DEFAULT"]
        pool = self._pool(name)
        by = (want.number - 1 + want.shift * (place + 1)) % len(pool) if pool else 0
        turned = [*pool[by:], *pool[:by]]
        if not column.not_null and name not in want.filled and (name in self._ruled or not pool):
            turned.append(null)
        return turned

    def _pool(self, name: str) -> list[str]:
        """The candidates for a column that satisfy what is said of it alone; asked once."""
        if name not in self._pools:
            self._pools[name] = self._make_pool(self._columns[name])
        return self._pools[name]

    def _make_pool(self, column: Column) -> list[str]:
        name = column.key.part
        hints = self._hints(name)
        linked = any(name in self._columns_read(rule) and rule.columns != (name,) for rule in self._checks)
        values = self._modest if linked else self._values
        pool = [*self._alike(column), *values.pool(column.type, name, hints)]
        alone = [rule for rule in self._checks if self._columns_read(rule) == {name} == set(rule.columns)]
        if not self._values.is_known(column.type) or name in self._likes:
            pool = keep_valid(self._asking, pool)
        if not pool:
            self.reason = f"no value is known for its column {name}"
        elif alone:
            pool = keep_fitting(self._asking, name, pool, [rule.expression for rule in alone], _KEPT)
            if not pool:
                self.reason = "no values were found for " + ", ".join(rule.name for rule in alone)
        elif hints is not None:
            pool = keep_valid(self._asking, pool[: 8 * _KEPT])[:_KEPT]
        return pool[: max(_KEPT, len(SEEDS))]

    def _alike(self, column: Column) -> Iterator[str]:
        """Values of the type that the column is going to have, spelled in the type that it has."""
        wanted = self._likes.get(column.key.part)
        if wanted is not None:
            for value in self._values.pool(wanted, column.key.part)[: len(SEEDS)]:
                yield f"(({value})::text)::{column.type}"

    def _hints(self, name: str) -> Hints | None:
        """What stands in all that is said of a column and those linked to it, functions included; None if nothing."""
        rules = [*self._checks, *(rule for leaf in self._leaves for rule in self._rules_of_leaf(leaf))]
        linked, grown = {name}, set[str]()
        while linked != grown:
            grown = set(linked)
            linked |= {
                other for rule in rules if self._columns_read(rule) & grown for other in self._columns_read(rule)
            }
        said = [rule.expression for rule in rules if self._columns_read(rule) & linked]
        if not said:
            return None
        said += [expression for column, expression in self._computed.items() if _speaks_of(expression, name)]
        called = (one for one in self._catalog.of(Function) if any(f"{one.key.name}(" in text for text in said))
        return read_hints([*said, *(function.body or function.definition for function in called)])

    # References

    def _of_reference(self, constraint: Constraint, want: _Want) -> Source | None:
        """The keys that a reference may point at; no columns where it is NULL or free; None when there is no key."""
        nullable = [name for name in constraint.columns if name in self._columns and not self._columns[name].not_null]
        must = any(name in want.filled for name in constraint.columns)
        if constraint.key in self._cuts.empty or (nullable and not must and (want.nulls or want.relaxed)):
            return self._no_reference(constraint, nullable)
        keys = self._referenced_keys(constraint)
        if keys:
            types = [self._every[name].type for name in constraint.columns]
            choices = [
                tuple(f"{quote_literal(text)}::{type_}" for text, type_ in zip(key, types, strict=True)) for key in keys
            ]
            source = Source(tuple(constraint.columns), tuple(choices)).turned(want.number - 1 + want.shift)
            if len(nullable) == len(constraint.columns) and not must:
                source = Source(source.columns, (*source.choices, tuple(f"NULL::{type_}" for type_ in types)))
            return source
        if nullable and not must:
            return self._no_reference(constraint, nullable)
        if constraint.referenced == self._table.key:
            return Source((), ())  # The row references itself: see `_self_rules`.
        self.reason = f"it references {constraint.referenced}, which has no rows"
        return None

    def _no_reference(self, constraint: Constraint, nullable: Sequence[str]) -> Source:
        """One column of a key that is NULL is enough, and other references may share the others."""
        shared = {name for other in self._foreign if other is not constraint for name in other.columns}
        free = [name for name in nullable if name not in shared] or list(nullable)
        return Source(tuple(free), (tuple(f"NULL::{self._columns[name].type}" for name in free),))

    def _referenced_keys(self, constraint: Constraint) -> list[Sequence[str]]:
        if constraint.referenced is None:
            return []
        if constraint.key not in self._keys or constraint.referenced == self._table.key:
            shown = ", ".join(f"{quote_name(c)}::text" for c in constraint.referenced_columns)
            given = " AND ".join(f"{quote_name(c)} IS NOT NULL" for c in constraint.referenced_columns)
            query = f"SELECT {shown} FROM {qualified(constraint.referenced)} WHERE {given} LIMIT {_MOST_KEYS}"
            self._keys[constraint.key] = list(self._asking.ask(query))
        return self._keys[constraint.key]

    def _self_rules(self, want: _Want, sources: Iterable[Source]) -> Iterator[Rule]:
        """The first row of a table that has to reference itself references itself."""
        covered = {column for source in sources for column in source.columns if len(source.columns) > 1}
        for constraint in self._foreign:
            if constraint.referenced != self._table.key or constraint.key in self._cuts.empty or want.nulls:
                continue
            required = all(self._every[name].not_null for name in constraint.columns)
            if required and not self._referenced_keys(constraint) and not covered & set(constraint.columns):
                pairs = list(zip(constraint.columns, constraint.referenced_columns, strict=True))
                same = " AND ".join(f"{quote_name(one)} = {quote_name(other)}" for one, other in pairs)
                yield Rule(constraint.key.part, same, tuple({name for pair in pairs for name in pair}))

    # What has to hold

    def _rules_of_leaf(self, leaf: Leaf) -> list[Rule]:
        if not leaf.condition:
            return []
        columns = tuple(name for name in self._every if _speaks_of(leaf.condition, name))
        return [Rule(f"the bounds of {leaf.table}", leaf.condition, columns)]

    def _columns_read(self, rule: Rule) -> set[str]:
        """The columns that a rule depends on, those behind computed ones included."""
        found: set[str] = set()
        for name in rule.columns:
            if name in self._computed:
                found |= {other for other in self._columns if _speaks_of(self._computed[name], other)}
            else:
                found.add(name)
        return found

    @cached_property
    def _computed(self) -> dict[str, str]:
        return {name: one.default for name, one in self._every.items() if one.generated and one.default}

    @cached_property
    def _ruled(self) -> set[str]:
        """The columns that checks or bounds depend on."""
        rules = [*self._checks, *(rule for leaf in self._leaves for rule in self._rules_of_leaf(leaf))]
        return {name for rule in rules for name in self._columns_read(rule)}

    @cached_property
    def _explicit(self) -> set[str]:
        """Columns that count by themselves and get values of ours, because something else depends on them."""
        own = (one for one in self._foreign if one.referenced == self._table.key)
        targets = {name for one in own for name in (*one.columns, *one.referenced_columns)}
        provisional = {
            name for one in self._catalog.of(Constraint) if one.key in self._cuts.provisional for name in one.columns
        }
        return self._ruled | {name for name in targets if self._is_required_self(name)} | provisional

    def _is_required_self(self, name: str) -> bool:
        for one in self._foreign:
            if one.referenced == self._table.key and name in (*one.columns, *one.referenced_columns):
                return all(self._every[column].not_null for column in one.columns)
        return False

    def _counts(self, column: Column) -> bool:
        return column.serial is not None or bool(column.identity)

    def _insert(self, row: Mapping[str, str]) -> bool:
        names = ", ".join(quote_name(column) for column in row)
        into = f"INSERT INTO {qualified(self._table.key)}"
        given = {name for name, value in row.items() if value != "DEFAULT"}
        override = any(self._columns[name].identity == "a" for name in given)
        overriding = " OVERRIDING SYSTEM VALUE" if override else ""
        values = f"({names}){overriding} VALUES ({', '.join(row.values())})" if row else "DEFAULT VALUES"
        # A virtual column is computed when it is read: what it cannot be computed of is no row.
        virtual = [quote_name(name) for name, one in self._every.items() if one.generated == "v"]
        added = self._asking.attempt(f"{into} {values} RETURNING {', '.join(virtual) or '1'}")
        if added is None:
            self.reason = self._asking.reason
        elif not added:
            self.reason = "the server took an INSERT and kept no row"
        return bool(added)

    def go_on_counting(self) -> None:
        """Let sequences continue after the values that were given in their place."""
        for name in sorted(self._explicit):
            column = self._columns.get(name)
            if column is not None and self._counts(column):
                table, quoted = quote_literal(qualified(self._table.key)), quote_name(name)
                self._asking.attempt(
                    f"SELECT setval(pg_get_serial_sequence({table}, {quote_literal(name)}), max({quoted}))"
                    f" FROM {qualified(self._table.key)} HAVING max({quoted}) > 0"
                )


def _linked(
    sources: Sequence[Source], rules: Sequence[Rule], read: Callable[[Rule], set[str]]
) -> Iterator[tuple[list[Source], list[Rule]]]:
    """Sources in groups that share a column or a rule, each with its rules."""
    groups: list[tuple[set[str], list[Source], list[Rule]]] = []
    for source in sources:
        groups.append(_merge(groups, set(source.columns), [source], []))
    for rule in rules:
        columns = read(rule)
        if any(group[0] & columns for group in groups):
            groups.append(_merge(groups, columns, [], [rule]))
    yield from ((linked, over) for _, linked, over in groups)


def _merge(
    groups: list[tuple[set[str], list[Source], list[Rule]]], columns: set[str], sources: list[Source], rules: list[Rule]
) -> tuple[set[str], list[Source], list[Rule]]:
    """Take the groups that share a column out of a list, and put them together with what is new."""
    for group in [group for group in groups if group[0] & columns]:
        groups.remove(group)
        columns, sources, rules = columns | group[0], group[1] + sources, group[2] + rules
    return columns, sources, rules


def _rule(check: Constraint, columns: Collection[str]) -> Rule:
    """`CHECK ((a > 0)) NOT VALID` -> `((a > 0))`."""
    text = check.definition.removeprefix("CHECK ")
    for ending in (" NOT VALID", " NOT ENFORCED", " NO INHERIT"):
        text = text.removesuffix(ending)
    read = check.columns or tuple(name for name in columns if _speaks_of(text, name))
    return Rule(check.key.part, text, tuple(read))


def _is_enforced(check: Constraint) -> bool:
    return not check.definition.endswith(" NOT ENFORCED")


def _speaks_of(expression: str, name: str) -> bool:
    return bool(expression) and re.search(rf'(?<![\w"]){re.escape(quote_name(name))}(?![\w"])', expression) is not None
