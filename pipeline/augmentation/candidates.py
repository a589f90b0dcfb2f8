"""What Tailor knows of every candidate, from scorers that see labels: values, signs and affinities.

The score is the source head's: directional, and with a sign. Gradients on a warmed joint model tell which
rows of the target a source speaks to, and which it would make worse. Knows evidence; no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.augmentation.choose import Candidates
from pipeline.augmentation.guard import Signs
from pipeline.relationships.adapter import runs
from pipeline.relationships.adapter.model import Weights
from pipeline.relationships.adapter.tasks import Pool
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.gradient import GradientCosine, row_slopes
from pipeline.relationships.protocol import Budget
from pipeline.relationships.scores import ScoreMatrix
from pipeline.relationships.source_head import SourceHead

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """Everything that choices for all targets of a mixture are made from."""

    pool: Pool
    """Train rows of all tasks."""
    head: ScoreMatrix
    negative_ST: Floats
    """Share of a target's rows that a step on a source makes worse."""
    model: Weights
    """A warmed joint model."""
    gradients_TP: Floats
    """Of each task's loss, at that model."""
    seed: int


def known(evidence: Evidence, budget: Budget, *, seed: int) -> Known:
    """Gather what choices are made from, for all targets at once.

    Args:
        evidence: With features of all tasks.
        budget: Seeds and recipe of the small trainings.
        seed: Seed of the run.
    """
    scorer = GradientCosine()
    pool = runs.pool_of(dict(evidence.features), evidence.tasks, scorer="tailor")
    gradient = scorer.fit(evidence, budget, seed=seed)
    recipe = budget.recipe.of_steps(scorer.warmup)
    model = runs.joint(pool, recipe, seeds=runs.run_seeds(seed, 1)).model(0)
    return Known(
        pool=pool,
        head=SourceHead().fit(evidence, budget, seed=seed),
        negative_ST=np.array(gradient.extras["negative_rows"], dtype=np.float64),
        model=model,
        gradients_TP=runs.task_gradients(model, pool, seed=seed),
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
    place = names.index(target)
    scores = facts.head.column(target)
    probe = runs.probe(facts.pool, place, seed=facts.seed)
    slopes_BT = row_slopes(facts.model, probe, facts.gradients_TP)
    signs, affinity = {}, {}
    for source in scores:
        row = names.index(source)
        se = None if facts.head.se_ST is None else float(facts.head.se_ST[row, place])
        signs[source] = Signs(
            value=scores[source],
            se=se,
            negative_rows=float(facts.negative_ST[row, place]),
            leaked=(leaked or {}).get(source),
        )
        affinity[source] = np.maximum(0.0, slopes_BT[:, row])
    return Candidates(scores=scores, signs=signs, affinity=affinity)
