"""What the author has decided, in comments of a revision: `# migrate-kit: allow=<rule> because …`, `drop`, `rename`, ….

`allow` counts for the operation that it stands on: above it, beside it, within it, or above a block that it stands in.
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
    """

    line: int
    word: str
    names: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions that one revision records, and where its operations begin and end."""

    all: tuple[Decision, ...]
    spans: tuple[tuple[int, int], ...]
    """First and last line of each statement within its functions, comments directly above it included."""

    def allowed(self, rule: str, line: int | None) -> Decision | None:
        """The waiver of a rule on the operation at a line, when it gives a reason."""
        if line is None:
            return None
        around = [(first, last) for first, last in self.spans if first <= line <= last]
        return next(
            (
                decision
                for decision in self.all
                if decision.word == "allow" and decision.names == rule and decision.reason
                if any(first <= decision.line <= last for first, last in around)
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
            yield Decision(token.start[0], found["word"], names, reason.strip())


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


def _spans(source: str) -> Iterator[tuple[int, int]]:
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.col_offset:
            first = node.lineno
            while first > 1 and lines[first - 2].lstrip().startswith("#"):
                first -= 1
            yield first, node.end_lineno or node.lineno


def _covers(decided: str, name: str) -> bool:
    return name == decided or name.startswith(f"{decided}.")
