"""What token shards of both views have in common: tasks in name order, each with its rows.

Knows neither a view's columns nor its rules.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import pyarrow as pa

from pipeline.contract.files import REMEDY
from pipeline.contract.ragged import Ints, Ragged, offsets_of
from pipeline.errors import ArtefactError


class RowTable(Protocol):
    """Rows of a view."""

    def __len__(self) -> int: ...

    def take(self, rows: Ints) -> Self:
        """Return the named rows, in that order."""


Table = TypeVar("Table", bound=RowTable)


def lists_of(kind: pa.DataType) -> pa.LargeListType:
    """Return the type of lists of `kind`, none of whose items is null, with int64 offsets."""
    return pa.large_list(pa.field("item", kind, nullable=False))


IDS = lists_of(pa.int32())
"""Token ids."""


@dataclass(frozen=True, slots=True)
class TaskShard(Generic[Table]):
    """One task: all of its rows, memory-mapped."""

    task: str
    form: str
    prefix_id: int
    start: int
    """Mixture row of its first row."""
    rows: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleShards(Generic[Table]):
    """All tasks of one role, in name order."""

    role: str
    max_tokens: int
    vocabulary: int
    tokenizer_sha256: str
    shards: tuple[TaskShard[Table], ...]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return [shard.task for shard in self.shards]

    @property
    def prefixes(self) -> dict[str, int]:
        """Token id of each task's prefix."""
        return {shard.task: shard.prefix_id for shard in self.shards}

    @property
    def starts(self) -> Ints:
        """Mixture row at which each task starts, and the number of all rows at the end."""
        return offsets_of(np.array([len(shard.rows) for shard in self.shards], dtype=np.int64))

    def parts(self, ascending: Ints) -> list[Table]:
        """Return the named mixture rows, given in ascending order, task by task; empty ones left out."""
        cuts = np.searchsorted(ascending, self.starts)
        return [
            shard.rows.take(ascending[low:high] - shard.start)
            for shard, low, high in zip(self.shards, cuts[:-1], cuts[1:], strict=True)
            if high > low
        ]

    def check_places(self, folder: Path) -> None:
        """Compare names and starts with the shards.

        Raises:
            ArtefactError: The manifest in `folder` has tasks out of order, or wrong starts.
        """
        starts = [shard.start for shard in self.shards]
        if starts != self.starts[:-1].tolist() or self.tasks != sorted(self.tasks):
            raise ArtefactError(
                "tasks are not in name order, or a start is not the sum of the rows before it",
                where=str(folder / "manifest.json"),
                remedy=REMEDY,
            )


def ragged_column(column: pa.LargeListArray) -> Ragged:
    """Return a list column as values and offsets that start from 0, without a copy of the values."""
    offsets = column.offsets.to_numpy()
    values = column.values.to_numpy()[offsets[0] : offsets[-1]]
    return Ragged(values, offsets - offsets[0] if offsets[0] else offsets)
