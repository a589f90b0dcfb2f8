"""The project that the study of the suite trains in: a mixture of its tasks in a temporary folder."""

import hashlib
import shutil
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

from pipeline.config.load import load, write_yaml
from pipeline.config.mixture_card import Mixture, MixtureCard
from pipeline.contract.files import sha256, write_json
from pipeline.contract.tokens import read_tokens
from pipeline.layout import Layout
from pipeline.mixing.plan import to_json
from pipeline.stages import curate, mix, normalize, resolve, tokenize, tokenizer, train
from pipeline.stages.plan import exact_plan

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "mixtures" / "demo.yaml"
NAME = "study"
ALONE = "-"


class StudyProject(chdir[Path]):
    """A project in `folder` with the study's tasks, tokenised; made the current folder."""

    def __init__(self, folder: Path, tasks: Sequence[str], target: str, seed: int) -> None:
        super().__init__(folder)
        self._build = (folder, tasks, target, seed)

    def __enter__(self) -> None:
        super().__enter__()
        build(*self._build)


def build(folder: Path, tasks: Sequence[str], target: str, seed: int) -> None:
    """Write a mixture of the tasks into `folder`, the current one, and tokenise them."""
    (folder / "pipeline").symlink_to(ROOT / "pipeline")
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "mixtures" / "tasks").mkdir(parents=True)
    for task in tasks:
        shutil.copy(ROOT / "mixtures" / "tasks" / f"{task}.yaml", folder / "mixtures" / "tasks")
    demo = load(MixtureCard, DEMO)
    card = {
        "name": NAME,
        "tasks": {task: {} for task in tasks},
        "sampling": {"strategy": "equal", "epochs": 1},
        "limits": {"train": 5000, "select": 50},
        "tailor": {"target": target},
        "params": {**demo.params, "seed": seed},
    }
    write_yaml(card, folder / "mixtures" / f"{NAME}.yaml")
    resolve.main([NAME])
    for task in tasks:
        normalize.main([NAME, task])
    for stage in (curate, tokenizer, tokenize):
        stage.main([NAME])


def recipe_key(rows: int) -> str:
    """Return a hash of what a training in this project depends on: tokens, settings and rows.

    A kept result is used again under the same recipe only.
    """
    layout = Layout(NAME)
    files = [layout.tokens(role) / "manifest.json" for role in ("train", "report")]
    parts = [str(rows), *map(sha256, (*files, layout.settings("train")))]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def trained_accuracy(target: str, source: str, *, rows: int, seed: int) -> float:
    """Train in the current project and return the accuracy on the target's report rows."""
    import torch

    from pipeline.contract.choice import open_shards
    from pipeline.training.choice.export import load_model
    from pipeline.training.choice.predict import answer_rows

    layout = Layout(NAME)
    share = {target: rows} if source == ALONE else {target: rows // 2, source: rows - rows // 2}
    mixture = Mixture.model_validate(
        {
            "tasks": {task: {"count": count} for task, count in share.items()},
            "sampling": {"strategy": "counts"},
            "same_content": "allow",  # one of the relations is a duplicate
        }
    )
    corpus = read_tokens(layout.tokens("train"))
    plan = exact_plan(corpus, mixture, name=NAME, which="compass", seed=seed)
    write_json(to_json(plan), layout.plan("compass"))
    mix.main([NAME, "compass"])
    train.main([NAME, "compass"])
    shards = open_shards(layout.tokens("report"))
    model = load_model(layout.model("compass"), max_tokens=shards.max_tokens)
    shard = next(shard for shard in shards.shards if shard.task == target)
    cpu = torch.device("cpu")
    answers = answer_rows(model, shard, shards.special, token_budget=16384, device=cpu)
    return float((answers.predicted == answers.label).mean())
