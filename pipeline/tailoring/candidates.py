"""What Tailor knows of every candidate, from evidence that sees labels: values, signs and affinities.

Scores come from any scorer. Gradients on warmed joint models tell which rows of the target a source
speaks to, and which it would make worse. Knows evidence; no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.protocol import Budget
from pipeline.relationships.proxy import runs
from pipeline.relationships.proxy.model import Weights
from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.scorers.gradient import GradientCosine, row_slopes
from pipeline.relationships.scorers.source_head import SourceHead
from pipeline.relationships.scores import DIGITS, ScoreMatrix
from pipeline.tailoring.choose import Candidates
from pipeline.tailoring.guard import Signs

Floats = NDArray[np.float64]
SIGNED = frozenset({"source_head", "gradient", "lookahead"})
"""Scorers of similarities whose 0 lies between help and harm; of a predicted gain it always does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """Everything that choices for all targets of a mixture are made from."""

    pool: Pool
    """Train rows of all tasks."""
    scores: ScoreMatrix
    """What ranks."""
    models: Weights
    """Warmed joint models, one for each seed."""
    gradients_KTP: Floats
    """Of each task's loss, at each model."""
    seed: int


def known(
    evidence: Evidence, budget: Budget, *, seed: int, scores: ScoreMatrix | None = None
) -> Known:
    """Gather what choices are made from, for all targets at once.

    Args:
        evidence: With features of all tasks.
        budget: Seeds and recipe of the small trainings.
        seed: Seed of the run.
        scores: What ranks; left out, the source head's are made.
    """
    pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer="tailor")
    recipe = budget.recipe.of_steps(GradientCosine().warmup)
    models = runs.joint(pool, recipe, seeds=runs.run_seeds(seed, budget.seeds))
    gradients = [
        runs.task_gradients(models.model(run), pool, seed=seed) for run in range(budget.seeds)
    ]
    return Known(
        pool=pool,
        scores=scores or SourceHead().fit(evidence, budget, seed=seed),
        models=models,
        gradients_KTP=np.stack(gradients),
        seed=seed,
    )


def candidates(
    facts: Known, target: str, *, leaked: Mapping[str, float] | None = None
) -> Candidates:
    """Return what is known of every other task for one target.

    Args:
        facts: From `known`.
        target: The task to be helped.
        leaked: By source, the share of the target's held-out texts that are nearly in it.
    """
    names = facts.pool.names
    column = facts.scores.column(target)
    scores = {task: column[task] for task in names if task in column}
    negative_T, affinity_TB = _rows_of(facts, names.index(target))
    signed = facts.scores.unit == "predicted_gain" or facts.scores.provenance.scorer in SIGNED
    signs = {
        task: Signs(
            value=scores[task] if signed else None,
            se=_error(facts.scores, task, target) if signed else None,
            negative_rows=float(negative_T[names.index(task)]),
            leaked=(leaked or {}).get(task),
        )
        for task in scores
    }
    affinity = {task: affinity_TB[names.index(task)] for task in scores}
    return Candidates(scores=scores, signs=signs, affinity=affinity)


def _rows_of(facts: Known, target: int) -> tuple[Floats, Floats]:
    """Return the share of the target's rows that a step on each task makes worse, and its affinities.

    Shares are means over the models, NaN for a task without a gradient. Affinities, T x B, are how far a
    step on each task lowers each row's loss at the first model, 0 where it does not.
    """
    batch = runs.probe(facts.pool, target, seed=facts.seed)
    slopes_KBT = np.stack(
        [
            row_slopes(facts.models.model(run), batch, gradients_TP)
            for run, gradients_TP in enumerate(facts.gradients_KTP)
        ]
    )
    moving_KT = facts.gradients_KTP.any(axis=2)
    worse_KT = np.where(moving_KT, (slopes_KBT < 0.0).mean(axis=1), np.nan)
    return np.round(worse_KT.mean(axis=0), DIGITS), np.maximum(0.0, slopes_KBT[0].T)


def _error(matrix: ScoreMatrix, source: str, target: str) -> float | None:
    if matrix.se_ST is None:
        return None
    return float(matrix.se_ST[matrix.sources.index(source), matrix.targets.index(target)])
