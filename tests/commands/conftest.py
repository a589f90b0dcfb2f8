"""A toy project, built by the real stages up to its order and recorded by DVC."""

import json
import os
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.provenance import records
from tests.conftest import MIXTURE, ROOT, write_task

STAGES = (
    "resolve", "normalize@apples", "normalize@pears", "curate", "tokenizer", "tokenize",
    "plan@compass", "mix@compass",
)  # fmt: skip


def run_stage(name: str) -> None:
    stage, _, item = name.partition("@")
    assert main(["stage", stage, "toy", *([item] if item else [])]) == 0


def record(*names: str) -> None:
    """Record stages in dvc.lock, and keep their outputs in the cache, as `dvc repro` does."""
    from dvc.repo import Repo

    with Repo() as repo:
        for name in names:
            repo.commit(name, force=True)


def status(*arguments: str) -> bytes:
    """Do what `dvc status` does, in this process, which is faster."""
    from dvc.repo import Repo

    assert arguments == ("status", "--json")
    with Repo() as repo:
        return json.dumps(repo.status()).encode()


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
    walk = walk.replace("name: demo", "name: toy", 1)
    (root / "dvc.yaml").write_text(walk.replace("mixtures/demo.yaml", "mixtures/toy.yaml", 1))
    (root / "mixtures/revisions.lock").write_text("revisions: {}\n")
    for name in ("mixtures/prompts/README.md", "pipeline/README.md"):  # what `resolve` depends on
        (root / name).parent.mkdir()
        (root / name).write_text("nothing\n")
    for name in ("params.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, root)
    (root / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", root / ".dvc")
    (root / ".gitignore").write_text("/data/\n/models/\n/.dvc/\n")
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
    monkeypatch.setattr(records, "run_dvc", status)
    return root


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))
    os.utime(path)
