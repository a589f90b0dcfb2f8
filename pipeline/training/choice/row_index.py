"""Where every row of every task lies, in one set of arrays: a batch of many tasks in few operations.

A shard is one file a task, so that gathering task by task costs the same few dozen array operations
for one row as for a thousand. Here the offsets of all tasks stand one after the other in memory (4
bytes each), and only the tokens themselves are copied task by task, out of the memory maps. Offsets of
task t start at (rows of the tasks before it) + t, since n rows have n + 1 offsets. Knows neither labels
nor files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.contract.ragged import LONG, Ints, Ragged, Tokens, offsets_of, segment_of, spread

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


def size(parts: Sequence[Ragged], rows: int) -> int:
    """Return the bytes of an index, about, in which each row has one of `parts`'s lists."""
    return 4 * (5 * rows + int(_sizes(parts).sum()))


def _sizes(parts: Sequence[Ragged]) -> Ints:
    return np.array([len(part.offsets) for part in parts], dtype=np.int64)


def _narrow(offsets: Sequence[Ints]) -> npt.NDArray[np.unsignedinteger]:
    most = max((int(part[-1]) for part in offsets), default=0)
    kind = np.uint32 if most < 2**32 else np.uint64
    return np.concatenate([part.astype(kind) for part in offsets] or [np.zeros(0, kind)])
