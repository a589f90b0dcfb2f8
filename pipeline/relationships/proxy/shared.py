"""Trainings whose models several scorers ask: each kind is trained once, and given to all of them.

For example `source_head` and `logme` both ask models that were trained on one task each.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.proxy.model import Batch, Weights
from pipeline.relationships.proxy.readings import put_behind, take_probes
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import (
    ProxyRecipe,
    TrainingBudget,
    derive_seeds,
    train_each_alone,
    train_jointly,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModels:
    """K trainings on the tasks of a pool, and the rows of each task that they are asked about."""

    pool: Pool
    runs: tuple[Weights, ...]
    """One for each seed: T models of one task each, in the pool's sequence, or a joint one."""
    probes: tuple[Batch, ...]
    """One for each task."""

    def ask_each(self, figure: Callable[[Weights, Batch], float]) -> NDArray[np.float64]:
        """Take a figure of each source's own model on each target's rows.

        Args:
            figure: Of one model and the probed rows of a target, behind the source's prefix.

        Returns:
            Runs x sources x targets.
        """
        tasks = range(len(self.probes))
        rows = [
            [[figure(models.model(s), put_behind(self.probes[t], s)) for t in tasks] for s in tasks]
            for models in self.runs
        ]
        return np.array(rows, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTraining:
    """A kind of training, of a model for each seed and, unless it is joint, each task."""

    name: str
    """As in "reuses the single-task models"."""
    joint: bool
    steps: int | None = None
    """Steps of each training; null is as many as the recipe has."""

    def recipe(self, budget: TrainingBudget) -> ProxyRecipe:
        """Return how each model is trained."""
        return budget.recipe if self.steps is None else budget.recipe.of_steps(self.steps)

    def trainings(self, tasks: int, budget: TrainingBudget) -> int:
        """Return how many models are trained."""
        return budget.seeds if self.joint else budget.seeds * tasks

    def train(self, pool: Pool, budget: TrainingBudget, *, seed: int) -> TrainedModels:
        """Train the models of a pool's tasks.

        Args:
            pool: Train rows.
            budget: Seeds and recipe.
            seed: Of the run.
        """
        recipe, seeds = self.recipe(budget), derive_seeds(seed, "relate", count=budget.seeds)
        if self.joint:
            weights = train_jointly(pool, recipe, seeds=seeds)
            runs = [weights.model(run) for run in range(len(seeds))]
        else:
            runs = train_each_alone(pool, recipe, seeds=seeds)
        return TrainedModels(pool=pool, runs=tuple(runs), probes=take_probes(pool, seed=seed))


SINGLE_TASK = SharedTraining(name="single-task", joint=False)
"""Every task alone."""
WARM_JOINT = SharedTraining(name="warm joint", joint=True, steps=15)
"""All tasks together for a few steps: near the end of training gradients mostly hold noise."""
