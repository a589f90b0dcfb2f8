"""Fixtures that several packages' tests share: a small project in a temporary folder."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # no test depends on the speed of the machine

ROOT = Path(__file__).parent.parent

CARD = """\
task: {task}
family: toy
source: {{kind: files, folder: {task}}}
splits: {{train: train.jsonl, validation: validation.jsonl}}
fields: {{form: classification, context: text, label: label, classes: [bad, good]}}
licence: CC0-1.0
"""

MIXTURE = """\
name: toy
tasks:
  apples: {}
  pears: {}
sampling: {strategy: proportional, epochs: 1}
tailor: {target: apples, k: 1}
trainings:
  compass: {recipe: all, start: base}
  tailored: {recipe: tailored, start: compass}
"""


def write_task(root: Path, task: str, *, rows: int = 120) -> None:
    """Write a card and its raw files: two classes that a word gives away."""
    cards = root / "mixtures" / "tasks"
    cards.mkdir(parents=True, exist_ok=True)
    (cards / f"{task}.yaml").write_text(CARD.format(task=task))
    folder = root / "data" / "external" / task
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", rows), ("validation", rows // 2)):
        lines = [
            f'{{"text": "the {task} number {i} of {split} is {("rotten", "ripe")[i % 2]}", '
            f'"label": "{("bad", "good")[i % 2]}"}}\n'
            for i in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("".join(lines))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two tasks and one active mixture, made the current folder."""
    for task in ("apples", "pears"):
        write_task(tmp_path, task)
    (tmp_path / "mixtures" / "toy.yaml").write_text(MIXTURE)
    walk = (ROOT / "dvc.yaml").read_text()
    (tmp_path / "dvc.yaml").write_text(
        walk.replace("name: demo", "name: toy", 1).replace(
            "mixtures/demo.yaml", "mixtures/toy.yaml", 1
        )
    )
    (tmp_path / "mixtures" / "revisions.lock").write_text("revisions: {}\n")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    monkeypatch.chdir(tmp_path)
    return tmp_path
