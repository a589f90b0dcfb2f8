"""`shuffled-2`: every block of 128 positions holds each task by its share, shuffled inside the block.

With quotas 200, 90 and 10 a block holds about 85, 38 and 4 of the tasks. `docs/mixing.md` has the
construction and what is proven of it. Short orders are made in numpy, long ones by compiled kernels on
all cores; the result is the same.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.recipe import Recipe
from pipeline.mixing.order.segments import BLOCK, Segment, residue, segments, slot
from pipeline.mixing.order.walk import Ints, Walks, own_turns, rows_of, walk_key, walks_of
from pipeline.seeds import STEP, hashed

if TYPE_CHECKING:
    from pipeline.mixing.order.shuffled_kernels import SegmentLayout

FEW = 1 << 18
"""Positions up to which numpy is done before the compiled kernels are loaded."""
_CHUNK = 1 << 10
"""Blocks that are filled at a time."""
_BUCKETS = 1 << 12
"""Buckets of a segment's items, at most."""

Arrays = tuple[NDArray[np.uint32], NDArray[np.uint8]]


def order_arrays(recipe: Recipe, *, threads: int | None = None) -> Arrays:
    """Return the rows and epochs of all positions.

    Args:
        recipe: Of algorithm `shuffled-2`.
        threads: Threads to fill them with, all cores by default; the result is the same.
    """
    sequence = task_sequence(recipe)
    walks = walks_of([recipe.draws[k] for k in sequence], seed=recipe.seed)
    parts = segments(recipe, sequence)
    if recipe.positions <= FEW:
        empty = np.empty(0, dtype=np.int64)
        task_N = np.concatenate([empty, *(segment_tasks(part) for part in parts)])
        return rows_of(task_N, own_turns(task_N), walks)
    return _filled(parts, walks, recipe.positions, threads or _cores())


def task_sequence(recipe: Recipe) -> list[int]:
    """Return the recipe's tasks in a sequence that belongs to the seed.

    No two tasks lie side by side under every seed.
    """
    key_of = [(walk_key(draw.task, seed=recipe.seed), draw.task) for draw in recipe.draws]
    return sorted(range(len(key_of)), key=lambda k: key_of[k])


def segment_tasks(segment: Segment) -> Ints:
    """Return the tasks of a segment's positions, as indexes into the sequence of tasks, in numpy."""
    block_N, item_N = np.divmod(np.arange(segment.size), BLOCK)
    word_N, key_1 = block_N.astype(np.uint64), np.array([segment.key], dtype=np.uint64)
    key_N = hashed(key_1 + word_N * STEP)
    slot_N = segment.slots() or slot(item_N.astype(np.uint32), key_N, hashed(key_N + STEP)).astype(
        np.int64
    )
    residue_N = residue(word_N, segment.level, key_1).astype(np.int64)
    task_N = np.empty(segment.size, dtype=np.int64)
    task_N[block_N * BLOCK + slot_N] = np.searchsorted(
        segment.cum_K[1:], (item_N << segment.level) | residue_N, side="right"
    )
    return task_N


def _filled(parts: Sequence[Segment], walks: Walks, positions: int, threads: int) -> Arrays:
    """Fill the positions of segments by compiled kernels, a chunk of blocks at a time."""
    from pipeline.mixing.order.shuffled_kernels import fill_blocks, turns_before
    from pipeline.mixing.order.walk_kernels import fill_turns

    row_N = np.empty(positions, dtype=np.uint32)
    epoch_N = np.empty(positions, dtype=np.uint8)

    def fill(segment: Segment, layout: "SegmentLayout", block: int) -> None:
        first = segment.first + block * BLOCK
        last = min(segment.first + segment.size, first + _CHUNK * BLOCK)
        turn_K = np.empty(len(walks.rows_K), dtype=np.int64)
        turns_before(layout, block, turn_K)
        task_N = np.empty(last - first, dtype=np.int32)
        fill_blocks(layout, block, task_N)
        fill_turns(task_N, turn_K, walks, row_N[first:last], epoch_N[first:last])

    with ThreadPoolExecutor(threads) as pool:
        filled = [
            pool.submit(fill, segment, layout, block)
            for segment in parts
            for layout in [_layout(segment)]
            for block in range(0, segment.blocks, _CHUNK)
        ]
        for future in filled:
            future.result()
    return row_N, epoch_N


def _layout(segment: Segment) -> "SegmentLayout":
    """Return what the compiled kernels must know of a segment."""
    from pipeline.mixing.order.shuffled_kernels import SegmentLayout

    # bucket b holds the items from b << shift on; the last entry closes the last bucket
    shift = max((segment.size - 1).bit_length() - (_BUCKETS - 1).bit_length(), 0)
    starts_B = np.append(np.arange(0, segment.size, 1 << shift), segment.size - 1)
    found_B = np.searchsorted(segment.cum_K[:-1], starts_B, side="right") - 1
    return SegmentLayout(
        level=segment.level,
        key=np.uint64(segment.key),
        cum_K=segment.cum_K,
        base_K=segment.base_K,
        slots=np.array(segment.slots(), dtype=np.uint8),
        found_B=found_B.astype(np.int32),
        shift=shift,
    )


def _cores() -> int:
    """Return the processor cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1
