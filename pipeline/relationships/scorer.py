"""What a scorer is: a class that says what it needs and what its scores mean, and scores all pairs.

A new scorer is one module in `relationships/scorers/` and one line in `relationships/registry.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.config.mixture import View
from pipeline.config.params import RelateParams
from pipeline.errors import ArtefactError
from pipeline.relationships.cost import Cost
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.shared import SharedTraining, TrainedModels
from pipeline.relationships.proxy.tasks import Pool, pool_tasks
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scores import Provenance, ScoreMatrix, Unit, reliability

Need = Literal["texts", "cards", "features", "prefixes", "prefix_states"]
"""Evidence that a scorer asks for: train rows as texts; families, forms and sizes; fixed features of
choices; the compass model's prefixes; their states in context."""

SYMMETRIC = "symmetric: the score of a pair says nothing of who helps whom"
"""The warning of every scorer whose formula has no direction."""


class Scorer(ABC):
    """Scores ordered pairs of tasks.

    Subclasses are frozen dataclasses whose fields are their settings. They keep no state: the same
    evidence, budget and seed give the same matrix.
    """

    name: ClassVar[str]
    """Of the score's files, and what `relate.scorers` and `tailor.scorer` call it."""
    version: ClassVar[str] = "1"
    """Of the formula; another result needs another version."""
    needs: ClassVar[frozenset[Need]]
    views: ClassVar[tuple[View, ...]] = ("choice", "text")
    """Views of a mixture that it can work on."""
    directional: ClassVar[bool] = True
    """False: the score of (s, t) is that of (t, s) by construction."""
    unit: ClassVar[Unit] = "similarity"
    signed: ClassVar[bool] = False
    """Whether 0 lies between help and harm."""
    shares: ClassVar[SharedTraining | None] = None
    """The training whose models it asks, together with all scorers that name the same one."""

    @classmethod
    def from_params(cls, params: RelateParams) -> Self:
        """Return the scorer with the settings of `relate:`; most have none."""
        return cls()

    def cost(self, evidence: Evidence, budget: TrainingBudget) -> Cost:
        """Return what `fit` would take, before anything is spent; by default its shared training."""
        if self.shares is None:
            return Cost()
        runs = self.shares.trainings(len(evidence.tasks), budget)
        return Cost(runs=runs, flops=runs * self.shares.recipe(budget).flops(evidence.width))

    @abstractmethod
    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score every ordered pair of the evidence's tasks.

        Args:
            evidence: What may be looked at; train rows only.
            budget: What may be spent.
            seed: Seed of the run.

        Raises:
            ArtefactError: The evidence lacks what this method needs.
        """

    def matrix_of(
        self,
        evidence: Evidence,
        values: NDArray[np.float64],
        *,
        seed: int,
        se_ST: NDArray[np.float64] | None = None,
        cost: Mapping[str, float] | None = None,
        warnings: tuple[str, ...] = (),
        extras: Mapping[str, Any] | None = None,
    ) -> ScoreMatrix:
        """Return scores of all pairs of the evidence's tasks with what is known of their origin.

        Args:
            evidence: What was looked at.
            values: Sources x targets; or runs x sources x targets, whose mean is the score, with its
                standard error and its reliability.
            seed: Seed of the run.
            se_ST: Standard errors, where `values` has no runs.
            cost: What it took, in units that do not depend on the machine.
            warnings: What a reader should know; the lack of a direction is added.
            extras: What else there is to say, as JSON.
        """
        more = dict(extras or {})
        if values.ndim == 3:
            runs = len(values)
            se_ST = values.std(axis=0, ddof=1) / np.sqrt(runs) if runs > 1 else None
            more["reliability"] = reliability(values)
            values = values.mean(axis=0)
        return ScoreMatrix(
            sources=evidence.tasks,
            targets=evidence.tasks,
            values_ST=values,
            se_ST=se_ST,
            directional=self.directional,
            unit=self.unit,
            signed=self.signed,
            provenance=self._provenance(evidence, seed, cost or {}, warnings),
            extras=more,
        )

    def _provenance(
        self, evidence: Evidence, seed: int, cost: Mapping[str, float], warnings: tuple[str, ...]
    ) -> Provenance:
        return Provenance(
            scorer=self.name,
            version=self.version,
            seed=seed,
            inputs=dict(evidence.inputs),
            cost=dict(cost),
            warnings=warnings if self.directional else (SYMMETRIC, *warnings),
        )

    def pool(self, evidence: Evidence) -> Pool:
        """Return the features of the evidence's tasks, in their sequence.

        Raises:
            ArtefactError: Some task has no features, or no rows.
        """
        for task in evidence.tasks:
            if not len(evidence.features.get(task, ())):
                raise ArtefactError(
                    f"scorer '{self.name}' needs features of task '{task}', and there are none",
                    remedy="run `dvc repro features`, or take the scorer out of relate.scorers",
                )
        return pool_tasks([evidence.features[task] for task in evidence.tasks])

    def models(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> TrainedModels:
        """Return the models that it shares: the evidence's, or trained here where it has none.

        Raises:
            ArtefactError: Some task has no features, or no rows.
            TypeError: The scorer shares no training.
        """
        if self.shares is None:
            raise TypeError(f"scorer '{self.name}' names no shared training")
        found = evidence.models.get(self.shares.name)
        return found or self.shares.train(self.pool(evidence), budget, seed=seed)

    def trained_matrix(
        self,
        evidence: Evidence,
        budget: TrainingBudget,
        values_KST: NDArray[np.float64],
        *,
        seed: int,
        extras: Mapping[str, Any] | None = None,
    ) -> ScoreMatrix:
        """Return the mean over K trainings, with what they cost; see `matrix_of`."""
        cost = self.cost(evidence, budget)
        spent = {"small_trainings": float(cost.runs), "flops": cost.flops}
        return self.matrix_of(evidence, values_KST, seed=seed, cost=spent, extras=extras)


class ProxyScorer(Scorer):
    """A scorer that works on fixed features, most often with small models trained on them."""

    needs = frozenset({"features"})
    views = ("choice",)
