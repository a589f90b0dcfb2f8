"""Prompt and completion of a row, for language models.

A mixture of the text view has inputs already. A row of the choice view gets the built-in format,
`rendering.text_view.plain`: context, question (with its blank, if it is a cloze), options, and a line
`Answer:`. The input ends with a line break, so that the completion, which is the target alone, stands
on its own line when the two are joined. The task prefix is left out: it is a token of the encoder's
vocabulary, not a word.
"""

import polars as pl

from pipeline.rendering.text_view import plain


def prompts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `prompt` and `completion` of the rows that have a target; the rest is left out.

    Args:
        rows: Of an export's columns, of either view.
    """
    inputs = rows if "input" in rows.columns else plain(rows)
    pairs = inputs.select(prompt="input", completion="target")
    return pairs.filter(pl.col("completion").is_not_null())
