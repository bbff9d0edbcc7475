"""How fast proofs 1 to 4 of `invoke ci --all` are on long histories, beside the other ways to do less.

    .venv/bin/python benchmarks/ci.py [--revisions 100 500] [--runs 3] [--disk] [--pytest-alembic /a/venv/bin/python]

pytest-alembic needs a pytest before 9, and so an environment of its own (`pip install --group benchmark`); without
`--pytest-alembic` it is left out.

The server keeps its data in memory, as the kit's own do, or with `--disk` on disk; durability is off both times.
In memory the server's part of the work is so small that Alembic's own Python is most of every contender but the SQL.

Each contender is a process of its own, on one Postgres that is started for all of them; the order is the same in every
run, the best time counts. `stairway through alembic.command` takes the first 60 revisions up, down and up and is
extrapolated to all of them, by its time a revision: that is to its favour, because a call costs more the longer the
history is.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from synthetic import PACKAGE, write_module, written_statements  # noqa: E402

FIRST = 60
CONTENDERS = ("the kit", "pytest-alembic", "alembic.command", "bare stairway", "SQL alone")
TARGETS = {"pytest-alembic": 2.0, "alembic.command": 20.0}
SUMS = ("all of them", "whole", "peak")
MOST_OF_SQL, MOST_MEGABYTES, MOST_EXPONENT = 6.0, 300.0, 1.15


def the_kit(root: Path, url: str) -> dict[str, float]:
    """History, upgrade, match and stairway, all of `--all`, as the command runs them on a server of its own.

    See `proof.run`.
    """
    import functools
    from contextlib import ExitStack

    from lamin_migrate_kit.comparison import compare_module
    from lamin_migrate_kit.decisions import Decisions
    from lamin_migrate_kit.garbage import seldom_collected
    from lamin_migrate_kit.proof.history import prove_checksums, prove_history, prove_names
    from lamin_migrate_kit.proof.match import prove_alembic_check, prove_match
    from lamin_migrate_kit.proof.stairway import Stairway, prove_stairway
    from lamin_migrate_kit.proof.upgrade import prove_upgrade
    from lamin_migrate_kit.report.model import Proof, Status
    from lamin_migrate_kit.schema_module import find_schema_module
    from lamin_migrate_kit.settings import Settings
    from lamin_migrate_kit.workbench import Workbench

    settings = Settings(root=root, package=PACKAGE)
    seconds: dict[str, float] = {}

    def note(proof: Proof) -> None:
        if proof.status is Status.FAILED or (proof.status is Status.NOT_PROVEN and proof.name != "checksums"):
            raise SystemExit(f"{proof.name}: {proof.status.value} {proof.summary} {proof.findings[:2]}")
        seconds[proof.name] = proof.seconds

    with seldom_collected(), ExitStack() as stack:
        began = time.perf_counter()
        bench = Workbench(settings, find_schema_module(settings), own_server(url), stack)
        module, comparison = bench.module, functools.cache(lambda: compare_module(bench, Decisions()))
        note(prove_history(module, lambda: bench.history))
        with Stairway(bench, every=True).begun() as stairway:
            note(prove_names(module, bench.history))
            note(prove_checksums(module, bench.history))
            note(prove_upgrade(bench))
            note(prove_match(bench, comparison))
            note(prove_alembic_check(bench, comparison))
            note(prove_stairway(bench, every=True, stairway=stairway))
            seconds["all of them"] = time.perf_counter() - began
    return seconds


def sql_alone(root: Path, url: str) -> dict[str, float]:
    """All upgrades through one psycopg2 connection, a transaction a revision."""
    import psycopg2

    statements = list(written_statements(root))
    with fresh_database(url) as database, psycopg2.connect(database) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        for statement in statements:
            cursor.execute(statement)
            if "migration_synt" in statement:
                connection.commit()
        connection.commit()
        seconds = time.perf_counter() - began
        cursor.close()
    connection.close()
    return {"SQL alone": seconds, "statements": len(statements)}


def alembic_command(root: Path, url: str) -> dict[str, float]:
    """The stairway as it is written in most projects: `alembic.command` for each step."""
    from alembic import command

    sys.path.insert(0, str(root))
    count = len(list((root / PACKAGE / "migrations" / "versions").glob("*.py")))
    steps = min(FIRST, count)
    with fresh_database(url) as database:
        config = alembic_config(root, database)
        began = time.perf_counter()
        for number in range(1, steps + 1):
            command.upgrade(config, f"{number:012x}")
            command.downgrade(config, "-1")
            command.upgrade(config, f"{number:012x}")
        measured = time.perf_counter() - began
    return {"measured": measured, "extrapolated": measured / steps * count}


def bare_stairway(root: Path, url: str) -> dict[str, float]:
    """Every revision up, down and up with Alembic's own parts, one script directory and one connection; no look at all.

    The least that the stairway costs where each way is Alembic's: it proves that nothing raises.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine

    sys.path.insert(0, str(root))
    config = Config()
    folder = root / PACKAGE / "migrations"
    directory = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    count = len(list((folder / "versions").glob("*.py")))
    with fresh_database(url) as database, create_engine(driven(database)).connect() as connection:

        def go(steps: object) -> None:
            with EnvironmentContext(config, directory, fn=steps) as environment:
                environment.configure(connection=connection, version_table="migration_synt")
                with environment.begin_transaction():
                    environment.run_migrations()

        began = time.perf_counter()
        for number in range(1, count + 1):
            above, below = f"{number:012x}", f"{number - 1:012x}" if number > 1 else "base"
            go(lambda at, _, to=above: directory._upgrade_revs(to, at))
            go(lambda at, _, to=below: directory._downgrade_revs(to, at))
            go(lambda at, _, to=above: directory._upgrade_revs(to, at))
        seconds = time.perf_counter() - began
        connection.close()
    return {"bare": seconds}


