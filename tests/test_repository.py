"""Facts about the repository as a whole: what is committed, what the documents promise, who may import what."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lamin_migrate_kit"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def git(*arguments: str) -> str:
    """The output of a git command, also where the checkout belongs to somebody else (a container's mount)."""
    command = ["git", "-c", "safe.directory=*", "-c", "core.quotePath=false", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def committed_files() -> list[Path]:
    """The files that git knows and that are there (a file that is being moved counts at neither place)."""
    paths = (ROOT / name for name in git("ls-files", "-z").split("\0") if name)
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package: its path below the package, and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"), str(path))


# What is committed


# Joined from halves, so that this file does not contain what it looks for.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("debian", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
    )
)
# A folder of one machine. /home/vscode (in containers) and /home/linuxbrew are everybody's.
MACHINE_PATH = re.compile(
    r"(?<![\w./~$}*-])/(?:work|root|Users|home/(?!vscode\b|linuxbrew\b)\w+)(?=/[\w.])|/tmp/(?:kit|bash_jobs)\b"
)


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="ignore")


def test_no_committed_file_names_the_host_of_a_package_registry():
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in committed_files()
        for host in REGISTRY_HOSTS
        if re.search(rf"(?<![\w-]){re.escape(host)}\b", text_of(path))
    ]
    assert found == []


def test_no_committed_file_contains_a_path_of_one_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in committed_files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["/work/main/x", "in /root/.cache", "'/home/anna/kit'", "(/Users/anna/x)"])
def test_a_path_of_one_machine_is_recognised(line):
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize(
    "line", ["frame/work/x", "/home/vscode/.cache", "https://a.b/work/x", "/var/lib/x", "$x/root/y"]
)
def test_other_paths_are_not_taken_for_one(line):
    assert not MACHINE_PATH.search(line)


def test_no_large_file_is_committed():
    assert [str(path.relative_to(ROOT)) for path in committed_files() if path.stat().st_size > 512 * 1024] == []


# Scripts


