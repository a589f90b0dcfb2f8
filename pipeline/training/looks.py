"""Looks at the `select` rows while a training runs: which was the best, and how held-out tasks are read.

A look draws nothing, so that it changes no step. A held-out task is looked at and never drawn. Its prefix
was moved by no step, so that the model has never seen it in front of a text: the task is read behind the
mean of the prefixes that were trained so far. Its figures decide nothing: a model that was chosen by them
would not be zero-shot.
"""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pipeline.training.run import TrainSettings

COLUMNS = ("step", "accuracy_macro")


@dataclass(slots=True)
class Looks:
    """What was seen so far.

    Attributes:
        every: Steps between two looks; None = at the end only.
        wants_best: Whether the best model is the result.
        rows: Step and macro accuracy of each look; None where no `select` row has a label.
        best_step: Step of the best model so far; None = no look had a figure yet.
        best: What was seen then, as `View.select` returns it.
    """

    every: int | None
    wants_best: bool
    rows: list[tuple[int, float | None]] = field(default_factory=list)
    best_step: int | None = None
    best: dict[str, Any] = field(default_factory=dict)

    def due(self, step: int) -> bool:
        """Return whether the model is looked at after `step` steps, short of the last."""
        return self.every is not None and step % self.every == 0

    def add(self, step: int, seen: dict[str, Any]) -> bool:
        """Add what was seen after a step; return whether it is the best so far, the first of equals."""
        macro = seen["accuracy_macro"]
        self.rows.append((step, macro))
        if not self.wants_best or macro is None:
            return False
        if self.best_step is not None and macro <= self.best["accuracy_macro"]:
            return False
        self.best_step, self.best = step, seen
        return True

    def csv(self) -> str:
        """Return select.csv: the macro accuracy of each look, with nine digits; empty = unknown."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for step, macro in self.rows:
            writer.writerow([step, "" if macro is None else f"{macro:.9g}"])
        return text.getvalue()

    def state(self) -> dict[str, Any]:
        """Return all of it as plain JSON, which keeps every float exactly."""
        return {"rows": self.rows, "best_step": self.best_step, "best": self.best}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.rows = [(step, macro) for step, macro in state["rows"]]
        self.best_step, self.best = state["best_step"], state["best"]


def steps_between_looks(train: TrainSettings) -> int | None:
    """Return after how many steps a run looks again; None = at the end only.

    Without `select_every` the best model is sought among the checkpoints.
    """
    by_checkpoint = train.best and train.select_every is None
    return train.checkpoint_every if by_checkpoint else train.select_every


def set_mean_prefixes(
    table: nn.Embedding,
    prefixes: Mapping[str, int],
    *,
    held_out: Collection[str],
    examples: Mapping[str, int],
) -> None:
    """Give held-out tasks the mean of the trained prefixes, in place; nothing where none is trained.

    Args:
        table: The model's word embeddings.
        prefixes: Token id of each task's prefix.
        held_out: Tasks that are never drawn; names that have no prefix are passed over.
        examples: Rows of each task that were drawn so far; a task without any is not trained.
    """
    trained = [token for task, token in sorted(prefixes.items()) if examples.get(task)]
    bare = [prefixes[task] for task in sorted(held_out) if task in prefixes]
    if not trained or not bare:
        return
    weight = table.weight.data
    weight[bare] = weight[trained].double().mean(0).to(weight.dtype)


@contextmanager
def mean_prefixes(
    table: nn.Embedding,
    prefixes: Mapping[str, int],
    *,
    held_out: Collection[str],
    examples: Mapping[str, int],
) -> Iterator[None]:
    """As `set_mean_prefixes` for the time of a look, which must change no later step."""
    tokens = [prefixes[task] for task in sorted(held_out) if task in prefixes]
    before = table.weight.detach()[tokens].clone()
    set_mean_prefixes(table, prefixes, held_out=held_out, examples=examples)
    try:
        yield
    finally:
        with torch.no_grad():
            table.weight[tokens] = before


def over_drawn_tasks(seen: dict[str, Any], held_out: Collection[str]) -> dict[str, Any]:
    """Return figures on `select` rows with `accuracy_macro` over the trained tasks only.

    Args:
        seen: As `View.select` returns it.
        held_out: Tasks that are never drawn.

    Returns:
        The same where none is held out; else with `accuracy_macro_held_out` too. Either is None where
        no task of its kind has a figure.
    """
    if not held_out:
        return seen
    figures = seen["accuracy"].items()
    drawn = [value for task, value in figures if task not in held_out]
    others = [value for task, value in figures if task in held_out]
    return {**seen, "accuracy_macro": _mean(drawn), "accuracy_macro_held_out": _mean(others)}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
