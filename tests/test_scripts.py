"""The scripts as a newcomer runs them: in a fresh checkout, in a folder with spaces, as an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def fresh_checkout(folder: Path) -> Path:
    """What a clone would have, in its own git repository: the files that are not ignored, as they are now."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, os.fsdecode(listed).split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "add", "."], check=True)
    return folder


PATH = "/usr/local/bin:/usr/bin:/bin"


class Newcomer:
    """An ordinary user with an empty home and nothing in the environment but PATH."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.checkout = fresh_checkout(folder / "my work" / "lamin migrate kit")
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            entry = pwd.getpwnam(self.user)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        switch = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}
        return subprocess.Popen(
            command,
            cwd=self.checkout,
            env={"HOME": str(self.home), "TMPDIR": str(self.temporary), "PATH": PATH, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **(switch if os.geteuid() == 0 else {}),
        )

    def run(self, *command: str, **environment: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        with self.start(*command, **environment) as process:
            output, _ = process.communicate()
        return process.returncode, output

    def leftovers(self) -> list[str]:
        """Files in the temporary folder, and processes of the newcomer's programs."""
        processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return [*map(str, self.temporary.iterdir()), *(p for p in processes.splitlines() if str(self.checkout) in p)]


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    # Not pytest's own temporary folder: that one is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="lamin-migrate-newcomer-"))
    try:
        folder.chmod(0o755)
        yield Newcomer(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# A registry that nobody answers for: whatever asks the network fails at once.
OFFLINE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}


@pytest.mark.slow
def test_newcomer_sets_up_runs_the_checks_and_plays_the_demo_twice(newcomer):
    # One test, so that the minute of installing is spent once, whichever way tests are spread over processes.
    ready = sets_up_in_four_lines(newcomer)
    is_ready_at_once_and_offline(newcomer, ready)
    installs_the_kit_again_offline(newcomer, ready)
    runs_a_program_that_ignores_pythonpath(newcomer)
    runs_the_checks(newcomer)
    is_told_which_check_failed(newcomer)
    stops_the_checks_with_ctrl_c(newcomer)
    for _ in range(2):
        plays_the_demo_offline(newcomer)
    stops_the_demo_with_ctrl_c(newcomer)


def sets_up_in_four_lines(newcomer: Newcomer) -> str:
    code, output = newcomer.run("./scripts/bootstrap")
    assert code == 0, output
    steps = output.splitlines()
    assert len(steps) == 4
    assert steps[-1].startswith("bootstrap: .venv is ready")
    modules = list((newcomer.checkout / "lamin_migrate_kit").rglob("*.py"))
    assert len(list((newcomer.checkout / "lamin_migrate_kit").rglob("*.pyc"))) == len(modules)
    return steps[-1]


def is_ready_at_once_and_offline(newcomer: Newcomer, ready: str) -> None:
    started = time.perf_counter()
    result = newcomer.run("./scripts/bootstrap", **OFFLINE)
    assert time.perf_counter() - started < 2, "a moment; 0.3 s on a quiet machine"
    assert result == (0, f"{ready}\n")


def installs_the_kit_again_offline(newcomer: Newcomer, ready: str) -> None:
    with (newcomer.checkout / "pyproject.toml").open("a") as pyproject:
        pyproject.write("\n# changed\n")
    result = newcomer.run("./scripts/bootstrap", **OFFLINE)
    assert result == (0, f"bootstrap: installing the kit, editable\n{ready}\n")


def runs_a_program_that_ignores_pythonpath(newcomer: Newcomer) -> None:
    code, output = newcomer.run(".venv/bin/lamin-migrate", "--version", PYTHONPATH="/nowhere")
    assert (code, output.split()[0]) == (0, "lamin-migrate")


def runs_the_checks(newcomer: Newcomer) -> None:
    # pytest keeps the folders of its last three runs where temporary files go.
    code, output = newcomer.run("./scripts/test", "--quick", "tests/test_repository.py", TMPDIR=str(newcomer.home))
    assert code == 0, output
    assert " passed" in output.splitlines()[-1]


def is_told_which_check_failed(newcomer: Newcomer) -> None:
    planted = newcomer.checkout / "lamin_migrate_kit" / "planted.py"
    planted.write_text("import invoke\n\n\nx : str = 1")
    code, output = newcomer.run(
        "./scripts/test", "--quick", "tests/test_repository.py", "-k", "locked", TMPDIR=str(newcomer.home)
    )
    planted.unlink()
    assert code == 1, output
    assert " passed" in output
    assert output.splitlines()[-1] == "FAILED: lint, format, types, imports"


def plays_the_demo_offline(newcomer: Newcomer) -> None:
    code, output = newcomer.run("./scripts/demo", **OFFLINE)
    assert code == 0, output
    assert 'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")' in output
    assert newcomer.leftovers() == []


