"""The compiled side of `shuffled-2`: positions to turns of tasks; `docs/mixing.md` has the formulas.

`shuffled.py` does the same in numpy, for few positions, and the tests hold both sides to the same
numbers. All arithmetic is on integers and wraps, so that every machine agrees. In the names of axes L is
a chunk of lanes, S segments, K tasks and B buckets. Knows arrays only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.orders.jit import compiled, inlined

Int = int | np.int64 | np.uint64
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Found = NDArray[np.int32]

_BLOCK = 128
_LANES = 256
_FEW = 20
"""Items that are faster looked at one by one than as vectors."""

_u32 = np.uint32
_u64 = np.uint64
_STEP = _u64(0x9E3779B97F4A7C15)


class Segments(NamedTuple):
    """The S stretches of an order, each of 128 * 2**level positions, or of fewer than 128."""

    first_S: Ints
    """First position of each, and the number of positions at the end, (S + 1,)."""
    found_B: Found
    """Segment at the first position of each bucket."""
    shift: int
    """Positions of such a bucket, as a power of two."""
    level_S: Ints
    key_S: Words
    short_S: NDArray[np.bool_]
    """Whether it has fewer than 128 positions."""
    slot_SI: NDArray[np.uint8]
    """Slot of each item of a short one."""
    item_SI: NDArray[np.uint8]
    """Item in each slot of a short one."""
    cum_SK: Ints
    """Items of the tasks before each, (S, K + 1)."""
    base_SK: Ints
    """Turns that each task had before the segment."""
    found_SB: Found
    """Task at the first item of each bucket."""
    shift_S: Ints
    """Items of such a bucket, as a power of two."""


@inlined
def _hash(word: np.uint64) -> np.uint64:
    word = _u64((word ^ (word >> _u64(30))) * _u64(0xBF58476D1CE4E5B9))
    word = _u64((word ^ (word >> _u64(27))) * _u64(0x94D049BB133111EB))
    return _u64(word ^ (word >> _u64(31)))


@inlined
def _slot(item: np.uint32, key: np.uint64, other: np.uint64) -> np.uint32:
    """Return where an item of a block stands; `_item` is the inverse."""
    for i in range(8):
        word = _u32((key if i < 4 else other) >> _u64(16 * (i & 3)))
        item = _u32((item * ((word & _u32(127)) | _u32(1)) + (word >> _u32(8))) & _u32(127))
        item = _u32(item ^ (item >> _u32(4)))
    return item


@inlined
def _item(slot: np.uint32, key: np.uint64, other: np.uint64) -> np.uint32:
    for i in range(7, -1, -1):
        word = _u32((key if i < 4 else other) >> _u64(16 * (i & 3)))
        odd = _u32((word & _u32(127)) | _u32(1))
        # an odd number is its own inverse modulo 8; each step doubles the bits that are right
        inverse = _u32(odd * _u32(_u32(2) - odd * odd))
        inverse = _u32(inverse * _u32(_u32(2) - odd * inverse))
        slot = _u32(slot ^ (slot >> _u32(4)))
        slot = _u32(((slot - (word >> _u32(8))) * inverse) & _u32(127))
    return slot


@inlined
def _reversed(word: np.uint64) -> np.uint64:
    """Return a word with its bits in reverse."""
    for i in range(5):
        step = _u64(1 << i)
        mask = _u64(0xFFFFFFFFFFFFFFFF) // ((_u64(1) << step) + _u64(1))
        word = _u64(((word >> step) & mask) | ((word & mask) << step))
    return _u64((word >> _u64(32)) | (word << _u64(32)))


@inlined
def _residue(block: Int, level: Int, key: np.uint64) -> Int:
    """Return which items a block holds, modulo 2**level: its number's bits in reverse, scrambled."""
    word = _u64(_reversed(_u64(_u64(block) << _u64(1))) >> _u64(63 - level))
    word = _u64(word + key)
    word = _u64(word ^ (word * _u64(0x3D20ADEA6C5B9D36)))
    word = _u64(word * ((key >> _u64(7)) | _u64(1)))
    word = _u64(word ^ (word * _u64(0x05526C5653A22864)))
    word = _u64(word + (key >> _u64(32)))
    word = _u64(word ^ (word * _u64(0x7A1F52D0C4E3B8AE)))
    return np.int64(word & ((_u64(1) << _u64(level)) - _u64(1)))


