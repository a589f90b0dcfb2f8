"""Gains that were really measured: a small model trained on source and target against the target alone.

The dearest score and the only one in the metric's own unit: the fall of the mean loss on held-out *train*
rows of the target, half of all rows being the source's. Every training of a seed starts from the same
weights and sees as many rows. Knows features and golds; no text.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.adapter import runs
from pipeline.relationships.adapter.model import Weights
from pipeline.relationships.adapter.tasks import FeatureTask, Pool, pooled
from pipeline.relationships.adapter.training import Arm, Recipe, gathered, train
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.lookahead import mean_loss
from pipeline.relationships.protocol import Budget, Cost, trained_provenance
from pipeline.relationships.scores import ScoreMatrix, over_runs
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
        values = [joint_gains(kept, held, budget.recipe, seed=one) for one in seeds]
        return over_runs(
            np.stack(values),
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


def joint_gains(kept: Pool, held: Pool, recipe: Recipe, *, seed: int) -> NDArray[np.float64]:
    """Return the fall of each target's held-out loss by each source, sources x targets.

    NaN for a task with itself, and for a target without held-out rows.
    """
    names = kept.names
    gains = np.full((len(names), len(names)), np.nan)
    for place, target in enumerate(names):
        others = [name for name in names if name != target]
        arms = [Arm(seed, {target: 1.0}), *(Arm(seed, {s: 0.5, target: 0.5}) for s in others)]
        models = train(kept, arms, recipe)
        alone, *joint = (_held_loss(models.model(i), held, place) for i in range(len(arms)))
        for source, loss in zip(others, joint, strict=True):
            gains[names.index(source), place] = alone - loss
    return gains


def _held_loss(model: Weights, held: Pool, task: int) -> float:
    rows = np.arange(held.starts[task], held.starts[task + 1])
    return mean_loss(model, gathered(held, np.full((1, len(rows)), task), rows[None]))
