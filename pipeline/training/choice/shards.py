"""Token shards: one memory-mapped Arrow file a task, read by mixture row.

Opens what ARCHITECTURE.md calls tokens and checks it; gathers the rows of a batch with whole-array
operations. Knows nothing of orders, models or losses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from pipeline.contract.choice import CHOICE_SHARD, FRAME, VIEW
from pipeline.contract.files import check_sha256, read_arrow, read_manifest
from pipeline.contract.ragged import Bools, Ints, Ragged, joined, offsets_of, segment_of, spread
from pipeline.contract.shards import RoleShards, TaskShard, ragged_column
from pipeline.training.choice.row_checks import check_rows
from pipeline.training.choice.row_index import MOST_BYTES, Column, Lists, column, lists, size

VERSION = 1
_KEYS = ("max_tokens", "vocabulary", "special", "tokenizer_sha256", "tasks")


@dataclass(frozen=True, slots=True)
class Special:
    """Ids of the special tokens."""

    cls: int
    sep: int
    pad: int
    mask: int


@dataclass(frozen=True, slots=True)
class Rows:
    """R rows with C choices in all: a whole task's, memory-mapped, or those gathered for a batch.

    Integers are int64, but for a whole task, where they are as narrow as the file has them.
    """

    task: Ints
    """Index of each row's task among the manifest's, (R,)."""
    prefix: Ints
    """Token id of each row's prefix, (R,)."""
    context: Ragged
    question: Ragged
    choices: Ragged
    """All choices of all rows, C segments."""
    choice_offsets: Ints
    """Row i has choices `choice_offsets[i]` to `choice_offsets[i + 1]`, (R + 1,)."""
    label: Ints
    """Gold choice; -1 where hidden and in multi-label rows, (R,)."""
    golds: Ragged
    """Gold set of multi-label rows; empty in others."""
    multi: Bools
    """Which rows are multi-label, (R,)."""
    source: Ints
    """Row of the curated table, (R,)."""

    def __len__(self) -> int:
        return len(self.task)

    @property
    def counts(self) -> Ints:
        """Choices of each row."""
        return np.diff(self.choice_offsets)

    def take(self, rows: Ints) -> "Rows":
        """Return the named rows, in that order."""
        starts = self.choice_offsets[rows]
        counts = self.choice_offsets[rows + 1] - starts
        return Rows(
            task=self.task[rows],
            prefix=self.prefix[rows],
            context=self.context.take(rows),
            question=self.question.take(rows),
            choices=self.choices.take(spread(starts, counts)),
            choice_offsets=offsets_of(counts),
            label=self.label[rows].astype(np.int64),
            golds=self.golds.take(rows),
            multi=self.multi[rows],
            source=self.source[rows].astype(np.int64),
        )


Shard: TypeAlias = TaskShard[Rows]
"""One task of the choice view."""


