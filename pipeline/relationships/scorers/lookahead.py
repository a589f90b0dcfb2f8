"""Look-ahead: does a step on the source's loss lower the target's, right then?

Score of source s for target t at a model w: `1 - L_t(w - c g_s / |g_s|) / L_t(w)`, g_s being the gradient
of s's mean loss by the shared weights, averaged over models. The step has a length c of its own instead
of a learning rate, so that tasks of large gradients have no advantage; a long step looks further than the
gradient's own neighbourhood, which is what training does. A source without a gradient and a target
without a loss (rows of a single choice) have no score. Directional. Source: Fifty et al., Efficiently
Identifying Task Groupings (TAG; NeurIPS 2021). Knows features and golds; no text.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost, trained_provenance
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.model import Batch, Weights, losses, scores
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.scores import ScoreMatrix, over_runs

VERSION = "1"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAhead:
    """Relative fall of a target's loss after one step on a source.

    Attributes:
        warmup: Steps of joint training before the look.
        length: Length of the step in weight space.
    """

    warmup: int = 15
    length: float = 1.0

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "lookahead"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A short joint training a seed, and a forward pass a pair."""
        recipe = budget.recipe.of_steps(self.warmup)
        passes = len(evidence.tasks) ** 2 * runs.PROBE_ROWS * 6.0
        looks = passes * evidence.width * recipe.hidden
        return Cost(runs=budget.seeds, flops=budget.seeds * (recipe.flops(evidence.width) + looks))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        recipe = budget.recipe.of_steps(self.warmup)
        seeds = runs.run_seeds(seed, budget.seeds)
        models = runs.joint(pool, recipe, seeds=seeds)
        probes = [runs.probe(pool, task, seed=seed) for task in range(len(pool.names))]
        values = [
            self._falls(models.model(run), pool, probes, seed=seed) for run in range(len(seeds))
        ]
        return over_runs(
            np.stack(values),
            evidence.tasks,
            directional=True,
            provenance=trained_provenance(self, evidence, budget, version=VERSION, seed=seed),
        )

    def _falls(self, model: Weights, pool: Pool, probes: list[Batch], *, seed: int) -> Floats:
        before = np.array([mean_loss(model, batch) for batch in probes])
        result = np.full((len(probes), len(probes)), np.nan)
        for source, gradient_P in enumerate(runs.task_gradients(model, pool, seed=seed)):
            if not gradient_P.any():
                continue  # a task of single choices has no direction to step in
            ahead = stepped(model, gradient_P, length=self.length)
            after = np.array([mean_loss(ahead, batch) for batch in probes])
            result[source] = 1.0 - after / np.where(before > 0.0, before, np.nan)
        return result


def mean_loss(model: Weights, batch: Batch) -> float:
    """Return the mean loss of one model on a batch; NaN for a batch without rows."""
    if not batch.gold_MB.size:
        return float("nan")
    values, _ = scores(model, batch)
    return float(losses(values, batch.gold_MB).mean())


def stepped(model: Weights, gradient_P: Floats, *, length: float) -> Weights:
    """Return a model after one step of a given length against a gradient of its shared weights."""
    norm = float(np.linalg.norm(gradient_P))
    step = (gradient_P * (length / norm if norm > 0.0 else 0.0)).astype(model.head_MH.dtype)
    width, hidden = model.hidden_MDH.shape[1:]
    cut = width + width * hidden
    return Weights(
        linear_MD=model.linear_MD - step[:width],
        hidden_MDH=model.hidden_MDH - step[width:cut].reshape(1, width, hidden),
        prefix_MTH=model.prefix_MTH,
        head_MH=model.head_MH - step[cut:],
    )
