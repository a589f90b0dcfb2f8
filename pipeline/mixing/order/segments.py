"""How `shuffled-2` cuts an order: phases into segments, segments into blocks of 128 positions.

A phase of 2,702 positions has segments of 2,048, 512, 128 and 14 positions: 128 * 2**level, and a rest
shorter than a block. Every segment has exact quotas: of the rows that a phase has left, laid out task
by task, it takes evenly spaced ones (systematic sampling), so that each task's part is its share of
the segment to within one row.

`slot` and `residue` take arrays in numpy, and single words in compiled kernels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.mixing.order.permutation import child_key, shuffled_few
from pipeline.mixing.order.recipe import Recipe
from pipeline.mixing.order.walk import Ints
from pipeline.seeds import Word, derive_seed

BLOCK = 128
"""Positions that are shuffled among themselves."""

_u64 = np.uint64


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive positions of one phase."""

    first: int
    """First position."""
    size: int
    level: int
    """Its blocks are 2**level."""
    key: int
    cum_K: Ints
    """Items of the tasks before each, and all at the end, (K + 1,)."""
    base_K: Ints
    """Turns that each task had before the segment."""

    @property
    def blocks(self) -> int:
        """Blocks, of 128 positions each but for the only one of a short segment."""
        return 1 << self.level

    def slots(self) -> list[int]:
        """Return the slot of each item where the segment is shorter than a block, else nothing."""
        return shuffled_few(self.size, key=self.key) if self.size < BLOCK else []


def segments(recipe: Recipe, sequence: Sequence[int]) -> list[Segment]:
    """Return the segments of an order.

    Args:
        recipe: Of the order.
        sequence: The indexes of its tasks in the sequence in which segments lay them out.
    """
    made: list[Segment] = []
    first = 0
    base_K = np.zeros(len(sequence), dtype=np.int64)
    for index, phase in enumerate(recipe.phases):
        phase_key = derive_seed(recipe.seed, "phase-2", index)
        left_K = np.array([phase[k] for k in sequence], dtype=np.int64)
        for place, (level, size) in enumerate(_sizes(sum(phase))):
            key = child_key(phase_key, place)
            taken_K = _taken(left_K, size, key)
            cum_K = np.concatenate(([0], np.cumsum(taken_K)))
            made.append(Segment(first, size, level, key, cum_K, base_K))
            base_K, left_K, first = base_K + taken_K, left_K - taken_K, first + size
    return made


def _sizes(positions: int) -> Iterator[tuple[int, int]]:
    """Yield level and size of a phase's segments, the largest first."""
    whole = positions // BLOCK
    for level in range(whole.bit_length() - 1, -1, -1):
        if whole >> level & 1:
            yield level, BLOCK << level
    if positions % BLOCK:
        yield 0, positions % BLOCK


def _taken(left_K: Ints, size: int, key: int) -> Ints:
    """Return how many of the rows left go into a segment: evenly spaced ones, from a keyed start."""
    total = int(left_K.sum())
    start = child_key(key, 1) * total >> 64
    ends_K = np.concatenate(([0], np.cumsum(left_K)))
    if size.bit_length() + total.bit_length() > 62:
        ends_K = ends_K.astype(object)
    spaced_K = (ends_K * size + start) // total
    return np.diff(spaced_K).astype(np.int64)


def slot(item: Any, key: Word, other: Word) -> Any:
    """Return where an item of a block stands: a keyed permutation of [0, 128).

    Args:
        item: In [0, 128), uint32.
        key: Of the block.
        other: The key hashed once more.
    """
    low, one = np.uint32(127), np.uint32(1)
    for i in range(8):
        word = np.uint32(((key if i < 4 else other) >> _u64(16 * (i & 3))) & _u64(0xFFFF))
        item = np.uint32((item * ((word & low) | one) + (word >> np.uint32(8))) & low)
        item = np.uint32(item ^ (item >> np.uint32(4)))
    return item


def residue(block: Word, level: int, key: Word) -> Word:
    """Return which items a block holds, modulo 2**level: its number's bits in reverse, scrambled."""
    word = block << _u64(1)
    for i in range(5):
        step = _u64(1 << i)
        mask = _u64(0xFFFFFFFFFFFFFFFF) // ((_u64(1) << step) + _u64(1))
        word = ((word >> step) & mask) | ((word & mask) << step)
    word = ((word >> _u64(32)) | (word << _u64(32))) >> _u64(63 - level)
    word = word + key
    word = word ^ (word * _u64(0x3D20ADEA6C5B9D36))
    word = word * ((key >> _u64(7)) | _u64(1))
    word = word ^ (word * _u64(0x05526C5653A22864))
    word = word + (key >> _u64(32))
    word = word ^ (word * _u64(0x7A1F52D0C4E3B8AE))
    return word & ((_u64(1) << _u64(level)) - _u64(1))
