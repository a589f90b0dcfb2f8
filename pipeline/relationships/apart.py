"""Every task trained alone, once for all scorers of a run that ask the same models something else.

The models of a budget and seed stay with the evidence that they were trained on, so that a second scorer
finds them there. Knows evidence and trainings; no scorer's formula.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget, Cost
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.model import Batch, Weights

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Apart:
    """K trainings of each of T tasks alone, and the rows of each task that they are asked about."""

    models: tuple[Weights, ...]
    """One for each run: T models, in the tasks' sequence."""
    probes: tuple[Batch, ...]
    """One for each task."""

    def figures(self, figure: Callable[[Weights, Batch], float]) -> Floats:
        """Take a figure of each source's model on each target's rows.

        Args:
            figure: Of one model and the probed rows of a target, behind the source's prefix.

        Returns:
            Runs x sources x targets.
        """
        tasks = range(len(self.probes))
        values_KST = np.full((len(self.models), len(tasks), len(tasks)), np.nan)
        for run, models in enumerate(self.models):
            for source in tasks:
                for target in tasks:
                    seen = runs.seen_as(self.probes[target], source)
                    values_KST[run, source, target] = figure(models.model(source), seen)
        return values_KST


def trained_apart(evidence: Evidence, budget: Budget, *, seed: int, scorer: str) -> Apart:
    """Return the models of every task alone; trained where the evidence does not have them yet.

    Raises:
        ArtefactError: Some task has no features, or no rows.
    """
    key = ("apart", budget.seeds, budget.recipe, seed)
    if key not in evidence.trained:
        pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer=scorer)
        seeds = runs.run_seeds(seed, budget.seeds)
        evidence.trained[key] = Apart(
            models=tuple(runs.apart(pool, budget.recipe, seeds=seeds)),
            probes=tuple(runs.probe(pool, task, seed=seed) for task in range(len(pool.names))),
        )
    found: Apart = evidence.trained[key]
    return found


def cost_apart(evidence: Evidence, budget: Budget) -> Cost:
    """Return what `trained_apart` takes where nothing is there yet: a training a task and seed."""
    count = budget.seeds * len(evidence.tasks)
    return Cost(runs=count, flops=count * budget.recipe.flops(evidence.width))