def pytest_alembic(root: Path, url: str) -> dict[str, float]:
    """Its four built-in tests."""
    with fresh_database(url) as database:
        (root / "conftest.py").write_text(
            textwrap.dedent(
                f"""
                import pytest
                from sqlalchemy import create_engine
                from sqlalchemy.pool import NullPool

                @pytest.fixture
                def alembic_config():
                    return {{"file": "alembic.ini"}}

                @pytest.fixture
                def alembic_engine():
                    return create_engine({driven(database)!r})
                """
            )
        )
        names = "test_model_definitions_match_ddl, test_single_head_revision, test_up_down_consistency, test_upgrade"
        (root / "test_migrations.py").write_text(f"from pytest_alembic.tests import {names}\n")
        alembic_config(root, database)
        python = os.environ["PYTEST_ALEMBIC_PYTHON"]
        began = time.perf_counter()
        done = subprocess.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_migrations.py"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
    if "4 passed" not in done.stdout:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return {"its four tests": seconds}


ENV = f"""
from alembic import context
from sqlalchemy import create_engine
from {PACKAGE}.models import metadata

given = context.config.attributes.get("connection")
engine = given or create_engine(context.config.get_main_option("sqlalchemy.url"))

def run(connection):
    context.configure(connection=connection, target_metadata=metadata, version_table="migration_synt",
                      include_schemas=True, include_name=lambda n, t, _: t != "schema" or n in (None, "synth"))
    with context.begin_transaction():
        context.run_migrations()

if given is not None and hasattr(given, "execute"):
    run(given)
else:
    with engine.connect() as connection:
        run(connection)
        connection.commit()
"""


def driven(url: str) -> str:
    """The URL with the driver named: which one is the default differs between versions of SQLAlchemy."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def alembic_config(root: Path, database: str):  # type: ignore[no-untyped-def]
    from alembic.config import Config

    folder = root / PACKAGE / "migrations"
    (folder / "env.py").write_text(ENV)
    (root / "alembic.ini").write_text(
        f"[alembic]\nscript_location = {folder}\nsqlalchemy.url = {driven(database).replace('%', '%%')}\n"
    )
    return Config(str(root / "alembic.ini"), stdout=open(os.devnull, "w"))


def own_server(url: str):  # type: ignore[no-untyped-def]
    """The server that was started for this benchmark, as one of the kit's own, which it is."""
    from sqlalchemy import make_url

    from lamin_migrate_kit.servers.server import describe_server

    return describe_server("embedded", make_url(driven(url)), own=True)


class fresh_database:  # noqa: N801 (reads as a function)
    """An empty database for one block; its URL."""

    def __init__(self, url: str) -> None:
        from lamin_migrate_kit.scratch import scratch_database

        self._made = scratch_database(own_server(url), hint="benchmark")

    def __enter__(self) -> str:
        url = self._made.__enter__().url.set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    def __exit__(self, *error: object) -> None:
        self._made.__exit__(*error)  # type: ignore[arg-type]


