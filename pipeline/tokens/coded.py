"""Rows many of which are equal: each distinct row once, and a code for every row."""

from dataclasses import dataclass

from pipeline.contract.ragged import Ints, Ragged, gather


@dataclass(frozen=True, slots=True)
class Coded:
    """`n` rows, many of them equal: row `i` is `pool[codes[i]]`.

    Attributes:
        pool: The distinct rows.
        codes: Shape `(n,)`, each in `[0, len(pool))`.
    """

    pool: Ragged
    codes: Ints

    @property
    def lengths(self) -> Ints:
        """Length of each row, shape `(n,)`."""
        return self.pool.lengths[self.codes]

    @property
    def starts(self) -> Ints:
        """Where each row starts in `pool.values`, shape `(n,)`."""
        return self.pool.offsets[self.codes]

    def take(self, rows: Ints) -> "Coded":
        """Return the named rows, in that order, of the same pool."""
        return Coded(self.pool, self.codes[rows])

    def rows(self) -> Ragged:
        """Write every row out."""
        return gather(self.pool.values, self.starts, self.lengths)
