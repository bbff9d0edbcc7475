"""Which losses a revision has decided on, by the comments that it records."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.diff.renames import Rename
from lamin_migrate_kit.proof.hazards.waivers import Decision, Decisions, Span, read_decisions
from lamin_migrate_kit.proof.rows.account import ColumnFate, EnumMaps, TableFate
from lamin_migrate_kit.source import recorded_renames

# Not `backfill`: it fills in what is missing, and one that changes values that are there forgot to ask for NULL.
_ABOUT_VALUES = ("using",)
_ABOUT_ROWS = ("drop",)
_GONE_RULES = ("drop-column", "drop-table", "drop-schema", "drop-cascade")
_CHANGED_RULES = ("narrow-type", "drop-enum-value")
_ROW_RULES = ("delete-rows", "truncate-table", "drop-table", "drop-schema", "drop-cascade")


@dataclass(frozen=True)
class Decided:
    """What a revision file says.

    Attributes:
        path: The file.
    """

    path: Path

    @cached_property
    def renames(self) -> Mapping[tuple[str, ...], tuple[str, ...]]:
        """Recorded renames, as `match_relations` takes them."""
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for rename in recorded_renames([self._text]):
            found |= _entry(rename)
        return found

    def about_column(self, table: TableFate, column: ColumnFate, former: Collection[ObjectKey] = ()) -> str:
        """The decision that accepts what a column lost, in words; empty when there is none.

        Args:
            table: What became of its table.
            column: What became of the column.
            former: The tables and columns that were there before the revision. What took one's name is not it: that the
                one is dropped is no decision about the other.
        """
        before = [column.column, table.table]
        after = [key for key in (column.became, _within(table.became, column.column), table.became) if key is not None]
        taken = table.became != table.table and table.became in former
        own = [key for key in after if not taken and key not in former]
        type_ = column.before.type_name if column.before else ""
        found = (
            self._decisions.decided(_ABOUT_ROWS, [*before, *own])
            or self._decisions.decided(_ABOUT_VALUES, [*before, *after])
            or self._enum_map(column)
            or self._allowed(_rules_about(column), column.column, type_)
        )
        return _words(found)

    def about_rows(self, table: TableFate) -> str:
        """The decision that accepts that rows are gone, in words; empty when there is none."""
        found = self._decisions.decided(_ABOUT_ROWS, [table.table, *table.gone]) or self._allowed(
            _ROW_RULES, table.table
        )
        return _words(found)

    def line_about(self, function: str, *names: str) -> int | None:
        """The first line of a function that says all of these names, else the line on which the function begins."""
        first: int | None = None
        for number, line in self._lines_of(function):
            first = first or number
            code = line.partition("#")[0]
            if all(_says(code, name) for name in names):
                return number
        return first

    @cached_property
    def enum_maps(self) -> EnumMaps:
        """By the name of an enum type: what takes the place of each value, as far as that is recorded."""
        found: dict[str, dict[str, str | None]] = {}
        for one in self._decisions.all:
            type_, _, label = one.names.rpartition(".")
            if one.word == "enum-map" or (one.word == "drop" and type_.count(".") == 1):
                found.setdefault(type_, {})[label] = one.value if one.word == "enum-map" else None
        return found

    def _enum_map(self, column: ColumnFate) -> Decision | None:
        """The decision on a value of the column's type, when all that was lost or changed follows from such ones."""
        if column.before is None or column.unmapped:
            return None
        mapped = (one for one in self._decisions.all if one.word in ("enum-map", "drop"))
        return next((one for one in mapped if one.names.startswith(f"{column.before.type_name}.")), None)

    def _allowed(self, rules: Collection[str], key: ObjectKey, type_name: str = "") -> Decision | None:
        """A waiver of one of the hazards' rules on an operation that speaks of the table or column."""
        for decision in self._decisions.all:
            if decision.word == "allow" and decision.names in rules and decision.reason:
                around = [span for span in self._decisions.spans if span.holds(decision)]
                names = _names_of(key, decision.names, type_name)
                if any(span.is_decided_by(decision) and self._speaks_of(names, span, around) for span in around):
                    return decision
        return None

    def _speaks_of(self, names: Sequence[str], span: Span, around: Iterable[Span]) -> bool:
        """Whether a statement says these names; all but the first may stand in the first line of a block around it."""
        own = self._code(span.first, span.last)
        heads = "\n".join(self._code(one.first, one.head) for one in around)
        return _says(own, names[0]) and all(_says(f"{heads}\n{own}", name) for name in names[1:])

    def _code(self, first: int, last: int) -> str:
        return "\n".join(line for line in self._text.splitlines()[first - 1 : last] if line.strip()[:1] != "#")

    def _lines_of(self, function: str) -> Iterator[tuple[int, str]]:
        within = False
        for number, line in enumerate(self._text.splitlines(), 1):
            if line.startswith("def "):
                within = line.startswith(f"def {function}(")
            if within:
                yield number, line

    @cached_property
    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8-sig")

    @cached_property
    def _decisions(self) -> Decisions:
        return read_decisions(self.path)


def _rules_about(column: ColumnFate) -> Collection[str]:
    """The rules of hazards whose waiver accepts what a column lost: that it is gone, or that its values are others."""
    if column.before is None or column.after is None or column.before.number != column.after.number:
        return _GONE_RULES
    return _CHANGED_RULES


def _names_of(key: ObjectKey, rule: str, type_name: str) -> tuple[str, ...]:
    """What an operation has to say for the waiver of a rule on it to be about a table or column."""
    if rule == "drop-schema":
        return (key.schema,)
    if rule == "drop-cascade" and type_name:
        return (type_name.rpartition(".")[2],)  # the type went, and the column with it
    return (key.part, key.name) if key.part else (key.name,)


def _says(code: str, name: str) -> bool:
    """Whether a name stands there as a word."""
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code))


def _entry(rename: Rename) -> dict[tuple[str, ...], tuple[str, ...]]:
    if rename.kind == "column":
        return {(rename.schema, rename.table, rename.current): (rename.desired,)}
    return {(rename.schema, rename.table): (rename.desired_schema, rename.desired)}


def _within(table: ObjectKey | None, column: ObjectKey) -> ObjectKey | None:
    """A column's key in its table as that is called now."""
    return column._replace(schema=table.schema, name=table.name) if table else None


def _words(decision: Decision | None) -> str:
    if decision is None:
        return ""
    return f"{decision.word}={decision.names}" if decision.word == "allow" else f"{decision.word} {decision.names}"
