"""How long the ways that go through Docker take: medians of several runs, targets beside them.

    .venv/bin/python benchmarks/containers.py [--runs 3] [--without-devcontainer]

Needs a Docker Engine, the image of the pinned Postgres, and for the devcontainer its base image and the command
`devcontainer`. Wall clock, in seconds. A cold build uses no cache of Docker's, and downloads all packages. Everything
that is started is removed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "lnschema-core"
INVOKE = str(Path(sys.executable).parent / "invoke")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_", "GITHUB_"))}
LONGEST = 900
PROVE = "cd examples/lnschema-core && invoke ci"

Figures = dict[str, list[float]]


def run(folder: Path, *command: str) -> float:
    """Run a command to its end; the seconds that it took.

    Raises:
        SystemExit: It failed; with what it printed.
    """
    environment = {**ENVIRONMENT, "LAMIN_MIGRATE_PROVIDER": "compose", "XDG_STATE_HOME": str(folder.parent / "state")}
    started = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def measure_compose(figures: Figures, runs: int) -> None:
    """The development server, and `invoke ci` with a server of its own, on a copy of the example."""
    with temporary_folder() as folder:
        project = shutil.copytree(EXAMPLE, folder / "lnschema-core", ignore=shutil.ignore_patterns("__pycache__"))
        try:
            note(figures, "db.up, very first", run(project, INVOKE, "db.up"))
            for _ in range(runs):
                run(project, INVOKE, "db.down")
                note(figures, "db.up, warm", run(project, INVOKE, "db.up"))
                note(figures, "db.up, running already", run(project, INVOKE, "db.up"))
                note(figures, "ci, server running", run(project, INVOKE, "ci"))
                note(figures, "db.reset", run(project, INVOKE, "db.reset", "--yes"))
            run(project, INVOKE, "db.down")
            for _ in range(runs):
                note(figures, "ci, with a container of its own", run(project, INVOKE, "ci"))
        finally:
            run(project, INVOKE, "db.down")
            remove_volumes(project)


def remove_volumes(project: Path) -> None:
    """Remove the development server's data, which outlive it."""
    from lamin_migrate_kit.servers.compose import project_name
    from lamin_migrate_kit.settings import Settings

    volume = f"{project_name(Settings(root=project))}_development"
    subprocess.run(["docker", "volume", "rm", "--force", volume], capture_output=True, timeout=60, check=True)


def measure_devcontainer(figures: Figures) -> None:
    """From a clone to a green `invoke ci`, first without any cache, then opened again."""
    with temporary_folder() as folder:
        clone = folder / folder.name.lower()
        run(folder, "git", "clone", "-q", str(ROOT), str(clone))
        if os.geteuid() == 0:
            run(folder, "chown", "-R", "1000:1000", str(clone))
        on = ("--workspace-folder", str(clone))
        prove = ("devcontainer", "exec", *on, "bash", "-c", PROVE)
        try:
            build = run(clone, "devcontainer", "up", *on, "--prebuild", "--build-no-cache")
            up = run(clone, "devcontainer", "up", *on)
            ci = run(clone, *prove)
            note(figures, "devcontainer, cold build to green ci", build + up + ci)
            note(figures, "  up --prebuild", build)
            note(figures, "  up", up)
            note(figures, "  exec invoke ci", ci)
            note(figures, "devcontainer, up again", run(clone, "devcontainer", "up", *on))
        finally:
            image = f"{clone.name}-workspace"
            run(clone, "docker", "compose", "-p", clone.name, "down", "--volumes", "--timeout", "0")
            subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, timeout=60, check=False)


def note(figures: Figures, title: str, seconds: float) -> None:
    """Keep a figure, and say on stderr how far it has come."""
    figures.setdefault(title, []).append(seconds)
    print(f"{title}: {seconds:.1f} s", file=sys.stderr, flush=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="kit-benchmark-"))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


TARGETS = {"db.up, warm": 4.0, "devcontainer, cold build to green ci": 180.0}


def shown(figures: Figures) -> tuple[Table, bool]:
    """The figures as a table, and whether all targets were met."""
    load = os.getloadavg()[0]
    table = Table(title=f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the end")
    for title in ("", "median s", "runs", "target s", ""):
        table.add_column(title, justify="left" if not title else "right")
    met = True
    for title, taken in figures.items():
        target = TARGETS.get(title)
        fine = target is None or median(taken) <= target
        met = met and fine
        verdict = "" if target is None else "met" if fine else "MISSED"
        table.add_row(title, f"{median(taken):.2f}", str(len(taken)), f"{target:g}" if target else "", verdict)
    return table, met


def main() -> int:
    """Measure and print; exit code 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-devcontainer", action="store_true")
    arguments = parser.parse_args()
    figures: Figures = {}
    ways: list[Callable[[], None]] = [lambda: measure_compose(figures, arguments.runs)]
    if not arguments.without_devcontainer:
        ways.append(lambda: measure_devcontainer(figures))
    for measure in ways:
        measure()
    table, met = shown(figures)
    Console(width=100).print(table)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
