"""How long each step of the way takes, on a copy of the example: medians of several runs, targets beside them.

    .venv/bin/python benchmarks/walk.py [--runs 5] [--without-demo]

Processor time is what the command and its children used, and tells a slow command from a busy machine.

Every run gets its own copy of examples/lnschema-core with `Notebook.v` renamed, and the embedded Postgres, whatever
else runs on the machine. Times are wall clock, in seconds, from the start of the process to its end.
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

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "lnschema-core"
PROGRAMS = Path(sys.executable).parent
INVOKE = str(PROGRAMS / "invoke")
RENAME = ("--rename", "core.notebook.v:version")


@dataclass(frozen=True)
class Project:
    """A copy of the example with the changed model, in a git repository of its own."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def run(self, *command: str) -> None:
        """Run a command to its end.

        Raises:
            SystemExit: It failed; with what it printed.
        """
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", message)


@dataclass(frozen=True)
class Step:
    """One row of the table.

    Attributes:
        title: What is measured.
        command: What is timed.
        target: In seconds; None where none is set.
        before: What has to be done first, untimed.
        after: What has to be done afterwards, untimed.
    """

    title: str
    command: tuple[str, ...]
    target: float | None = None
    before: Callable[[Project], None] = lambda project: None  # noqa: ARG005
    after: Callable[[Project], None] = lambda project: None  # noqa: ARG005


def start_server(project: Project) -> None:
    project.run(INVOKE, "db.up")


def stop_server(project: Project) -> None:
    project.run(INVOKE, "db.down")


def generate(project: Project) -> None:
    project.run(INVOKE, "migrate.generate", "--no-input", *RENAME)
    project.commit("Rename v to version")


def generate_with_server(project: Project) -> None:
    start_server(project)
    generate(project)


def forget_prepared_data(project: Project) -> None:
    shutil.rmtree(project.environment["XDG_CACHE_HOME"], ignore_errors=True)


STEPS = (
    Step("invoke --list", (INVOKE, "--list"), 0.2),
    Step(
        "migrate.generate, very first", (INVOKE, "migrate.generate", "--no-input", *RENAME), None, forget_prepared_data
    ),
    Step("migrate.generate, cold", (INVOKE, "migrate.generate", "--no-input", *RENAME), 3.0),
    Step(
        "migrate.generate, server running",
        (INVOKE, "migrate.generate", "--no-input", *RENAME),
        1.5,
        start_server,
        stop_server,
    ),
    Step("migrate.diff, server running", (INVOKE, "migrate.diff"), None, generate_with_server, stop_server),
    Step("ci, cold", (INVOKE, "ci"), None, generate),
    Step("ci, server running", (INVOKE, "ci"), None, generate_with_server, stop_server),
    Step("release 1.0.0, cold", (INVOKE, "release", "1.0.0"), None, generate),
    Step("scripts/bootstrap, again", (str(ROOT / "scripts" / "bootstrap"), "--quiet"), 0.3),
)
DEMO = Step("scripts/demo", (str(ROOT / "scripts" / "demo"),), 30.0)


@dataclass(frozen=True)
class Sample:
    """What one run took, in seconds."""

    wall: float
    processor: float


def measure(step: Step, cache: Path) -> Sample:
    """One run of a step on a fresh copy of the example."""
    with project_copy(cache) as project:
        step.before(project)
        try:
            started, used = time.perf_counter(), processor_time()
            project.run(*step.command)
            return Sample(time.perf_counter() - started, processor_time() - used)
        finally:
            step.after(project)


def processor_time() -> float:
    """What all children that have ended used, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def project_copy(cache: Path) -> Iterator[Project]:
    """The example in a temporary folder, released state committed, then the model changed."""
    folder = Path(tempfile.mkdtemp(prefix="lamin-migrate-walk-"))
    folder.chmod(0o755)
    try:
        copy = folder / "lnschema-core"
        shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*cache"))
        project = Project(copy, environment_for(folder, copy, cache))
        (copy / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        project.run("git", "init", "-q", "-b", "main")
        project.commit("Released")
        rename_v_to_version(copy)
        yield project
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment_for(folder: Path, project: Path, cache: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_MIGRATE_", "GIT_", "PG"))}
    return {
        **kept,
        "PATH": os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(project),
        "LAMIN_MIGRATE_PROVIDER": "embedded",
        "XDG_CACHE_HOME": str(cache),
        "XDG_STATE_HOME": str(folder / "state"),
        **{f"GIT_{who}_{what}": "walk@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }


def rename_v_to_version(project: Path) -> None:
    """Change the one line of class Notebook that declares `v`."""
    for path in sorted(project.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        start = text.find("class Notebook(")
        if start >= 0:
            path.write_text(text[:start] + text[start:].replace("    v: str", "    version: str", 1), encoding="utf-8")
            return
    raise SystemExit("The example has no class Notebook.")


def shown(steps: tuple[Step, ...], runs: int) -> tuple[Table, bool]:
    """The table, and whether every target was met."""
    table = Table("step", "runs", "median", "fastest", "processor", "target", "", title="Seconds")
    met = True
    cache = Path(tempfile.mkdtemp(prefix="lamin-migrate-walk-cache-"))
    cache.chmod(0o755)
    try:
        for step in steps:
            samples = [measure(step, cache) for _ in range(1 if step is DEMO else runs)]
            middle = median(sample.wall for sample in samples)
            good = step.target is None or middle <= step.target
            met = met and good
            table.add_row(
                step.title,
                str(len(samples)),
                f"[bold]{middle:.2f}[/]",
                f"{min(sample.wall for sample in samples):.2f}",
                f"{median(sample.processor for sample in samples):.2f}",
                "" if step.target is None else f"{step.target:g}",
                "" if good else "[red]missed[/]",
            )
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    return table, met


def main() -> int:
    """Measure, print, and return 0 when every target was met."""
    parser = argparse.ArgumentParser(description="How long each step of the way takes.")
    parser.add_argument("--runs", type=int, default=5, help="how often each step is run (default 5)")
    parser.add_argument("--without-demo", action="store_true", help="leave out ./scripts/demo")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    steps = STEPS if arguments.without_demo else (*STEPS, DEMO)
    with console.status("measuring"):
        table, met = shown(steps, arguments.runs)
    console.print(table)
    load = os.getloadavg()[0]
    console.print(f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, {platform.platform()}")
    if load > 1.5:
        console.print("The machine was busy with something else: only processor times can be believed.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
