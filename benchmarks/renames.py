"""How well renames are told from drops and adds, on files of what people really renamed.

    python benchmarks/renames.py FILE… [--json] [--wrong]

A file has one JSON object a line, as read out of a public migration history: `tables_before`, `tables_after`,
`true_renames`, `true_drops`, `true_adds` (see `Case`). Names, types, nullability and foreign keys count; no source,
no declarations, and no places: the histories were replayed with ALTER TABLE, where a renamed column keeps its place and
an added one goes to the end, so that the place would give the answer away.

Figures, per project and as the mean of projects, leaving out ambiguous negatives:

    decided    pairs decided by evidence: right, wrong, and the share of the visible true renames that are
    first      visible true renames that are decided or the best guess that is asked about
    questions  asked about pairs that are no true rename (a question that serves several tables is one; one about a
               column is not asked when the rename of its table was answered with no), against the number of pairs
               of a true drop and a true add

Beside them two simple rules: the first pair of one type, and the first pair of one type with names at least half alike.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path
from typing import Any

from lamin_migrate_kit.diff.renames import (
    ColumnShape,
    ForeignTarget,
    SchemaShape,
    TableKey,
    TableShape,
    find_candidates,
    stored_name,
)
from lamin_migrate_kit.diff.renames.types import same_type

Pair = tuple[str, TableKey, str, TableKey, str]
"""Kind, current table, current name, desired table, desired name; tables have no names beside their keys."""


@dataclass(frozen=True)
class Case:
    """One step of a project's history.

    Attributes:
        id: Where it comes from.
        project: The repository.
        counts: Whether it is counted: ambiguous negatives are not.
        current: What was there before.
        desired: What was there afterwards.
        visible: The true renames that show as one drop and one add.
        true: All true renames.
        different: Pairs of a true drop and a true add, of tables or of columns in one table.
    """

    id: str
    project: str
    counts: bool
    current: SchemaShape
    desired: SchemaShape
    visible: frozenset[Pair]
    true: frozenset[Pair]
    different: frozenset[Pair]


@dataclass
class Figures:
    """Counts of one rule on some cases."""

    cases: int = 0
    visible: int = 0
    decided_right: int = 0
    decided_wrong: int = 0
    first: int = 0
    visible_columns: int = 0
    first_columns: int = 0
    visible_tables: int = 0
    first_tables: int = 0
    questions: int = 0
    true_questions: int = 0
    different: int = 0
    wrong: list[str] = field(default_factory=list)

    def shares(self) -> dict[str, float | None]:
        """The figures as shares; None where there is nothing to divide by."""
        decided = self.decided_right + self.decided_wrong
        return {
            "wrong of decided": _share(self.decided_wrong, decided),
            "decided of visible": _share(self.decided_right, self.visible),
            "first guess": _share(self.first, self.visible),
            "first guess, columns": _share(self.first_columns, self.visible_columns),
            "first guess, tables": _share(self.first_tables, self.visible_tables),
            "questions a pair of drop and add": _share(self.questions, self.different),
        }


@dataclass(frozen=True)
class Question:
    """What a best guess asks: its own question, and that of the table that has to be answered with yes before."""

    text: str
    depends_on: str = ""


Answer = tuple[set[Pair], dict[Pair, Question]]
"""What a rule says about a case: pairs decided, and best guesses with their questions."""


def read_cases(path: Path) -> list[Case]:
    """The cases of a file.

    Args:
        path: One JSON object a line.
    """
    return [_case(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _case(row: Mapping[str, Any]) -> Case:
    current = _side(row["tables_before"], row.get("partial_tables", ()))
    desired = _side(row["tables_after"], row.get("partial_tables", ()))
    tables = {_key(r["old"]): _key(r["new"]) for r in row["true_renames"] if r["kind"] == "table"}
    true = {_table_pair(a, b) for a, b in tables.items()}
    true |= {
        _column_pair(_key(r["table"]), r["old"], _key(r["table_after"]), r["new"])
        for r in row["true_renames"]
        if r["kind"] == "column"
    }
    return Case(
        id=row["id"],
        project=row["repo"],
        counts=not (row["class"] == "negative" and row.get("ambiguous")),
        current=current,
        desired=desired,
        visible=frozenset(pair for pair in true if _is_visible(pair, current, desired, tables)),
        true=frozenset(true),
        different=frozenset(_different(row, tables)),
    )


def _key(text: str) -> TableKey:
    schema, _, name = text.rpartition(".")
    return TableKey(schema, stored_name(name))


def _side(tables: Mapping[str, Sequence[Sequence[Any]]], partial: Iterable[str]) -> SchemaShape:
    return SchemaShape(
        tuple(
            TableShape(_key(name), tuple(map(_column, columns)), complete=name not in partial)
            for name, columns in tables.items()
        )
    )


def _column(row: Sequence[Any]) -> ColumnShape:
    name, type_, nullable, reference = row
    targets = None
    if reference:
        table, _, column = reference.rpartition(".")
        targets = (ForeignTarget(_key(table), column),)
    return ColumnShape(stored_name(name), type_, nullable, foreign_keys=targets)


def _table_pair(current: TableKey, desired: TableKey) -> Pair:
    return "table", current, "", desired, ""


def _column_pair(table: TableKey, current: str, desired_table: TableKey, desired: str) -> Pair:
    return "column", table, stored_name(current), desired_table, stored_name(desired)


def _is_visible(pair: Pair, current: SchemaShape, desired: SchemaShape, tables: Mapping[TableKey, TableKey]) -> bool:
    kind, table, name, other, new = pair
    ours, theirs = current.table(table), desired.table(other)
    if ours is None or theirs is None:
        return False
    moved = desired.table(table) is None and current.table(other) is None
    if kind == "table":
        return moved
    same = table == other or (moved and tables.get(table) == other)
    gone = ours.column(name) is not None and theirs.column(name) is None
    return same and gone and theirs.column(new) is not None and ours.column(new) is None


def _different(row: Mapping[str, Any], tables: Mapping[TableKey, TableKey]) -> Iterator[Pair]:
    drops, adds = row["true_drops"], row["true_adds"]
    for drop, add in product(drops, adds):
        if drop["kind"] == add["kind"] == "table":
            yield _table_pair(_key(drop["table"]), _key(add["table"]))
        elif drop["kind"] == add["kind"] == "column":
            ours, theirs = _key(drop["table"]), _key(add["table"])
            if tables.get(ours, ours) == theirs:
                yield _column_pair(ours, drop["column"], theirs, add["column"])


def ask_the_kit(case: Case) -> Answer:
    """What the kit says."""
    decided, guessed = set(), {}
    for found in find_candidates(case.current, case.desired):
        rename = found.rename
        names = ("", "") if found.kind == "table" else (rename.current, rename.desired)
        pair = (found.kind, rename.table_key, names[0], rename.desired_table_key, names[1])
        if found.outcome == "decided":
            decided.add(pair)
        elif found.outcome == "ask":
            guessed[pair] = Question(found.question, found.depends_on)
    return decided, guessed


def first_of_type(case: Case) -> Answer:
    """The first pair of columns of one type is a rename; tables with the most columns in common are."""
    return _simple(case, lambda a, b: same_type(a.type, b.type) is not False)


def first_alike(case: Case) -> Answer:
    """As `first_of_type`, when the names are at least half alike."""
    return _simple(
        case,
        lambda a, b: same_type(a.type, b.type) is not False and SequenceMatcher(None, a.name, b.name).ratio() >= 0.5,
    )


def _simple(case: Case, fits: Callable[[ColumnShape, ColumnShape], bool]) -> Answer:
    tables = _simple_tables(case)
    decided = {_table_pair(a, b) for a, b in tables.items()}
    for table in case.current.tables:
        other = case.desired.table(tables.get(table.key, table.key))
        if other is None:
            continue
        new = [column for column in other.columns if table.column(column.name) is None]
        for column in table.columns:
            match = next((c for c in new if other.column(column.name) is None and fits(column, c)), None)
            if match is not None:
                new.remove(match)
                decided.add(_column_pair(table.key, column.name, other.key, match.name))
    return decided, {}


def _simple_tables(case: Case) -> dict[TableKey, TableKey]:
    gone = [t for t in case.current.tables if case.desired.table(t.key) is None]
    new = [t for t in case.desired.tables if case.current.table(t.key) is None]
    shares = sorted(((-_common(a, b), a.key, b.key) for a, b in product(gone, new)), key=lambda item: item)
    found: dict[TableKey, TableKey] = {}
    for share, a, b in shares:
        if share <= -0.5 and a not in found and b not in found.values():
            found[a] = b
    return found


def _common(current: TableShape, desired: TableShape) -> float:
    ours, theirs = {c.name for c in current.columns}, {c.name for c in desired.columns}
    return len(ours & theirs) / max(1, len(ours | theirs))


def measure(cases: Iterable[Case], rule: Callable[[Case], Answer]) -> Figures:
    """Counts of a rule on cases; ambiguous negatives are left out."""
    figures = Figures()
    for case in cases:
        if case.counts:
            _add(figures, case, *rule(case))
    return figures


def _add(figures: Figures, case: Case, decided: set[Pair], guessed: Mapping[Pair, Question]) -> None:
    figures.cases += 1
    figures.visible += len(case.visible)
    figures.different += len(case.different)
    figures.decided_right += len(decided & case.visible)
    wrong = decided - case.true
    figures.decided_wrong += len(wrong)
    figures.wrong += [f"{case.id}: {_shown(pair)}" for pair in sorted(wrong)]
    hits = case.visible & (decided | guessed.keys())
    figures.first += len(hits)
    figures.visible_columns += sum(pair[0] == "column" for pair in case.visible)
    figures.visible_tables += sum(pair[0] == "table" for pair in case.visible)
    figures.first_columns += sum(pair[0] == "column" for pair in hits)
    figures.first_tables += sum(pair[0] == "table" for pair in hits)
    needed = {question.text for pair, question in guessed.items() if pair in case.true}
    idle = {q.text for pair, q in guessed.items() if pair not in case.true and q.depends_on in ("", *needed)}
    figures.true_questions += len(needed)
    figures.questions += len(idle - needed)


def _shown(pair: Pair) -> str:
    kind, table, name, other, new = pair
    return f"{table} -> {other}" if kind == "table" else f"{table}.{name} -> {new}"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


RULES: Mapping[str, Callable[[Case], Answer]] = {
    "the kit": ask_the_kit,
    "same type, first match": first_of_type,
    "same type, names half alike": first_alike,
}


def report(path: Path) -> dict[str, Any]:
    """All figures for a file: by rule, in all, per project, and the mean of projects."""
    by_project: dict[str, list[Case]] = defaultdict(list)
    for case in read_cases(path):
        by_project[case.project].append(case)
    rules = {}
    for name, rule in RULES.items():
        per = {project: measure(cases, rule) for project, cases in sorted(by_project.items())}
        rules[name] = {
            "all": _as_json(add_up(per.values())),
            "mean of projects": _mean([figures.shares() for figures in per.values()]),
            "projects": {project: _as_json(figures) for project, figures in per.items()},
        }
    return {"file": path.name, "rules": rules}


def add_up(parts: Iterable[Figures]) -> Figures:
    """The sum of figures."""
    total = Figures()
    for part in parts:
        for item in fields(Figures):
            setattr(total, item.name, getattr(total, item.name) + getattr(part, item.name))
    return total


def _mean(shares: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    means = {}
    for name in shares[0]:
        known = [value for share in shares if (value := share[name]) is not None]
        means[name] = sum(known) / len(known) if known else None
    return means


def _as_json(figures: Figures) -> dict[str, Any]:
    counts = {item.name: getattr(figures, item.name) for item in fields(Figures)}
    return {"counts": counts, "shares": figures.shares()}


def print_text(found: Mapping[str, Any], wrong: bool) -> None:
    """The report of a file for a person."""
    print(f"\n{found['file']}")
    for name, rule in found["rules"].items():
        print(f"\n  {name}")
        print(f"    {'':34}{'visible':>8}{'decided':>16}{'wrong':>12}{'first guess':>16}{'questions':>16}")
        for project, figures in rule["projects"].items():
            _print_line(project, figures["counts"], figures["shares"])
        _print_line("all", rule["all"]["counts"], rule["all"]["shares"])
        _print_line("mean of projects", None, rule["mean of projects"])
        shares = rule["all"]["shares"]
        print(
            f"    first guess: {_percent(shares['first guess, columns'])} of columns,"
            f" {_percent(shares['first guess, tables'])} of tables"
        )
        for line in rule["all"]["counts"]["wrong"] if wrong else ():
            print(f"    wrong: {line}")


def _print_line(name: str, counts: Mapping[str, Any] | None, shares: Mapping[str, float | None]) -> None:
    def cell(count: str, share: str) -> str:
        return f"{counts[count] if counts else ''} {_percent(shares[share])}"

    print(
        f"    {name:34}{counts['visible'] if counts else '':>8}"
        f"{cell('decided_right', 'decided of visible'):>16}"
        f"{cell('decided_wrong', 'wrong of decided'):>12}"
        f"{cell('first', 'first guess'):>16}"
        f"{cell('questions', 'questions a pair of drop and add'):>16}"
    )


def _percent(share: float | None) -> str:
    return "   -" if share is None else f"{share:4.2f}"


def main(arguments: Sequence[str]) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON document")
    parser.add_argument("--wrong", action="store_true", help="list what was decided wrong")
    options = parser.parse_args(arguments)
    found = [report(path) for path in options.files]
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    for item in found:
        print_text(item, options.wrong)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