@dataclass(frozen=True, slots=True)
class Index:
    """All rows of all tasks, to gather a batch of many tasks at once."""

    starts: Ints
    """Mixture row at which each task starts, and the number of all rows at the end."""
    prefix: Ints
    """By task."""
    context: Column
    question: Column
    choices: Lists
    golds: Column
    label: Ints
    multi: Bools
    source: Ints

    def gather(self, rows: Ints) -> Rows:
        """Return mixture rows, given in ascending order."""
        cuts = np.searchsorted(rows, self.starts)
        task = segment_of(np.diff(cuts))
        at = rows + task
        choices, choice_offsets = self.choices.take(at, cuts)
        return Rows(
            task=task,
            prefix=self.prefix[task],
            context=self.context.take(at, cuts),
            question=self.question.take(at, cuts),
            choices=choices,
            choice_offsets=choice_offsets,
            label=self.label[rows].astype(np.int64),
            golds=self.golds.take(at, cuts),
            multi=self.multi[rows],
            source=self.source[rows].astype(np.int64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards(RoleShards[Rows]):
    """All tasks of one role, in name order."""

    special: Special
    index: Index | None
    """None where it would be too large: tasks are gathered one by one then."""

    def gather(self, mixture_rows: Ints) -> Rows:
        """Return the named rows; no loop turn for a row.

        Args:
            mixture_rows: In ascending order, so that the result is in the same order.
        """
        if self.index is not None:
            return self.index.gather(mixture_rows)
        parts = self.parts(mixture_rows)
        return _stacked(parts) if len(parts) != 1 else parts[0]


def _indexed(shards: Sequence[Shard]) -> Index | None:
    parts = [shard.rows for shard in shards]
    choices = [part.choices for part in parts]
    if not parts or size(choices, sum(map(len, parts))) > MOST_BYTES:
        return None
    return Index(
        starts=offsets_of(np.array([len(part) for part in parts], dtype=np.int64)),
        prefix=np.array([shard.prefix_id for shard in shards], dtype=np.int64),
        context=column([part.context for part in parts]),
        question=column([part.question for part in parts]),
        choices=lists(choices, [part.choice_offsets for part in parts]),
        golds=column([part.golds for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        multi=np.concatenate([part.multi for part in parts]),
        source=np.concatenate([part.source for part in parts]),
    )


def _stacked(parts: list[Rows]) -> Rows:
    counts = [part.counts for part in parts]
    return Rows(
        task=np.concatenate([part.task for part in parts]),
        prefix=np.concatenate([part.prefix for part in parts]),
        context=joined([part.context for part in parts]),
        question=joined([part.question for part in parts]),
        choices=joined([part.choices for part in parts]),
        choice_offsets=offsets_of(np.concatenate(counts)),
        label=np.concatenate([part.label for part in parts]),
        golds=joined([part.golds for part in parts]),
        multi=np.concatenate([part.multi for part in parts]),
        source=np.concatenate([part.source for part in parts]),
    )


def open_shards(folder: Path, *, verify: bool = True) -> Shards:
    """Memory-map the token shards of one role and check that they are what the manifest says.

    Args:
        folder: `tokens/<role>`.
        verify: Whether the files' hashes are compared too.

    Raises:
        ArtefactError: A file is missing, truncated, changed, of another version, or holds a label
            outside its choices or a sequence longer than `max_tokens`.
    """
    manifest = read_manifest(folder, version=VERSION, keys=_KEYS, view=VIEW)
    shards = []
    for index, entry in enumerate(manifest["tasks"]):
        path = folder / f"{entry['task']}.arrow"
        if verify:
            check_sha256(path, entry["sha256"])
        rows = _map_rows(path, index, entry["prefix_id"])
        check_rows(rows, entry, path, max_tokens=manifest["max_tokens"], frame=FRAME)
        shards.append(
            TaskShard(entry["task"], entry["form"], entry["prefix_id"], entry["start"], rows)
        )
    opened = Shards(
        role=manifest["role"],
        max_tokens=manifest["max_tokens"],
        vocabulary=manifest["vocabulary"],
        special=Special(**manifest["special"]),
        tokenizer_sha256=manifest["tokenizer_sha256"],
        shards=tuple(shards),
        index=_indexed(shards),
    )
    opened.check_places(folder)
    return opened


def _map_rows(path: Path, task: int, prefix: int) -> Rows:
    batch = read_arrow(path, CHOICE_SHARD)
    rows = batch.num_rows
    choices = batch.column("choices")
    golds = batch.column("labels")
    multi = golds.is_valid().to_numpy(zero_copy_only=False)
    return Rows(
        task=np.broadcast_to(np.int64(task), rows),
        prefix=np.broadcast_to(np.int64(prefix), rows),
        context=ragged_column(batch.column("context")),
        question=ragged_column(batch.column("question")),
        choices=ragged_column(choices.values),
        choice_offsets=choices.offsets.to_numpy(),
        label=batch.column("label").fill_null(-1).to_numpy(),
        golds=ragged_column(golds),
        multi=multi,
        source=batch.column("row").to_numpy(),
    )
