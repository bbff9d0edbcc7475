"""The figures that the kit promises about renames, on handwritten cases and, where they are at hand, on real ones."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BENCHMARK = ROOT / "benchmarks" / "renames.py"
CASES = Path(__file__).parent / "cases.jsonl"
REAL = "LAMIN_MIGRATE_RENAME_CASES"
"""The environment variable that names a folder with `revisions.jsonl` and `spans.jsonl`."""


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("benchmark_renames", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_nothing_is_decided_wrong_and_most_of_what_is_visible_is_decided(benchmark: ModuleType) -> None:
    figures = benchmark.measure(benchmark.read_cases(CASES), benchmark.ask_the_kit)
    assert figures.wrong == []
    assert (figures.visible, figures.first) == (29, 29)
    assert figures.decided_right >= 24


def test_simple_rules_decide_wrong_what_the_kit_asks(benchmark: ModuleType) -> None:
    """The cases would catch a kit that takes every pair of one type for a rename."""
    for rule in (benchmark.first_of_type, benchmark.first_alike):
        assert benchmark.measure(benchmark.read_cases(CASES), rule).decided_wrong >= 4


def test_a_wrong_decision_is_counted(benchmark: ModuleType, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    (row,) = [row for row in rows if row["id"] == "version"]
    row["true_renames"] = row["true_renames"][1:]
    planted = tmp_path / "planted.jsonl"
    planted.write_text(json.dumps(row), encoding="utf-8")
    figures = benchmark.measure(benchmark.read_cases(planted), benchmark.ask_the_kit)
    assert figures.wrong == ["version: notebook.v -> version"]


def test_ambiguous_negatives_and_what_is_not_visible_do_not_count(benchmark: ModuleType) -> None:
    cases = {case.id: case for case in benchmark.read_cases(CASES)}
    assert not cases["split-name"].counts
    assert not cases["shadowed"].visible
    assert len(cases["shadowed"].true) == 2


def test_a_name_of_more_than_63_bytes_is_compared_as_the_server_stores_it(benchmark: ModuleType) -> None:
    (case,) = [case for case in benchmark.read_cases(CASES) if case.id == "long"]
    ((_, _, current, _, desired),) = case.visible
    assert len(current) == len(desired) == 63


def test_the_command_prints_figures_by_project_as_text_and_json() -> None:
    text = _run(str(CASES), "--wrong")
    assert "example/library" in text
    assert "mean of projects" in text
    assert "same type, first match" in text
    (found,) = json.loads(_run(str(CASES), "--json"))
    assert found["rules"]["the kit"]["all"]["counts"]["decided_wrong"] == 0
    assert set(found["rules"]["the kit"]["projects"]) == {"example/laboratory", "example/library", "example/shop"}


def test_weights_that_were_fitted_on_other_projects_decide_nothing_wrong() -> None:
    lines = _run(str(CASES), script=BENCHMARK.with_name("fit_renames.py")).splitlines()
    assert [line.split()[0] for line in lines if "decided" in line] == [
        "example/laboratory",
        "example/library",
        "example/shop",
        "all",
    ]
    assert all(line.endswith(" 0 wrong") for line in lines if "decided" in line)


def _run(*arguments: str, script: Path = BENCHMARK) -> str:
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def test_the_promised_figures_hold_on_real_histories(benchmark: ModuleType) -> None:
    folder = os.environ.get(REAL)
    if not folder:
        pytest.skip(f"{REAL} names no folder with cases read out of real histories")
    both = [benchmark.measure(benchmark.read_cases(path), benchmark.ask_the_kit) for path in _files(Path(folder))]
    figures: Any = benchmark.add_up(both)
    shares = figures.shares()
    assert 200 * figures.decided_wrong <= figures.decided_right + figures.decided_wrong
    assert shares["decided of visible"] >= 0.6
    assert shares["first guess, columns"] >= 0.95
    assert shares["first guess, tables"] >= 0.97
    assert shares["questions a pair of drop and add"] <= 1 / 3


def _files(folder: Path) -> list[Path]:
    return [folder / "revisions.jsonl", folder / "spans.jsonl"]
