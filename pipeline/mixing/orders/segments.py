"""How `shuffled-2` cuts an order: phases into segments of 128 * 2**level positions, down to a short one.

Every segment has exact quotas: of the rows that a phase has left, laid out task by task, it takes evenly
spaced ones (systematic sampling), so that each task's part is its share of the segment to within one
row. Knows a recipe only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.orders.permutation import child_key, shuffled_few
from pipeline.mixing.orders.recipe import Recipe
from pipeline.seeds import derive_seed

BLOCK = 128
"""Positions that are shuffled among themselves; a longer one costs more per row looked up."""

Ints = NDArray[np.int64]


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

    def slots(self) -> list[int] | None:
        """Return the slot of each item where the segment is shorter than a block."""
        if self.size == BLOCK << self.level:
            return None
        return shuffled_few(self.size, key=self.key)


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


def buckets(bounds: Ints, size: int, most: int = 4096) -> tuple[NDArray[np.int32], int]:
    """Return a table that finds, for a value in [0, size), the last bound that is no larger.

    Args:
        bounds: Ascending, from 0 to `size`.
        size: One more than the largest value.
        most: Buckets at most.

    Returns:
        The index for the first value of each bucket and of the one after the last; the values of a
        bucket as a power of two.
    """
    shift = max((size - 1).bit_length() - (most - 1).bit_length(), 0)
    count = ((size - 1) >> shift) + 1
    starts = np.append(np.arange(count, dtype=np.int64) << shift, size - 1)
    found = np.searchsorted(bounds[:-1], starts, side="right") - 1
    return found.astype(np.int32), shift


def padded(tables: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Return tables of unequal length as the rows of one array."""
    width = max(map(len, tables))
    return np.stack([np.pad(table, (0, width - len(table)), mode="edge") for table in tables])
