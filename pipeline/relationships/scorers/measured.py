"""Gains that were really measured: a small model trained on source and target against the target alone.

The most expensive score and the only one in the metric's own unit: the fall of the mean loss on held-out
*train* rows of the target, half of all rows being the source's. Every training of a seed starts from the
same weights and sees as many rows.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.gains import measure_gains, truth_of
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import TrainingBudget, derive_seeds
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scores import ScoreMatrix
from pipeline.seeds import derive_rng

HELD_OUT = 0.3
"""Share of a target's train rows that gains are measured on."""


@dataclass(frozen=True, kw_only=True)
class MeasuredGain(ProxyScorer):
    """Fall of the held-out loss by joint training."""

    name = "measured"
    unit = "predicted_gain"
    signed = True

    def cost(self, evidence: Evidence, budget: TrainingBudget) -> Cost:
        """Return the cost of a training a pair and seed, and one a target."""
        trained = budget.seeds * len(evidence.tasks) ** 2
        return Cost(runs=trained, flops=trained * budget.recipe.flops(evidence.width))

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        self.pool(evidence)  # says which features are missing
        parts = [split_rows(evidence.features[task], seed=seed) for task in evidence.tasks]
        kept, held = (
            pool_tasks([part[0] for part in parts]),
            pool_tasks([part[1] for part in parts]),
        )
        seeds = derive_seeds(seed, "relate", count=budget.seeds)
        found = [measure_gains(kept, held, t, budget.recipe, seeds=seeds) for t in evidence.tasks]
        truth = truth_of(found, unit="loss")
        rows = [truth.sources.index(task) for task in evidence.tasks]
        return self.trained_matrix(evidence, budget, truth.gains_KST[:, rows], seed=seed)


def split_rows(task: FeatureTask, *, seed: int) -> tuple[FeatureTask, FeatureTask]:
    """Return the rows that are trained on and those that are held out.

    Two rows or more give one at least of each; of a single row none is held out, so that no gain is
    measured for it.
    """
    turn = derive_rng(seed, "held out", task.name).permutation(len(task))
    cut = min(max(1, round(len(task) * HELD_OUT)), len(task) - 1)
    return task.take(np.sort(turn[cut:])), task.take(np.sort(turn[:cut]))
