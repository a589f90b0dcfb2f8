"""`smooth-1`: at no position is any task a whole row off its share.

With quotas 3, 3 and 3 the tasks take turns: 0 1 2 0 1 2 0 1 2. In general this is Tijdeman's rule for
the chairman assignment problem (Discrete Mathematics 32, 1980). Of K tasks with quotas q and N
positions, the i-th turn of a task may come from the first position t on at which t * q / N >= i - 1 +
1 / (2K - 2), and must come before t * q / N exceeds i - 1 / (2K - 2) by a position. Of the tasks that
may come, the one with the earliest end goes first; ties go by name. Then every prefix holds each task
to within 1 - 1 / (2K - 2) rows of its share. Tijdeman proves that, and that no rule does better.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.recipe import Recipe

CHUNK = 1 << 20
"""Positions that are held at a time."""


def turns(recipe: Recipe) -> Iterator[NDArray[np.int32]]:
    """Yield the tasks of the positions, as indexes into the recipe's draws, a chunk at a time."""
    for phase in recipe.phases:
        active_K = np.flatnonzero(np.array(phase)).astype(np.int32)
        quotas = [phase[k] for k in active_K]
        for task_N in _phase_turns(quotas):
            yield active_K[task_N]


def _phase_turns(quotas: list[int]) -> Iterator[NDArray[np.int32]]:
    from pipeline.mixing.order.schedule import Windows, scheduled

    positions, tasks = sum(quotas), len(quotas)
    if tasks == 1:
        for first in range(0, positions, CHUNK):
            yield np.zeros(min(CHUNK, positions - first), dtype=np.int32)
        return
    parts = 2 * tasks - 2
    windows = Windows(
        jobs=quotas,
        # the slots before the first that is no earlier than 1 / parts of a turn
        release=[positions - 1] * tasks,
        deadline=[(parts - 1) * positions] * tasks,
        step=[parts * positions] * tasks,
        under=[parts * quota for quota in quotas],
    )
    yield from scheduled(windows, slots=positions, each=1, chunk=CHUNK)
