"""Do a source and a target pull the shared weights the same way? Cosines of mean gradients.

Taken on a small model at the start of joint training on all tasks, where gradients still say where each
task wants to go; near the end of it they mostly hold noise. The cosine is symmetric. Beside it stands
which share of a target's rows a step on the source would make worse: the guard of Tailor looks at that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.proxy.readings import PROBE_ROWS, row_slopes, shared_gradients
from pipeline.relationships.proxy.shared import WARM_JOINT
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scores import ScoreMatrix, as_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GradientCosine(ProxyScorer):
    """Cosine of the mean gradients of two tasks by the weights that all tasks share."""

    name = "gradient"
    directional = False
    signed = True
    shares = WARM_JOINT

    def cost(self, evidence: Evidence, budget: TrainingBudget) -> Cost:
        """Return the cost of a short joint training a seed, and of a product a pair and row."""
        trained = super().cost(evidence, budget)
        products = len(evidence.tasks) ** 2 * PROBE_ROWS * 2.0
        looks = budget.seeds * products * evidence.width * budget.recipe.hidden
        return replace(trained, flops=trained.flops + looks)

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        trained = self.models(evidence, budget, seed=seed)
        values, worse = [], []
        for model in trained.runs:
            gradients_TP = shared_gradients(model, trained.probes)
            values.append(cosines(gradients_TP))
            worse.append(negative_shares(model, trained.probes, gradients_TP))
        extras = {"negative_rows": as_rows(np.mean(worse, axis=0))}
        return self.trained_matrix(evidence, budget, np.stack(values), seed=seed, extras=extras)


def cosines(gradients_TP: Floats) -> Floats:
    """Return the cosine of all pairs of gradients; NaN for one without length."""
    length_T = np.linalg.norm(gradients_TP, axis=1, keepdims=True)
    unit_TP = gradients_TP / np.where(length_T > 0.0, length_T, np.nan)
    values: Floats = np.clip(unit_TP @ unit_TP.T, -1.0, 1.0)
    return values


def negative_shares(model: Weights, probes: Sequence[Batch], gradients_TP: Floats) -> Floats:
    """Return which share of a target's rows a step on a source would make worse, sources x targets.

    A row gets worse where the product of its own gradient with the source's is negative. NaN for a
    source without a gradient.
    """
    shares = np.full((len(probes), len(probes)), np.nan)
    moving = gradients_TP.any(axis=1)
    for target, batch in enumerate(probes):
        slopes_BT = row_slopes(model, batch, gradients_TP[moving])
        shares[moving, target] = (slopes_BT < 0.0).mean(axis=0)
    return shares
