"""Lists of lists of numbers as one flat array and offsets, and arithmetic on them.

No function here loops over rows in Python, except to copy long segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def offsets_of(lengths: npt.NDArray[np.integer]) -> Ints:
    """Return `[0, l0, l0 + l1, ...]`, shape `(n + 1,)`."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def spread(starts: Ints, lengths: Ints) -> Ints:
    """Return `starts[i], starts[i] + 1, ...` for `lengths[i]` numbers, segment after segment."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    if total < _FEW * len(lengths):
        shifts: Ints = np.repeat(starts - (ends - lengths), lengths)
        return shifts + np.arange(total, dtype=np.int64)
    # a running sum of ones, with a jump where a segment begins: one array in place of three
    full = np.flatnonzero(lengths)
    steps = np.ones(total, dtype=np.int64)
    if total:
        begins, sizes = starts[full], lengths[full]
        steps[0] = begins[0]
        steps[ends[full[:-1]]] = begins[1:] - begins[:-1] - sizes[:-1] + 1
    return np.cumsum(steps, out=steps)


def segment_of(lengths: Ints) -> Ints:
    """Return, for every element of segments of these lengths, the index of its segment."""
    return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)


_FEW = 8
"""Mean length below which repeating a shift for every element is faster than a running sum."""

LONG = 128
"""Mean length from which copying segments one by one is faster than an index of every element."""

_STEP = 262_144
"""Pieces that are copied at a time."""


def gather(values: Tokens, starts: Ints, lengths: Ints, out: Tokens | None = None) -> "Ragged":
    """Copy the pieces `values[starts[i] : starts[i] + lengths[i]]` into one ragged array.

    Memory beside the result is bounded: the index is built for a fixed number of pieces at a time.

    Args:
        values: What to copy from; may be a memory map.
        starts: Shape `(n,)`.
        lengths: Shape `(n,)`.
        out: Buffer for the values, which the result is then a view of; at least as long as they are
            together. A fresh one of many pages costs as much as the copy.
    """
    offsets = offsets_of(lengths)
    total = int(offsets[-1])
    out = np.empty(total, values.dtype) if out is None else out[:total]
    for low in range(0, len(lengths), _STEP):
        step = slice(low, low + _STEP)
        part = out[offsets[low] : offsets[min(low + _STEP, len(lengths))]]
        if len(part) >= LONG * len(lengths[step]):
            pairs = zip(starts[step].tolist(), (starts + lengths)[step].tolist(), strict=True)
            np.concatenate([values[first:end] for first, end in pairs], out=part)
        else:
            # `clip` spares a copy; pieces lie inside the values
            np.take(values, spread(starts[step], lengths[step]), out=part, mode="clip")
    return Ragged(out, offsets)


@dataclass(frozen=True, slots=True)
class Ragged:
    """`n` segments of int32: segment `i` is `values[offsets[i] : offsets[i + 1]]`.

    Attributes:
        values: All segments, one after the other; may be a memory map.
        offsets: Shape `(n + 1,)`, rising from 0.
    """

    values: Tokens
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, segment: int) -> Tokens:
        return self.values[self.offsets[segment] : self.offsets[segment + 1]]

    @property
    def lengths(self) -> Ints:
        """Length of each segment, shape `(n,)`."""
        return np.diff(self.offsets)

    def take(self, segments: Ints, out: Tokens | None = None) -> "Ragged":
        """Return the named segments, in that order; one may be named more than once.

        Args:
            segments: Which.
            out: Buffer for the values; see `gather`.
        """
        starts = self.offsets[segments]
        return gather(self.values, starts, self.offsets[segments + 1] - starts, out)


def join(parts: Sequence[Ragged]) -> Ragged:
    """Return the segments of all parts, one part after the other."""
    lengths = [part.lengths for part in parts]
    values = [part.values[part.offsets[0] : part.offsets[-1]] for part in parts]
    if not parts:
        return Ragged(np.empty(0, np.int32), np.zeros(1, np.int64))
    return Ragged(np.concatenate(values), offsets_of(np.concatenate(lengths)))


def concatenate(*parts: Ragged | Ints | int) -> Ragged:
    """Return, for each of n rows, its parts one after the other.

    Args:
        *parts: At least one `Ragged` of n segments; an array of shape `(n,)` gives each row one token,
            and a number gives every row the same one.
    """
    lengths = sum(part.lengths if isinstance(part, Ragged) else 1 for part in parts)
    offsets = offsets_of(np.asarray(lengths))
    values = np.empty(offsets[-1], dtype=np.int32)
    at = offsets[:-1].copy()
    for part in parts:
        if isinstance(part, Ragged):
            values[spread(at, part.lengths)] = part.values[part.offsets[0] : part.offsets[-1]]
            at += part.lengths
        else:
            values[at] = part
            at += 1
    return Ragged(values, offsets)


def padded(ragged: Ragged, fill: int) -> tuple[Ints, Bools]:
    """Return the segments as a rectangle, and which of its cells are theirs.

    Returns:
        int64 values and booleans, segments x longest segment (at least 1).
    """
    lengths = ragged.lengths
    longest = max(1, int(lengths.max(initial=0)))
    real = np.arange(longest) < lengths[:, None]
    rectangle = np.full(real.shape, fill, dtype=np.int64)
    rectangle[real] = ragged.values
    return rectangle, real
