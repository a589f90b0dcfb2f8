"""The seam at which task-relationship methods plug in. Knows no method."""

from dataclasses import dataclass, field
from typing import Protocol

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import Recipe
from pipeline.relationships.scores import Provenance, ScoreMatrix

SYMMETRIC = "symmetric: the score of a pair says nothing of who helps whom"
"""The warning of every scorer whose formula has no direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a scorer may spend on trainings of its own."""

    seeds: int = 3
    """Trainings of everything that is trained."""
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a scorer takes, in units that do not depend on the machine."""

    runs: int = 0
    """Trainings of a small model."""
    flops: float = 0.0
    """Floating-point operations, about."""

    @property
    def words(self) -> str:
        """The cost for people."""
        return f"{self.runs} small trainings, about {self.flops:.1e} floating-point operations"


class RelationshipScorer(Protocol):
    """Scores ordered pairs of tasks.

    Implementations are frozen dataclasses: their fields are their settings, they keep no state, and
    the same evidence, budget and seed give the same matrix.
    """

    @property
    def name(self) -> str:
        """Name of the score's files, and what `tailor.scorer` says."""
        ...

    def cost(self, evidence: Evidence, budget: Budget) -> Cost:
        """Return what `fit` would take, before anything is spent."""
        ...

    def fit(self, evidence: Evidence, budget: Budget, *, seed: int) -> ScoreMatrix:
        """Score every ordered pair of the evidence's tasks.

        Args:
            evidence: What may be looked at; train rows only.
            budget: What may be spent.
            seed: Seed of the run.

        Raises:
            ArtefactError: The evidence lacks what this method needs.
        """
        ...


def trained_provenance(
    scorer: RelationshipScorer,
    evidence: Evidence,
    budget: Budget,
    *,
    version: str,
    seed: int,
    warnings: tuple[str, ...] = (),
) -> Provenance:
    """Return where the scores of a scorer come from that trains small models."""
    cost = scorer.cost(evidence, budget)
    return Provenance(
        scorer=scorer.name,
        version=version,
        seed=seed,
        inputs=dict(evidence.inputs),
        cost={"small_trainings": float(cost.runs), "flops": cost.flops},
        warnings=warnings,
    )
