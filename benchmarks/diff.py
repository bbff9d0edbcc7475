"""How long it takes to compare models with a database, beside `alembic check` in the same run.

    .venv/bin/python benchmarks/diff.py [--tables 10 100 1000] [--runs 3]

The models have 12 columns a table, foreign keys, indexes, enums and defaults, in three schemas; the database is at the
models, on a development server of the embedded Postgres, as `invoke db.up` starts one. `migrate.diff --current` and
`alembic check` then do the same: import the models, and compare them with the database. The kit's first run builds the
models on a scratch database; later ones copy what was kept of it.

Processor time is what the command and its children used; a busy machine changes it less than the time by the clock.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

PROGRAMS = Path(sys.executable).parent
PACKAGE = "lnschema_bench"
SCHEMAS = ("core", "lab", "ops")

_HEAD = """
import datetime
import enum

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass
"""
_ENUM = """

class Kind{number}(enum.Enum):
    a = "a"
    b = "b"
    c = "c"
"""
_TABLE = """

class Table{number}(Base):
    __tablename__ = "table_{number}"
    __table_args__ = {{"schema": "{schema}"}}
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), index=True)
    title: Mapped[str | None] = mapped_column(sa.Text)
    size: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    ratio: Mapped[float | None] = mapped_column(sa.Numeric(10, 2))
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    kind: Mapped[Kind{kind}] = mapped_column(sa.Enum(Kind{kind}, name="kind_{kind}", schema="core"), server_default="a")
    created: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    note: Mapped[str | None] = mapped_column(sa.String(255))
    code: Mapped[str] = mapped_column(sa.String(20), unique=True)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("{parent}.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core.table_0.id"))
"""
_ENV = f"""
import sqlalchemy as sa
from alembic import context

from {PACKAGE}.models import Base

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=lambda name, kind, parents: kind != "schema" or name in {SCHEMAS!r},
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
"""
# One run of the kit in a process of its own, with the time of each phase; what happens before and after is not in it.
_PHASES = """
import sys, time
from pathlib import Path

from lamin_migrate_kit.comparison import compare_sides
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.garbage import seldom_collected
from lamin_migrate_kit.servers import open_engine
from lamin_migrate_kit.servers.url import parse_url
from lamin_migrate_kit.settings import read_settings
from lamin_migrate_kit.workbench import open_workbench
import os, sqlalchemy

def phase(name, work):
    started = time.perf_counter()
    result = work()
    print(name, time.perf_counter() - started, sep="\\t")
    return result

# As a command runs it, see `tasks.edge`.
with seldom_collected(), open_engine(parse_url(sys.argv[1])).connect() as connection:
    with open_workbench(read_settings(Path.cwd(), os.environ)) as bench:
        phase("importing models", bench.module.metadata)
        phase("desired database", lambda: bench.desired_database)
        phase("inspecting desired", lambda: bench.desired_catalog)
        sides = phase("inspecting current", lambda: bench.sides_from(connection))
        assert phase("comparing", lambda: compare_sides(sides, Decisions())).empty
"""
_ALEMBIC_PHASES = """
import importlib, sys, time
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

queries = 0
def phase(name, work):
    started = time.perf_counter()
    result = work()
    print(name, time.perf_counter() - started, sep="\\t")
    return result

def count(*arguments):
    global queries
    queries += 1

models = phase("importing models", lambda: importlib.import_module(sys.argv[2] + ".models"))
engine = sa.create_engine(sys.argv[1])
sa.event.listen(engine, "before_cursor_execute", count)
with engine.connect() as connection:
    options = {"include_schemas": True, "compare_type": True, "compare_server_default": True}
    options["include_name"] = lambda name, kind, parents: kind != "schema" or name in ("core", "lab", "ops")
    context = MigrationContext.configure(connection, opts=options)
    assert not phase("comparing", lambda: compare_metadata(context, models.Base.metadata))
