"""How trained models do on held rows of a task, row by row. Knows pools and models; opens no file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.proxy.model import Weights, losses, scores
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import gathered

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Answers of M models to the R held rows of one task."""

    right_MR: NDArray[np.bool_]
    """Whether the highest score is the gold choice's; of equals the first counts."""
    loss_MR: Floats
    """Cross-entropy, in nats."""


def judged(models: Weights, trained: Pool, held: Pool, task: str, *, rows: int = 512) -> Judged:
    """Let models answer all held rows of a task.

    Args:
        models: M models.
        trained: The pool that they were trained on: a task's prefix stands at its place there.
        held: Rows to answer; its tasks may stand in another sequence.
        task: Whose rows.
        rows: Rows that are looked at at a time.
    """
    place = held.names.index(task)
    low, high = int(held.starts[place]), int(held.starts[place + 1])
    count = len(models.head_MH)
    right_MR, loss_MR = np.zeros((count, high - low), dtype=np.bool_), np.zeros((count, high - low))
    for start in range(low, high, rows):
        some = np.arange(start, min(start + rows, high))
        batch = gathered(held, np.full((1, len(some)), trained.names.index(task)), some[None])
        there = slice(start - low, start - low + len(some))
        for model in range(count):
            values, _ = scores(models.model(model), batch)
            right_MR[model, there] = values[0].argmax(axis=-1) == batch.gold_MB[0]
            loss_MR[model, there] = losses(values, batch.gold_MB)[0]
    return Judged(right_MR=right_MR, loss_MR=loss_MR)
