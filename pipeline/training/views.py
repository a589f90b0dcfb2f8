"""The views by their names in run.json: how each is opened to train, and how its models are judged.

A view is a folder with a `View` and these two functions, and an entry in `VIEWS`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.contract.files import REMEDY
from pipeline.errors import ArtefactError
from pipeline.modeling.load import quiet_transformers
from pipeline.training.choice.judge import judge_choices
from pipeline.training.choice.view import choice_view
from pipeline.training.ranks import Ranks
from pipeline.training.run import Run
from pipeline.training.text.judge import judge_texts
from pipeline.training.text.view import text_view
from pipeline.training.view import JudgedTask, View

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ViewEntry:
    """What a view offers."""

    open: Callable[[Run, Ranks, Say], View[Any]]
    """Opens the artefacts of a run and builds its model, on the CPU; says how the weights fitted."""
    judge: Callable[[Path, Path, Mapping[str, Any], int], Iterator[JudgedTask]]
    """Answers all rows of a role; arguments as `judge_model`'s, and the model's run.json."""


VIEWS = {"choice": ViewEntry(choice_view, judge_choices), "text": ViewEntry(text_view, judge_texts)}


def judge_model(folder: Path, tokens: Path, *, token_budget: int) -> Iterator[JudgedTask]:
    """Yield the answers of a trained model to all rows of all tasks, in name order, by prompt.

    Uses as many threads as the training did, since sums depend on it.

    Args:
        folder: Output of a training.
        tokens: `tokens/<role>`.
        token_budget: Most cells of a batch, padding included.

    Raises:
        ArtefactError: A file is missing or damaged, or the model does not know the vocabulary.
    """
    quiet_transformers()
    path = folder / "run.json"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        threads, view = int(run["train"]["threads"]), VIEWS[run.get("view", "choice")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"not readable: {error}", where=str(path), remedy=REMEDY) from error
    torch.set_num_threads(threads)
    yield from view.judge(folder, tokens, run, token_budget)
