"""What a source's own model already knows of a target: its answers, unchanged, on the target's rows.

Score of source s for target t: the correlation, over all choices of t's train rows, of the scores that a
small model trained on s alone gives them with which choice is gold, both centred in each row. It costs a
training a task and an answer a pair. It sees labels, is directional, and is negative where the source
answers the target's questions the wrong way round.
"""

from dataclasses import dataclass

from pipeline.relationships.agreement.ranking import pearson
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.proxy.readings import centred_answers, centred_golds
from pipeline.relationships.proxy.shared import SINGLE_TASK
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import ProxyScorer
from pipeline.relationships.scores import ScoreMatrix


@dataclass(frozen=True, kw_only=True)
class SourceHead(ProxyScorer):
    """Correlation of a source model's answers with a target's golds."""

    name = "source_head"
    signed = True
    shares = SINGLE_TASK

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`."""
        values_KST = self.models(evidence, budget, seed=seed).ask_each(answer_correlation)
        return self.trained_matrix(evidence, budget, values_KST, seed=seed)


def answer_correlation(model: Weights, batch: Batch) -> float:
    """Return the correlation of one model's answers with the golds, over all real choices.

    In [-1, 1]; NaN where either does not vary, as in rows of a single choice.
    """
    real = batch.real_MBC[0]
    return pearson(centred_answers(model, batch)[real], centred_golds(batch)[real])
