"""Lists of lists of numbers as one flat array and offsets, and arithmetic on them.

No function here loops over rows in Python. Knows numpy alone: no token, no task.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def offsets_of(lengths: Ints) -> Ints:
    """Return the offsets of segments of these lengths: one more than there are segments."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def spread(starts: Ints, lengths: Ints) -> Ints:
    """Return `starts[i], starts[i] + 1, ...` for `lengths[i]` numbers, segment after segment."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    shifts: Ints = np.repeat(starts - (ends - lengths), lengths)
    return shifts + np.arange(total, dtype=np.int64)


def segment_of(lengths: Ints) -> Ints:
    """Return, for every element of segments of these lengths, the index of its segment."""
    return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)


@dataclass(frozen=True, slots=True)
class Ragged:
    """Segment i is `values[offsets[i] : offsets[i + 1]]`; `values` may be a memory map."""

    values: Tokens
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Length of each segment."""
        return np.diff(self.offsets)

    def take(self, segments: Ints) -> "Ragged":
        """Return the named segments, in that order; one may be named more than once."""
        starts = self.offsets[segments]
        lengths = self.offsets[segments + 1] - starts
        return Ragged(self.values[spread(starts, lengths)], offsets_of(lengths))


def joined(parts: list[Ragged]) -> Ragged:
    """Return the segments of all parts, one part after the other."""
    lengths = [part.lengths for part in parts]
    values = [part.values[part.offsets[0] : part.offsets[-1]] for part in parts]
    if not parts:
        return Ragged(np.empty(0, np.int32), np.zeros(1, np.int64))
    return Ragged(np.concatenate(values), offsets_of(np.concatenate(lengths)))


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