def scripts() -> list[Path]:
    return sorted(
        path for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"] if path.is_file() and not path.suffix
    )


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_script_is_executable_says_what_it_does_and_is_valid_bash(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    assert os.access(script, os.X_OK)
    mode = git("ls-files", "--stage", "--", str(script)).split()
    assert mode == [] or mode[0] == "100755"
    subprocess.run(["bash", "-n", str(script)], check=True)


# Documents


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def code_lines(document: Path) -> Iterator[str]:
    """The lines in fenced blocks that a reader would type: with or without a `$ ` before them, without comments."""
    inside = False
    for line in document.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
        elif inside:
            yield re.sub(r"\s+#.*", "", line.strip().removeprefix("$ "))


def known_tasks() -> dict[str, set[str]]:
    """The kit's task names, each with its flags."""
    from lamin_migrate_kit.tasks import namespace

    return {context.name: set(context.flags) | {"--help"} for context in deepcopy(namespace).to_contexts()}


def invoke_commands(document: Path) -> Iterator[tuple[str, list[str]]]:
    for line in code_lines(document):
        match = re.match(r"(?:invoke|lamin-migrate) (?!-)([\w.]+)(.*)", line)
        if match:
            yield match[1], re.findall(r"(?<!\S)--[a-z-]+", match[2])


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_document_names_only_scripts_tasks_and_flags_that_exist(document):
    missing = [
        name
        for line in code_lines(document)
        for name in re.findall(r"(?<!\S)\./(scripts/\w+)", line)
        if not (ROOT / name).exists()
    ]
    tasks = known_tasks()
    for task, flags in invoke_commands(document):
        if task not in tasks:
            missing.append(task)
        else:
            missing += [f"{task} {flag}" for flag in flags if flag not in tasks[task]]
    assert missing == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(document):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_decision_record_is_listed_and_says_what_it_costs():
    records = sorted(path for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [path.name[:4] for path in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    listed = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert all(f"\n## {part}\n" in text for part in ("Decision", "Alternatives", "What it costs")), record.name
        assert f"({record.name})" in listed


def test_every_setting_and_environment_variable_is_documented():
    from lamin_migrate_kit import settings

    source = (PACKAGE / "settings.py").read_text(encoding="utf-8")
    text = "".join(path.read_text(encoding="utf-8") for path in documents())
    variables = set(re.findall(r"LAMIN_MIGRATE_[A-Z_]+", source))
    assert sorted(name for name in variables if f"`{name}`" not in text) == []
    assert sorted(name for name in settings._TOML_NAMES if f"`{name}`" not in text) == []
    others = "".join(text_of(path) for path in [ROOT / "compose.yaml", *scripts()])
    known = variables | set(re.findall(r"LAMIN_MIGRATE_[A-Z_]+", others))
    assert sorted(set(re.findall(r"LAMIN_MIGRATE_[A-Z_]+", text)) - known) == []


def test_the_documented_scores_are_those_of_the_code():
    from lamin_migrate_kit.diff.renames.scoring import ASK, DECIDE

    text = (ROOT / "docs" / "renames.md").read_text(encoding="utf-8")
    assert f"the score is at least {DECIDE:g};" in text
    assert f"a score of at least {ASK:g} is worth a question" in text


def test_every_proof_is_documented_with_its_name_and_its_promise():
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    declared = [
        (node.args[0].value, node.args[1].value)
        for module, tree in modules()
        if module.startswith("proof/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "proves" and len(node.args) == 2
    ]
    assert declared, "declared with @proves(name, title)"
    assert [name for name, title in declared if f"| `{name}` | {title} |" not in text] == []


# Requirements


def locked(file: str) -> dict[str, Version]:
    """Name to version; also the proof that the file holds names, versions, markers and hashes only."""
    versions = {}
    for line in (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        entry = re.fullmatch(r"([a-z0-9-]+)==(\S+)(?: ; [^\\]+)? \\", line)
        if entry:
            versions[canonicalize_name(entry[1])] = Version(entry[2])
        else:
            assert re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}(?: \\)?", line), line
    return versions


def unsatisfied(file: str, wanted: list[str]) -> list[str]:
    versions = locked(file)
    requirements = [Requirement(text) for text in wanted]
    return [
        str(requirement)
        for requirement in requirements
        if canonicalize_name(requirement.name) not in versions
        or versions[canonicalize_name(requirement.name)] not in requirement.specifier
    ]


RUNTIME = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["postgres"]]


def test_locked_requirements_are_in_step_with_pyproject():
    next_command = "run ./scripts/lock"
    assert unsatisfied("dev.txt", [*RUNTIME, *PYPROJECT["dependency-groups"]["dev"]]) == [], next_command
    assert unsatisfied("runtime.txt", RUNTIME) == [], next_command


def test_users_and_developers_get_the_same_versions():
    developers = locked("dev.txt")
    assert {name: version for name, version in locked("runtime.txt").items() if developers.get(name) != version} == {}


def test_sqlalchemy_is_locked_at_the_newer_of_the_two_supported_series():
    assert locked("dev.txt")["sqlalchemy"].release[:2] == (2, 1)


# Who may do what (import-linter sees whole packages; these look inside)


def imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


ALEMBIC_INTERNALS = ("alembic.autogenerate", "alembic.ddl", "alembic.runtime", "alembic.script", "alembic.util")


def test_only_the_bridge_touches_alembics_internals():
    found = {
        module
        for module, tree in modules()
        for name in imported_names(tree)
        if name.startswith(ALEMBIC_INTERNALS) and not module.startswith("alembic_bridge")
    }
    assert found == set()


# The same modules as in the contract "pure" in pyproject.toml.
PURE = (
    "catalog/model.py",
    "decisions.py",
    "diff/",
    "errors.py",
    "operations/",
    "report/model.py",
    "revisions/rendering.py",
)
IMPURE = {
    "datetime",
    "glob",
    "importlib",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "tempfile",
    "time",
    "uuid",
}


def test_the_pure_centre_touches_no_file_no_clock_and_no_chance():
    found = {
        (module, name)
        for module, tree in modules()
        if module.startswith(PURE)
        for name in imported_names(tree)
        if name.partition(".")[0] in IMPURE and not name.startswith("os.path")
    }
    assert found == set()
    assert {module for module, tree in modules() if module.startswith(PURE) and "open" in called_names(tree)} == set()


def environment_reads(tree: ast.Module) -> list[int]:
    """Lines that read the environment, other than to hand it on to `read_settings` or a program (`{**os.environ}`)."""
    handed_on = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("read_settings"):
            handed_on |= {id(argument) for argument in node.args}
        elif isinstance(node, ast.Dict):
            handed_on |= {id(value) for key, value in zip(node.keys, node.values, strict=True) if key is None}
        elif isinstance(node, ast.DictComp) and ast.unparse(node.generators[0].iter) == "os.environ.items()":
            handed_on |= {id(part) for part in ast.walk(node.generators[0].iter)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv", "os.putenv")
        and id(node) not in handed_on
    ]


def test_only_settings_reads_the_environment():
    assert {module: lines for module, tree in modules() if (lines := environment_reads(tree))} == {}


@pytest.mark.parametrize("reading", ["os.environ['A']", "os.getenv('A')", "f(os.environ)", "dict(os.environ)"])
def test_reading_the_environment_is_seen(reading):
    assert environment_reads(ast.parse(reading)) == [1]


@pytest.mark.parametrize(
    "handing_on",
    [
        "read_settings(p, os.environ)",
        "run(env={**os.environ, 'A': '1'})",
        "run(env={name: value for name, value in os.environ.items() if name != 'A'})",
    ],
)
def test_handing_the_environment_on_is_not_reading(handing_on):
    assert environment_reads(ast.parse(handing_on)) == []


# `lamin_migrate_kit.load` asks at the terminal of whoever loads an instance; that is its task.
MAY_PRINT = ("tasks/", "report/", "deploy/question.py")


def test_only_tasks_reports_and_the_question_print_and_only_tasks_exit():
    printed = {module for module, tree in modules() if "print" in called_names(tree)}
    assert {module for module in printed if not module.startswith(MAY_PRINT)} == set()
    exits = {module for module, tree in modules() if {"exit", "sys.exit", "os._exit"} & set(called_names(tree))}
    assert {module for module in exits if not module.startswith("tasks/")} == set()


def called_names(tree: ast.Module) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


# Told inside a proof, or with all that there is to say in the message itself.
SAY_NO_NEXT = {"Interrupted", "InstanceError", "NoOldCode", "SecondOpinionUnavailable"}


def test_every_error_says_the_next_command():
    silent = [
        f"{module}:{node.lineno}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in error_names() - SAY_NO_NEXT
        if not {"next_command", None} & {keyword.arg for keyword in node.keywords}
    ]
    # Its caller makes a reason of it.
    assert [place for place in silent if not place.startswith("proof/majors.py")] == []


@cache
def error_names() -> set[str]:
    """The names of MigrateKitError and of everything that comes from it."""
    classes = {node.name: node for _, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    names = {"MigrateKitError"}
    while more := {name for name, node in classes.items() if names & set(map(ast.unparse, node.bases))} - names:
        names |= more
    return names


def test_every_module_says_what_it_is_for():
    assert [module for module, tree in modules() if tree.body and not ast.get_docstring(tree)] == []
