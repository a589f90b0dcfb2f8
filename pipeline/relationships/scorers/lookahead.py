"""Look-ahead: does a step on the source's loss lower the target's, right then?

Score of source s for target t at a model w: `1 - L_t(w - c g_s / |g_s|) / L_t(w)`, g_s being the gradient
of s's mean loss by the shared weights, averaged over models. The step has a length c of its own instead
of a learning rate, so that tasks of large gradients have no advantage; a long step looks further than the
gradient's own neighbourhood, which is what training does. A source without a gradient and a target
without a loss (rows of a single choice) have no score. Directional. Source: Fifty et al., Efficiently
Identifying Task Groupings (TAG; NeurIPS 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.proxy.readings import PROBE_ROWS, mean_loss, shared_gradients
from pipeline.relationships.proxy.shared import WARM_JOINT
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scores import ScoreMatrix

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LookAhead(ProxyScorer):
    """Relative fall of a target's loss after one step on a source.

    Attributes:
        length: Length of the step in weight space.
    """

    length: float = 1.0

    name = "lookahead"
    signed = True
    shares = WARM_JOINT

    def cost(self, evidence: Evidence, budget: TrainingBudget) -> Cost:
        """Return the cost of a short joint training a seed, and of a forward pass a pair."""
        trained = super().cost(evidence, budget)
        passes = len(evidence.tasks) ** 2 * PROBE_ROWS * 6.0
        looks = budget.seeds * passes * evidence.width * budget.recipe.hidden
        return replace(trained, flops=trained.flops + looks)

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        trained = self.models(evidence, budget, seed=seed)
        values = [loss_falls(m, trained.probes, length=self.length) for m in trained.runs]
        return self.trained_matrix(evidence, budget, np.stack(values), seed=seed)


def loss_falls(model: Weights, probes: Sequence[Batch], *, length: float) -> Floats:
    """Return by which part each target's loss falls after a step on each source, sources x targets."""
    before = np.array([mean_loss(model, batch) for batch in probes])
    result = np.full((len(probes), len(probes)), np.nan)
    for source, gradient_P in enumerate(shared_gradients(model, probes)):
        if not gradient_P.any():
            continue  # a task of single choices has no direction to step in
        ahead = take_step(model, gradient_P, length=length)
        after = np.array([mean_loss(ahead, batch) for batch in probes])
        result[source] = 1.0 - after / np.where(before > 0.0, before, np.nan)
    return result


def take_step(model: Weights, gradient_P: Floats, *, length: float) -> Weights:
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
