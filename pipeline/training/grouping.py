"""Groups rows into micro-batches: similar lengths together, under a budget of cells."""

import numpy as np

from pipeline.contract.ragged import Ints, offsets_of

OVERHEAD = {"cpu": 256, "cuda": 4096}
"""Cells that a micro-batch of its own costs by kind of device, about: below it, padding is cheaper. On
CPU that is for the smallest models."""
_FLOOR, _CALLS = 48, 2.1e7
"""On CPU a micro-batch costs reading all weights, worth about 48 cells of any model, and calls, which
are worth the more cells the smaller the model: 2.1e7 over its weights. Fitted to MiniLM and the small
one."""


def overhead(device: str, weights: int) -> int:
    """Return the cells that one more micro-batch costs.

    Args:
        device: Kind of device.
        weights: Of the encoder, without its embeddings.
    """
    if device != "cpu":
        return OVERHEAD[device]
    return min(OVERHEAD[device], _FLOOR + round(_CALLS / max(1, weights)))


def group_by_length(
    longest: Ints, counts: Ints, rows: Ints, positions: Ints, *, budget: int, overhead: int
) -> list[Ints]:
    """Group rows so that padded rectangles stay under a budget, similar lengths together.

    Args:
        longest: Longest sequence of each row.
        counts: Sequences of each row.
        rows: The rows to place, each of at least one sequence; never divided.
        positions: Break ties of length.
        budget: Most cells, `longest x sequences` of a group; a row above it stands alone.
        overhead: Cells that one more group costs.

    Returns:
        Groups of rows, from short to long.
    """
    by_length = rows[np.lexsort((positions[rows], counts[rows], longest[rows]))]
    groups = []
    for band in _bands(by_length, longest[by_length], counts[by_length], overhead):
        groups += _split(band, longest[band].tolist(), counts[band].tolist(), budget)
    return groups


def group_sequences(lengths: Ints, *, budget: int, overhead: int) -> list[Ints]:
    """As `group_by_length`, for sequences that stand alone."""
    every = np.arange(len(lengths))
    ones = np.ones(len(lengths), dtype=np.int64)
    return group_by_length(lengths, ones, every, every, budget=budget, overhead=overhead)


def _bands(rows: Ints, lengths: Ints, counts: Ints, overhead: int) -> list[Ints]:
    """Cut rows, sorted by length, where padding saved outweighs one more group: the cheapest cut.

    Dynamic programming over the distinct lengths: the rows up to a length cost least with a last band
    that starts after some shorter length.
    """
    distinct, starts = np.unique(lengths, return_index=True)
    ends = np.append(starts, len(rows))
    sequences = offsets_of(counts)[ends]
    best = np.zeros(len(distinct) + 1)
    previous = np.zeros(len(distinct) + 1, dtype=np.int64)
    for level in range(1, len(best)):
        cells = distinct[level - 1] * (sequences[level] - sequences[:level])
        costs = best[:level] + cells + overhead
        previous[level] = np.argmin(costs)
        best[level] = costs[previous[level]]
    bands, level = [], len(distinct)
    while level:
        bands.append(rows[ends[previous[level]] : ends[level]])
        level = int(previous[level])
    return bands[::-1]


def _split(rows: Ints, lengths: list[int], counts: list[int], budget: int) -> list[Ints]:
    """Cut rows, sorted by length, so that each part stays under the budget or is one row."""
    groups: list[Ints] = []
    start = sequences = 0
    for place, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        # sorted by length: the newest row is the longest, so its length is the rectangle's
        if place > start and length * (sequences + count) > budget:
            groups.append(rows[start:place])
            start, sequences = place, 0
        sequences += count
    return [*groups, rows[start:]]


def deal_by_length(tokens: Ints, ties: Ints, *, rank: int, world: int) -> Ints:
    """Return the items of one rank: every `world`-th, the longest first, back and forth.

    Args:
        tokens: Of each item.
        ties: Break ties of length.
        rank: Which rank.
        world: Number of ranks.
    """
    turn = np.lexsort((ties, -tokens))
    place = np.arange(len(tokens))
    forth = place // world % 2 == 0
    seat = np.where(forth, place % world, world - 1 - place % world)
    return np.sort(turn[seat == rank])