def stops_the_checks_with_ctrl_c(newcomer: Newcomer) -> None:
    with newcomer.start("./scripts/test", "tests/diff", TMPDIR=str(newcomer.home)) as checks:
        assert checks.stdout
        for line in checks.stdout:
            if line.startswith("workflow"):
                time.sleep(1)
                os.killpg(checks.pid, signal.SIGINT)
                break
        output = checks.stdout.read()
    assert checks.returncode == 130, output
    assert output.splitlines()[-1] == "test: stopped."


def stops_the_demo_with_ctrl_c(newcomer: Newcomer) -> None:
    with newcomer.start("./scripts/demo", **OFFLINE) as demo:
        assert demo.stdout
        for line in demo.stdout:
            if line.startswith("$ invoke deploy"):
                # As a terminal does: to everything in the foreground.
                os.killpg(demo.pid, signal.SIGINT)
                break
        output = demo.stdout.read()
    assert demo.returncode == 130, output
    assert output.splitlines()[-1] == "demo: stopped; nothing is left behind."
    assert newcomer.leftovers() == []


# What bootstrap says when it cannot go on


def lonely_path(folder: Path, **programs: str) -> str:
    """A PATH with the few tools that bootstrap uses and the given programs (name to shell script), no Python."""
    folder.mkdir()
    for tool in ("bash", "cat", "cmp", "dirname", "env", "grep", "head", "mktemp", "rm"):
        found = shutil.which(tool, path="/usr/bin:/bin")
        assert found
        (folder / tool).symlink_to(found)
    for name, script in programs.items():
        program = folder / name.replace("_", ".")
        program.write_text(f"#!{folder / 'bash'}\n{script}\n")
        program.chmod(0o755)
    return str(folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what bootstrap reads, and no .venv."""
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / "a checkout" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", tmp_path / "a checkout")
    return tmp_path / "a checkout"


def bootstrap(checkout: Path, path: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "scripts" / "bootstrap"), *arguments],
        env={"PATH": path, "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python_bootstrap_says_what_to_install(checkout, tmp_path):
    result = bootstrap(checkout, lonely_path(tmp_path / "bin"))
    assert result.returncode == 2
    assert "Python 3.11 or later is needed, and none was found on PATH." in result.stderr
    assert "PYTHON=/path/to/python3" in result.stderr
    assert not (checkout / ".venv").exists()


def test_with_an_old_python_bootstrap_names_its_version(checkout, tmp_path):
    old = 'case "$*" in *print*) echo 3.9.2;; *) exit 1;; esac'
    result = bootstrap(checkout, lonely_path(tmp_path / "bin", python3=old))
    assert result.returncode == 2
    assert "(python3 is 3.9.2)" in result.stderr


def test_without_venv_or_ensurepip_bootstrap_names_the_package(checkout, tmp_path):
    bare = f'case "$*" in *ensurepip*) exit 1;; *) exec "{sys.executable}" "$@";; esac'
    result = bootstrap(checkout, lonely_path(tmp_path / "bin", python3=bare))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert result.returncode == 2
    assert f"Python {version} is here, but without" in result.stderr
    assert f"sudo apt-get install python{version}-venv" in result.stderr


@pytest.mark.slow
def test_a_later_python_is_taken_when_the_first_one_cannot_make_environments(checkout, tmp_path):
    bare = f'case "$*" in *ensurepip*) exit 1;; *) exec "{sys.executable}" "$@";; esac'
    path = lonely_path(tmp_path / "bin", python3_14=bare, python3=f'exec "{sys.executable}" "$@"')
    result = bootstrap(checkout, path, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert "making .venv with Python" in result.stderr


@pytest.mark.slow
def test_a_step_that_fails_shows_its_whole_log_and_how_to_go_on(checkout, tmp_path):
    path = lonely_path(tmp_path / "bin", python3=f'exec "{sys.executable}" "$@"')
    result = bootstrap(checkout, path, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert result.returncode == 2
    assert "No matching distribution found" in result.stderr
    assert result.stderr.splitlines()[-1] == "  next:  ./scripts/bootstrap    # goes on where it stopped"


@pytest.mark.slow
def test_an_environment_that_was_moved_is_made_anew(checkout, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(checkout / ".venv")], check=True)
    (checkout / ".venv" / ".stamp-packages").write_text("/where/it/was/before\n")
    path = lonely_path(tmp_path / "bin", python3=f'exec "{sys.executable}" "$@"')
    result = bootstrap(checkout, path, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert result.stderr.startswith("bootstrap: making .venv with Python")


def test_the_demo_has_no_options_and_plays_nothing_when_it_gets_one():
    result = subprocess.run([ROOT / "scripts" / "demo", "--fast"], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "demo: no such option: --fast\nnext: ./scripts/demo\n"


def test_an_unknown_option_is_refused(checkout):
    result = bootstrap(checkout, os.environ["PATH"], "--fast")
    assert (result.returncode, result.stderr.splitlines()[0]) == (2, "bootstrap: no such option: --fast")
