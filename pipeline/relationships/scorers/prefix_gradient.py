"""Which way does each task want a common prefix to go? Pearson of the gradients by the prefix.

Taken on the small model after the short joint training of `gradient`, with the mean prefix in the place
of all of them: where prefixes differ, gradients are of different points and say little of one another.
Beside the score stands the same before any training (`step0`), and what random vectors of that shape
would give. A prefix moves all choices of a row alike, so that its gradient is what the bend of tanh
leaves of it: a weak signal, in few numbers. Symmetric. Knows features and golds; no text.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import SYMMETRIC, Budget, Cost, trained_provenance
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.model import Weights, initial
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.scorers.prefix import correlations, null_band
from pipeline.relationships.scores import ScoreMatrix, as_rows, over_runs

VERSION = "1"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixGradient:
    """Mean centred correlation of the tasks' gradients by one common prefix.

    Attributes:
        warmup: Steps of joint training before gradients are taken.
    """

    warmup: int = 15

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "prefix_gradient"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A short joint training a seed."""
        recipe = budget.recipe.of_steps(self.warmup)
        return Cost(runs=budget.seeds, flops=budget.seeds * recipe.flops(evidence.width))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        recipe = budget.recipe.of_steps(self.warmup)
        seeds = runs.run_seeds(seed, budget.seeds)
        trained = runs.joint(pool, recipe, seeds=seeds)
        untrained = initial(
            seeds, width=evidence.width, hidden=recipe.hidden, tasks=len(pool.names)
        )
        values_KTT = agreement(trained, pool, seed=seed)
        before_TT = agreement(untrained, pool, seed=seed).mean(axis=0)
        shape = (len(pool.names), recipe.hidden)
        return over_runs(
            values_KTT,
            evidence.tasks,
            directional=False,
            provenance=trained_provenance(
                self, evidence, budget, version=VERSION, seed=seed, warnings=(SYMMETRIC,)
            ),
            extras={
                "step0": as_rows(before_TT),
                "null_q95": null_band(shape, centre=True, seed=seed)["q95"],
            },
        )


def agreement(models: Weights, pool: Pool, *, seed: int) -> Floats:
    """Return the centred correlations of the tasks' prefix gradients in each model, K x T x T."""
    alike = with_one_prefix(models)
    return np.stack(
        [
            correlations(runs.prefix_gradients(alike.model(run), pool, seed=seed), centre=True)
            for run in range(len(alike.prefix_MTH))
        ]
    )


def with_one_prefix(weights: Weights) -> Weights:
    """Return the same models with the mean of their prefixes in the place of each."""
    mean_M1H = weights.prefix_MTH.mean(axis=1, keepdims=True)
    return replace(weights, prefix_MTH=np.broadcast_to(mean_M1H, weights.prefix_MTH.shape).copy())
