"""Best-fit decreasing and the grouping of its result, compiled. Knows numbers only; see `pack`."""

import numba
import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.int32]
Counts = NDArray[np.int64]
Words = NDArray[np.uint64]
"""A set of small integers: bit `r & 63` of word `r >> 6` says whether `r` is in it."""


@numba.njit(cache=True)
def by_length(lengths: Lengths, capacity: int) -> tuple[Lengths, Counts]:
    """Return sequences sorted by length, in order among equals, and where each length starts."""
    starts = np.zeros(capacity + 2, np.int64)
    for i in range(len(lengths)):
        starts[lengths[i] + 1] += 1
    for length in range(1, capacity + 2):
        starts[length] += starts[length - 1]
    result = np.empty(len(lengths), np.int32)
    fill = starts.copy()
    for i in range(len(lengths)):
        result[fill[lengths[i]]] = i
        fill[lengths[i]] += 1
    return result, starts


@numba.njit(cache=True)
def fill_lines(lengths: Lengths, capacity: int, line_of: Lengths) -> int:
    """Write the line of each sequence into `line_of`; return the number of lines."""
    ordered, starts = by_length(lengths, capacity)
    head = np.full(capacity + 1, -1, np.int32)  # first line with this room; `after` links the rest
    after = np.empty(len(lengths), np.int32)
    rooms = np.zeros((capacity >> 6) + 1, np.uint64)
    lines = 0
    for length in range(capacity, 0, -1):
        at, end = starts[length], starts[length + 1]
        while at < end:
            room = next_room(rooms, length)
            if room < 0:
                line, room = lines, capacity
                lines += 1
            else:
                line = head[room]
                head[room] = after[line]
                if head[room] < 0:
                    rooms[room >> 6] &= ~(np.uint64(1) << np.uint64(room & 63))
            taken = min(end - at, room // length)
            for i in range(at, at + taken):
                line_of[ordered[i]] = line
            at += taken
            room -= taken * length
            if room > 0:
                after[line] = head[room]
                head[room] = line
                rooms[room >> 6] |= np.uint64(1) << np.uint64(room & 63)
    return lines


@numba.njit(cache=True)
def next_room(rooms: Words, least: int) -> int:
    """Return the smallest member from `least` up, -1 where there is none."""
    word = rooms[least >> 6] >> np.uint64(least & 63)
    if word:
        return least + trailing_zeros(word)
    for index in range((least >> 6) + 1, len(rooms)):
        if rooms[index]:
            return (index << 6) + trailing_zeros(rooms[index])
    return -1


@numba.njit(cache=True)
def trailing_zeros(word: np.uint64) -> int:
    """Return the number of the lowest bit that is set; `word` is not 0."""
    count = 0
    for shift in (32, 16, 8, 4, 2, 1):
        low = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
        if not word & low:
            word >>= np.uint64(shift)
            count += shift
    return count


@numba.njit(cache=True)
def grouped(line_of: Lengths, turn: Lengths, low: int) -> tuple[Counts, NDArray[np.uint32]]:
    """Group sequences by line.

    Args:
        line_of: Line of each sequence.
        turn: New number of each line.
        low: Position of the first sequence.

    Returns:
        Sequences of each line in its new turn; and their positions, line after line, ascending in each.
    """
    counts = np.zeros(len(turn), np.int64)
    for i in range(len(line_of)):
        counts[turn[line_of[i]]] += 1
    fill = np.zeros(len(turn), np.int64)
    for line in range(1, len(turn)):
        fill[line] = fill[line - 1] + counts[line - 1]
    placed = np.empty(len(line_of), np.uint32)
    for i in range(len(line_of)):
        line = turn[line_of[i]]
        placed[fill[line]] = low + i
        fill[line] += 1
    return counts, placed
