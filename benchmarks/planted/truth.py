"""The truth of a planted level: measured joint-training gains, and what was planted.

A gain is accuracy on the target's report rows after training on source and target, half of the rows each,
minus after training on the target alone, with as many rows in all.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted.generate import PlantedTask, targets
from pipeline.relationships.agreement.truth import Truth
from pipeline.relationships.gains import measure_gains, se_of, truth_of
from pipeline.relationships.proxy.tasks import pool_tasks
from pipeline.relationships.proxy.training import ProxyRecipe

HELPFUL, HARMFUL = 0.01, -0.03
"""Gains above which a source counts as helpful, and below which as clearly harmful."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantedTruth:
    """What a level's tasks do for one another."""

    truth: Truth
    se_ST: NDArray[np.float64]
    """Standard errors of the mean gains, over seeds and report rows; NaN where unmeasured."""
    alone_KT: NDArray[np.float64]
    """Accuracy on the report rows after training on the target alone, by seed."""


def measured(
    tasks: Sequence[PlantedTask], recipe: ProxyRecipe, *, seeds: Sequence[int]
) -> PlantedTruth:
    """Train every source with every target, and every target alone.

    Args:
        tasks: Of one level.
        recipe: The same for all trainings.
        seeds: Each gives initial weights and row sequences to all trainings of a run.
    """
    ordered = sorted(tasks, key=lambda task: task.name)
    pool, report = pool_tasks([t.train for t in ordered]), pool_tasks([t.report for t in ordered])
    found = [measure_gains(pool, report, name, recipe, seeds=seeds) for name in targets(tasks)]
    truth = truth_of(found)
    alone_KT = np.stack([one.accuracy.alone_K for one in found], axis=1)
    return PlantedTruth(truth=truth, se_ST=se_of(found, truth), alone_KT=alone_KT)


def planted(tasks: Sequence[PlantedTask]) -> NDArray[np.float64]:
    """Return the oracle: the cosine of what the golds of two tasks follow, sources x targets by name.

    All that was planted of a pair's labels; it leaves out sizes, noise and what training makes of it.
    """
    wanted = {task.name: task for task in tasks}
    return np.array(
        [
            [float(task.direction @ wanted[target].direction) for target in targets(tasks)]
            for task in sorted(tasks, key=lambda task: task.name)
        ]
    )


def shares(truth: Truth) -> tuple[float, float]:
    """Return the share of helpful pairs and that of clearly harmful ones."""
    gains = truth.mean_ST[np.isfinite(truth.mean_ST)]
    return float((gains > HELPFUL).mean()), float((gains < HARMFUL).mean())


def content_hash(tasks: Sequence[PlantedTask]) -> str:
    """Return a SHA-256 over all rows of all tasks: what holds a level fixed.

    Features are hashed in thousandths, so that the last bits of a maths library do not count.
    """
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(f"{task.name} {task.kind} {task.family} {task.flips:.6f}\n".encode())
        for rows in (task.train, task.dev, task.report):
            digest.update(np.rint(rows.features_OD * 1000.0).astype("<i4").tobytes())
            digest.update(rows.first.astype("<i8").tobytes())
            digest.update(rows.gold.astype("<i8").tobytes())
        digest.update("\n".join((*task.texts, *task.dev_texts, *task.report_texts)).encode())
    return digest.hexdigest()
