"""Packs sequences into lines of nearly one length, so that a rectangle has little padding.

Best-fit decreasing for a few widths, and the width of least cost. Packed sequences do not see each other.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass
from math import ceil

import numpy as np

from pipeline.contract.ragged import Ints, Ragged, Tokens, offsets_of, segment_of, spread
from pipeline.training.choice.sequences import Blocks, Sequences

ATTENTION = 2048
"""Tokens of a line at which attention costs about as much as the rest of a layer."""
MOST = 2.5
"""Widest line that is tried, as a multiple of the longest sequence."""
_SLACKS = (1.0, 1.01, 1.03)
"""A line is allowed this much more than its share of all tokens: best fit is not the optimum."""
_TRIES = {256: 8, 1 << 62: 2}
"""Numbers of lines that are tried, by the number of sequences up to which."""


@dataclass(frozen=True, slots=True)
class Packing:
    """Where S sequences lie in N lines."""

    width: int
    """Of the rectangle: no line is longer."""
    lines: int
    line: Ints
    """Line of each sequence, (S,)."""
    start: Ints
    """Token of the line at which it starts, (S,)."""

    @property
    def cells(self) -> int:
        """Cells of the rectangle."""
        return self.width * self.lines


def choose_packing(lengths: Ints) -> Packing:
    """Return the cheapest of a few packings; a line's cost grows a little faster than its length."""
    found = [_best_fit(lengths, width) for width in _widths(lengths)]
    return min(found, key=lambda one: (one.cells * (1 + one.width / ATTENTION), one.width))


def _widths(lengths: Ints) -> list[int]:
    """Return widths at which the tokens nearly fill some whole number of lines."""
    longest, total = int(lengths.max(initial=1)), int(lengths.sum())
    tries = next(tries for most, tries in _TRIES.items() if len(lengths) <= most)
    fewest, most = max(1, ceil(total / (MOST * longest))), max(1, ceil(total / longest))
    numbers = np.unique(np.linspace(fewest, most, tries).round()).tolist()
    shares = [total / number * slack for number in numbers for slack in _SLACKS]
    return sorted({max(longest, ceil(share)) for share in shares})


def _best_fit(lengths: Ints, width: int) -> Packing:
    """Put each sequence, the longest first, into the fullest line that has room for it."""
    line, start = np.zeros_like(lengths), np.zeros_like(lengths)
    rooms: list[tuple[int, int]] = []
    """Room that is left and line, ascending."""
    lines = 0
    for sequence in np.lexsort((np.arange(len(lengths)), -lengths)).tolist():
        length = int(lengths[sequence])
        place = bisect_left(rooms, (length, -1))
        if place < len(rooms):
            room, chosen = rooms.pop(place)
        else:
            room, chosen = width, lines
            lines += 1
        line[sequence], start[sequence] = chosen, width - room
        insort(rooms, (room - length, chosen))
    used = np.bincount(line, lengths, lines).astype(np.int64)
    return Packing(int(used.max(initial=0)), lines, line, start)


def pack_groups(lengths: Ints, rows: Ints, budget: int) -> list[tuple[Ints, Packing]]:
    """Divide rows in halves of like size until each half's rectangle is within the budget.

    Args:
        lengths: Of one sequence for each row.
        rows: Which of them to pack.
        budget: Most cells of a rectangle; a row that is longer stands alone.

    Returns:
        Groups of rows, and the packing of each.
    """
    if not len(rows):
        return []
    whole = choose_packing(lengths[rows])
    if whole.cells <= budget or len(rows) == 1:
        return [(rows, whole)]
    total = np.cumsum(lengths[rows])
    middle = 1 + int(np.searchsorted(total[:-1], total[-1] / 2, side="left"))
    middle = min(middle, len(rows) - 1)
    halves = (rows[:middle], rows[middle:])
    return [group for half in halves for group in pack_groups(lengths, half, budget)]


def join_lines(sequences: Sequences, where: Packing) -> Sequences:
    """Join sequences with blocks to the lines of a packing; each sequence becomes a packed row.

    Raises:
        ValueError: The sequences have no blocks.
    """
    blocks = sequences.blocks
    if blocks is None:
        raise ValueError("sequences without blocks would see each other")
    lengths = sequences.tokens.lengths
    offsets = offsets_of(np.bincount(where.line, lengths, where.lines).astype(np.int64))
    at = spread(offsets[where.line] + where.start, lengths)

    def moved(values: Tokens) -> Ragged:
        flat = np.empty(offsets[-1], dtype=np.int32)
        flat[at] = values
        return Ragged(flat, offsets)

    packed_rows = segment_of(lengths).astype(np.int32)
    joined = Blocks(
        moved(blocks.places.values),
        moved(blocks.types.values),
        moved(packed_rows),
        moved(blocks.choices.values),
    )
    return Sequences(moved(sequences.tokens.values), np.zeros(where.lines, np.int64), joined)
