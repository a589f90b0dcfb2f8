"""A toy project, built by the real stages up to its order, with a lock as DVC would write it."""

import os
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.comparison.digests import file_md5, ignore_lines, listing_of, path_md5
from pipeline.comparison.dvc_files import stages
from pipeline.config.load import read_yaml, write_yaml
from tests.conftest import MIXTURE, ROOT, write_task

STAGES = (
    "resolve", "normalize@apples", "normalize@pears", "curate", "tokenizer", "tokenize", "plan", "mix",
)  # fmt: skip


def run_stage(name: str) -> None:
    stage, _, task = name.partition("@")
    last = [task] if task else ["compass"] if stage in ("plan", "mix") else []
    assert main(["stage", stage, "toy", *last]) == 0


def record(*names: str) -> None:
    """Record stages in dvc.lock, and keep their outputs in the cache, as `dvc repro` does."""
    values = read_yaml(Path("params.yaml")) | read_yaml(Path("mixtures/toy.yaml"))
    known = stages(read_yaml(Path("dvc.yaml")), values)
    ignore = ignore_lines(Path(".dvcignore").read_text())
    lock = read_yaml(Path("dvc.lock")) if Path("dvc.lock").exists() else {"stages": {}}
    for name in names:
        entry = {}
        for kind, paths in (("deps", known[name].deps), ("outs", known[name].outs)):
            entry[kind] = [{"path": p, "md5": path_md5(Path(p), ignore=ignore)} for p in paths]
        if name == "resolve":
            files = ("params.yaml", "mixtures/toy.yaml")
            entry["params"] = {file: read_yaml(Path(file)) for file in files}
        lock["stages"][name] = entry
        for out in known[name].outs:
            keep(Path(out), ignore)
    write_yaml(lock, Path("dvc.lock"))


def keep(out: Path, ignore: tuple[str, ...]) -> None:
    files = [out / name for name in listing_of(out, ignore=ignore)] if out.is_dir() else [out]
    for file in files:
        digest = file_md5(file)
        target = Path(".dvc/cache/files/md5") / digest[:2] / digest[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


def commit(message: str) -> None:
    subprocess.run(["git", "add", "-A"], check=True, capture_output=True)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, "commit", "-qm", message], check=True, capture_output=True)


@pytest.fixture(scope="package")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "project"
    root.mkdir()
    for task in ("apples", "pears"):
        write_task(root, task)
    (root / "mixtures/toy.yaml").write_text(MIXTURE)
    walk = (ROOT / "dvc.yaml").read_text()
    (root / "dvc.yaml").write_text(walk.replace("- mixtures/demo.yaml", "- mixtures/toy.yaml", 1))
    (root / "mixtures/revisions.lock").write_text("revisions: {}\n")
    for name in ("params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, root)
    (root / ".gitignore").write_text("/data/\n/.dvc/\n")
    shutil.copytree(
        ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    with chdir(root):
        subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
        for name in STAGES:
            run_stage(name)
        record(*STAGES)
        commit("built")
    return root


@pytest.fixture
def built(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built project, with its repository, made the current folder."""
    root = tmp_path / "project"
    shutil.copytree(template, root, symlinks=True)
    monkeypatch.chdir(root)
    return root


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))
    os.utime(path)
