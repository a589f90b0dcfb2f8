"""`shuffled-2`: the row at any position by arithmetic alone, in memory that does not grow with the order.

Every block of 128 positions holds each task by its share, to within a few rows over the whole; inside a
block the turns are shuffled. `docs/mixing.md` has the construction and what is proven of it. Knows a
recipe only.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.mixing.orders.permutation import STEP, Words, hashed
from pipeline.mixing.orders.recipe import Recipe
from pipeline.mixing.orders.segments import BLOCK, Segment, buckets, padded, segments
from pipeline.mixing.orders.walk import compiled_walks, own_turns, rows_of, walk_keys

if TYPE_CHECKING:
    from pipeline.mixing.orders.block_kernels import Segments
    from pipeline.mixing.orders.walk_kernels import Walks

FEW = 1 << 18
"""Positions up to which numpy is done before the compiled kernels are loaded."""
_CHUNK = 1 << 10
"""Blocks that are filled at a time."""

Ints = NDArray[np.int64]


class Shuffled:
    """An order that need not be written down.

    Args:
        recipe: Of algorithm `shuffled-2`. Its rows and quotas may exceed what `order.ORDER` holds.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        keys = walk_keys(recipe.draws, seed=recipe.seed)
        # a sequence that belongs to the seed, so that no two tasks always lie side by side
        sequence = sorted(range(len(keys)), key=lambda k: (keys[k], recipe.draws[k].task))
        self.draws = [recipe.draws[k] for k in sequence]
        self.keys = [keys[k] for k in sequence]
        self.segments = segments(recipe, sequence)

    def __len__(self) -> int:
        return self.recipe.positions

    def at(self, position_N: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Return the mixture rows and the epochs at some positions.

        Args:
            position_N: Any positions, in any order; the same one may occur more than once.

        Returns:
            The mixture row, and how often it came before, of each.

        Raises:
            MixtureError: A position lies outside the order.
        """
        from pipeline.mixing.orders.block_kernels import turns_at
        from pipeline.mixing.orders.walk_kernels import take_turns

        place_N: Ints = np.ascontiguousarray(position_N, dtype=np.int64)
        row_N, epoch_N, turn_N = (np.empty_like(place_N) for _ in range(3))
        if not len(place_N):
            return row_N, epoch_N
        if place_N.min() < 0 or place_N.max() >= len(self):
            raise MixtureError(
                f"positions {place_N.min()} to {place_N.max()} are asked for",
                expected=f"0 to {len(self) - 1}",
            )
        task_N = np.empty(len(place_N), dtype=np.int32)
        table, walks = self._compiled
        turns_at(place_N, table, task_N, turn_N)
        take_turns(task_N, turn_N, walks, row_N, epoch_N)
        return row_N, epoch_N

    def arrays(self, *, threads: int | None = None) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Return the rows and epochs of all positions.

        Args:
            threads: Threads to fill them with, all cores by default; the result is the same.
        """
        if len(self) <= FEW:
            parts = [self._tasks(segment) for segment in self.segments]
            task_N = np.concatenate([np.empty(0, dtype=np.int64), *parts])
            row_N, epoch_N = rows_of(task_N, own_turns(task_N), self.draws, self.keys)
            return row_N.astype(np.uint32), epoch_N.astype(np.uint8)
        whole = np.empty(len(self), dtype=np.uint32), np.empty(len(self), dtype=np.uint8)
        chunks = [
            (s, block)
            for s, segment in enumerate(self.segments)
            for block in range(0, segment.blocks, _CHUNK)
        ]
        table = self._compiled  # made before the threads start
        with ThreadPoolExecutor(threads or _cores()) as pool:
            list(pool.map(lambda chunk: self._fill(chunk[0], chunk[1], table, whole), chunks))
        return whole

    def _fill(
        self,
        s: int,
        block: int,
        table: "tuple[Segments, Walks]",
        whole: tuple[NDArray[np.uint32], NDArray[np.uint8]],
    ) -> None:
        """Fill a chunk of blocks of a segment; whatever fills the others, the result is the same."""
        from pipeline.mixing.orders.block_kernels import fill_blocks, turns_before
        from pipeline.mixing.orders.walk_kernels import fill_turns

        segment, (arrays, walks) = self.segments[s], table
        first = segment.first + block * BLOCK
        last = min(segment.first + segment.size, first + _CHUNK * BLOCK)
        turn_K = np.empty(len(self.draws), dtype=np.int64)
        turns_before(arrays, s, block, turn_K)
        task_N = np.empty(last - first, dtype=np.int32)
        fill_blocks(arrays, s, block, task_N)
        fill_turns(task_N, turn_K, walks, whole[0][first:last], whole[1][first:last])

    def _tasks(self, segment: Segment) -> Ints:
        """Return the tasks of a segment's positions, in numpy."""
        block_N, item_N = np.divmod(np.arange(segment.size), BLOCK)
        slots = segment.slots()
        slot_N = _slots(block_N, item_N, segment.key) if slots is None else np.array(slots)
        residue_N = _residues(block_N, segment.level, segment.key)
        task_N = np.empty(segment.size, dtype=np.int64)
        task_N[block_N * BLOCK + slot_N] = np.searchsorted(
            segment.cum_K[1:], (item_N << segment.level) | residue_N, side="right"
        )
        return task_N

    @cached_property
    def _compiled(self) -> "tuple[Segments, Walks]":
        walks = compiled_walks(self.draws, self.keys)
        return _tables(self.segments, len(self)), walks


def _cores() -> int:
    """Return the processor cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _slots(block_N: Ints, item_N: Ints, key: int) -> Ints:
    """Return where the items of blocks stand: a keyed permutation of each block's 128 slots."""
    first_N = hashed(np.uint64(key) + block_N.astype(np.uint64) * STEP)
    slot_N = item_N.astype(np.uint64)
    for word_N in (first_N, hashed(first_N + STEP)):
        for place in map(np.uint64, range(0, 64, 16)):
            odd_N = ((word_N >> place) & np.uint64(127)) | np.uint64(1)
            added_N = (word_N >> (place + np.uint64(8))) & np.uint64(127)
            slot_N = (slot_N * odd_N + added_N) & np.uint64(127)
            slot_N = slot_N ^ (slot_N >> np.uint64(4))
    return slot_N.astype(np.int64)


def _residues(block_N: Ints, level: int, key: int) -> Ints:
    """Return which items blocks hold, modulo 2**level: their numbers' bits in reverse, scrambled."""
    mask = np.uint64((1 << level) - 1)
    word_N: Words = np.zeros(len(block_N), dtype=np.uint64)
    for bit in range(level):
        word_N |= ((block_N >> bit) & 1).astype(np.uint64) << np.uint64(level - 1 - bit)
    key_1 = np.array([key], dtype=np.uint64)
    word_N = word_N + key_1
    word_N = word_N ^ (word_N * np.uint64(0x3D20ADEA6C5B9D36))
    word_N = word_N * ((key_1 >> np.uint64(7)) | np.uint64(1))
    word_N = word_N ^ (word_N * np.uint64(0x05526C5653A22864))
    word_N = word_N + (key_1 >> np.uint64(32))
    word_N = word_N ^ (word_N * np.uint64(0x7A1F52D0C4E3B8AE))
    return (word_N & mask).astype(np.int64)


def _tables(parts: list[Segment], positions: int) -> "Segments":
    """Return what the compiled kernels must know of the segments."""
    from pipeline.mixing.orders.block_kernels import Segments

    first_S = np.array([part.first for part in parts] + [positions], dtype=np.int64)
    found_B, shift = buckets(first_S, positions)
    found = [buckets(part.cum_K, part.size) for part in parts]
    slot_SI = np.zeros((len(parts), BLOCK), dtype=np.uint8)
    item_SI = np.zeros((len(parts), BLOCK), dtype=np.uint8)
    for s, part in enumerate(parts):
        slots = part.slots()
        if slots is not None:
            slot_SI[s, : part.size] = slots
            item_SI[s, slots] = np.arange(part.size)
    return Segments(
        first_S=first_S,
        found_B=found_B,
        shift=shift,
        level_S=np.array([part.level for part in parts], dtype=np.int64),
        key_S=np.array([part.key for part in parts], dtype=np.uint64),
        short_S=np.array([part.size < BLOCK for part in parts]),
        slot_SI=slot_SI,
        item_SI=item_SI,
        cum_SK=np.stack([part.cum_K for part in parts]),
        base_SK=np.stack([part.base_K for part in parts]),
        found_SB=padded([table for table, _ in found]),
        shift_S=np.array([shift for _, shift in found], dtype=np.int64),
    )
