"""How near a source's rows come to a target's, as an encoder embeds them: Retrieval of Experts.

Score of source s for target t: the mean over 32 rows of t of the largest cosine to 100 rows of s. As in
the paper, a row is embedded with all its answer choices and without its gold: here as the mean of its
choices' features, brought to length 1. Directional.
Source: Jang et al., Exploring the Benefits of Training Expert Language Models over Instruction Tuning
(ICML 2023).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scores import ScoreMatrix
from pipeline.seeds import derive_rng

SOURCE_ROWS, TARGET_ROWS = 100, 32

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class NearestRows(ProxyScorer):
    """Mean largest cosine of a target's rows to a source's.

    Attributes:
        source_rows: Most rows of a source.
        target_rows: Most rows of a target.
    """

    source_rows: int = SOURCE_ROWS
    target_rows: int = TARGET_ROWS

    name = "embedding"

    def cost(self, evidence: Evidence, budget: TrainingBudget) -> Cost:
        """Return the cost of a product a pair of rows."""
        products = self.source_rows * self.target_rows * len(evidence.tasks) ** 2
        return Cost(flops=2.0 * products * evidence.width)

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`. Rows are drawn by the task's name."""
        pool = self.pool(evidence)
        drawn = [
            embed_rows(pool, task, rows=self.source_rows, seed=seed)
            for task in range(len(pool.names))
        ]
        values_TT, se_TT = nearness(drawn, target_rows=self.target_rows)
        cost = {
            "rows": float(sum(map(len, drawn))),
            "flops": self.cost(evidence, budget).flops,
        }
        return self.matrix_of(evidence, values_TT, seed=seed, se_ST=se_TT, cost=cost)


def embed_rows(pool: Pool, task: int, *, rows: int, seed: int) -> Floats:
    """Return embeddings of length 1 of at most so many rows of a task, in a sequence drawn by its name.

    A row whose features are all 0 is a row of zeros.
    """
    turn = derive_rng(seed, "embedding", pool.names[task]).permutation(int(pool.sizes[task]))
    choices_RC = pool.choices_RC[pool.starts[task] + turn[:rows]]
    # padding is a vector of zeros, and the length of the sum goes away: no count is needed
    sums_RD = pool.features_OD[choices_RC].sum(axis=1, dtype=np.float64)
    norm_R = np.linalg.norm(sums_RD, axis=1, keepdims=True)
    found: Floats = sums_RD / np.where(norm_R > 0.0, norm_R, 1.0)
    return found


def nearness(drawn: list[Floats], *, target_rows: int) -> tuple[Floats, Floats]:
    """Return the mean largest cosine of each task's rows to each other's, and its standard error.

    Args:
        drawn: Unit vectors of each task's rows, R x D; all of them stand for it as a source.
        target_rows: How many of them, from the first on, stand for it as a target.

    Returns:
        Source x target, both; errors are over the target's rows, NaN where it has one alone.
    """
    asked = [rows[:target_rows] for rows in drawn]
    everything = np.concatenate(asked)
    ends = np.cumsum([len(rows) for rows in asked])[:-1]
    values_TT = np.full((len(drawn), len(drawn)), np.nan)
    se_TT = values_TT.copy()
    for source, rows in enumerate(drawn):
        nearest = (everything @ rows.T).max(axis=1)
        for target, part in enumerate(np.split(nearest, ends)):
            values_TT[source, target] = part.mean()
            if len(part) > 1:
                se_TT[source, target] = part.std(ddof=1) / np.sqrt(len(part))
    return values_TT, se_TT
