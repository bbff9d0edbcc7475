"""Any database of any row to any other: pairs that nobody thought of.

python -m tests.acceptance.crossing --pairs 500 --seed 7
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.settings import Settings
from tests.acceptance.runner import Case, run_case


def all_cases() -> list[tuple[str, Case]]:
    """Every row with the name of its file."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    modules = ((name, importlib.import_module(f"tests.acceptance.{name}")) for name in names)
    return [(name.removeprefix("test_"), case) for name, module in modules for case in getattr(module, "CASES", ())]


def crossed(count: int, seed: int, major: int = 18) -> Iterator[Case]:
    """Random pairs of databases, always the same ones for a seed."""
    sides = [
        (f"{file}: {case.name} ({side})", case.common + ddl)
        for file, case in all_cases()
        for side, ddl in (("current", case.current), ("desired", case.desired))
        if case.since <= major and not case.undumped
    ]
    chance = random.Random(seed)
    for _ in range(count):
        (one, current), (other, desired) = chance.sample(sides, 2)
        yield Case(f"{one} -> {other}", current, desired, rebuilds=True, since=major)


def main() -> None:
    """Cross rows and print the pairs that fail."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with open_server(Settings(root=Path.cwd(), provider="embedded")) as server:
        failed = [case.name for case in crossed(arguments.pairs, arguments.seed) if not _passes(server, case)]
    sys.exit(f"{len(failed)} of {arguments.pairs} pairs failed" if failed else 0)


def _passes(server: Server, case: Case) -> bool:
    try:
        run_case(server, case)
    except Exception as error:
        print(f"FAILED {case.name}\n  {str(error).strip()[:1500]}\n")
        return False
    return True


if __name__ == "__main__":
    main()
