"""The compiled side of `shuffled.py`: the tasks at the positions of a segment, block by block.

The tests hold both sides to the same numbers. In the names of axes K is tasks and B buckets.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.jit import compiled, inlined
from pipeline.mixing.order.segments import BLOCK, residue, slot
from pipeline.mixing.order.walk import Ints
from pipeline.seeds import STEP, hashed

Int = int | np.int64 | np.uint64

_u32 = np.uint32
_u64 = np.uint64

_hashed = inlined(hashed)
_residue = inlined(residue)
_slot = inlined(slot)


class SegmentLayout(NamedTuple):
    """How a segment of 2**level blocks is laid out."""

    level: int
    key: np.uint64
    cum_K: Ints
    """Items of the tasks before each, and all at the end, (K + 1,)."""
    base_K: Ints
    """Turns that each task had before the segment."""
    slots: NDArray[np.uint8]
    """Slot of each item of a segment shorter than a block; empty for all others."""
    found_B: NDArray[np.int32]
    """Task at the first item of each bucket."""
    shift: int
    """Items of such a bucket, as a power of two."""


@compiled
def _turns_before(low: Int, high: Int, block: Int, residue: Int, level: Int) -> Int:
    """Return how many of the items [low, high) stand in earlier blocks."""
    count: Int = 0
    for i in range(level):
        parity = (residue >> i) & 1
        later = (block >> (level - 1 - i)) & 1
        low_half, high_half = (low + 1 - parity) >> 1, (high + 1 - parity) >> 1
        count += later * ((high - low) - (high_half - low_half))
        low, high = low_half, high_half
    return count


@compiled
def turns_before(layout: SegmentLayout, block: Int, turn_K: Ints) -> None:
    """Write how many turns each task had before a block of a segment."""
    held = np.int64(_residue(_u64(block), layout.level, layout.key))
    for k in range(len(turn_K)):
        low, high = layout.cum_K[k], layout.cum_K[k + 1]
        turn_K[k] = layout.base_K[k] + _turns_before(low, high, block, held, layout.level)


@inlined
def _task_of(item: Int, layout: SegmentLayout) -> Int:
    """Return the last k with `cum_K[k] <= item`; the item's bucket leaves few to look at."""
    bucket = item >> layout.shift
    low, high = np.int64(layout.found_B[bucket]), np.int64(layout.found_B[bucket + 1])
    while low < high:
        middle = (low + high + 1) >> 1
        if layout.cum_K[middle] <= item:
            low = middle
        else:
            high = middle - 1
    return low


@compiled
def fill_blocks(layout: SegmentLayout, block: Int, task_N: NDArray[np.int32]) -> None:
    """Write the tasks of a segment's positions from the first of `block` on."""
    slot_I = np.empty(BLOCK, np.uint8)
    slot_I[: len(layout.slots)] = layout.slots
    for first in range(0, len(task_N), BLOCK):
        held = np.int64(_residue(_u64(block), layout.level, layout.key))
        if len(layout.slots) == 0:
            key = _hashed(layout.key + _u64(block) * STEP)
            other = _hashed(key + STEP)
            for i in range(BLOCK):
                slot_I[i] = np.uint8(_slot(_u32(i), key, other))
        for i in range(min(BLOCK, len(task_N) - first)):
            task_N[first + slot_I[i]] = _task_of((i << layout.level) | held, layout)
        block += 1
