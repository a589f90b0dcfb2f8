"""The walk of a task: the sequence in which its rows are drawn, in whole shuffled epochs.

Turn n of a task with 40 rows, counted from 0, takes row `permuted(n mod 40)` of epoch `n div 40`. The
permutation belongs to the seed, the task's name and the epoch. So no row comes an (e+1)-th time before
all came e times, a smaller quota is a prefix of a larger one, and no other task changes the walk.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.order import Draw
from pipeline.mixing.order.permutation import halves, permuted
from pipeline.seeds import STEP, Words, derive_seed, hashed

Ints = NDArray[np.int64]

COMPILED_FROM = 1 << 19
"""Rows of an epoch from which on starting the compiled kernels pays."""


class Walks(NamedTuple):
    """What the rows of K tasks are drawn by."""

    start_K: Ints
    """Mixture row of each task's first row."""
    rows_K: Ints
    key_K: Words
    high_K: Words
    """Values of the high half of a row number; see `halves`."""
    bits_K: Words
    """Bits of its low half."""


def walk_key(task: str, *, seed: int) -> int:
    """Return the key that a task's epochs are keyed by."""
    return derive_seed(seed, "walk-2", task)


def walks_of(draws: Sequence[Draw], *, seed: int) -> Walks:
    """Return the walks of tasks, in their sequence."""
    halves_K2 = np.array([halves(draw.rows) for draw in draws], dtype=np.uint64).reshape(-1, 2)
    return Walks(
        start_K=np.array([draw.start for draw in draws], dtype=np.int64),
        rows_K=np.array([draw.rows for draw in draws], dtype=np.int64),
        key_K=np.array([walk_key(draw.task, seed=seed) for draw in draws], dtype=np.uint64),
        high_K=halves_K2[:, 0].copy(),
        bits_K=halves_K2[:, 1].copy(),
    )


def epoch_rows(task: str, rows: int, epoch: int, *, seed: int) -> NDArray[np.uint32]:
    """Return a task's rows in the sequence of one epoch.

    Args:
        task: Its name.
        rows: Rows that it has.
        epoch: Counted from 0.
        seed: Seed of the run.
    """
    walks = walks_of([Draw(task=task, start=0, rows=rows, quota=rows)], seed=seed)
    task_N = np.zeros(rows, dtype=np.int32)
    if rows < COMPILED_FROM:
        return rows_of(task_N, np.arange(epoch * rows, (epoch + 1) * rows), walks)[0]
    from pipeline.mixing.order.walk_kernels import fill_turns

    row_N, epoch_N = np.empty(rows, dtype=np.uint32), np.empty(rows, dtype=np.uint8)
    fill_turns(task_N, np.array([epoch * rows]), walks, row_N, epoch_N)
    return row_N


def rows_of(
    task_N: NDArray[np.integer], turn_N: Ints, walks: Walks
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the mixture rows and the epochs of turns, in numpy.

    Args:
        task_N: Indexes of the tasks.
        turn_N: How many turns the task had before.
        walks: Of the tasks.
    """
    rows_N = walks.rows_K[task_N]
    epoch_N, index_N = np.divmod(turn_N, rows_N)
    row_N = permuted(
        index_N.astype(np.uint64),
        rows_N.astype(np.uint64),
        hashed(walks.key_K[task_N] + epoch_N.astype(np.uint64) * STEP),
        walks.high_K[task_N],
        walks.bits_K[task_N],
    )
    row_N = row_N + walks.start_K[task_N].astype(np.uint64)
    return row_N.astype(np.uint32), epoch_N.astype(np.uint8)


def own_turns(task_N: NDArray[np.integer]) -> Ints:
    """Return, in a sequence of tasks, how often each position's task came before."""
    turn_N = np.empty(len(task_N), dtype=np.int64)
    at = np.argsort(task_N, kind="stable")
    counts = np.bincount(task_N)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    turn_N[at] = np.arange(len(task_N)) - firsts
    return turn_N
