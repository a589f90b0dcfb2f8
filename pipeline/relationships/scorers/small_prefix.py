"""The prefix score on the small model: Pearson of prefixes after joint training, with its doubts.

All prefixes start as one vector, so what they differ by was learned. Several trainings give a mean and a
split-half reliability; beside them stands what random vectors of that shape would give. Symmetric.
Source: Zhang et al., Task Compass (Findings of EMNLP 2022). Knows features and golds; no text.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import SYMMETRIC, Budget, Cost, trained_provenance
from pipeline.relationships.proxy import runs
from pipeline.relationships.scorers.prefix import correlations, null_band
from pipeline.relationships.scores import ScoreMatrix, over_runs

VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallPrefix:
    """Mean centred correlation of prefixes over joint trainings of the small model.

    Attributes:
        steps_per_task: Steps of joint training for each task that there is.
    """

    steps_per_task: int = 20

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "small_prefix"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A long joint training a seed."""
        recipe = budget.recipe.of_steps(self.steps_per_task * len(evidence.tasks))
        return Cost(runs=budget.seeds, flops=budget.seeds * recipe.flops(evidence.width))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        recipe = budget.recipe.of_steps(self.steps_per_task * len(evidence.tasks))
        models = runs.joint(pool, recipe, seeds=runs.run_seeds(seed, budget.seeds))
        prefixes_KTH = models.prefix_MTH.astype(np.float64)
        values_KTT = np.stack([correlations(rows, centre=True) for rows in prefixes_KTH])
        return over_runs(
            values_KTT,
            evidence.tasks,
            directional=False,
            provenance=trained_provenance(
                self,
                evidence,
                budget,
                version=VERSION,
                seed=seed,
                warnings=(SYMMETRIC,),
            ),
            extras={"null_q95": null_band(prefixes_KTH.shape[1:], centre=True, seed=seed)["q95"]},
        )
