"""What a source's own model already knows of a target: its answers, unchanged, on the target's rows.

Score of source s for target t: the correlation, over all choices of t's train rows, of the scores that a
small model trained on s alone gives them with which choice is gold, both centred in each row. It costs a
training a task and an answer a pair; it sees labels, is directional, and is negative where the source
answers the target's questions the wrong way round. Knows features and golds; no text.
"""

from dataclasses import dataclass

from pipeline.relationships.agreement.ranking import pearson
from pipeline.relationships.apart import cost_apart, trained_apart
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost, trained_provenance
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.scores import ScoreMatrix, over_runs

VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHead:
    """Correlation of a source model's answers with a target's golds."""

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "source_head"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A training a task and seed, shared by all that ask such models."""
        return cost_apart(evidence, budget)

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        trained = trained_apart(evidence, budget, seed=seed, scorer=self.name)
        return over_runs(
            trained.figures(knowledge),
            evidence.tasks,
            directional=True,
            provenance=trained_provenance(self, evidence, budget, version=VERSION, seed=seed),
        )


def knowledge(model: Weights, batch: Batch) -> float:
    """Return the correlation of one model's answers with the golds, over all real choices.

    In [-1, 1]; NaN where either does not vary, as in rows of a single choice.
    """
    real = batch.real_MBC[0]
    return pearson(runs.answers(model, batch)[real], runs.golds(batch)[real])
