"""One task's rows of one role as an Arrow table of flat values and offsets, and back.

A shard is one record batch, memory-mapped when read: the arrays of a `Shard` are views into the file.
Knows no text and no vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.contract.choice import CHOICE_SHARD, FRAME
from pipeline.contract.ragged import Ints, Ragged
from pipeline.contract.shards import IDS
from pipeline.tokens.fit import Fitted

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class Shard:
    """R rows of one task, O choices over all of them.

    Attributes:
        context: R rows of ids.
        question: R rows of ids.
        choices: O rows of ids.
        first: Shape `(R + 1,)`: row `i` has choices `first[i]` to `first[i + 1]`.
        label: Shape `(R,)`: gold choice; `NO_LABEL` = hidden, or several may be gold.
        labels: R gold sets; empty where the row is not multi-label, or has an empty set.
        row: Shape `(R,)`: row of the curated table.
    """

    context: Ragged
    question: Ragged
    choices: Ragged
    first: Ints
    label: NDArray[np.int32]
    labels: Ragged
    row: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def counts(self) -> Ints:
        """Choices of each row, shape `(R,)`."""
        return np.diff(self.first)

    @property
    def sequence_lengths(self) -> Ints:
        """Tokens of each choice's whole sequence, specials and prefix included, shape `(O,)`."""
        return FRAME + np.repeat(self.context.lengths, self.counts) + self.choices.lengths

    @property
    def row_tokens(self) -> Ints:
        """Tokens of all sequences of a row, shape `(R,)`."""
        totals = np.concatenate([[0], np.cumsum(self.sequence_lengths)])
        return np.asarray(totals[self.first[1:]] - totals[self.first[:-1]], np.int64)


def shard_table(fitted: Fitted, label: pl.Series, labels: pl.Series) -> pa.Table:
    """Return rows as a table of `CHOICE_SHARD`, in their order; `row` leads back to the row each is of.

    Args:
        fitted: The rows, W of them, which came of R rows.
        label: R gold choices, null = none.
        labels: R gold sets, null = not multi-label.
    """
    label, labels = label.gather(fitted.row), labels.gather(fitted.row)
    choices = pa.LargeListArray.from_arrays(
        pa.array(fitted.first), _ids(fitted.choices), type=CHOICE_SHARD.field("choices").type
    )
    gold = pa.array(label.fill_null(0).to_numpy(), pa.int32(), mask=label.is_null().to_numpy())
    columns = {
        "context": _ids(fitted.context),
        "question": _ids(fitted.question),
        "choices": choices,
        "label": gold,
        "labels": _gold_sets(labels),
        "row": pa.array(fitted.row.astype(np.uint32)),
    }
    return pa.Table.from_pydict(columns, schema=CHOICE_SHARD)


def shard_arrays(batch: pa.RecordBatch) -> Shard:
    """Return the arrays of a table of `CHOICE_SHARD`, without copying ids."""
    choices = batch.column("choices")
    return Shard(
        context=_ragged(batch.column("context")),
        question=_ragged(batch.column("question")),
        choices=_ragged(choices.values),
        first=_offsets(choices),
        label=pc.fill_null(batch.column("label"), NO_LABEL).to_numpy(zero_copy_only=False),
        labels=_ragged(batch.column("labels")),
        row=batch.column("row").to_numpy(),
    )


def _ids(rows: Ragged) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(rows.offsets), pa.array(rows.values), type=IDS)


def _gold_sets(labels: pl.Series) -> pa.LargeListArray:
    """Build the list column by hand, so that nothing lies under a null."""
    missing = labels.is_null()
    lengths = labels.list.len().fill_null(0).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    full = labels.filter(labels.list.len().fill_null(0) > 0)
    values = full.explode().cast(pl.Int32).to_numpy() if len(full) else np.empty(0, np.int32)
    mask = pa.array(missing.to_numpy()) if missing.any() else None
    return pa.LargeListArray.from_arrays(
        pa.array(offsets), pa.array(values, pa.int32()), type=IDS, mask=mask
    )


def _ragged(column: pa.LargeListArray) -> Ragged:
    return Ragged(column.values.to_numpy(), _offsets(column))


def _offsets(column: pa.LargeListArray) -> Ints:
    return np.asarray(column.offsets.to_numpy(), np.int64)
