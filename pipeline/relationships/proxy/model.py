"""The model on fixed features: a linear score, one hidden layer, and a prefix vector a task.

The score of a choice with features x in a row of task t is `x u + tanh(x W + p_t) v`; a softmax over
the row's choices gives the loss. No parameter but the prefix p_t belongs to a task, as in the real model:
what tells tasks apart is their prefix alone. M models are trained side by side, as the leading axis of
every array.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.seeds import derive_rng

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """M models of D features, H hidden units and T prefixes; also what a gradient of them is."""

    linear_MD: Floats
    hidden_MDH: Floats
    prefix_MTH: Floats
    head_MH: Floats

    def arrays(self) -> tuple[Floats, ...]:
        """Return the arrays in a fixed order."""
        return self.linear_MD, self.hidden_MDH, self.prefix_MTH, self.head_MH

    def part(self, low: int, high: int) -> "Weights":
        """Return the models from `low` up to, not including, `high`."""
        return Weights(**{f.name: getattr(self, f.name)[low:high] for f in fields(self)})

    def model(self, index: int) -> "Weights":
        """Return one of the models, as one."""
        return self.part(index, index + 1)

    def shared(self) -> Floats:
        """Return what all tasks share, flat: M x (D + D H + H)."""
        parts = (self.linear_MD, self.hidden_MDH, self.head_MH)
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """B rows for each of M models, C choices at most."""

    features_MBCD: Floats
    real_MBC: NDArray[np.bool_]
    """False on padding."""
    gold_MB: Ints
    task_MB: Ints


def draw_weights(seeds: list[int], *, width: int, hidden: int, tasks: int) -> Weights:
    """Return untrained models; equal seeds give equal weights, all prefixes start as zero."""
    drawn = {}
    for seed in set(seeds):
        rng = derive_rng(seed, "adapter")  # an older name of this model: another draws others
        drawn[seed] = (
            rng.normal(0.0, width**-0.5, (width, hidden)).astype(np.float32),
            rng.normal(0.0, hidden**-0.5, hidden).astype(np.float32),
        )
    return Weights(
        linear_MD=np.zeros((len(seeds), width), np.float32),
        hidden_MDH=np.stack([drawn[seed][0] for seed in seeds]),
        prefix_MTH=np.zeros((len(seeds), tasks, hidden), np.float32),
        head_MH=np.stack([drawn[seed][1] for seed in seeds]),
    )


def scores(weights: Weights, batch: Batch) -> tuple[Floats, Floats]:
    """Return the scores, M x B x C with -inf on padding, and the hidden states, M x B x C x H."""
    models, rows, choices, width = batch.features_MBCD.shape
    flat = batch.features_MBCD.reshape(models, rows * choices, width)
    states = (flat @ weights.hidden_MDH).reshape(models, rows, choices, -1)
    states += weights.prefix_MTH[np.arange(models)[:, None], batch.task_MB][:, :, None, :]
    np.tanh(states, out=states)
    linear = (flat @ weights.linear_MD[:, :, None]).reshape(models, rows, choices)
    values = linear + np.einsum("mbch,mh->mbc", states, weights.head_MH)
    masked: Floats = np.where(batch.real_MBC, values, values.dtype.type(-np.inf))
    return masked, states


def probabilities(scores_MBC: Floats) -> Floats:
    """Return the softmax over the choices of each row."""
    shifted = np.exp(scores_MBC - scores_MBC.max(axis=-1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def losses(scores_MBC: Floats, gold_MB: Ints) -> Floats:
    """Return the cross-entropy of each row, M x B."""
    gold = np.take_along_axis(probabilities(scores_MBC), gold_MB[:, :, None], axis=-1)
    result: Floats = -np.log(np.maximum(gold[:, :, 0], 1e-30))
    return result


def gradients(weights: Weights, batch: Batch) -> tuple[Weights, Floats]:
    """Return the gradient of each model's mean loss over its rows, and that loss, (M,)."""
    scores_MBC, states = scores(weights, batch)
    chances = probabilities(scores_MBC)
    rows = batch.gold_MB.shape[1]
    delta = chances.copy()
    at = np.take_along_axis(delta, batch.gold_MB[:, :, None], axis=-1)
    np.put_along_axis(delta, batch.gold_MB[:, :, None], at - 1.0, axis=-1)
    delta /= rows
    return _backward(weights, batch, states, delta), losses(scores_MBC, batch.gold_MB).mean(axis=1)


def _backward(weights: Weights, batch: Batch, states: Floats, delta_MBC: Floats) -> Weights:
    models, rows, choices, width = batch.features_MBCD.shape
    flat = batch.features_MBCD.reshape(models, rows * choices, width)
    inner = delta_MBC[..., None] * weights.head_MH[:, None, None, :] * (1.0 - states**2)
    flat_inner = inner.reshape(models, rows * choices, -1)
    prefix = np.zeros_like(weights.prefix_MTH)
    np.add.at(prefix, (np.arange(models)[:, None], batch.task_MB), inner.sum(axis=2))
    return Weights(
        linear_MD=np.einsum("mn,mnd->md", delta_MBC.reshape(models, -1), flat),
        hidden_MDH=flat.transpose(0, 2, 1) @ flat_inner,
        prefix_MTH=prefix,
        head_MH=np.einsum("mbc,mbch->mh", delta_MBC, states),
    )
