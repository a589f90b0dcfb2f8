"""Which way would each task move a common prefix? Pearson of the gradients by the prefix.

Taken on the small model after the short joint training of `gradient`, with the mean prefix in the place
of all of them: where prefixes differ, gradients are of different points and say little of one another.
Beside the score stands the same before any training (`step0`), and what random vectors of that shape
would give. A prefix moves all choices of a row alike, so that its gradient is what the bend of tanh
leaves of it: a weak signal, in few numbers. Symmetric.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.model import Batch, Weights, draw_weights
from pipeline.relationships.proxy.readings import mean_gradients
from pipeline.relationships.proxy.shared import WARM_JOINT
from pipeline.relationships.proxy.training import TrainingBudget, derive_seeds
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scorers.prefix import correlations, null_band
from pipeline.relationships.scores import ScoreMatrix, as_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PrefixGradient(ProxyScorer):
    """Mean centred correlation of the tasks' gradients by one common prefix."""

    name = "prefix_gradient"
    directional = False
    shares = WARM_JOINT

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        trained = self.models(evidence, budget, seed=seed)
        shape = (len(evidence.tasks), budget.recipe.hidden)
        untrained = draw_weights(
            derive_seeds(seed, "relate", count=budget.seeds),
            width=evidence.width,
            hidden=budget.recipe.hidden,
            tasks=len(evidence.tasks),
        )
        starts = [untrained.model(run) for run in range(budget.seeds)]
        before_TT = agreement(starts, trained.probes).mean(axis=0)
        extras = {
            "step0": as_rows(before_TT),
            "null_q95": null_band(shape, centre=True, seed=seed)["q95"],
        }
        values_KTT = agreement(trained.runs, trained.probes)
        return self.trained_matrix(evidence, budget, values_KTT, seed=seed, extras=extras)


def agreement(models: Sequence[Weights], probes: Sequence[Batch]) -> Floats:
    """Return the centred correlations of the tasks' prefix gradients in each model, K x T x T."""
    found = [prefix_gradients(with_one_prefix(model), probes) for model in models]
    return np.stack([correlations(gradients_TH, centre=True) for gradients_TH in found])


def prefix_gradients(model: Weights, probes: Sequence[Batch]) -> Floats:
    """Return the gradient of each task's mean loss by its own prefix, T x H."""
    found = mean_gradients(model, probes)
    return np.stack([one.prefix_MTH[0, t] for t, one in enumerate(found)]).astype(np.float64)


def with_one_prefix(weights: Weights) -> Weights:
    """Return the same models with the mean of their prefixes in the place of each."""
    mean_M1H = weights.prefix_MTH.mean(axis=1, keepdims=True)
    return replace(weights, prefix_MTH=np.broadcast_to(mean_M1H, weights.prefix_MTH.shape).copy())
