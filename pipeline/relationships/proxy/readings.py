"""What is read off trained proxy models: answers, states, gradients and losses.

Every figure is taken on train rows, at most `PROBE_ROWS` of a task.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.proxy.model import (
    Batch,
    Weights,
    gradients,
    losses,
    probabilities,
    scores,
)
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import gather_rows
from pipeline.seeds import derive_rng

PROBE_ROWS = 256

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldAnswers:
    """Answers of M models to the R held rows of one task."""

    right_MR: NDArray[np.bool_]
    """Whether the highest score is the gold choice's; of equals the first counts."""
    loss_MR: Floats
    """Cross-entropy, in nats."""


def take_probe(pool: Pool, task: int, *, seed: int) -> Batch:
    """Return the rows of a task that figures are taken on, as a batch of one model."""
    rows = np.arange(pool.starts[task], pool.starts[task + 1])
    if len(rows) > PROBE_ROWS:
        rng = derive_rng(seed, "probe", pool.names[task])
        rows = np.sort(rng.choice(rows, PROBE_ROWS, replace=False))
    return gather_rows(pool, np.full((1, len(rows)), task), rows[None])


def take_probes(pool: Pool, *, seed: int) -> tuple[Batch, ...]:
    """Return the rows that figures are taken on, of each task; see `take_probe`."""
    return tuple(take_probe(pool, task, seed=seed) for task in range(len(pool.names)))


def put_behind(batch: Batch, task: int) -> Batch:
    """Return the same rows behind the prefix of another task."""
    return replace(batch, task_MB=np.full_like(batch.task_MB, task))


def centre_rows(values_RC: Floats, real_RC: NDArray[np.bool_]) -> Floats:
    """Return values minus the mean over each row's own choices; 0 on padding."""
    filled = np.where(real_RC, values_RC, 0.0)
    means = filled.sum(axis=1, keepdims=True) / np.maximum(real_RC.sum(axis=1, keepdims=True), 1)
    return np.where(real_RC, filled - means, 0.0)


def centred_answers(weights: Weights, batch: Batch) -> Floats:
    """Return one model's scores on a batch, centred in each row; 0 on padding."""
    values, _ = scores(weights, batch)
    return centre_rows(values[0].astype(np.float64), batch.real_MBC[0])


def centred_golds(batch: Batch) -> Floats:
    """Return 1 for the gold choice of each row, else 0, centred in each row; 0 on padding."""
    real = batch.real_MBC[0]
    marks = np.arange(real.shape[1]) == batch.gold_MB[0][:, None]
    return centre_rows(marks.astype(np.float64), real)


def hidden_states(weights: Weights, batch: Batch) -> tuple[Floats, Floats]:
    """Return the hidden states of every real choice, centred in its row, and its centred gold mark.

    Returns:
        O x H and (O,).
    """
    _, hidden = scores(weights, batch)
    real = batch.real_MBC[0]
    parts = [
        centre_rows(hidden[0, :, :, unit].astype(np.float64), real)
        for unit in range(hidden.shape[-1])
    ]
    return np.stack(parts, axis=-1)[real], centred_golds(batch)[real]


def mean_gradients(model: Weights, probes: Sequence[Batch]) -> list[Weights]:
    """Return the gradient of each task's mean loss by all weights of one model.

    Args:
        model: A single one.
        probes: Rows of each task.
    """
    return [gradients(model, batch)[0] for batch in probes]


def shared_gradients(model: Weights, probes: Sequence[Batch]) -> Floats:
    """Return the gradient of each task's mean loss by what all tasks share, T x P."""
    found = mean_gradients(model, probes)
    return np.stack([one.shared()[0] for one in found]).astype(np.float64)


def mean_loss(model: Weights, batch: Batch) -> float:
    """Return the mean loss of one model on a batch; NaN for a batch without rows."""
    if not batch.gold_MB.size:
        return float("nan")
    values, _ = scores(model, batch)
    return float(losses(values, batch.gold_MB).mean())


def row_slopes(weights: Weights, batch: Batch, directions_TP: Floats) -> Floats:
    """Return the derivative of each row's loss along directions of the shared weights.

    Along a task's gradient it is the product of the two gradients: positive where a step on that task
    lowers the row's loss. The gradients of all rows are formed once and held against all directions,
    so that many directions in one call cost little more than one.

    Returns:
        B x T; (B,) for a single direction, given as a vector.
    """
    values, hidden = scores(weights, batch)
    states = hidden[0].astype(np.float64)
    features = batch.features_MBCD[0].astype(np.float64)
    delta_BC = probabilities(values)[0].astype(np.float64)
    delta_BC[np.arange(len(delta_BC)), batch.gold_MB[0]] -= 1.0
    inner_BCH = delta_BC[..., None] * (1.0 - states**2) * weights.head_MH[0]
    rows = len(delta_BC)
    gradients_BP = np.concatenate(
        [
            np.einsum("bc,bcd->bd", delta_BC, features),
            (features.transpose(0, 2, 1) @ inner_BCH).reshape(rows, -1),
            np.einsum("bc,bch->bh", delta_BC, states),
        ],
        axis=1,
    )
    result: Floats = gradients_BP @ directions_TP.T
    return result


def judge(models: Weights, trained: Pool, held: Pool, task: str, *, rows: int = 512) -> HeldAnswers:
    """Answer all held rows of a task with each of several models.

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
        batch = gather_rows(held, np.full((1, len(some)), trained.names.index(task)), some[None])
        there = slice(start - low, start - low + len(some))
        for model in range(count):
            values, _ = scores(models.model(model), batch)
            right_MR[model, there] = values[0].argmax(axis=-1) == batch.gold_MB[0]
            loss_MR[model, there] = losses(values, batch.gold_MB)[0]
    return HeldAnswers(right_MR=right_MR, loss_MR=loss_MR)
