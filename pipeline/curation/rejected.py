"""Records that are no examples, by task, split and reason, as a person looks at them."""

from collections.abc import Mapping

import polars as pl

_SHOWN = 3
"""Values of one reason that are shown."""

REJECTED = pl.Schema(
    {
        "task": pl.String,
        "split": pl.String,
        "reason": pl.String,
        "rows": pl.Int64,
        "share": pl.Float64,
        "examples": pl.String,
    }
)
"""Columns of `by_reason`: `share` is of the split's records, `examples` are up to three values."""


def by_reason(task: str, rejects: pl.DataFrame, read: Mapping[str, int]) -> pl.DataFrame:
    """Count the rejects of one task by split and reason, the most frequent first.

    Args:
        task: Name of the task.
        rejects: Columns of `schema.REJECT`.
        read: Records of each split, rejects among them.
    """
    plain = rejects.with_columns(pl.col("split", "reason").cast(pl.String))
    counts = plain.group_by("split", "reason").agg(
        rows=pl.len().cast(pl.Int64),
        examples=pl.col("detail").unique(maintain_order=True).head(_SHOWN).str.join(" | "),
    )
    share = pl.col("rows") / pl.col("split").replace_strict(dict(read), return_dtype=pl.Float64)
    return (
        counts.with_columns(task=pl.lit(task), share=share if read else pl.lit(0.0))
        .sort("split", pl.col("rows").neg(), "reason")
        .select(REJECTED.names())
        .cast(REJECTED)
    )
