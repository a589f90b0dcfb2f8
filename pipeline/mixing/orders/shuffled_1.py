"""`shuffled-1`, the first order: kept so that what names it can be built again, bit for bit.

The tasks' turns, each as often as its quota says, are shuffled as one sequence, and every epoch of a task
is shuffled as one array, by numpy's generator. It has one phase, and must be built whole.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.mixing.orders.recipe import Draw, Recipe
from pipeline.seeds import derive_rng


def order_arrays(recipe: Recipe) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the rows and epochs of an order.

    Raises:
        MixtureError: There are several phases.
    """
    if len(recipe.phases) > 1:
        raise MixtureError(
            f"the order {recipe.algorithm} has no phases, and the mixture has {len(recipe.phases)}",
            remedy="take a newer order",
        )
    quotas = [draw.quota for draw in recipe.draws]
    row_N = np.empty(sum(quotas), dtype=np.uint32)
    epoch_N = np.empty(sum(quotas), dtype=np.uint8)
    # positions grouped by task, ascending inside each: the n-th of a task's is its n-th turn
    position_N = np.argsort(_turns(quotas, seed=recipe.seed), kind="stable")
    first = 0
    for draw in recipe.draws:
        at = position_N[first : first + draw.quota]
        row_N[at], epoch_N[at] = _walk(draw, seed=recipe.seed)
        first += draw.quota
    return row_N, epoch_N


def _turns(quotas: list[int], *, seed: int) -> NDArray[np.unsignedinteger]:
    kind = np.min_scalar_type(max(len(quotas) - 1, 0))
    turns_N = np.repeat(np.arange(len(quotas), dtype=kind), quotas)
    derive_rng(seed, "order", "turns").shuffle(turns_N)
    return turns_N


def _walk(draw: Draw, *, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    rows = np.empty(draw.quota, dtype=np.uint32)
    for epoch, first in enumerate(range(0, draw.quota, draw.rows)):
        last = min(first + draw.rows, draw.quota)
        rows[first:last] = epoch_rows(draw.task, draw.rows, epoch, seed=seed)[: last - first]
    epochs = np.arange(-(-draw.quota // draw.rows), dtype=np.uint8).repeat(draw.rows)
    return rows + np.uint32(draw.start), epochs[: draw.quota]


def epoch_rows(task: str, rows: int, epoch: int, *, seed: int) -> NDArray[np.uint32]:
    """Return the permutation of a task's rows that is its walk through one epoch."""
    permutation = np.arange(rows, dtype=np.uint32)
    derive_rng(seed, "order", task, epoch).shuffle(permutation)
    return permutation
