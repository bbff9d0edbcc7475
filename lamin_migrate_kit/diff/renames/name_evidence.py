"""Facts from names, and from what stands beside any two objects: comments, places, the source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import log

from lamin_migrate_kit.diff.renames.model import SourceChange
from lamin_migrate_kit.diff.renames.names import NameComparison, Words, compare_names, words
from lamin_migrate_kit.diff.renames.scoring import Fact
from lamin_migrate_kit.diff.renames.surroundings import Surroundings, substitution

ENOUGH_NAMES = 3
"""How many names must change the same words before that vouches for a rename."""

MOST_WORDS = 0.5
"""The share of words that two names must have in common before a word added or removed leaves them one name."""


def name_facts(current: str, desired: str, context: Words, around: Surroundings) -> list[Fact]:
    """What two names say.

    Args:
        current: The current name.
        desired: The desired name.
        context: Words that go without saying.
        around: What the rest of the comparison says.
    """
    names = compare_names(current, desired, context)
    translated, question = around.tables.translate(current, around.prefix)
    followed = compare_names("_".join(translated), around.short(desired), context)
    if followed.shared > names.shared:
        facts = [replace(fact, depends_on=question) for fact in _word_facts(followed)]
    else:
        facts = _word_facts(names)
    return [
        *facts,
        *_recurring_words(current, desired, around),
        *_renamed_likewise(current, desired, around),
    ]


def _word_facts(names: NameComparison) -> list[Fact]:
    replaced = bool(names.only_current) and bool(names.only_desired)
    kept = not names.only_current and not names.only_desired and names.shared > 0
    added = names.shared > 0 and not kept and not replaced
    mostly = added and names.shared >= MOST_WORDS
    alike = replaced and names.synonymous and names.shared >= MOST_WORDS
    opposite = Fact("opposite words", 1.0, "the names say different things", contradicts=True)
    return [
        Fact("shared words", names.shared),
        Fact("related words", names.related, "words for the same thing" if names.related >= MOST_WORDS else ""),
        Fact("spelling", names.spelling),
        Fact("same words", float(kept), "names of the same words" if kept else "", vouches=kept),
        *([Fact("same words", 0.5, "words for the same thing", vouches=True)] if alike else []),
        Fact("same exact words", float(kept and names.exact)),
        Fact("word added or removed", float(added), _words_told(names) if added else "", vouches=mostly, alone=True),
        Fact("word replaced", float(replaced and names.shared > 0), _words_told(names) if replaced else ""),
        *([opposite] if names.opposite else []),
    ]


def _words_told(names: NameComparison) -> str:
    gone, new = "_".join(names.only_current), "_".join(names.only_desired)
    if gone and new:
        return f"{gone} is {new} in the name"
    return f"{new} is added to the name" if new else f"{gone} is removed from the name"


def _recurring_words(current: str, desired: str, around: Surroundings) -> list[Fact]:
    """The same words change in other names: in several that may be renames, or in one table's that is."""
    change = substitution(current, desired)
    others = around.substitutions.get(change, 1)
    decided = change in around.tables.changes
    if others == 1 and not decided:
        return []
    told = "a table's name changes likewise" if decided else f"the same words change in {others} names"
    return [Fact("recurring words", log(max(2, others)), told, vouches=decided or others >= ENOUGH_NAMES)]


def _renamed_likewise(current: str, desired: str, around: Surroundings) -> list[Fact]:
    """The name contains a table's name and follows its rename: `jupynb_id`, `notebook_id`."""
    translated, question = around.tables.translate(current, around.prefix)
    if translated == words(current):
        return []
    names = compare_names("_".join(translated), around.short(desired))
    if names.only_current or names.only_desired or not names.exact:
        return []
    return [Fact("table renamed likewise", 1.0, "a table is renamed likewise", vouches=True, depends_on=question)]


def compared(what: str, current: str | None, desired: str | None) -> list[Fact]:
    """Two texts; that both have none is no evidence.

    Args:
        what: `default` or `comment`.
        current: Empty when there is none, None when unknown.
        desired: Likewise.
    """
    if current is None or desired is None or not (current or desired):
        return []
    if current == desired:
        return [Fact(f"same {what}", 1.0, f"same {what}")]
    return [Fact(f"other {what}", 1.0, f"another {what}")]


def place_facts(
    current: Sequence[str],
    desired: Sequence[str],
    gone: Collection[str],
    new: Collection[str],
    renamed: Iterable[tuple[str, str]],
    what: str,
) -> dict[tuple[str, str], Fact]:
    """That a pair stands at the same place, for every pair that does.

    Args:
        current: As in `same_places`, and so on.
        what: What they are in, for the sentence: `table` or `type`.
    """
    told = f"same place in the {what}"
    return {pair: Fact("same place", 1.0, told) for pair in same_places(current, desired, gone, new, renamed)}


def same_places(
    current: Sequence[str],
    desired: Sequence[str],
    gone: Collection[str],
    new: Collection[str],
    renamed: Iterable[tuple[str, str]] = (),
) -> set[tuple[str, str]]:
    """The pairs that stand at the same place: between the same kept neighbours, and equally far into the gap.

    Args:
        current: All names in order.
        desired: All names in order.
        gone: Those that are only on the current side.
        new: Those that are only on the desired side.
        renamed: Neighbours that are kept under another name, so that an answer about one changes nothing for the other.
    """
    later = dict(renamed)
    # No name contains this letter: what was renamed cannot be taken for another of its new name.
    ours = [f"\0{later[name]}" if name in later else name for name in current]
    theirs = [f"\0{name}" if name in later.values() else name for name in desired]
    places = {place: name for name, place in _places(theirs, new).items()}
    return {(name, places[place]) for name, place in _places(ours, gone).items() if place in places}


def _places(names: Sequence[str], changed: Collection[str]) -> Mapping[str, tuple[str, int, str]]:
    """For every changed name the kept one before it, how far behind that it stands, and the kept one after it."""
    after: dict[str, str] = {}
    following = ""
    for name in reversed(names):
        if name in changed:
            after[name] = following
        else:
            following = name
    places = {}
    before, distance = "", 0
    for name in names:
        if name in changed:
            distance += 1
            places[name] = (before, distance, after[name])
        else:
            before, distance = name, 0
    return places


def source_facts(change: SourceChange | None, names: NameComparison) -> list[Fact]:
    """What the models' source says about a pair.

    A line that only changed its name decides together with names that mean the same; with any other names it only
    comes first.

    Args:
        change: None when it says nothing.
        names: How the names compare.
    """
    if change is None:
        return []
    if change.same_line and change.same_place:
        return [Fact("same line", 1.0, "git: only the name changed", vouches=names.synonymous)]
    if change.same_line:
        return [Fact("same line elsewhere", 1.0, "git: only the name and its place changed")]
    if change.same_place:
        return [Fact("changed at the same place", 1.0, "git: changed at the same place")]
    return []


def plain(text: str | None) -> str:
    """Text that fits into a sentence of evidence: one line, no commas, no brackets that could end a comment."""
    return " ".join((text or "").replace(",", " ").split())
