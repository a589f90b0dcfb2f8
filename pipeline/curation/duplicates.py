"""Repeated and contradictory examples inside one task."""

import polars as pl

_INPUT = ("context", "question", "choices")
_GOLD = ("label", "labels", "target")


def duplicate_of(examples: pl.DataFrame) -> pl.DataFrame:
    """Return the examples that repeat an earlier one of their split, gold answer included.

    The first by `row` stays. Splits are compared each with itself: what train shares with held-out
    splits is overlap, and belongs to `overlap.py`.

    Args:
        examples: One task's examples with columns `split` and `row`, in any order.

    Returns:
        `example_id` of each repetition and `first_id`, the example that it repeats.
    """
    keys = ["split", "content_hash", *_GOLD]
    first = pl.col("example_id").sort_by("row").first().over(keys)
    return (
        examples.select("example_id", "row", first_id=first)
        .filter(pl.col("example_id") != pl.col("first_id"))
        .sort("row", "example_id")
        .select("example_id", "first_id")
    )


def conflicts(examples: pl.DataFrame) -> int:
    """Count the examples whose input also stands there with another gold answer.

    They are counted and kept. Nobody knows which of the labels is wrong, a noisy task would look clean
    without them, and repeated annotation of subjective texts is signal.
    """
    rows = examples.group_by(_INPUT).agg(
        rows=pl.len(), answers=pl.struct(*_GOLD).n_unique().cast(pl.Int64)
    )
    return int(rows.filter(pl.col("answers") > 1)["rows"].sum())
