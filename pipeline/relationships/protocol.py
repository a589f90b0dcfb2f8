"""The seam at which task-relationship methods plug in. Knows no method."""

from typing import Protocol

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.scores import ScoreMatrix


class RelationshipScorer(Protocol):
    """Scores ordered pairs of tasks.

    Implementations are frozen dataclasses: their fields are their settings, they keep no state, and
    the same evidence and seed give the same matrix.
    """

    @property
    def name(self) -> str:
        """Name of the score's files, and what `tailor.scorer` says."""
        ...

    def score(self, evidence: Evidence, *, seed: int) -> ScoreMatrix:
        """Score every ordered pair of the evidence's tasks.

        Args:
            evidence: What may be looked at; train rows only.
            seed: Seed of the run.

        Raises:
            ArtefactError: The evidence lacks what this method needs.
        """
        ...
