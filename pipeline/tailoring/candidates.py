"""What Tailor knows of every candidate, from labels: scores, signs of harm, affinities.

Scores come from any scorer. Gradients on briefly trained joint models say which rows of the target a
source would help, and which it would make worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.readings import row_slopes, shared_gradients
from pipeline.relationships.proxy.shared import WARM_JOINT, TrainedModels
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scores import DIGITS, ScoreMatrix
from pipeline.tailoring.guard import Signs

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskFacts:
    """What choices for all targets of a mixture are made from."""

    scores: ScoreMatrix
    """What ranks."""
    trained: TrainedModels
    """Briefly trained joint models, one for each seed, and their pool of train rows."""
    gradients_KTP: Floats
    """Of each task's loss, at each model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What is known of every candidate for one target."""

    scores: Mapping[str, float]
    """Higher helps more; a candidate without a score is refused."""
    signs: Mapping[str, Signs]
    affinity: Mapping[str, Floats]
    """How far a step on each lowers the loss of each probed row of the target, >= 0."""


def gather_facts(
    evidence: Evidence, scores: ScoreMatrix, budget: TrainingBudget, *, seed: int
) -> TaskFacts:
    """Train what choices are made from, for all targets at once.

    Args:
        evidence: With features of all tasks.
        scores: What ranks.
        budget: Seeds and recipe of the small trainings.
        seed: Seed of the run.
    """
    pool = pool_tasks([evidence.features[task] for task in evidence.tasks])
    trained = WARM_JOINT.train(pool, budget, seed=seed)
    gradients = [shared_gradients(model, trained.probes) for model in trained.runs]
    return TaskFacts(scores=scores, trained=trained, gradients_KTP=np.stack(gradients))


def find_candidates(
    facts: TaskFacts, target: str, *, leaked: Mapping[str, float] | None = None
) -> Candidates:
    """Return what is known of every other task for one target.

    Args:
        facts: From `gather_facts`.
        target: The task to be helped.
        leaked: By source, the share of the target's held-out texts that are nearly in it.
    """
    names, matrix = facts.trained.pool.names, facts.scores
    column = matrix.column(target)
    scores = {task: column[task] for task in names if task in column}
    worse_T, affinity_TB = _read_rows(facts, names.index(target))
    signs = {
        task: Signs(
            value=scores[task] if matrix.signed else None,
            se=_error(matrix, task, target) if matrix.signed else None,
            negative_rows=float(worse_T[names.index(task)]),
            leaked=(leaked or {}).get(task),
        )
        for task in scores
    }
    affinity = {task: affinity_TB[names.index(task)] for task in scores}
    return Candidates(scores=scores, signs=signs, affinity=affinity)


def _read_rows(facts: TaskFacts, target: int) -> tuple[Floats, Floats]:
    """Return the share of the target's rows that a step on each task makes worse, and its affinities.

    Shares are means over the models, NaN for a task without a gradient. Affinities, T x B, are how far a
    step on each task lowers each row's loss at the first model, 0 where it does not.
    """
    batch = facts.trained.probes[target]
    slopes_KBT = np.stack(
        [
            row_slopes(model, batch, gradients_TP)
            for model, gradients_TP in zip(facts.trained.runs, facts.gradients_KTP, strict=True)
        ]
    )
    moving_KT = facts.gradients_KTP.any(axis=2)
    worse_KT = np.where(moving_KT, (slopes_KBT < 0.0).mean(axis=1), np.nan)
    return np.round(worse_KT.mean(axis=0), DIGITS), np.maximum(0.0, slopes_KBT[0].T)


def _error(matrix: ScoreMatrix, source: str, target: str) -> float | None:
    if matrix.se_ST is None:
        return None
    return float(matrix.se_ST[matrix.sources.index(source), matrix.targets.index(target)])
