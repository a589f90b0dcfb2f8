"""The prefix score on the small model: Pearson of prefixes after joint training, and how sure it is.

All prefixes start as one vector, so what they differ by was learned. Several trainings give a mean and a
split-half reliability; beside them stands what random vectors of that shape would give. Symmetric.
Source: Zhang et al., Task Compass (Findings of EMNLP 2022).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import (
    ProxyRecipe,
    TrainingBudget,
    derive_seeds,
    train_jointly,
)
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scorers.prefix import correlations, null_band
from pipeline.relationships.scores import ScoreMatrix


@dataclass(frozen=True, kw_only=True)
class SmallPrefix(ProxyScorer):
    """Mean centred correlation of prefixes over joint trainings of the small model.

    Attributes:
        steps_per_task: Steps of joint training for each task that there is.
    """

    steps_per_task: int = 20

    name = "small_prefix"
    directional = False

    def cost(self, evidence: Evidence, budget: TrainingBudget) -> Cost:
        """Return the cost of a long joint training a seed."""
        flops = self._recipe(evidence, budget).flops(evidence.width)
        return Cost(runs=budget.seeds, flops=budget.seeds * flops)

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        seeds = derive_seeds(seed, "relate", count=budget.seeds)
        models = train_jointly(self.pool(evidence), self._recipe(evidence, budget), seeds=seeds)
        prefixes_KTH = models.prefix_MTH.astype(np.float64)
        values_KTT = np.stack([correlations(rows, centre=True) for rows in prefixes_KTH])
        band = null_band(prefixes_KTH.shape[1:], centre=True, seed=seed)
        extras = {"null_q95": band["q95"]}
        return self.trained_matrix(evidence, budget, values_KTT, seed=seed, extras=extras)

    def _recipe(self, evidence: Evidence, budget: TrainingBudget) -> ProxyRecipe:
        return budget.recipe.of_steps(self.steps_per_task * len(evidence.tasks))
