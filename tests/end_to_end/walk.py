"""A small project on the embedded suite, run by the real DVC with the real stages."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config.load import read_yaml, write_yaml
from pipeline.contract.files import sha256

ROOT = Path(__file__).parent.parent.parent
COPIED = (
    ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "data/external/README.md", "dvc.yaml",
    "mixtures", "params.yaml", "pipeline",
)  # fmt: skip
TASKS = 4
STAGE = re.compile(r"Running stage '([^']+)'")


class Walk:
    """One project folder, and what a person does in it."""

    def __init__(self, root: Path, *, hash_seed: str = "0", threads: str = "1") -> None:
        self.root = root
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONHASHSEED": hash_seed,
            "POLARS_MAX_THREADS": threads,
            "RAYON_NUM_THREADS": threads,
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(command)} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    def repro(self, *arguments: str) -> list[str]:
        """Run `dvc repro`; return the stages that ran, in order."""
        done = self.run(sys.executable, "-m", "dvc", "repro", *arguments)
        return STAGE.findall(done.stdout)

    def taskloom(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "pipeline", *arguments, check=check)

    def repro_killed_in(self, stage: str) -> None:
        """Start `dvc repro` and kill DVC, not its child, as soon as `stage` runs."""
        command = [sys.executable, "-u", "-m", "dvc", "repro"]
        with subprocess.Popen(
            command, cwd=self.root, env=self.env, stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                if f"Running stage '{stage}'" in line:
                    break
            else:
                pytest.fail(f"stage {stage} never ran")
            process.send_signal(signal.SIGKILL)
            process.stdout.close()

    def commit(self, message: str) -> None:
        """Commit all that git sees."""
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        self.run("git", "add", "-A")
        self.run("git", *identity, "commit", "-q", "-m", message)

    def edit(self, path: str, change) -> None:
        """Change a YAML file in place."""
        value = read_yaml(self.root / path)
        change(value)
        write_yaml(value, (self.root / path).resolve())

    def hashes(self, *folders: str) -> dict[str, str]:
        """SHA-256 of every file below `folders`."""
        return {
            str(path.relative_to(self.root)): sha256(path)
            for folder in folders
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file()
        }


UP_TO_ORDER = tuple(
    f"data/tiny/{folder}"
    for folder in (
        "settings", "sources", "examples", "curated", "curation", "tokenizer", "rendered",
        "tokens", "plans", "mixes", "recipes",
    )
)  # fmt: skip


def tiny_mixture() -> dict:
    """The demo's target and its first other tasks, with a training of a few steps."""
    demo = read_yaml(ROOT / "mixtures/demo.yaml")
    target = demo["tailor"]["target"]
    others = [task for task in sorted(demo["tasks"]) if task != target][: TASKS - 1]
    return {
        "name": "tiny",
        "tasks": {task: {} for task in sorted([target, *others])},
        "sampling": {"strategy": "equal", "rows": 96},
        "limits": {"train": 120, "select": 20, "report": 40},
        "tailor": {"target": target, "k": 2, "epochs": 0.5},
        "trainings": demo["trainings"],
        "params": {
            "model": {"layers": 1, "width": 32, "heads": 2, "vocabulary": 600},
            "train": {"batch": 16, "log_every": 1, "checkpoint_every": 2, "threads": 1},
        },
    }


def make_walk(root: Path, **options: str) -> Walk:
    """Lay out a project in `root` and commit it."""
    for name in COPIED:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, target, ignore=ignore, symlinks=True)
        else:
            shutil.copy(ROOT / name, target)
    write_yaml(tiny_mixture(), root / "mixtures/tiny.yaml")
    walk = Walk(root, **options)
    walk.taskloom("use", "tiny")
    walk.run("git", "init", "-q", "-b", "main")
    walk.commit("start")
    return walk
