"""The compiled side of every walk: turns of tasks to rows and epochs; `docs/mixing.md` has the formulas.

`permutation.py` and `walk.py` do the same in numpy, for few rows, and the tests hold both sides to the
same numbers. All arithmetic is on integers and wraps, so that every machine agrees. In the names of axes
L is a chunk of lanes and K tasks. Knows arrays only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.orders.jit import compiled, inlined

Int = int | np.int64 | np.uint64
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_LANES = 256
_TINY = 16
_ROUNDS = 4

_u64 = np.uint64
_STEP = _u64(0x9E3779B97F4A7C15)
_LOW = _u64(0xFFFFFFFF)


class Walks(NamedTuple):
    """What the rows of K tasks are drawn by."""

    start_K: Ints
    rows_K: Ints
    key_K: Words
    high_K: Words
    """Values of the high half of a row number."""
    bits_K: Words
    """Bits of its low half."""


class Lanes(NamedTuple):
    """Indexes about to be permuted, a chunk at a time."""

    index_L: Words
    rows_L: Words
    key_L: Words
    high_L: Words
    bits_L: Words


@inlined
def _hash(word: np.uint64) -> np.uint64:
    word = _u64((word ^ (word >> _u64(30))) * _u64(0xBF58476D1CE4E5B9))
    word = _u64((word ^ (word >> _u64(27))) * _u64(0x94D049BB133111EB))
    return _u64(word ^ (word >> _u64(31)))


@inlined
def _feistel(x: np.uint64, high: np.uint64, bits: np.uint64, key: np.uint64) -> np.uint64:
    mask = _u64((_u64(1) << bits) - _u64(1))
    left, right = _u64(x >> bits), _u64(x & mask)
    for _ in range(_ROUNDS):
        word = _hash(_u64(right + key))
        low = _u64(((word & _LOW) * high) >> _u64(32))
        left = _u64(left + (((word >> _u64(32)) * high + low) >> _u64(32)))
        left = _u64(left - high) if left >= high else left
        key = _u64(key + _STEP)
        right = _u64((right ^ (_hash(_u64(left + key)) >> _u64(33))) & mask)
        key = _u64(key + _STEP)
    return _u64((left << bits) | right)


@inlined
def _traced(x: np.uint64, rows: np.uint64, key: np.uint64) -> np.uint64:
    step = _u64(1)
    while step < rows:
        word = _hash(_u64(key + step * _STEP))
        other = _u64(((word >> _u64(32)) * (step + _u64(1))) >> _u64(32))
        if x == step:
            x = other
        elif x == other:
            x = step
        step = _u64(step + _u64(1))
    return x


@compiled
def _permute(lanes: Lanes, count: Int, out_L: Words) -> None:
    """Send each lane's index through its permutation; compiles to vectors but for the rare rest."""
    for i in range(count):
        out_L[i] = _feistel(lanes.index_L[i], lanes.high_L[i], lanes.bits_L[i], lanes.key_L[i])
    for i in range(count):
        if lanes.rows_L[i] <= _u64(_TINY):
            out_L[i] = _traced(lanes.index_L[i], lanes.rows_L[i], lanes.key_L[i])
        while out_L[i] >= lanes.rows_L[i]:
            out_L[i] = _feistel(out_L[i], lanes.high_L[i], lanes.bits_L[i], lanes.key_L[i])


@compiled
def _new_lanes() -> Lanes:
    return Lanes(
        np.empty(_LANES, _u64), np.empty(_LANES, _u64), np.empty(_LANES, _u64),
        np.empty(_LANES, _u64), np.empty(_LANES, _u64),
    )  # fmt: skip


@inlined
def _load(lanes: Lanes, i: Int, walks: Walks, k: Int, index: Int, key: np.uint64) -> None:
    lanes.index_L[i] = _u64(index)
    lanes.rows_L[i] = _u64(walks.rows_K[k])
    lanes.key_L[i] = key
    lanes.high_L[i] = walks.high_K[k]
    lanes.bits_L[i] = walks.bits_K[k]


@inlined
def _epoch_key(walks: Walks, k: Int, epoch: Int) -> np.uint64:
    return _hash(_u64(walks.key_K[k] + _u64(epoch) * _STEP))


@compiled
def permute(index_N: Words, rows: Int, key: Int, high: Int, bits: Int, out_N: Words) -> None:
    """Send indexes through the permutation of [0, rows) that belongs to a key."""
    lanes = _new_lanes()
    lanes.rows_L[:], lanes.key_L[:] = _u64(rows), _u64(key)
    lanes.high_L[:], lanes.bits_L[:] = _u64(high), _u64(bits)
    for first in range(0, len(index_N), _LANES):
        count = min(_LANES, len(index_N) - first)
        lanes.index_L[:count] = index_N[first : first + count]
        _permute(lanes, count, out_N[first : first + count])


@compiled
def take_turns(
    task_N: NDArray[np.int32], turn_N: Ints, walks: Walks, row_N: Ints, epoch_N: Ints
) -> None:
    """Write the mixture row and the epoch of any turns of any tasks."""
    lanes, out_L = _new_lanes(), np.empty(_LANES, _u64)
    for first in range(0, len(task_N), _LANES):
        count = min(_LANES, len(task_N) - first)
        for i in range(count):
            k, turn = task_N[first + i], turn_N[first + i]
            epoch = turn // walks.rows_K[k]
            epoch_N[first + i] = epoch
            index = turn - epoch * walks.rows_K[k]
            _load(lanes, i, walks, k, index, _epoch_key(walks, k, epoch))
        _permute(lanes, count, out_L)
        for i in range(count):
            row_N[first + i] = np.int64(out_L[i]) + walks.start_K[task_N[first + i]]


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
    lanes, out_L = _new_lanes(), np.empty(_LANES, _u64)
    for first in range(0, len(task_N), _LANES):
        count = min(_LANES, len(task_N) - first)
        for i in range(count):
            k = task_N[first + i]
            if next_K[k] == walks.rows_K[k]:
                next_K[k] = 0
                epoch_K[k] += 1
                key_K[k] = _epoch_key(walks, k, epoch_K[k])
            _load(lanes, i, walks, k, next_K[k], key_K[k])
            next_K[k] += 1
            epoch_N[first + i] = np.uint8(epoch_K[k])
        _permute(lanes, count, out_L)
        for i in range(count):
            row_N[first + i] = np.uint32(out_L[i] + _u64(walks.start_K[task_N[first + i]]))
    for k in range(tasks):
        turn_K[k] = epoch_K[k] * walks.rows_K[k] + next_K[k]