@inlined
def _find(value: Int, bounds: Ints, found: Found, shift: Int) -> Int:
    """Return the last i with `bounds[i] <= value`; its bucket leaves few to look at."""
    bucket = value >> shift
    low, high = np.int64(found[bucket]), np.int64(found[bucket + 1])
    while low < high:
        middle = (low + high + 1) >> 1
        if bounds[middle] <= value:
            low = middle
        else:
            high = middle - 1
    return low


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
def _earlier(low: Int, high: Int, slot: np.uint32, key: np.uint64, other: np.uint64) -> Int:
    """Return how many of a block's items [low, high) stand in slots before `slot`."""
    count = _u32(0)
    for i in range(high - low):
        count = _u32(count + _u32(_slot(_u32(_u32(low) + _u32(i)), key, other) < slot))
    return np.int64(count)


@compiled
def turns_before(segments: Segments, s: Int, block: Int, turn_K: Ints) -> None:
    """Write how many turns each task had before a block of a segment."""
    level, key = segments.level_S[s], segments.key_S[s]
    residue = _residue(block, level, key)
    for k in range(len(turn_K)):
        low, high = segments.cum_SK[s, k], segments.cum_SK[s, k + 1]
        turn_K[k] = segments.base_SK[s, k] + _turns_before(low, high, block, residue, level)


@compiled
def fill_blocks(segments: Segments, s: Int, block: Int, task_N: Found) -> None:
    """Write the tasks of a segment's positions from the first of `block` on."""
    level, key, short = segments.level_S[s], segments.key_S[s], segments.short_S[s]
    cum_K, found_B, shift = segments.cum_SK[s], segments.found_SB[s], segments.shift_S[s]
    slot_I = np.empty(_BLOCK, np.uint8)
    for first in range(0, len(task_N), _BLOCK):
        residue = _residue(block, level, key)
        block_key = _hash(_u64(key + _u64(block) * _STEP))
        other = _hash(_u64(block_key + _STEP))
        for i in range(_BLOCK):
            slot_I[i] = np.uint8(_slot(_u32(i), block_key, other))
        for i in range(min(_BLOCK, len(task_N) - first)):
            slot = segments.slot_SI[s, i] if short else slot_I[i]
            task_N[first + slot] = _find((i << level) | residue, cum_K, found_B, shift)
        block += 1


class Lanes(NamedTuple):
    """Positions under way, a chunk at a time."""

    segment_L: Ints
    block_L: Ints
    level_L: Ints
    residue_L: Ints
    low_L: Ints
    high_L: Ints
    slot_L: NDArray[np.uint32]
    item_L: NDArray[np.uint32]
    key_L: Words
    other_L: Words


@compiled
def _new_lanes() -> Lanes:
    return Lanes(
        np.empty(_LANES, np.int64), np.empty(_LANES, np.int64), np.empty(_LANES, np.int64),
        np.empty(_LANES, np.int64), np.empty(_LANES, np.int64), np.empty(_LANES, np.int64),
        np.empty(_LANES, _u32), np.empty(_LANES, _u32), np.empty(_LANES, _u64),
        np.empty(_LANES, _u64),
    )  # fmt: skip


