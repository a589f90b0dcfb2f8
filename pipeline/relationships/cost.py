"""What trainings cost: an estimate in operations, and seconds measured on a few before many start."""

import time
from dataclasses import dataclass

from pipeline.relationships.proxy.tasks import Pool
from pipeline.relationships.proxy.training import Arm, ProxyRecipe, train

_TRIED = 8


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


def measure_seconds(pool: Pool, recipe: ProxyRecipe) -> float:
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


def word_seconds(trainings: int, seconds_each: float) -> str:
    """Return a cost for people."""
    seconds = trainings * seconds_each
    shown = f"{seconds:.0f} CPU seconds" if seconds < 100.0 else f"{seconds / 60:,.0f} CPU minutes"
    return f"{trainings:,} small trainings, about {shown}"
