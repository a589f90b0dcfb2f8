"""Trainings that several scorers share, and what is read off them: answers, states and gradients.

Every figure is taken on train rows, at most `PROBE_ROWS` of a task. Knows pools and models; knows no
scorer's formula.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ArtefactError
from pipeline.relationships.proxy.model import Batch, Weights, gradients, scores
from pipeline.relationships.proxy.tasks import FeatureTask, Pool, pooled
from pipeline.relationships.proxy.training import Arm, Recipe, gathered, train
from pipeline.seeds import derive_rng, derive_seed

PROBE_ROWS = 256

Floats = NDArray[np.float64]


def pool_of(features: dict[str, FeatureTask], tasks: Sequence[str], *, scorer: str) -> Pool:
    """Return the pool of the named tasks, in their sequence.

    Raises:
        ArtefactError: Some task has no features, or no rows.
    """
    for task in tasks:
        if task not in features or not len(features[task]):
            raise ArtefactError(
                f"scorer '{scorer}' needs features of task '{task}', and there are none",
                remedy="run `dvc repro features`, or take the scorer out of relate.scorers",
            )
    return pooled([features[task] for task in tasks])


def run_seeds(seed: int, count: int) -> list[int]:
    """Return the seeds of `count` trainings, from the run's seed."""
    return [derive_seed(seed, "relate", index) % 2**63 for index in range(count)]


def apart(pool: Pool, recipe: Recipe, *, seeds: Sequence[int]) -> list[Weights]:
    """Train every task alone: T models for each seed."""
    arms = [Arm(seed, {name: 1.0}) for seed in seeds for name in pool.names]
    weights = train(pool, arms, recipe)
    tasks = len(pool.names)
    return [_slice(weights, index * tasks, tasks) for index in range(len(seeds))]


def joint(pool: Pool, recipe: Recipe, *, seeds: Sequence[int]) -> Weights:
    """Train one model on all tasks, equal rows of each, for each seed."""
    return train(pool, [Arm(seed, dict.fromkeys(pool.names, 1.0)) for seed in seeds], recipe)


def _slice(weights: Weights, start: int, count: int) -> Weights:
    some = slice(start, start + count)
    return Weights(
        linear_MD=weights.linear_MD[some],
        hidden_MDH=weights.hidden_MDH[some],
        prefix_MTH=weights.prefix_MTH[some],
        head_MH=weights.head_MH[some],
    )


def probe(pool: Pool, task: int, *, seed: int) -> Batch:
    """Return the rows of a task that figures are taken on, as a batch of one model."""
    rows = np.arange(pool.starts[task], pool.starts[task + 1])
    if len(rows) > PROBE_ROWS:
        rng = derive_rng(seed, "probe", pool.names[task])
        rows = np.sort(rng.choice(rows, PROBE_ROWS, replace=False))
    return gathered(pool, np.full((1, len(rows)), task), rows[None])


def seen_as(batch: Batch, task: int) -> Batch:
    """Return the same rows behind the prefix of another task."""
    return Batch(
        features_MBCD=batch.features_MBCD,
        real_MBC=batch.real_MBC,
        gold_MB=batch.gold_MB,
        task_MB=np.full_like(batch.task_MB, task),
    )


def centred(values_RC: Floats, real_RC: NDArray[np.bool_]) -> Floats:
    """Return values minus the mean over each row's own choices; 0 on padding."""
    filled = np.where(real_RC, values_RC, 0.0)
    means = filled.sum(axis=1, keepdims=True) / np.maximum(real_RC.sum(axis=1, keepdims=True), 1)
    return np.where(real_RC, filled - means, 0.0)


def answers(weights: Weights, batch: Batch) -> Floats:
    """Return one model's scores on a batch, centred in each row; 0 on padding."""
    values, _ = scores(weights, batch)
    return centred(values[0].astype(np.float64), batch.real_MBC[0])


def golds(batch: Batch) -> Floats:
    """Return 1 for the gold choice of each row, else 0, centred in each row; 0 on padding."""
    real = batch.real_MBC[0]
    marks = np.arange(real.shape[1]) == batch.gold_MB[0][:, None]
    return centred(marks.astype(np.float64), real)


def states(weights: Weights, batch: Batch) -> tuple[Floats, Floats]:
    """Return the hidden states of every real choice, centred in its row, and its centred gold mark.

    Returns:
        O x H and (O,).
    """
    _, hidden = scores(weights, batch)
    real = batch.real_MBC[0]
    parts = [
        centred(hidden[0, :, :, unit].astype(np.float64), real) for unit in range(hidden.shape[-1])
    ]
    return np.stack(parts, axis=-1)[real], golds(batch)[real]


def task_gradients(weights: Weights, pool: Pool, *, seed: int) -> Floats:
    """Return the gradient of each task's mean loss by what all tasks share, T x P."""
    found = _mean_gradients(weights, pool, seed=seed)
    return np.stack([one.shared()[0] for one in found]).astype(np.float64)


def prefix_gradients(weights: Weights, pool: Pool, *, seed: int) -> Floats:
    """Return the gradient of each task's mean loss by its own prefix, T x H."""
    found = _mean_gradients(weights, pool, seed=seed)
    return np.stack([one.prefix_MTH[0, t] for t, one in enumerate(found)]).astype(np.float64)


def _mean_gradients(weights: Weights, pool: Pool, *, seed: int) -> list[Weights]:
    """Return the gradient of each task's mean loss by all weights of one model."""
    return [gradients(weights, probe(pool, t, seed=seed))[0] for t in range(len(pool.names))]
