"""A revision does the same at any time, on any machine: its text asks neither clock nor chance nor machine.

Read from the file: what a revision got from the clock differs between the run that is proven and the one on an
instance, and no number of runs here would show it. What SQL asks (`now()`, `gen_random_uuid()`) the server answers
where it runs, and is no matter of this proof.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.proof.outcome import Outcome, counted, proves
from lamin_migrate_kit.report.model import Finding

if TYPE_CHECKING:
    from lamin_migrate_kit.revisions.history import History, Revision
    from lamin_migrate_kit.schema_module import SchemaModule

# By module: the names that give something else at another time, in another run, or on another machine; () for all.
_ASKS: dict[str, tuple[str, ...]] = {
    "datetime": ("now", "utcnow", "today"),
    "time": ("time", "time_ns", "localtime", "gmtime", "strftime", "ctime", "monotonic", "perf_counter"),
    "uuid": ("uuid1", "uuid4", "uuid6", "uuid7", "getnode"),
    "random": (),
    "secrets": (),
    "os": ("environ", "getenv", "getcwd", "getlogin", "getpid", "uname", "urandom", "cpu_count"),
    "socket": (),
    "platform": (),
    "getpass": (),
    "pathlib": ("home", "cwd"),
    "sys": ("argv", "platform", "executable", "version_info"),
    "subprocess": (),
    "tempfile": (),
    "requests": (),
}
# Those that say something wherever they stand; others have to be called.
_VALUES = ("environ", *_ASKS["sys"])


@proves("repeatable", "revisions do the same at any time, on any machine")
def prove_repeatable(module: SchemaModule, history: History) -> Outcome:
    """No revision asks the clock, chance or the machine in Python. What is released can only be told of."""
    findings = [finding for one in history.revisions for finding in _findings(module, one)]
    told = Outcome.of(tuple(one for one in findings if one.severity is None), "")
    if told.findings:
        return Outcome(told.status, told.summary, tuple(findings))
    return Outcome(told.status, counted(len(history.revisions), "revision"), tuple(findings))


def _findings(module: SchemaModule, revision: Revision) -> Iterator[Finding]:
    for line, asked in asks_outside(revision.path):
        yield Finding(
            f"Revision {revision.id} asks {asked}: it does something else at another time or place.",
            revision.id,
            module.shown(revision.path),
            line,
            next_command=f"write the value itself into {module.shown(revision.path)}, or let the server give it in SQL",
            severity="note" if revision.version else None,
        )


def asks_outside(path: Path) -> list[tuple[int, str]]:
    """(line, what) of every place in a file that asks the clock, chance or the machine."""
    tree = ast.parse(path.read_bytes())
    bound = dict(_bound(tree))
    found = ((node, _asked(node, bound)) for node in ast.walk(tree) if isinstance(node, _Asking))
    return sorted({(node.lineno, asked) for node, asked in found if asked})


def _bound(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name in the file, module or module.name) of what is imported from one of the modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names if one.name in _ASKS)
        elif isinstance(node, ast.ImportFrom) and node.module in _ASKS:
            yield from ((one.asname or one.name, f"{node.module}.{one.name}") for one in node.names)


_Asking = ast.Name | ast.Attribute | ast.Call


def _asked(node: _Asking, bound: dict[str, str]) -> str | None:
    called = isinstance(node, ast.Call)
    parts = _dotted(node.func if isinstance(node, ast.Call) else node)
    if not parts or parts[0] not in bound:
        return None
    whole = [*bound[parts[0]].split("."), *parts[1:]]
    names = _ASKS[whole[0]]
    is_asked = whole[-1] in names if names else len(whole) > 1
    return ".".join(whole) if is_asked and len(whole) > 1 and (called or whole[-1] in _VALUES) else None


def _dotted(node: ast.expr) -> list[str]:
    """`a.b.c` as its parts; empty for what is no plain name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return [*before, node.attr] if before else []
    return []
