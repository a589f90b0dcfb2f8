"""A trained model's answers on the rows of a role: what the stage `evaluate` asks for.

Knows the output folder of a training and token shards; computes no figure.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pipeline.contract.files import REMEDY
from pipeline.errors import ArtefactError
from pipeline.metrics.answers import Answers
from pipeline.modeling.load import quiet_transformers
from pipeline.training.choice.layouts import recorded_layout
from pipeline.training.choice.predict import answered
from pipeline.training.choice.shards import Shards, open_shards
from pipeline.training.export import load_model
from pipeline.training.text.judge import text_judged
from pipeline.training.text.prompts import Prompt


@dataclass(frozen=True, slots=True)
class Judged:
    """One task, answered; in the text view, through one of its prompts."""

    task: str
    form: str
    answers: Answers
    threshold: float | None
    """Of gold sets, found on `select` rows; None for tasks of one gold."""
    figures: dict[str, float] = field(default_factory=dict)
    """Of the text view: what the answers do not hold; see `text_judge.TextJudged`."""
    score: str | None = None
    """Of the text view: what the answers are ranked by."""
    prompt: Prompt | None = None
    """Of the text view."""


def judged(folder: Path, tokens: Path, *, token_budget: int) -> Iterator[Judged]:
    """Yield the answers of a trained model to all rows of all tasks, in name order, by prompt.

    Uses as many threads as the training did, since sums depend on it.

    Args:
        folder: Output of a training.
        tokens: `tokens/<role>`.
        token_budget: Most cells of a batch.

    Raises:
        ArtefactError: A file is missing or damaged, or the model does not know the vocabulary.
    """
    quiet_transformers()
    run = _record(folder / "run.json")
    settings = run["train"]
    torch.set_num_threads(int(settings["threads"]))
    if run.get("view") == "text":
        for found in text_judged(folder, tokens, run, token_budget=token_budget):
            score = run["text"]["score"]
            yield Judged(
                found.task, found.form, found.answers, None, found.figures, score, found.prompt
            )
        return
    shards = open_shards(tokens)
    layout = recorded_layout(settings, where=str(folder / "run.json"))
    thresholds = _record(folder / "select.json")["thresholds"]
    model = load_model(folder, max_tokens=shards.max_tokens)
    _check_vocabulary(model.embeddings.weight.shape[0], shards, folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    for shard in shards.shards:
        answers = answered(
            model, shard, shards.special, token_budget=token_budget, device=device, layout=layout
        )
        yield Judged(shard.task, shard.form, answers, thresholds.get(shard.task))


def _record(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"not readable: {error}", where=str(path), remedy=REMEDY) from error
    return value


def _check_vocabulary(rows: int, shards: Shards, folder: Path) -> None:
    if rows < shards.vocabulary:
        raise ArtefactError(
            f"has {rows} embeddings, the {shards.role} shards {shards.vocabulary} tokens",
            where=str(folder),
            expected="a model that was trained on tokens of the same tokenizer",
            remedy=REMEDY,
        )