def measure(contender: str, root: Path, url: str) -> dict[str, float]:
    """Run one contender in a process of its own; its times in seconds, and its peak memory in megabytes."""
    command = [sys.executable, __file__, "--contender", contender, "--folder", str(root), "--url", url]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{contender}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def run_contender(contender: str, root: Path, url: str) -> None:
    import resource

    functions = dict(zip(CONTENDERS, (the_kit, pytest_alembic, alembic_command, bare_stairway, sql_alone), strict=True))
    began = time.perf_counter()
    seconds = functions[contender](root, url)
    whole = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**seconds, "whole": whole, "peak": peak}))


def compare(revisions: int, runs: int, url: str) -> float:
    """Measure and print one size; the kit's time in seconds."""
    with tempfile.TemporaryDirectory(prefix="lamin-benchmark-") as folder:
        root = Path(folder)
        statements = write_module(root, revisions)
        print(f"\n{revisions} revisions, {statements} statements upwards; best of {runs}")
        best: dict[str, dict[str, float]] = {}
        for _ in range(runs):
            for contender in CONTENDERS:
                if contender == "pytest-alembic" and "PYTEST_ALEMBIC_PYTHON" not in os.environ:
                    continue
                found = measure(contender, root, url)
                if contender not in best or figure(contender, found) < figure(contender, best[contender]):
                    best[contender] = found
    kit = figure("the kit", best["the kit"])
    proofs = {
        name: seconds for name, seconds in best["the kit"].items() if name not in ("all of them", "whole", "peak")
    }
    peak = best["the kit"]["peak"]
    print(f"  {'the kit, proofs 1 to 4':<45}{kit:8.2f} s   {peak:.0f} MB (at most {MOST_MEGABYTES:.0f})")
    print("    " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in proofs.items()))
    for contender in CONTENDERS[1:3]:
        if contender not in best:
            print(f"  {contender:<45}left out: no --pytest-alembic")
            continue
        took, name = figure(contender, best[contender]), contender
        if contender == "alembic.command":
            name = f"stairway through alembic.command, from {min(FIRST, revisions)}"
        print(f"  {name:<45}{took:8.2f} s   {took / kit:.1f} times the kit's (target: {TARGETS[contender]:.0f})")
    bare = figure("bare stairway", best["bare stairway"])
    print(f"  {'stairway of bare Alembic, no look':<45}{bare:8.2f} s   {bare / kit:.1f} times the kit's")
    sql = figure("SQL alone", best["SQL alone"])
    ratio = f"the kit takes {kit / sql:.1f} times that (at most {MOST_OF_SQL:.0f})"
    print(f"  {'SQL alone, psycopg2':<45}{sql:8.2f} s   {ratio}")
    return kit


def figure(contender: str, found: dict[str, float]) -> float:
    """The number that counts, in seconds."""
    names = {
        "the kit": "all of them",
        "pytest-alembic": "its four tests",
        "alembic.command": "extrapolated",
        "bare stairway": "bare",
    }
    return found[names.get(contender, contender)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--revisions", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pytest-alembic", metavar="PYTHON", help="an interpreter that has pytest-alembic")
    parser.add_argument("--disk", action="store_true", help="a server whose data are on disk")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        run_contender(options.contender, options.folder, options.url)
        return
    if options.pytest_alembic:
        os.environ["PYTEST_ALEMBIC_PYTHON"] = options.pytest_alembic
    from lamin_migrate_kit.servers import folders, open_server
    from lamin_migrate_kit.settings import Settings

    if options.disk:
        folders._MEMORY = Path("/nonexistent")
    with open_server(Settings(root=ROOT, provider="embedded")) as server:
        url = server.url.render_as_string(hide_password=False)
        where = "on disk" if options.disk else "in memory"
        print(f"embedded Postgres {server.version} {where}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        took = {revisions: compare(revisions, options.runs, url) for revisions in options.revisions}
    if len(took) > 1:
        small, large = min(took), max(took)
        exponent = math.log(took[large] / took[small]) / math.log(large / small)
        print(f"\nfrom {small} to {large} revisions: exponent {exponent:.2f} (under {MOST_EXPONENT})")


if __name__ == "__main__":
    main()
