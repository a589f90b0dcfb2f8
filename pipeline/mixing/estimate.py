"""Estimates before anything is tokenised: tokens from characters, time from the size of the model.

All figures here are rough. Exact figures come from the stored lengths of rows.
"""

import polars as pl

from pipeline.contract.choice import FRAME

CHARACTERS_PER_TOKEN = 4.0
FLOPS_PER_PARAMETER = 6
"""Of one token, forward and backward."""
FLOPS_PER_SECOND = 9e10
"""Of one recent CPU thread in 32 bits."""
SECONDS_PER_TOKEN = 5e-5
"""Of one CPU thread besides those: what a small model's many small operations cost."""
PADDING = 1.5
"""Tokens computed over tokens wanted."""


def tokens_per_row(
    examples: pl.DataFrame, *, max_tokens: int, view: str = "choice"
) -> float | None:
    """Guess the mean tokens of a row, all sequences of all its choices.

    Args:
        examples: Rows with `context`, `question` and `choices`, in the text view also `target`; a sample
            will do.
        max_tokens: Longest sequence.
        view: `text`: one sequence of context, question, all choices and target; a prompt's own words
            are not counted.

    Returns:
        Null where there is no row, or in the choice view none with choices.
    """
    stem = _characters("context") + _characters("question")
    if view == "text":
        joined = pl.col("choices").list.eval(pl.element().str.len_chars()).list.sum()
        text = (stem + joined + _characters("target").fill_null(0)) / CHARACTERS_PER_TOKEN
        return _mean(examples, (text + FRAME).clip(upper_bound=max_tokens), choices=False)
    sequence = ((stem + _mean_choice()) / CHARACTERS_PER_TOKEN) + FRAME
    row = pl.col("choices").list.len() * sequence.clip(upper_bound=max_tokens)
    return _mean(examples, row)


def supervised_per_row(examples: pl.DataFrame, *, view: str = "choice") -> float | None:
    """Guess the mean tokens of a target, with the one that ends it; null in the choice view."""
    if view != "text":
        return None
    row = _characters("target").fill_null(0) / CHARACTERS_PER_TOKEN + 1
    return _mean(examples, row, choices=False)


def stored_tokens_per_row(examples: pl.DataFrame) -> float | None:
    """Guess the mean tokens that a row takes on disk: context and question once, choices with it."""
    each = pl.col("choices").list.len() * (_characters("question") + _mean_choice())
    row = (_characters("context") + _characters("question") + each) / CHARACTERS_PER_TOKEN
    return _mean(examples, row)


def _characters(column: str) -> pl.Expr:
    return pl.col(column).str.len_chars().cast(pl.Float64)


def _mean_choice() -> pl.Expr:
    return pl.col("choices").list.eval(pl.element().str.len_chars()).list.mean()


def _mean(examples: pl.DataFrame, row: pl.Expr, *, choices: bool = True) -> float | None:
    rows = examples.filter(pl.col("choices").list.len() > 0) if choices else examples
    value = rows.select(row.mean()).item() if rows.height else None
    return None if value is None else float(value)


def training_seconds(
    tokens: int, *, layers: int, width: int, threads: int, mlm: bool, choices: float = 4.0
) -> float:
    """Guess the time of training on a CPU.

    Args:
        tokens: Of all sequences.
        layers: Of the encoder, each of about 12 width**2 parameters.
        width: Of the encoder.
        threads: CPU threads.
        mlm: Whether each row is read once more for the masked-language-model loss.
        choices: Mean choices of a row, which that one pass is measured against.
    """
    flops = FLOPS_PER_PARAMETER * 12 * layers * width**2
    computed = tokens * PADDING * (1 + (1 / choices if mlm else 0))
    return computed * (SECONDS_PER_TOKEN + flops / FLOPS_PER_SECOND) / threads
