"""Rules that only a test can hold."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from pipeline.__main__ import COMMANDS, STAGES
from pipeline.config.catalog import names
from pipeline.config.load import read_yaml
from pipeline.stages.resolve import NORMALIZE_CODE

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

DVC_STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]
STARTED_BY = {"train": {"pipeline.training.__main__"}}
"""Modules that a stage starts as a process of their own, which no import shows."""


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("pipeline", cache_dir=None)


def closure(graph, stage: str) -> set[str]:
    """Files that a stage's module imports, directly or not, with itself."""
    roots = {f"pipeline.stages.{stage}"} | STARTED_BY.get(stage, set())
    modules = roots.union(*(graph.find_upstream_modules(root) for root in roots))
    packages = {m.rsplit(".", i)[0] for m in modules for i in range(1, m.count("."))}
    return {file_of(module) for module in (modules | packages) - {"pipeline"}}


def file_of(module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def covers(deps: list[str], file: str) -> bool:
    return any(file == dep or file.startswith(f"{dep}/") for dep in deps)


def stage_of(name: str) -> str:
    """Module of a DVC stage, as its command names it."""
    entry = DVC_STAGES[name]
    return entry.get("do", entry)["cmd"].split()[4]


@pytest.mark.parametrize("name", sorted(set(DVC_STAGES) - {"normalize"}))
def test_a_stage_depends_on_all_code_that_it_imports(graph, name):
    """A file missing from `deps` would be a stale result that nobody notices."""
    deps = DVC_STAGES[name]["deps"]
    unlisted = sorted(f for f in closure(graph, stage_of(name)) if not covers(deps, f))
    assert unlisted == []


@pytest.mark.parametrize("name", sorted(set(DVC_STAGES) - {"normalize", "resolve"}))
def test_a_stage_depends_on_no_code_that_it_does_not_import(graph, name):
    """A file too many would re-run the stage for nothing."""
    files = closure(graph, stage_of(name))
    code = [dep for dep in DVC_STAGES[name]["deps"] if dep.startswith("pipeline")]
    assert [dep for dep in code if not any(covers([dep], file) for file in files)] == []


def test_normalize_depends_on_its_code_through_its_source_file(graph):
    files = closure(graph, "normalize")
    assert sorted(f for f in files if not covers(list(NORMALIZE_CODE), f)) == []
    assert [dep for dep in NORMALIZE_CODE if not any(covers([dep], f) for f in files)] == []
    resolve = DVC_STAGES["resolve"]["deps"]
    assert [dep for dep in NORMALIZE_CODE if not covers(resolve, dep)] == []


def test_every_stage_module_is_run_by_dvc_and_known_to_the_door():
    modules = {p.stem for p in (ROOT / "pipeline/stages").glob("*.py")}
    modules -= {
        "__init__",
        "evaluation_tables",
        "models",
        "packs",
        "processes",
    }
    modules -= {"prompted", "text_tokens"}
    assert modules == set(STAGES) == {stage_of(name) for name in DVC_STAGES}


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
