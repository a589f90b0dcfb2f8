"""Gains that were really measured: a small model trained on source and target against the target alone.

The dearest score and the only one in the metric's own unit: the fall of the mean loss on held-out *train*
rows of the target, half of all rows being the source's. Every training of a seed starts from the same
weights and sees as many rows. Knows features and golds; no text.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost, trained_provenance
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.tasks import FeatureTask, pooled
from pipeline.relationships.scores import ScoreMatrix, over_runs
from pipeline.relationships.truth_runs import joint_gains, truth_of
from pipeline.seeds import derive_rng

VERSION = "1"
HELD_OUT = 0.3
"""Share of a target's train rows that gains are measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGain:
    """Fall of the held-out loss by joint training."""

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "measured"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A training a pair and seed, and one a target."""
        trained = budget.seeds * len(evidence.tasks) ** 2
        return Cost(runs=trained, flops=trained * budget.recipe.flops(evidence.width))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        parts = [_divided(evidence.features[task], seed=seed) for task in evidence.tasks]
        kept, held = pooled([part[0] for part in parts]), pooled([part[1] for part in parts])
        seeds = runs.run_seeds(seed, budget.seeds)
        found = [joint_gains(kept, held, t, budget.recipe, seeds=seeds) for t in evidence.tasks]
        truth = truth_of(found, unit="loss")
        rows = [truth.sources.index(task) for task in evidence.tasks]
        return over_runs(
            truth.gains_KST[:, rows],
            evidence.tasks,
            directional=True,
            unit="predicted_gain",
            provenance=trained_provenance(self, evidence, budget, version=VERSION, seed=seed),
        )


def _divided(task: FeatureTask, *, seed: int) -> tuple[FeatureTask, FeatureTask]:
    """Return the rows that are trained on and those that are held out.

    Two rows or more give one at least of each; of a single row none is held out, so that no gain is
    measured for it.
    """
    turn = derive_rng(seed, "held out", task.name).permutation(len(task))
    cut = min(max(1, round(len(task) * HELD_OUT)), len(task) - 1)
    return task.take(np.sort(turn[cut:])), task.take(np.sort(turn[:cut]))
