"""Which losses a revision has decided on, by the comments that it records."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.diff.renames import Rename
from lamin_migrate_kit.proof.hazards.waivers import Decision, Decisions, read_decisions
from lamin_migrate_kit.proof.rows.account import ColumnFate, TableFate
from lamin_migrate_kit.source import recorded_renames

_ABOUT_VALUES = ("using", "backfill", "enum-map")
_ABOUT_ROWS = ("drop",)
_COLUMN_RULES = ("drop-column", "drop-table", "drop-schema", "drop-cascade", "narrow-type", "drop-enum-value")
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
        found = (
            self._decisions.decided(_ABOUT_ROWS, [*before, *own])
            or self._decisions.decided(_ABOUT_VALUES, [*before, *after])
            or self._enum_map(column)
            or self._allowed(_COLUMN_RULES, column.column)
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
            if all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code) for name in names):
                return number
        return first

    def _enum_map(self, column: ColumnFate) -> Decision | None:
        """The decision on a value of the column's type."""
        types = {one.type_name for one in (column.before, column.after) if one is not None}
        mapped = (one for one in self._decisions.all if one.word in ("enum-map", "drop"))
        return next((one for one in mapped if any(one.names.startswith(f"{name}.") for name in types)), None)

    def _allowed(self, rules: Collection[str], key: ObjectKey) -> Decision | None:
        """A waiver of one of the hazards' rules on an operation that speaks of the table or column."""
        name = key.part or key.name
        lines = self._text.splitlines()
        for decision in self._decisions.all:
            if decision.word != "allow" or decision.names not in rules or not decision.reason:
                continue
            for first, last in self._decisions.spans:
                if first <= decision.line <= last and name in "\n".join(lines[first - 1 : last]):
                    return decision
        return None

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
