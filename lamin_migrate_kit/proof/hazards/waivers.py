"""What the author has decided, in comments of a revision: `# migrate-kit: allow=<rule> because …`, `drop`, `rename`, ….

`allow` counts for the operation that it stands on: above it, beside it, within it, or above a block that it stands in;
what stands on one operation of a block says nothing of the others in it.
The other decisions name their object, and count for it in the whole revision.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.diff.renames import parse_names
from lamin_migrate_kit.errors import SettingsError

_COMMENT = re.compile(r"#\s*migrate-kit:\s*(?P<word>[a-z-]+)(?P<equals>=?)\s*(?P<rest>.*)\Z")
_NAMES = re.compile(r'(?:"[^"]*"|[^"])*?(?= because |\s*->|=| \(|\Z)')
"""Names up to the decision's details; within double quotes they may hold anything."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One comment.

    Attributes:
        line: Where it stands.
        word: `allow`, `drop`, `rename`, `using`, `backfill`, `enum-map`, `keep`.
        names: The rule of an `allow`; of others the object, dotted.
        reason: What stands behind `because`; "" when nothing does.
        value: What stands behind `=`: of an `enum-map` the value that takes the other's place.
    """

    line: int
    word: str
    names: str
    reason: str
    value: str = ""


class Span(NamedTuple):
    """The lines of a statement, with the comments directly above it."""

    first: int
    last: int
    head: int
    """The last line that is its own, and not a statement's within it; `last` of one that is no block."""

    def holds(self, decision: Decision) -> bool:
        """Whether a decision stands on it or on something within it."""
        return self.first <= decision.line <= self.last

    def is_decided_by(self, decision: Decision) -> bool:
        """Whether a decision stands on the statement itself."""
        return self.first <= decision.line <= self.head


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions that one revision records, and where its operations begin and end."""

    all: tuple[Decision, ...]
    spans: tuple[Span, ...]
    """The statements within its functions."""

    def allowed(self, rule: str, line: int | None) -> Decision | None:
        """The waiver of a rule on the operation at a line, when it gives a reason."""
        if line is None:
            return None
        around = [span for span in self.spans if span.first <= line <= span.last]
        return next(
            (
                decision
                for decision in self.all
                if decision.word == "allow" and decision.names == rule and decision.reason
                # What a block does when it ends, as `batch_alter_table` does, is said to be done by its first line.
                if any(span.is_decided_by(decision) or (span.holds(decision) and line <= span.head) for span in around)
            ),
            None,
        )

    def decided(self, words: Collection[str], subjects: Iterable[ObjectKey]) -> Decision | None:
        """The decision that names one of some objects, or what it is a part of."""
        names = {str(subject) for subject in subjects}
        return next(
            (
                decision
                for decision in self.all
                if decision.word in words and any(_covers(decision.names, name) for name in names)
            ),
            None,
        )

    def misunderstood(self, rules: Collection[str]) -> Iterator[tuple[int, str]]:
        """(line, what is wrong) of waivers that waive nothing."""
        for decision in self.all:
            if decision.word != "allow":
                continue
            if decision.names not in rules and not decision.names.startswith("squawk/"):
                yield decision.line, f"there is no rule {decision.names!r} to allow"
            elif not decision.reason:
                yield decision.line, f"allow={decision.names} gives no reason: … because …"


def read_decisions(path: Path) -> Decisions:
    """Read a revision file's decisions.

    Args:
        path: A file that is valid Python.
    """
    source = path.read_text(encoding="utf-8-sig")
    return Decisions(tuple(_decisions(source)), tuple(_spans(source)))


def _decisions(source: str) -> Iterator[Decision]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        found = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
        if found:
            rest, _, reason = found["rest"].partition("because ")
            names = rest.strip() if found["word"] == "allow" else _names(found["rest"])
            yield Decision(token.start[0], found["word"], names, reason.strip(), _value(found["rest"]))


def _value(text: str) -> str:
    """What stands behind the names and `=`."""
    found = _NAMES.match(text)
    rest = text[found.end() :] if found else ""
    return rest[1:].partition(" because ")[0].strip() if rest.startswith("=") else ""


def _names(text: str) -> str:
    """What stands before the decision's details, dotted; functions keep the types of their arguments."""
    found = _NAMES.match(text)
    name, parenthesis, arguments = _outside_quotes(found[0].strip() if found else text)
    try:
        return ".".join(parse_names(name)) + parenthesis + arguments
    except SettingsError:
        return text


def _outside_quotes(name: str) -> tuple[str, str, str]:
    """A name and the arguments of a function, parted at the first parenthesis that is in no quotes."""
    found = re.fullmatch(r'((?:"[^"]*"|[^"(])*)(\(?)(.*)', name)
    return (found[1], found[2], found[3]) if found else (name, "", "")


def _spans(source: str) -> Iterator[Span]:
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.col_offset:
            last = node.end_lineno or node.lineno
            within = [one for one in ast.walk(node) if isinstance(one, ast.stmt) and one is not node]
            head = min((_first_line(one, lines) - 1 for one in within), default=last)
            yield Span(_first_line(node, lines), last, max(head, node.lineno))


def _first_line(node: ast.stmt, lines: list[str]) -> int:
    """Where a statement begins, comments directly above it included."""
    first = node.lineno
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return first


def _covers(decided: str, name: str) -> bool:
    return name == decided or name.startswith(f"{decided}.")
