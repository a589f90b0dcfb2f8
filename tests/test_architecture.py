"""Rules that only a test can hold."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.__main__ import COMMANDS, STAGES
from pipeline.config.catalog import names
from pipeline.config.load import read_yaml

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

DVC_STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]
LIBRARIES = {"__init__", "evaluation_tables", "packs", "processes"}
"""Modules of pipeline/stages that are parts of a stage."""


def test_every_stage_module_is_run_by_dvc_and_known_to_the_door():
    modules = {p.stem for p in (ROOT / "pipeline/stages").glob("*.py")} - LIBRARIES
    assert modules == set(STAGES) == set(DVC_STAGES)


def test_no_command_of_dvc_holds_a_value():
    """A value in a shell command could be a command: stages are told names in another way."""
    for name, entry in DVC_STAGES.items():
        assert entry.get("do", entry)["cmd"] == f"python -m pipeline stage {name}"


def test_stages_run_for_each_of_what_the_door_says():
    kinds = {"${tasks}": "task", "${trainings}": "training"}
    for name, entry in DVC_STAGES.items():
        assert kinds.get(entry.get("foreach", ""), "") == STAGES[name]


def test_dvc_depends_on_no_code_but_in_resolve():
    """`resolve` writes the code of each stage into its settings."""
    for name, entry in DVC_STAGES.items():
        code = [dep for dep in entry.get("do", entry)["deps"] if dep.startswith("pipeline")]
        assert code == (["pipeline"] if name == "resolve" else [])


def test_paths_of_items_are_made_after_resolve_has_checked_their_names():
    """DVC removes a stage's old outputs before it runs: a bad name must stop at `resolve`."""
    for entry in DVC_STAGES.values():
        if "foreach" in entry:
            fixed = [
                dep for dep in entry["do"]["deps"] if "${key}" not in dep and "${item" not in dep
            ]
            assert fixed


def test_every_command_has_a_module():
    modules = {p.stem.replace("_", "-") for p in (ROOT / "pipeline/commands").glob("*.py")}
    assert set(COMMANDS) - {"stage"} <= modules


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_task_is_named_in_code(path):
    """A task is data. A name in code would be knowledge that no card shows."""
    tasks = set(names(ROOT / "mixtures/tasks"))
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = {
        word
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
        for word in re.findall(r"[a-z0-9_]+", node.value)
    }
    assert sorted(found & tasks) == []


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_stages_and_commands_import_without_torch(stage):
    """The trainer's libraries take seconds to import, and no stage needs them itself."""
    code = (
        f"import sys, json, pipeline.stages.{stage}; "
        "print(json.dumps(sorted({'torch', 'transformers', 'datasets', 'dvc'} & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == []


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, pipeline; print('polars' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "False False\n"
