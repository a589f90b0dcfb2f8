"""Tokens of the choice view: the columns of a shard, its rows, and the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from pipeline.contract.manifest import Manifest, TaskEntry, read_manifest, refused
from pipeline.contract.ragged import Bools, Ints, Ragged, segment_of
from pipeline.contract.rows import IDS, RowTable, blocks, lists_of, ragged_column
from pipeline.contract.shards import RoleShards, TaskShard, open_role

FRAME = 4
"""Tokens of a sequence beside its two texts: `[CLS] prefix first [SEP] second [SEP]`."""

CHOICE_SHARD = pa.schema(
    [
        pa.field("context", IDS, nullable=False),
        pa.field("question", IDS, nullable=False),
        pa.field("choices", lists_of(IDS), nullable=False),
        pa.field("label", pa.int32()),  # gold choice; null = hidden, or several may be gold
        pa.field("labels", IDS),  # gold set of multi-label rows, else null
        pa.field("row", pa.uint32(), nullable=False),  # of `curated/<task>/<role>.parquet`
    ],
    metadata={"schema": "taskloom.tokens", "version": "1"},
)


@dataclass(frozen=True, slots=True)
class LongRows:
    """What becomes of a row that is too long.

    Attributes:
        rule: `truncate` cuts it, `drop` leaves it out, `split` makes several rows of its context,
            `error` refuses it.
        cut: Which part of a context that does not fit is lost.
        overlap: Tokens that two neighbouring windows of a split context share, at most; never more
            than half a window.
    """

    rule: Literal["truncate", "drop", "error", "split"] = "truncate"
    cut: Literal["context_end", "context_start", "context_middle"] = "context_end"
    overlap: int = 32


@dataclass(frozen=True, slots=True)
class Special:
    """Ids of the special tokens."""

    cls: int
    sep: int
    pad: int
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(RowTable):
    """R rows with C choices in all."""

    LISTS: ClassVar[Mapping[str, str]] = {"choices": "choice_offsets"}

    context: Ragged
    question: Ragged
    choices: Ragged
    """All choices of all rows, C segments."""
    choice_offsets: Ints
    """Row i has choices `choice_offsets[i]` to `choice_offsets[i + 1]`, (R + 1,)."""
    golds: Ragged
    """Gold set of multi-label rows; empty in others."""
    multi: Bools
    """Which rows are multi-label, (R,)."""

    @property
    def counts(self) -> Ints:
        """Choices of each row."""
        return np.diff(self.choice_offsets)


@dataclass(frozen=True, kw_only=True)
class ChoiceEntry(TaskEntry):
    """One shard.

    Attributes:
        curated_rows: Rows of the curated table that they came of.
        choices_max: Most choices of a row; 0 without rows.
        long_rows: Curated rows of which a sequence is longer than `max_tokens`, uncut.
        context_cut: Rows whose context lost tokens.
        choices_cut: Choices that lost tokens.
        split: Curated rows whose context became several rows.
        curated_sha256: Of the curated table.
    """

    curated_rows: int
    choices_max: int
    long_rows: int
    context_cut: int
    choices_cut: int
    split: int
    curated_sha256: str


@dataclass(frozen=True, kw_only=True)
class ChoiceManifest(Manifest):
    """The manifest of a role.

    Attributes:
        long_rows: The rule for longer rows, as it applied to this role.
    """

    SCHEMA: ClassVar[pa.Schema] = CHOICE_SHARD

    view: str = "choice"
    long_rows: LongRows
    tasks: tuple[ChoiceEntry, ...] = ()

    def rows(self, batch: pa.RecordBatch, task: int) -> Rows:
        """Return the rows of a shard; see `Manifest.rows`."""
        choices, golds = batch.column("choices"), batch.column("labels")
        return Rows(
            task=np.broadcast_to(np.int64(task), batch.num_rows),
            prefix=np.broadcast_to(np.int64(self.tasks[task].prefix_id), batch.num_rows),
            context=ragged_column(batch.column("context")),
            question=ragged_column(batch.column("question")),
            choices=ragged_column(choices.values),
            choice_offsets=choices.offsets.to_numpy(),
            label=batch.column("label").fill_null(-1).to_numpy(),
            golds=ragged_column(golds),
            multi=golds.is_valid().to_numpy(zero_copy_only=False),
            source=batch.column("row").to_numpy(),
        )

    def check(self, rows: Rows, entry: Any, where: str) -> None:
        """Compare the rows of a shard with themselves; see `Manifest.check`."""
        sets = rows.golds.lengths
        values = rows.golds.values
        outside = (values >= np.repeat(rows.counts, sets)) | (values < 0)
        bad = np.append(np.flatnonzero(rows.label >= rows.counts), segment_of(sets)[outside])
        if len(bad):
            what = f"row {bad.min()} has a label outside its choices"
            raise refused(what, where, "an index into the row's choices")
        context = FRAME + rows.context.lengths
        longest = max(
            int((np.repeat(context, rows.counts) + rows.choices.lengths).max(initial=0)),
            int((context + rows.question.lengths).max(initial=0)),
        )
        if longest > self.max_tokens:
            what = f"holds a sequence of {longest} tokens"
            raise refused(what, where, f"at most {self.max_tokens}, since the trainer cuts nothing")

    def row_tokens(self, rows: Rows) -> Ints:
        """Return the tokens of all sequences of each row's choices."""
        tokens = np.empty(len(rows), dtype=np.int64)
        for part, edges in blocks(len(rows)):
            first = rows.choice_offsets[edges]
            frames = np.diff(rows.context.offsets[edges]) + FRAME
            tokens[part] = np.diff(first) * frames + np.diff(rows.choices.offsets[first])
        return tokens


Shard: TypeAlias = TaskShard[Rows]
"""One task of the choice view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards(RoleShards[Rows, ChoiceManifest]):
    """All tasks of one role of the choice view, in name order."""

    @property
    def special(self) -> Special:
        """Ids of the special tokens."""
        return Special(**self.manifest.special)


def open_shards(folder: Path, *, verify: bool = True) -> Shards:
    """Memory-map the token shards of one role; see `shards.open_role`.

    Raises:
        ArtefactError: They are missing, damaged, or of another view.
    """
    return open_role(Shards, folder, read_manifest(folder, ChoiceManifest), verify=verify)
