"""Rows of unequal length in two flat arrays, and the one gather that everything here is made of.

Knows nothing of text or vocabulary.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Offsets = NDArray[np.int64]

_STEP = 262_144


@dataclass(frozen=True, slots=True)
class Ragged:
    """`n` rows of int32: row `i` is `values[offsets[i]:offsets[i + 1]]`.

    Attributes:
        values: All rows, one after the other.
        offsets: Shape `(n + 1,)`, rising from 0 to `len(values)`.
    """

    values: Ids
    offsets: Offsets

    @property
    def lengths(self) -> Offsets:
        """Length of each row, shape `(n,)`."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Ids:
        return self.values[self.offsets[row] : self.offsets[row + 1]]


@dataclass(frozen=True, slots=True)
class Coded:
    """`n` rows, many of them equal: row `i` is `pool[codes[i]]`.

    Attributes:
        pool: The distinct rows.
        codes: Shape `(n,)`, each in `[0, len(pool))`.
    """

    pool: Ragged
    codes: Offsets

    @property
    def lengths(self) -> Offsets:
        """Length of each row, shape `(n,)`."""
        return self.pool.lengths[self.codes]

    @property
    def starts(self) -> Offsets:
        """Where each row starts in `pool.values`, shape `(n,)`."""
        return self.pool.offsets[self.codes]

    def take(self, rows: Offsets) -> "Coded":
        """Return the named rows, in that order, of the same pool."""
        return Coded(self.pool, self.codes[rows])

    def rows(self) -> Ragged:
        """Write every row out."""
        return gather(self.pool.values, self.starts, self.lengths)


def offsets_of(lengths: NDArray[np.integer]) -> Offsets:
    """Return `[0, l0, l0 + l1, ...]`, shape `(n + 1,)`."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def gather(values: Ids, starts: Offsets, lengths: Offsets) -> Ragged:
    """Copy the pieces `values[starts[i] : starts[i] + lengths[i]]` into one ragged array.

    Memory beside the result is bounded: the index is built for a fixed number of pieces at a time.
    """
    offsets = offsets_of(lengths)
    out = np.empty(offsets[-1], np.int32)
    for low in range(0, len(lengths), _STEP):
        high = min(low + _STEP, len(lengths))
        first, last = offsets[low], offsets[high]
        shift = starts[low:high] - offsets[low:high]
        index = np.arange(first, last) + np.repeat(shift, lengths[low:high])
        np.take(values, index, out=out[first:last])
    return Ragged(out, offsets)
