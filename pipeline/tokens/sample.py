"""What a tokenizer is trained on, and compared on: a bounded number of rows of each task.

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


def probe_texts(examples: pl.DataFrame, *, rows: int) -> list[str]:
    """Return texts on which two tokenizers that differ are likely to show it.

    Half of the rows are those with the lowest content hash; the others are, in that order, rows with a
    letter or sign beyond ASCII or a run of spaces, where tokenizers differ first.

    Args:
        examples: Train rows of one task (`schema.EXAMPLE`), in any order.
        rows: Most rows to take.
    """
    stem = pl.concat_str(
        pl.col("context"), pl.col("question"), pl.col("choices").list.join(" "), separator=" ."
    )
    odd = examples.filter(stem.str.contains(r"[^\x20-\x7e]|  "))
    plain = sample_texts(examples, rows=rows - rows // 2)
    return sorted({*plain, *sample_texts(odd, rows=rows // 2)})
