"""What a source's own model already knows of a target: its answers, unchanged, on the target's rows.

Score of source s for target t: the correlation, over all choices of t's train rows, of the scores that a
small model trained on s alone gives them with which choice is gold, both centred in each row. It costs a
training a task and an answer a pair; it sees labels, is directional, and is negative where the source
answers the target's questions the wrong way round. Knows features and golds; no text.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.relationships.adapter import runs
from pipeline.relationships.adapter.model import Batch, Weights
from pipeline.relationships.agreement.ranking import pearson
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost
from pipeline.relationships.scores import Provenance, ScoreMatrix, over_runs

VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHead:
    """Correlation of a source model's answers with a target's golds."""

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "source_head"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """A training a task and seed."""
        trained = budget.seeds * len(evidence.tasks)
        return Cost(runs=trained, flops=trained * budget.recipe.flops(evidence.width))

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`."""
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=self.name)
        tasks = range(len(pool.names))
        probes = [runs.probe(pool, task, seed=seed) for task in tasks]
        seeds = runs.run_seeds(seed, budget.seeds)
        values_KST = np.full((len(seeds), len(tasks), len(tasks)), np.nan)
        for run, models in enumerate(runs.apart(pool, budget.recipe, seeds=seeds)):
            for source in tasks:
                for target in tasks:
                    batch = runs.seen_as(probes[target], source)
                    values_KST[run, source, target] = knowledge(models.model(source), batch)
        cost = self.cost(evidence, budget)
        return over_runs(
            values_KST,
            evidence.tasks,
            directional=True,
            provenance=Provenance(
                scorer=self.name,
                version=VERSION,
                seed=seed,
                inputs=dict(evidence.inputs),
                cost={"small_trainings": float(cost.runs), "flops": cost.flops},
            ),
        )


def knowledge(model: Weights, batch: Batch) -> float:
    """Return the correlation of one model's answers with the golds, over all real choices.

    In [-1, 1]; NaN where either does not vary, as in rows of a single choice.
    """
    real = batch.real_MBC[0]
    return pearson(runs.answers(model, batch)[real], runs.golds(batch)[real])
