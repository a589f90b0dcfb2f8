"""Packing: sequences into lines of a fixed size, best fit decreasing, and lines put in a training order.

Sequences of a window are taken from long to short, and each goes to the line with the least room that
still holds it (best-fit decreasing: Johnson et al. 1974). Room is a small integer, so lines are kept in a
list for each room left, and a bitmap over these lists finds the next one that is not empty: constant
time a sequence in practice. Sequences of one length are placed together: a line that took one of them
and holds another has the least room of all that do. Which of several lines with equal room is taken
changes neither their number nor their fill.

Knows lengths and a seed; knows no task and no token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MixtureError
from pipeline.seeds import derive_rng
from pipeline.tokens.pack_kernels import fill_lines, grouped

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packs:
    """P lines that hold N sequences: line `i` has `positions[offsets[i] : offsets[i + 1]]`, ascending."""

    offsets: Ints
    positions: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sums(self, values_N: NDArray[Any]) -> Ints:
        """Return, for each line, the sum of its sequences' values, shape `(P,)`."""
        running = np.concatenate([[0], np.cumsum(values_N[self.positions], dtype=np.int64)])
        result: Ints = running[self.offsets[1:]] - running[self.offsets[:-1]]
        return result


def packed(
    lengths_N: NDArray[np.integer[Any]],
    *,
    capacity: int,
    window: int,
    seed: int,
    names: Sequence[str] = (),
    ends: Sequence[int] = (),
) -> Packs:
    """Pack sequences, window by window, every one into exactly one line.

    Args:
        lengths_N: Tokens of the sequence at each position, each from 1 to `capacity`.
        capacity: Tokens of a line.
        window: Positions that are packed together.
        seed: Seed of the run: decides the order of the lines of a window.
        names: What this packing belongs to, for the seed.
        ends: Positions at which a window ends whatever its size, such as the ends of phases.

    Returns:
        Lines; those of a window stand before those of the next, shuffled among themselves.

    Raises:
        MixtureError: A sequence is longer than a line, or has no token.
    """
    _check(lengths_N, capacity)
    narrow_N = np.ascontiguousarray(lengths_N, np.int32)
    counts, places = [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)]
    for index, (low, high) in enumerate(_windows(len(lengths_N), window, ends)):
        line_W, lines = best_fit(narrow_N[low:high], capacity)
        turn = derive_rng(seed, "packs", *names, index).permutation(lines).astype(np.int32)
        line_counts, placed = grouped(line_W, turn, low)
        counts.append(line_counts)
        places.append(placed)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    return Packs(offsets, np.concatenate(places))


def _check(lengths_N: NDArray[np.integer[Any]], capacity: int) -> None:
    if not len(lengths_N):
        return
    least, most = int(lengths_N.min()), int(lengths_N.max())
    if least < 1 or most > capacity:
        raise MixtureError(
            f"a sequence has {most if most > capacity else least} tokens",
            where="packing",
            expected=f"1 to {capacity}, the tokens of a line",
            remedy="raise text.pack_tokens, or lower tokenize.max_tokens",
        )


def _windows(positions: int, window: int, ends: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last position (excluded) of each window; near equal between two ends."""
    bounds = sorted({0, positions, *(end for end in ends if 0 < end < positions)})
    result: list[tuple[int, int]] = []
    for low, high in pairwise(bounds):
        parts = -(-(high - low) // window)
        cuts = [low + (high - low) * part // parts for part in range(parts + 1)]
        result += pairwise(cuts)
    return result


def lower_bound(lengths_N: NDArray[np.integer[Any]], capacity: int) -> int:
    """Return the fewest lines that could hold all tokens if sequences could be divided."""
    return -(-int(np.sum(lengths_N, dtype=np.int64)) // capacity)


def best_fit(lengths_W: NDArray[np.int32], capacity: int) -> tuple[NDArray[np.int32], int]:
    """Pack one window by best-fit decreasing.

    Args:
        lengths_W: Tokens of each sequence, from 1 to `capacity`.
        capacity: Tokens of a line.

    Returns:
        The line of each sequence, and the number of lines. Equal lengths are taken in order.
    """
    line_W = np.empty(len(lengths_W), np.int32)
    lines = int(fill_lines(lengths_W, capacity, line_W))
    return line_W, lines
