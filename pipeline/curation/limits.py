"""Limits on the rows that a task has in a role."""

import polars as pl


def limited(examples: pl.DataFrame, most: int | None) -> pl.DataFrame:
    """Return at most `most` examples, those of the lowest content hash, in the given order.

    The choice does not depend on the order of rows, and a larger limit keeps all that a smaller one
    kept. Null is no limit.
    """
    if most is None or examples.height <= most:
        return examples
    kept = examples.select("example_id", "content_hash").sort("content_hash", "example_id")
    chosen = kept.head(most)["example_id"]
    return examples.filter(pl.col("example_id").is_in(chosen.implode()))
