"""Do a source and a target pull the shared weights the same way? Cosines of mean gradients.

Taken on a small model at the start of joint training on all tasks, where gradients still say where each
task wants to go; near the end of it they mostly say what is left of noise. The cosine is symmetric.
Beside it stands which share of a target's rows a step on the source would make worse: what the guard of
Tailor looks at. Knows features and golds; no text.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.adapter import runs
from pipeline.relationships.adapter.model import Batch, Weights, probabilities, scores
from pipeline.relationships.adapter.tasks import Pool
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost
from pipeline.relationships.scores import Provenance, ScoreMatrix, as_rows, over_runs

VERSION = "1"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientCosine:
    """Cosine of the mean gradients of two tasks by the weights that all tasks share.

    Attributes:
        warmup: Steps of joint training before gradients are taken.
    """

    warmup: int = 15

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "gradient"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A short joint training a seed, and one pass over all probes."""
        recipe = replace(budget.recipe, steps=self.warmup)
        return Cost(runs=budget.seeds, flops=budget.seeds * recipe.flops(evidence.width))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        recipe = replace(budget.recipe, steps=self.warmup)
        seeds = runs.run_seeds(seed, budget.seeds)
        models = runs.joint(pool, recipe, seeds=seeds)
        values, against = [], []
        for run in range(len(seeds)):
            gradients_TP = runs.task_gradients(models.model(run), pool, seed=seed)
            values.append(cosines(gradients_TP))
            against.append(negative_shares(models.model(run), pool, gradients_TP, seed=seed))
        cost = self.cost(evidence, budget)
        return over_runs(
            np.stack(values),
            evidence.tasks,
            directional=False,
            provenance=Provenance(
                scorer=self.name,
                version=VERSION,
                seed=seed,
                inputs=dict(evidence.inputs),
                cost={"small_trainings": float(cost.runs), "flops": cost.flops},
                warnings=("symmetric: the score of a pair says nothing of who helps whom",),
            ),
            extras={"negative_rows": as_rows(np.mean(against, axis=0))},
        )


def cosines(gradients_TP: Floats) -> Floats:
    """Return the cosine of all pairs of gradients; NaN for one without length."""
    length_T = np.linalg.norm(gradients_TP, axis=1, keepdims=True)
    unit_TP = gradients_TP / np.where(length_T > 0.0, length_T, np.nan)
    values: Floats = np.clip(unit_TP @ unit_TP.T, -1.0, 1.0)
    return values


def negative_shares(weights: Weights, pool: Pool, gradients_TP: Floats, *, seed: int) -> Floats:
    """Return which share of a target's rows a step on a source would make worse, sources x targets.

    A row gets worse where the product of its own gradient with the source's is negative. The product
    is the derivative of the row's loss along the source's gradient, and is taken as such: no gradient
    of a single row is ever stored.
    """
    tasks = len(pool.names)
    shares = np.full((tasks, tasks), np.nan)
    for target in range(tasks):
        batch = runs.probe(pool, target, seed=seed)
        for source in range(tasks):
            shares[source, target] = (_along(weights, batch, gradients_TP[source]) < 0.0).mean()
    return shares


def _along(weights: Weights, batch: Batch, direction_P: Floats) -> Floats:
    """Return the derivative of each row's loss along a direction of the shared weights, (B,)."""
    width, hidden = weights.hidden_MDH.shape[1:]
    linear = direction_P[:width]
    inner = direction_P[width : width + width * hidden].reshape(width, hidden)
    head = direction_P[width + width * hidden :]
    values, states = scores(weights, batch)
    features = batch.features_MBCD[0].astype(np.float64)
    slope = (1.0 - states[0].astype(np.float64) ** 2) * (features @ inner)
    moved = features @ linear + slope @ weights.head_MH[0] + states[0] @ head
    delta = probabilities(values)[0].astype(np.float64)
    delta[np.arange(len(delta)), batch.gold_MB[0]] -= 1.0
    result: Floats = np.where(batch.real_MBC[0], delta * moved, 0.0).sum(axis=1)
    return result