print("queries", queries, sep="\\t")
"""


@dataclass(frozen=True)
class Project:
    """A package of models with its development server."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def run(self, *command: str) -> str:
        """Run a command to its end and return what it printed.

        Raises:
            SystemExit: It failed.
        """
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def python(self, code: str, *arguments: str) -> dict[str, float]:
        """Run code that prints names and numbers."""
        lines = self.run(sys.executable, "-c", code, *arguments).splitlines()
        return {name: float(number) for name, _, number in (line.partition("\t") for line in lines) if number}


def write_models(folder: Path, tables: int) -> None:
    """A package with `tables` tables, and an Alembic environment beside it."""
    package = folder / PACKAGE
    versions = package / "migrations" / "versions"
    versions.mkdir(parents=True)
    kinds = max(1, tables // 10)
    parts = [_HEAD, *(_ENUM.format(number=number) for number in range(kinds))]
    for number in range(tables):
        before = max(number - 1, 0)
        parent = f"{SCHEMAS[before % 3]}.table_{before}"
        parts.append(_TABLE.format(number=number, schema=SCHEMAS[number % 3], kind=number % kinds, parent=parent))
    (package / "models.py").write_text("".join(parts), encoding="utf-8")
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "migrations" / "env.py").write_text(_ENV, encoding="utf-8")
    (package / "migrations" / "script.py.mako").write_text("", encoding="utf-8")
    (folder / "pyproject.toml").write_text(f'[tool.lamin_migrate_kit]\npackage = "{PACKAGE}"\n', encoding="utf-8")


@contextmanager
def project_of(tables: int) -> Iterator[tuple[Project, str]]:
    """A project whose database is at its models, with the database's URL."""
    folder = Path(tempfile.mkdtemp(prefix="lamin-migrate-diff-"))
    folder.chmod(0o755)
    write_models(folder, tables)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_MIGRATE_", "GIT_", "PG"))}
    own = {"PYTHONPATH": str(folder), "LAMIN_MIGRATE_PROVIDER": "embedded", "XDG_STATE_HOME": str(folder / "state")}
    project = Project(folder, {**kept, **own})
    try:
        project.run(str(PROGRAMS / "lamin-migrate"), "db.up")
        yield project, build_database(project)
    finally:
        project.run(str(PROGRAMS / "lamin-migrate"), "db.down")
        shutil.rmtree(folder, ignore_errors=True)


_BUILD = f"""
import os, sys
from pathlib import Path
from lamin_migrate_kit.servers.development import require_development
from lamin_migrate_kit.servers.server import libpq_url, open_engine
from lamin_migrate_kit.settings import read_settings
from {PACKAGE}.models import Base

server = require_development(read_settings(Path.cwd(), os.environ))
with open_engine(server.url, own=True).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.exec_driver_sql("CREATE DATABASE bench TEMPLATE template0")
url = server.url.set(database="bench")
with open_engine(url, own=True).begin() as connection:
    for schema in {SCHEMAS!r}:
        connection.exec_driver_sql("CREATE SCHEMA " + schema)
    Base.metadata.create_all(connection)
print(libpq_url(url))
"""


def build_database(project: Project) -> str:
    """Build the models on the development server, and tell Alembic where that is; returns the URL."""
    url = project.run(sys.executable, "-c", _BUILD).strip()
    escaped = url.replace("%", "%%").replace("postgresql://", "postgresql+psycopg2://")
    settings = f"[alembic]\nscript_location = {PACKAGE}/migrations\nsqlalchemy.url = {escaped}\n"
    (project.folder / "alembic.ini").write_text(settings, encoding="utf-8")
    return url


@dataclass(frozen=True)
class Sample:
    """What one run took, in seconds."""

    wall: float
    processor: float


def timed(work: Callable[[], object]) -> Sample:
    """Run a command and say what it took."""
    started, used = time.perf_counter(), processor_time()
    work()
    return Sample(time.perf_counter() - started, processor_time() - used)


