"""The compiled side of `walk.py`: turns of tasks to rows and epochs, for many positions.

The tests hold both sides to the same numbers. All arithmetic is on integers and wraps, so that every
machine gives the same result. In the names of axes L is a chunk of positions and K tasks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.jit import compiled, inlined
from pipeline.mixing.order.permutation import TINY, feistel, traced
from pipeline.mixing.order.walk import Ints, Walks
from pipeline.seeds import STEP, Words, hashed

_CHUNK = 256
_u64 = np.uint64

_hashed = inlined(hashed)
_feistel = inlined(feistel, hashed=_hashed)
_traced = inlined(traced, hashed=_hashed)


class Indexes(NamedTuple):
    """Indexes about to be permuted, a chunk of positions at a time."""

    index_L: Words
    rows_L: Words
    key_L: Words
    high_L: Words
    bits_L: Words


@compiled
def _permute(chunk: Indexes, count: int, out_L: Words) -> None:
    """Send each index through its permutation; compiles to vectors but for the rare rest."""
    for i in range(count):
        out_L[i] = _feistel(chunk.index_L[i], chunk.high_L[i], chunk.bits_L[i], chunk.key_L[i])
    for i in range(count):
        if chunk.rows_L[i] <= _u64(TINY):
            out_L[i] = _traced(chunk.index_L[i], chunk.rows_L[i], chunk.key_L[i])
        while out_L[i] >= chunk.rows_L[i]:
            out_L[i] = _feistel(out_L[i], chunk.high_L[i], chunk.bits_L[i], chunk.key_L[i])


@compiled
def _new_chunk() -> Indexes:
    return Indexes(
        np.empty(_CHUNK, _u64), np.empty(_CHUNK, _u64), np.empty(_CHUNK, _u64),
        np.empty(_CHUNK, _u64), np.empty(_CHUNK, _u64),
    )  # fmt: skip


@inlined
def _epoch_key(walks: Walks, k: int, epoch: int) -> np.uint64:
    return _hashed(walks.key_K[k] + _u64(epoch) * STEP)


@compiled
def fill_turns(
    task_N: NDArray[np.int32],
    turn_K: Ints,
    walks: Walks,
    row_N: NDArray[np.uint32],
    epoch_N: NDArray[np.uint8],
) -> None:
    """Write rows and epochs of a sequence of turns; `turn_K`, the turns before, is brought forward."""
    tasks = len(turn_K)
    epoch_K, next_K, key_K = np.empty_like(turn_K), np.empty_like(turn_K), np.empty(tasks, _u64)
    for k in range(tasks):
        epoch_K[k] = turn_K[k] // walks.rows_K[k]
        next_K[k] = turn_K[k] - epoch_K[k] * walks.rows_K[k]
        key_K[k] = _epoch_key(walks, k, epoch_K[k])
    chunk, out_L = _new_chunk(), np.empty(_CHUNK, _u64)
    for first in range(0, len(task_N), _CHUNK):
        count = min(_CHUNK, len(task_N) - first)
        for i in range(count):
            k = task_N[first + i]
            if next_K[k] == walks.rows_K[k]:
                next_K[k] = 0
                epoch_K[k] += 1
                key_K[k] = _epoch_key(walks, k, epoch_K[k])
            chunk.index_L[i], chunk.rows_L[i] = _u64(next_K[k]), _u64(walks.rows_K[k])
            chunk.key_L[i], chunk.high_L[i], chunk.bits_L[i] = (
                key_K[k],
                walks.high_K[k],
                walks.bits_K[k],
            )
            next_K[k] += 1
            epoch_N[first + i] = np.uint8(epoch_K[k])
        _permute(chunk, count, out_L)
        for i in range(count):
            row_N[first + i] = np.uint32(out_L[i] + _u64(walks.start_K[task_N[first + i]]))
    for k in range(tasks):
        turn_K[k] = epoch_K[k] * walks.rows_K[k] + next_K[k]
