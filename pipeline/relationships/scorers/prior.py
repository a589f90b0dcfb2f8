"""What is known of two tasks before anything of them is read: family, form and size of the source.

Score: 1 for the same family, plus 0.5 for the same form, plus a tenth of the decimal logarithm of the
source's rows. The weights only order: family before form before size.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scores import ScoreMatrix


@dataclass(frozen=True, kw_only=True)
class Prior(Scorer):
    """Family, form, size."""

    name = "prior"
    needs = frozenset({"cards"})

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`. Draws nothing, whatever the seed."""
        tasks = evidence.tasks
        values_TT = np.array([[_prior(evidence, s, t) for t in tasks] for s in tasks])
        return self.matrix_of(evidence, values_TT, seed=seed)


def _prior(evidence: Evidence, source: str, target: str) -> float:
    family = evidence.families.get(source)
    form = evidence.forms.get(source)
    score = 1.0 * (family is not None and family == evidence.families.get(target))
    score += 0.5 * (form is not None and form == evidence.forms.get(target))
    return score + 0.1 * math.log10(max(evidence.sizes.get(source, 1), 1))
