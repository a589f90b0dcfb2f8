"""A trained encoder's answers to the rows of a role, task by task."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.contract.choice import open_shards
from pipeline.contract.files import REMEDY
from pipeline.errors import ArtefactError
from pipeline.training.choice.export import load_model
from pipeline.training.choice.layouts import recorded_layout
from pipeline.training.choice.predict import answer_rows
from pipeline.training.start import check_vocabulary
from pipeline.training.view import JudgedTask


def judge_choices(
    folder: Path, tokens: Path, run: Mapping[str, Any], token_budget: int
) -> Iterator[JudgedTask]:
    """Yield the answers of a trained encoder to all rows of all tasks; see `views.judge_model`."""
    shards = open_shards(tokens)
    layout = recorded_layout(run["train"], where=str(folder / "run.json"))
    thresholds = _thresholds(folder / "select.json")
    model = load_model(folder, max_tokens=shards.max_tokens)
    check_vocabulary(len(model.embeddings.weight), shards, str(folder))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    for shard in shards.shards:
        answers = answer_rows(
            model, shard, shards.special, token_budget=token_budget, device=device, layout=layout
        )
        yield JudgedTask(shard.task, shard.form, answers, thresholds.get(shard.task))


def _thresholds(path: Path) -> dict[str, float]:
    """Return the threshold of each task with gold sets, found on `select` rows."""
    try:
        found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))["thresholds"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"not readable: {error}", where=str(path), remedy=REMEDY) from error
    return found
