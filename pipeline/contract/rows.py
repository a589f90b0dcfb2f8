"""Rows of token shards as whole arrays: taken, join and gathered without a loop over rows.

A view declares its rows as a dataclass: segments of token ids (`Ragged`), or one number a row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from pipeline.contract.ragged import Ints, Ragged, join, offsets_of, spread

_BLOCK = 1 << 20
"""Rows whose lengths are computed at once."""


def lists_of(kind: pa.DataType) -> pa.LargeListType:
    """Return the type of lists of `kind`, none of whose items is null, with int64 offsets."""
    return pa.large_list(pa.field("item", kind, nullable=False))


IDS = lists_of(pa.int32())
"""Token ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """R rows: a whole task's, memory-mapped, or those gathered for a batch.

    Integers are int64, but for a whole task, where they are as narrow as the file has them.
    """

    LISTS: ClassVar[Mapping[str, str]] = {}
    """Fields that hold several segments a row -> the field of their offsets, (R + 1,)."""

    task: Ints
    """Index of each row's task among the manifest's, (R,)."""
    prefix: Ints
    """Token id of each row's prefix, (R,)."""
    label: Ints
    """Gold choice or option; -1 where it is hidden, or there is no single one, (R,)."""
    source: Ints
    """Row of the curated table, (R,)."""

    def __len__(self) -> int:
        return len(self.task)

    @classmethod
    def columns(cls) -> Iterator[str]:
        """Yield the names of the fields, but for offsets of lists."""
        return (item.name for item in fields(cls) if item.name not in cls.LISTS.values())

    def take(self, rows: Ints) -> Self:
        """Return the named rows, in that order; one may be named more than once."""
        taken: dict[str, Any] = {}
        for name in self.columns():
            column = getattr(self, name)
            if name in self.LISTS:
                offsets = getattr(self, self.LISTS[name])
                starts = offsets[rows]
                counts = offsets[rows + 1] - starts
                taken[self.LISTS[name]] = offsets_of(counts)
                taken[name] = column.take(spread(starts, counts))
            else:
                taken[name] = (
                    column.take(rows) if isinstance(column, Ragged) else wide(column[rows])
                )
        return type(self)(**taken)


def stack(parts: Sequence[RowTable]) -> Any:
    """Return the rows of all parts, one part after the other; one part at least."""
    first = parts[0]
    stacked: dict[str, Any] = {}
    for name in first.columns():
        columns = [getattr(part, name) for part in parts]
        ragged = isinstance(columns[0], Ragged)
        stacked[name] = join(columns) if ragged else np.concatenate(columns)
    for name in first.LISTS.values():
        counts = [np.diff(getattr(part, name)) for part in parts]
        stacked[name] = offsets_of(np.concatenate(counts))
    return type(first)(**stacked)


def wide(column: np.ndarray) -> np.ndarray:
    """Return a column of numbers as int64, of truth values as it is."""
    return column if column.dtype == bool else column.astype(np.int64)


def list_column(rows: Ragged, kind: pa.DataType = IDS) -> pa.LargeListArray:
    """Return segments as a column, without a copy."""
    return pa.LargeListArray.from_arrays(pa.array(rows.offsets), pa.array(rows.values), type=kind)


def ragged_column(column: pa.LargeListArray) -> Ragged:
    """Return a list column as values and offsets that start from 0, without a copy of the values."""
    offsets = column.offsets.to_numpy()
    values = column.values.to_numpy()[offsets[0] : offsets[-1]]
    return Ragged(values, offsets - offsets[0] if offsets[0] else offsets)


def blocks(rows: int) -> Iterator[tuple[slice, slice]]:
    """Yield blocks of rows, and of the offsets at their edges, so that little is held at once."""
    for low in range(0, rows, _BLOCK):
        high = min(low + _BLOCK, rows)
        yield slice(low, high), slice(low, high + 1)
