"""Where every row of every task lies, in one set of arrays: a batch of many tasks in few operations.

A shard is one file a task, so that gathering task by task costs the same few dozen array operations
for one row as for a thousand. Here the offsets of all tasks stand one after the other in memory (4
bytes each), and only the tokens themselves are copied task by task, out of the memory maps. Offsets of
task t start at (rows of the tasks before it) + t, since n rows have n + 1 offsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.contract.ragged import LONG, Ints, Ragged, Tokens, offsets_of, segment_of, spread
from pipeline.contract.rows import RowTable, wide

MOST_BYTES = 256_000_000
"""Largest index that is kept; above it, tasks are gathered one by one."""


@dataclass(frozen=True, slots=True)
class Column:
    """The segments of all tasks, task after task."""

    values: tuple[Tokens, ...]
    """Each task's own, memory-mapped."""
    offsets: npt.NDArray[np.unsignedinteger]
    """Into the values of the segment's task."""

    def take(self, at: Ints, cuts: Ints) -> Ragged:
        """Return segments.

        Args:
            at: Place of each in `offsets`, those of a task together, tasks in order.
            cuts: Those of task t are `at[cuts[t] : cuts[t + 1]]`.
        """
        starts = self.offsets[at].astype(np.int64)
        stops = self.offsets[at + 1].astype(np.int64)
        offsets = offsets_of(stops - starts)
        out = np.empty(offsets[-1], np.int32)
        if len(out) >= LONG * max(1, len(at)):
            task = segment_of(np.diff(cuts))
            places = zip(task.tolist(), starts.tolist(), stops.tolist(), strict=True)
            np.concatenate([self.values[t][low:high] for t, low, high in places], out=out)
        else:
            self._take_short(out, spread(starts, stops - starts), offsets[cuts])
        return Ragged(out, offsets)

    def _take_short(self, out: Tokens, index: Ints, ends: Ints) -> None:
        """Copy tokens; those of task t are `index[ends[t] : ends[t + 1]]`."""
        for task in np.flatnonzero(ends[1:] > ends[:-1]).tolist():
            low, high = ends[task], ends[task + 1]
            # `clip` spares a copy; offsets were checked when the shard was opened
            np.take(self.values[task], index[low:high], out=out[low:high], mode="clip")


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of segments of all tasks, task after task: each row's choices."""

    items: Column
    offsets: npt.NDArray[np.unsignedinteger]
    """Into the segments of the row's task."""
    first: Ints
    """Place of each task's first segment in `items.offsets`."""

    def take(self, at: Ints, cuts: Ints) -> tuple[Ragged, Ints]:
        """Return the segments of some lists, and the offsets of the lists; arguments as `Column`'s."""
        starts = self.offsets[at].astype(np.int64)
        counts = self.offsets[at + 1].astype(np.int64) - starts
        offsets = offsets_of(counts)
        task = segment_of(np.diff(cuts))
        return self.items.take(spread(starts + self.first[task], counts), offsets[cuts]), offsets


def column(parts: Sequence[Ragged]) -> Column:
    """Join the segments of all tasks; their values stay where they are."""
    return Column(tuple(part.values for part in parts), _narrow([part.offsets for part in parts]))


def lists(parts: Sequence[Ragged], offsets: Sequence[Ints]) -> Lists:
    """Join the lists of all tasks.

    Args:
        parts: Each task's segments.
        offsets: Each task's lists: list i has segments `offsets[i]` to `offsets[i + 1]`.
    """
    return Lists(column(parts), _narrow(offsets), offsets_of(_sizes(parts))[:-1])


@dataclass(frozen=True, slots=True)
class RowIndex:
    """All rows of all tasks, to gather a batch of many tasks at once."""

    kind: type[RowTable]
    starts: Ints
    """Mixture row at which each task starts, and the number of all rows at the end."""
    prefix: Ints
    """By task."""
    columns: Mapping[str, Column | Lists | np.ndarray]

    def gather(self, rows: Ints) -> Any:
        """Return mixture rows, given in ascending order, as a table of `kind`."""
        cuts = np.searchsorted(rows, self.starts)
        task = segment_of(np.diff(cuts))
        at = rows + task
        found: dict[str, Any] = {"task": task, "prefix": self.prefix[task]}
        for name, part in self.columns.items():
            if isinstance(part, Lists):
                found[name], found[self.kind.LISTS[name]] = part.take(at, cuts)
            else:
                found[name] = part.take(at, cuts) if isinstance(part, Column) else wide(part[rows])
        return self.kind(**found)


def row_index(parts: Sequence[RowTable]) -> RowIndex | None:
    """Join the rows of all tasks; None where there are none, or the index would be too large.

    Args:
        parts: The rows of each task.
    """
    if not parts or _size(parts) > MOST_BYTES:
        return None
    kind = type(parts[0])
    columns: dict[str, Column | Lists | np.ndarray] = {}
    for name in kind.columns():
        own = [getattr(part, name) for part in parts]
        if name in kind.LISTS:
            columns[name] = lists(own, [getattr(part, kind.LISTS[name]) for part in parts])
        elif isinstance(own[0], Ragged):
            columns[name] = column(own)
        elif name not in ("task", "prefix"):
            columns[name] = np.concatenate(own)
    return RowIndex(
        kind=kind,
        starts=offsets_of(np.array([len(part) for part in parts], dtype=np.int64)),
        prefix=np.array([part.prefix[0] if len(part) else 0 for part in parts], dtype=np.int64),
        columns=columns,
    )


def _size(parts: Sequence[RowTable]) -> int:
    """Return the bytes of an index, about: 4 for each offset."""
    return 4 * sum(
        len(column.offsets) if isinstance(column, Ragged) else len(part)
        for part in parts
        for name in part.columns()
        for column in [getattr(part, name)]
    )


def _sizes(parts: Sequence[Ragged]) -> Ints:
    return np.array([len(part.offsets) for part in parts], dtype=np.int64)


def _narrow(offsets: Sequence[Ints]) -> npt.NDArray[np.unsignedinteger]:
    most = max((int(part[-1]) for part in offsets), default=0)
    kind = np.uint32 if most < 2**32 else np.uint64
    return np.concatenate([part.astype(kind) for part in offsets] or [np.zeros(0, kind)])
