"""Fitted rows as token shards of the choice view."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.contract.choice import CHOICE_SHARD, ChoiceEntry
from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.rows import IDS, list_column
from pipeline.tokens.fit import Fitted

_COUNTED = ("tokens", "long_rows", "context_cut", "choices_cut", "dropped", "split", "tokens_lost")


def write_shard(
    path: Path,
    fitted: Fitted,
    view: pl.DataFrame,
    *,
    task: str,
    form: str,
    prefix_id: int,
    curated_sha256: str,
) -> ChoiceEntry:
    """Write one task's shard and return its entry.

    Args:
        path: File to write.
        fitted: The rows.
        view: The rows that were fitted, with `label` and `labels`.
        task: Name.
        form: Of its rows.
        prefix_id: Id of its prefix token.
        curated_sha256: Of the curated table.
    """
    write_arrow(shard_table(fitted, view["label"], view["labels"]), path)
    counts = np.diff(fitted.first)
    return ChoiceEntry(
        task=task,
        form=form,
        rows=len(counts),
        curated_rows=view.height,
        choices_max=int(counts.max(initial=0)),
        **{name: getattr(fitted, name) for name in _COUNTED},
        prefix_id=prefix_id,
        sha256=sha256(path),
        curated_sha256=curated_sha256,
    )


def shard_table(fitted: Fitted, label: pl.Series, labels: pl.Series) -> pa.Table:
    """Return rows as a table of `CHOICE_SHARD`, in their order; `row` leads back to the row each is of.

    Args:
        fitted: The rows, W of them, which came of R rows.
        label: R gold choices, null = none.
        labels: R gold sets, null = not multi-label.
    """
    label, labels = label.gather(fitted.row), labels.gather(fitted.row)
    choices = pa.LargeListArray.from_arrays(
        pa.array(fitted.first),
        list_column(fitted.choices),
        type=CHOICE_SHARD.field("choices").type,
    )
    columns = {
        "context": list_column(fitted.context),
        "question": list_column(fitted.question),
        "choices": choices,
        "label": gold_column(label),
        "labels": _gold_sets(labels),
        "row": pa.array(fitted.row.astype(np.uint32)),
    }
    return pa.Table.from_pydict(columns, schema=CHOICE_SHARD)


def gold_column(label: pl.Series) -> pa.Array:
    """Return gold indices as a column; 0 lies under a null."""
    return pa.array(label.fill_null(0).to_numpy(), pa.int32(), mask=label.is_null().to_numpy())


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
