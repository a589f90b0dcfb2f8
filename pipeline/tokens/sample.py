"""What a tokenizer is trained on: a bounded number of rows of each task, whatever their weights.

Knows the example schema.
"""

import polars as pl

ROWS_PER_TASK = 2_000


def sample_texts(examples: pl.DataFrame, *, rows: int = ROWS_PER_TASK) -> list[str]:
    """Return the distinct texts of the `rows` examples with the lowest content hash, sorted.

    Args:
        examples: Train rows of one task (`schema.EXAMPLE`), in any order: the choice depends on
            their content alone.
        rows: Most rows to take.

    Returns:
        Contexts, questions, choices and targets, each text once, none empty.
    """
    taken = examples.sort("content_hash", "example_id").head(rows)
    columns = [taken[name].cast(pl.String) for name in ("context", "question", "target")]
    choices = taken["choices"].explode(empty_as_null=False).cast(pl.String)
    texts = pl.concat([column.alias("text") for column in (*columns, choices)])
    return texts.drop_nulls().filter(texts.drop_nulls() != "").unique().sort().to_list()
