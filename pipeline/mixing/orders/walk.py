"""The walk of a task: the sequence of its rows, in whole shuffled epochs.

The n-th turn of a task, counted from 0, takes row `permuted(n mod rows)` of epoch `n div rows`, by a
permutation that belongs to the seed, the task's name and the epoch: no row comes an (e+1)-th time before
all came e times, a smaller quota is a prefix of a larger, and no other task has a part in it. Knows
names, sizes and a seed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.orders.permutation import (
    STEP,
    child_key,
    halves,
    hashed,
    permuted,
    permuted_each,
)
from pipeline.mixing.orders.recipe import Draw
from pipeline.seeds import derive_seed

if TYPE_CHECKING:
    from pipeline.mixing.orders.walk_kernels import Walks


def walk_key(task: str, *, seed: int) -> int:
    """Return the key that a task's epochs are keyed by."""
    return derive_seed(seed, "walk-2", task)


def walk_keys(draws: Sequence[Draw], *, seed: int) -> list[int]:
    """Return the keys of tasks."""
    return [walk_key(draw.task, seed=seed) for draw in draws]


def epoch_rows(task: str, rows: int, epoch: int, *, seed: int) -> NDArray[np.uint32]:
    """Return a task's rows in the sequence of one epoch.

    Args:
        task: Its name.
        rows: Rows that it has.
        epoch: Counted from 0.
        seed: Seed of the run.
    """
    key = child_key(walk_key(task, seed=seed), epoch)
    return permuted(np.arange(rows), rows, key=key).astype(np.uint32)


def rows_of(
    task_N: NDArray[np.integer],
    turn_N: NDArray[np.int64],
    draws: Sequence[Draw],
    keys: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the mixture rows and the epochs of turns, in numpy.

    Args:
        task_N: Indexes into `draws`.
        turn_N: How many turns the task had before.
        draws: The tasks.
        keys: Their walk keys.
    """
    rows_K = np.array([draw.rows for draw in draws], dtype=np.int64)
    start_K = np.array([draw.start for draw in draws], dtype=np.int64)
    key_K = np.array(keys, dtype=np.uint64)
    halves_K2 = np.array([halves(draw.rows) for draw in draws], dtype=np.uint64).reshape(-1, 2)
    epoch_N = turn_N // rows_K[task_N]
    index_N = (turn_N - epoch_N * rows_K[task_N]).astype(np.uint64)
    row_N = permuted_each(
        index_N,
        rows_K[task_N].astype(np.uint64),
        hashed(key_K[task_N] + epoch_N.astype(np.uint64) * STEP),
        halves_K2[task_N, 0],
        halves_K2[task_N, 1],
    )
    return row_N.astype(np.int64) + start_K[task_N], epoch_N


def compiled_walks(draws: Sequence[Draw], keys: Sequence[int]) -> "Walks":
    """Return what the compiled kernels must know of tasks and their walk keys."""
    from pipeline.mixing.orders.walk_kernels import Walks

    split = [halves(draw.rows) for draw in draws]
    return Walks(
        start_K=np.array([draw.start for draw in draws], dtype=np.int64),
        rows_K=np.array([draw.rows for draw in draws], dtype=np.int64),
        key_K=np.array(keys, dtype=np.uint64),
        high_K=np.array([high for high, _ in split], dtype=np.uint64),
        bits_K=np.array([bits for _, bits in split], dtype=np.uint64),
    )


def own_turns(task_N: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Return, in a sequence of tasks, how often each position's task came before."""
    turn_N = np.empty(len(task_N), dtype=np.int64)
    at = np.argsort(task_N, kind="stable")
    counts = np.bincount(task_N)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    turn_N[at] = np.arange(len(task_N)) - firsts
    return turn_N
