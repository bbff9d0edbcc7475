"""What the rest of a comparison says about a pair: renamed tables, and words that change in other names too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lamin_migrate_kit.diff.renames.names import SAME_WORD, Words, common_start, word_likeness, words
from lamin_migrate_kit.diff.renames.shapes import TableKey

Substitution = tuple[Words, Words]
"""The words that change between two names."""


def substitution(current: str, desired: str) -> Substitution:
    """The words that change between two names: `organizer_name`, `owner_name` gives `organizer`, `owner`.

    Where one word only changes its form, the ending is what changes: `role`, `roles` gives `-`, `-s`.
    """
    ours, theirs = words(current), words(desired)
    start = common_start(ours, theirs)
    end = common_start(ours[start:][::-1], theirs[start:][::-1])
    gone, new = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    if len(gone) == len(new) == 1 and word_likeness(gone[0], new[0]) >= SAME_WORD:
        same = common_start(gone[0], new[0])
        return (f"-{gone[0][same:]}",), (f"-{new[0][same:]}",)
    return gone, new


def count_substitutions(pairs: Iterable[tuple[str, str]]) -> Counter[Substitution]:
    """How many different pairs of names change the same words, where part of the name stays."""
    counts: Counter[Substitution] = Counter()
    for current, desired in set(pairs):
        change = substitution(current, desired)
        whole = (len(words(current)), len(words(desired)))
        if (len(change[0]), len(change[1])) != whole or change[0][0].startswith("-"):
            counts[change] += 1
    return counts


def common_prefix(gone: Iterable[TableKey], new: Iterable[TableKey]) -> Words:
    """The words that all of three or more new tables start with, when no gone table starts with them."""
    names = [words(table.name) for table in new]
    if len(names) < 3:
        return ()
    prefix = names[0][: min(common_start(names[0], name) for name in names)]
    starts = any(words(table.name)[: len(prefix)] == prefix for table in gone)
    return () if starts else prefix


@dataclass(frozen=True)
class TableMap:
    """Which tables are renamed, as far as it is known yet.

    Attributes:
        renamed: Current to desired key: decided renames and best guesses.
        open: The questions of those that are guesses, by current key.
    """

    renamed: Mapping[TableKey, TableKey] = field(default_factory=dict)
    open: Mapping[TableKey, str] = field(default_factory=dict)

    def follow(self, table: TableKey) -> TableKey:
        """Where a table went; itself when it was not renamed."""
        return self.renamed.get(table, table)

    def without(self, table: TableKey) -> TableMap:
        """The map but for one table, whose rename must not speak for itself."""
        if table not in self.renamed:
            return self
        return TableMap({a: b for a, b in self.renamed.items() if a != table}, self.open)

    @cached_property
    def changes(self) -> frozenset[Substitution]:
        """The words that change in the names of tables whose rename is decided."""
        decided = ((a, b) for a, b in self.renamed.items() if a not in self.open and a.name != b.name)
        return frozenset(substitution(a.name, b.name) for a, b in decided)

    def translate(self, name: str, prefix: Words = ()) -> tuple[Words, str]:
        """A name with the renamed tables' names replaced in it: `dset_id` is `dfolder_id` with `dset` to `dfolder`.

        Args:
            name: Of a column or table.
            prefix: Words of the new tables' names that go without saying.

        Returns:
            The name's words, and the first open question that they rest on.
        """
        known = self._translated.get((name, prefix))
        if known is None:
            known = self._translated[name, prefix] = self._translate(words(name), prefix)
        return known

    def _translate(self, name: Words, prefix: Words) -> tuple[Words, str]:
        question = ""
        for part, new, open_question in self._replacements:
            replaced = _replace(name, part, without_prefix(new, prefix))
            if replaced != name:
                name, question = replaced, question or open_question
        return name, question

    @cached_property
    def _translated(self) -> dict[tuple[str, Words], tuple[Words, str]]:
        """Names that were translated before: every name is compared with many."""
        return {}

    @cached_property
    def _replacements(self) -> list[tuple[Words, Words, str]]:
        """The words of renamed tables, the longest names first, with the open question that each rests on."""
        renamed = [(words(a.name), words(b.name), self.open.get(a, "")) for a, b in sorted(self.renamed.items())]
        return sorted((r for r in renamed if r[0] != r[1]), key=lambda replacement: -len(replacement[0]))


def without_prefix(name: Words, prefix: Words) -> Words:
    """A name without words that go without saying; a name that is nothing else stays."""
    return name[len(prefix) :] if name[: len(prefix)] == prefix and name != prefix else name


def short_name(name: str, prefix: Words) -> str:
    """A name without words that go without saying."""
    return "_".join(without_prefix(words(name), prefix)) if prefix else name


def _replace(name: Words, part: Words, new: Words) -> Words:
    """Replace the first run of words, in whatever form they are, by others."""
    size = len(part)
    for start in range(len(name) - size + 1):
        run = name[start : start + size]
        if all(word_likeness(a, b) >= SAME_WORD for a, b in zip(run, part, strict=True)):
            return name[:start] + new + name[start + size :]
    return name


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of a comparison says about a pair.

    Attributes:
        tables: Renamed tables.
        types: Renamed enum types, as columns spell them.
        prefix: Words that all new tables start with and none of the gone ones do.
        recurring: In how many tables a pair of column names could be a rename.
        substitutions: How many different pairs of names change the same words.
        frequency: In how many tables, of both sides, a column of that name stands.
        table_count: How many tables there are on both sides.
        references: How many foreign keys led from one place to the one table and lead to the other now.
    """

    tables: TableMap = field(default_factory=TableMap)
    types: Mapping[str, str] = field(default_factory=dict)
    prefix: Words = ()
    recurring: Mapping[tuple[str, str], int] = field(default_factory=dict)
    substitutions: Mapping[Substitution, int] = field(default_factory=dict)
    frequency: Mapping[str, int] = field(default_factory=dict)
    table_count: int = 1
    references: Mapping[tuple[TableKey, TableKey], int] = field(default_factory=dict)

    def short(self, name: str) -> str:
        """A new table's name, or a column's that contains one, without the words that all of them start with."""
        return short_name(name, self.prefix)
