"""What small trainings cost, measured on a few before many are started. Knows a pool and a recipe."""

import time

from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Arm, Recipe, train

_TRIED = 8


def seconds_a_training(pool: Pool, recipe: Recipe) -> float:
    """Return the CPU seconds of one training, measured on a few side by side.

    Args:
        pool: Train rows; a task without rows takes no part.
        recipe: Of the trainings.
    """
    names = [name for name, size in zip(pool.names, pool.sizes, strict=True) if size]
    arms = [Arm(seed, dict.fromkeys(names[:2], 1.0)) for seed in range(_TRIED)]
    start = time.process_time()
    train(pool, arms, recipe)
    return (time.process_time() - start) / _TRIED


def words(trainings: int, seconds_each: float) -> str:
    """Return a cost for people."""
    seconds = trainings * seconds_each
    shown = f"{seconds:.0f} CPU seconds" if seconds < 100.0 else f"{seconds / 60:,.0f} CPU minutes"
    return f"{trainings:,} small trainings, about {shown}"