def processor_time() -> float:
    """What all children that have ended used, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True)
class Figures:
    """Medians for one number of tables, in seconds."""

    tables: int
    alembic: Sample
    first: Sample
    second: Sample
    phases: dict[str, float]
    built: float
    alembic_phases: dict[str, float]

    @property
    def comparing(self) -> float:
        """Inspecting both sides and comparing them."""
        return sum(self.phases[name] for name in ("inspecting desired", "inspecting current", "comparing"))

    def targets(self) -> Iterator[tuple[str, float, float]]:
        """What is aimed at: a name, how often as fast as Alembic it is, and how often it should be at least."""
        compared = self.alembic_phases["comparing"] / self.comparing
        wanted = {10: (0.0, 1.0, 1.0), 100: (5.0, 1.0, 1.0), 1000: (10.0, 2.0, 4.0)}.get(self.tables)
        if wanted:
            yield "inspecting and comparing", compared, wanted[0]
            yield "whole command, first time", self.alembic.wall / self.first.wall, wanted[1]
            yield "whole command, desired database kept", self.alembic.wall / self.second.wall, wanted[2]


def measure(tables: int, runs: int) -> Figures:
    """All commands in turns, so that a machine that gets busier does so for all of them."""
    with project_of(tables) as (project, url):
        diff = (str(PROGRAMS / "lamin-migrate"), "migrate.diff", "--current", url)
        alembic, first, second, phases, built, theirs = [], [], [], [], [], []
        for _ in range(runs):
            alembic.append(timed(lambda: project.run(str(PROGRAMS / "alembic"), "check")))
            forget_kept(project)
            first.append(timed(lambda: project.run(*diff)))
            second.append(timed(lambda: project.run(*diff)))
            theirs.append(project.python(_ALEMBIC_PHASES, url.replace("postgresql:", "postgresql+psycopg2:"), PACKAGE))
            forget_kept(project)
            built.append(project.python(_PHASES, url)["desired database"])
            phases.append(project.python(_PHASES, url))
        return Figures(
            tables, middle(alembic), middle(first), middle(second), medians(phases), median(built), medians(theirs)
        )


_FORGET = """
import os
from pathlib import Path
from lamin_migrate_kit.keeping_databases import forget_kept
from lamin_migrate_kit.servers.development import require_development
from lamin_migrate_kit.settings import read_settings
forget_kept(require_development(read_settings(Path.cwd(), os.environ)))
"""


def forget_kept(project: Project) -> None:
    """So that the next run is a first one."""
    project.run(sys.executable, "-c", _FORGET)


def middle(samples: list[Sample]) -> Sample:
    return Sample(median(one.wall for one in samples), median(one.processor for one in samples))


def medians(samples: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(sample[name] for sample in samples) for name in samples[0]}


def show(console: Console, figures: Figures) -> bool:
    """Print one number of tables; whether every target was met."""
    table = Table("", "seconds", "processor", "times as fast", title=f"{figures.tables} tables")
    for name, sample in (("alembic check", figures.alembic), ("first", figures.first), ("kept", figures.second)):
        title = name if name == "alembic check" else f"migrate.diff, {name}"
        faster = figures.alembic.wall / sample.wall
        table.add_row(title, f"{sample.wall:.2f}", f"{sample.processor:.2f}", f"{faster:.1f}")
    for name, seconds in figures.alembic_phases.items():
        row = f"{seconds:.0f}" if name == "queries" else f"{seconds:.2f}"
        table.add_row(f"  alembic: {name}", row, "", "")
    table.add_row("  kit: desired database, built", f"{figures.built:.2f}", "", "")
    for name, seconds in figures.phases.items():
        kept = ", copied" if name == "desired database" else ""
        table.add_row(f"  kit: {name}{kept}", f"{seconds:.2f}", "", "")
    console.print(table)
    met = True
    for name, faster, wanted in figures.targets():
        good = faster >= wanted
        met = met and good
        console.print(f"{name}: {faster:.1f} times as fast, target {wanted:g} {'' if good else '[red]missed[/]'}")
    return met


def main() -> int:
    """Measure, print, and return 0 when every target was met."""
    parser = argparse.ArgumentParser(description="How long it takes to compare models with a database.")
    parser.add_argument("--tables", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--runs", type=int, default=3, help="how often each command is run (default 3)")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    met = [show(console, measure(tables, arguments.runs)) for tables in arguments.tables]
    load = os.getloadavg()[0]
    console.print(f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, {platform.platform()}")
    if load > 1.5:
        console.print("The machine was busy with something else: only processor times can be believed.")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