@compiled
def _locate(segments: Segments, position_L: Ints, lanes: Lanes) -> None:
    """Find segment, block and item of a chunk of positions."""
    for i in range(len(position_L)):
        lanes.segment_L[i] = _find(
            position_L[i], segments.first_S, segments.found_B, segments.shift
        )
    for i in range(len(position_L)):
        s = lanes.segment_L[i]
        place, key = position_L[i] - segments.first_S[s], segments.key_S[s]
        block = place >> 7
        lanes.block_L[i], lanes.level_L[i] = block, segments.level_S[s]
        lanes.slot_L[i] = _u32(place & 127)
        lanes.residue_L[i] = _residue(block, segments.level_S[s], key)
        lanes.key_L[i] = _hash(_u64(key + _u64(block) * _STEP))
        lanes.other_L[i] = _hash(_u64(lanes.key_L[i] + _STEP))
    for i in range(len(position_L)):
        lanes.item_L[i] = _item(lanes.slot_L[i], lanes.key_L[i], lanes.other_L[i])


@compiled
def _assign(segments: Segments, lanes: Lanes, task_L: Found, turn_L: Ints) -> Int:
    """Find each item's task and where that task's items lie; return the deepest level."""
    deepest = 0
    for i in range(len(task_L)):
        s, item = lanes.segment_L[i], np.int64(lanes.item_L[i])
        if segments.short_S[s]:
            item = np.int64(segments.item_SI[s, lanes.slot_L[i]])
        item = (item << lanes.level_L[i]) | lanes.residue_L[i]
        k = _find(item, segments.cum_SK[s], segments.found_SB[s], segments.shift_S[s])
        task_L[i], turn_L[i] = k, segments.base_SK[s, k]
        lanes.low_L[i], lanes.high_L[i] = segments.cum_SK[s, k], segments.cum_SK[s, k + 1]
        deepest = max(deepest, lanes.level_L[i])
    return deepest


@compiled
def _count_blocks(lanes: Lanes, deepest: Int, turn_L: Ints) -> None:
    """Add the turns in earlier blocks, one level of all lanes after the other: loops of vectors."""
    for level in range(deepest):
        for i in range(len(turn_L)):
            inside = level < lanes.level_L[i]
            parity = (lanes.residue_L[i] >> level) & 1
            later = (lanes.block_L[i] >> ((lanes.level_L[i] - 1 - level) & 63)) & 1
            low, high = lanes.low_L[i], lanes.high_L[i]
            low_half, high_half = (low + 1 - parity) >> 1, (high + 1 - parity) >> 1
            gone = later * ((high - low) - (high_half - low_half))
            turn_L[i] += gone if inside else 0
            lanes.low_L[i] = low_half if inside else low
            lanes.high_L[i] = high_half if inside else high


@compiled
def _count_slots(segments: Segments, lanes: Lanes, turn_L: Ints) -> None:
    """Add the turns in earlier slots of the same block."""
    for i in range(len(turn_L)):
        s, slot, low, high = lanes.segment_L[i], lanes.slot_L[i], lanes.low_L[i], lanes.high_L[i]
        if segments.short_S[s]:
            for item in range(low, high):
                turn_L[i] += segments.slot_SI[s, item] < slot
        elif high - low > _FEW:
            turn_L[i] += _earlier(low, high, slot, lanes.key_L[i], lanes.other_L[i])
        else:
            for item in range(low, high):
                turn_L[i] += _slot(_u32(item), lanes.key_L[i], lanes.other_L[i]) < slot


@compiled
def turns_at(position_N: Ints, segments: Segments, task_N: Found, turn_N: Ints) -> None:
    """Write the task at each position, and how many turns it had before."""
    lanes = _new_lanes()
    for first in range(0, len(position_N), _LANES):
        end = min(first + _LANES, len(position_N))
        task_L, turn_L = task_N[first:end], turn_N[first:end]
        _locate(segments, position_N[first:end], lanes)
        deepest = _assign(segments, lanes, task_L, turn_L)
        _count_blocks(lanes, deepest, turn_L)
        _count_slots(segments, lanes, turn_L)
