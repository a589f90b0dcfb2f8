"""Do a source and a target pull the shared weights the same way? Cosines of mean gradients.

Taken on a small model at the start of joint training on all tasks, where gradients still say where each
task wants to go; near the end of it they mostly say what is left of noise. The cosine is symmetric.
Beside it stands which share of a target's rows a step on the source would make worse: what the guard of
Tailor looks at. Knows features and golds; no text.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import SYMMETRIC, Budget, Cost, trained_provenance
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.model import Batch, Weights, probabilities, scores
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.scores import ScoreMatrix, as_rows, over_runs

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
        """A short joint training a seed, and a product of gradients a pair and row."""
        recipe = budget.recipe.of_steps(self.warmup)
        products = len(evidence.tasks) ** 2 * runs.PROBE_ROWS * 2.0
        looks = products * evidence.width * recipe.hidden
        return Cost(runs=budget.seeds, flops=budget.seeds * (recipe.flops(evidence.width) + looks))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        recipe = budget.recipe.of_steps(self.warmup)
        seeds = runs.run_seeds(seed, budget.seeds)
        models = runs.joint(pool, recipe, seeds=seeds)
        values, against = [], []
        for run in range(len(seeds)):
            gradients_TP = runs.task_gradients(models.model(run), pool, seed=seed)
            values.append(cosines(gradients_TP))
            against.append(negative_shares(models.model(run), pool, gradients_TP, seed=seed))
        return over_runs(
            np.stack(values),
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

    A row gets worse where the product of its own gradient with the source's is negative. NaN for a
    source without a gradient.
    """
    tasks = len(pool.names)
    shares = np.full((tasks, tasks), np.nan)
    moving = gradients_TP.any(axis=1)
    for target in range(tasks):
        batch = runs.probe(pool, target, seed=seed)
        slopes_BT = row_slopes(weights, batch, gradients_TP[moving])
        shares[moving, target] = (slopes_BT < 0.0).mean(axis=0)
    return shares


def row_slopes(weights: Weights, batch: Batch, directions_TP: Floats) -> Floats:
    """Return the derivative of each row's loss along directions of the shared weights.

    Along a task's gradient it is the product of the two gradients: positive where a step on that task
    lowers the row's loss. The gradients of all rows are formed once and held against all directions,
    so that many directions in one call cost little more than one.

    Returns:
        B x T; (B,) for a single direction, given as a vector.
    """
    values, hidden = scores(weights, batch)
    states = hidden[0].astype(np.float64)
    features = batch.features_MBCD[0].astype(np.float64)
    delta_BC = probabilities(values)[0].astype(np.float64)
    delta_BC[np.arange(len(delta_BC)), batch.gold_MB[0]] -= 1.0
    inner_BCH = delta_BC[..., None] * (1.0 - states**2) * weights.head_MH[0]
    rows = len(delta_BC)
    gradients_BP = np.concatenate(
        [
            np.einsum("bc,bcd->bd", delta_BC, features),
            (features.transpose(0, 2, 1) @ inner_BCH).reshape(rows, -1),
            np.einsum("bc,bch->bh", delta_BC, states),
        ],
        axis=1,
    )
    result: Floats = gradients_BP @ directions_TP.T
    return result
