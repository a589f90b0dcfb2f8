"""What is known of two tasks before anything of them is read: family, form and size of the source.

Score: 1 for the same family, plus 0.5 for the same form, plus a tenth of the decimal logarithm of the
source's rows. The weights only order: family before form before size. Knows names and counts.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost
from pipeline.relationships.scores import Provenance, ScoreMatrix

VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Family, form, size."""

    @property
    def name(self) -> str:
        """Name of the score's files."""
        return "prior"

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """Nothing."""
        return Cost()

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `RelationshipScorer.fit`. Draws nothing, whatever the seed."""
        tasks = evidence.tasks
        values_TT = np.array([[_prior(evidence, s, t) for t in tasks] for s in tasks])
        return ScoreMatrix(
            sources=tasks,
            targets=tasks,
            values_ST=values_TT,
            se_ST=None,
            directional=True,
            unit="similarity",
            provenance=Provenance(
                scorer=self.name, version=VERSION, seed=seed, inputs=dict(evidence.inputs), cost={}
            ),
        )


def _prior(evidence: Evidence, source: str, target: str) -> float:
    family = evidence.families.get(source)
    form = evidence.forms.get(source)
    score = 1.0 * (family is not None and family == evidence.families.get(target))
    score += 0.5 * (form is not None and form == evidence.forms.get(target))
    return score + 0.1 * math.log10(max(evidence.sizes.get(source, 1), 1))
