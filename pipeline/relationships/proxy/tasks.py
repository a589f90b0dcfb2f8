"""Tasks as fixed features: one vector a choice, several choices a row, one of them gold.

The features can be anything: an encoder's states, or drawn numbers in a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTask:
    """R rows of one task, O choices over all of them, D features a choice."""

    name: str
    features_OD: Floats
    first: Ints
    """Row i has choices `first[i]` to `first[i + 1]`, (R + 1,)."""
    gold: Ints
    """Gold choice of each row, counted inside the row, (R,)."""

    def __post_init__(self) -> None:
        counts = np.diff(self.first)
        if len(self.gold) != len(counts) or self.first[-1] != len(self.features_OD):
            raise DataError("choices, offsets and golds do not fit together", where=self.name)
        if len(self.gold) and not ((self.gold >= 0) & (self.gold < counts)).all():
            raise DataError("a gold choice lies outside its row's choices", where=self.name)

    def __len__(self) -> int:
        return len(self.gold)

    def take(self, rows: Ints) -> "FeatureTask":
        """Return the named rows, in that order."""
        counts = np.diff(self.first)[rows]
        first = np.concatenate([[0], np.cumsum(counts)])
        flat = np.repeat(self.first[rows] - first[:-1], counts) + np.arange(first[-1])
        return FeatureTask(
            name=self.name,
            features_OD=self.features_OD[flat],
            first=first,
            gold=self.gold[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """All rows of T tasks behind one another, choices padded to the most of any row."""

    names: tuple[str, ...]
    features_OD: Floats
    """Of all tasks; a row of zeros at the end stands for padding."""
    choices_RC: Ints
    """Index into the features; the last one is padding."""
    gold_R: Ints
    starts: Ints
    """Row at which each task starts, and the number of rows at the end, (T + 1,)."""

    @property
    def sizes(self) -> Ints:
        """Rows of each task."""
        return np.diff(self.starts)


def pool_tasks(tasks: Sequence[FeatureTask]) -> Pool:
    """Put tasks behind one another.

    Args:
        tasks: Of the same width; the sequence gives the tasks' indexes.

    Raises:
        DataError: Two tasks have one name, or their widths differ.
    """
    names = tuple(task.name for task in tasks)
    if len(set(names)) < len(names):
        raise DataError("a task is there twice", where=", ".join(names))
    widths = {task.features_OD.shape[1] for task in tasks}
    if len(widths) != 1:
        raise DataError(f"features have the widths {sorted(widths)}", expected="one width for all")
    counts = np.concatenate([np.diff(task.first) for task in tasks])
    first = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(int(counts.max(initial=1)))
    real = place < counts[:, None]
    padding = np.zeros((1, widths.pop()), dtype=np.float32)
    return Pool(
        names=names,
        features_OD=np.concatenate([*(task.features_OD for task in tasks), padding]),
        choices_RC=np.where(real, first[:-1, None] + place, first[-1]),
        gold_R=np.concatenate([task.gold for task in tasks]),
        starts=np.concatenate([[0], np.cumsum([len(task) for task in tasks])]).astype(np.int64),
    )
