"""Rows of the choice view, from text to ids that fit. Knows neither tasks' folders nor shards."""

import polars as pl
from tokenizers import Tokenizer

from pipeline.contract.choice import LongRows
from pipeline.errors import MixtureError
from pipeline.tokens.encode import Encoder, encode
from pipeline.tokens.fit import Fitted, Segments, first_long, fit


def fitted_rows(
    encoder: Tokenizer | Encoder,
    view: pl.DataFrame,
    *,
    separator: int,
    max_tokens: int,
    long_rows: LongRows,
    where: str,
) -> Fitted:
    """Encode rows and make them fit.

    Args:
        encoder: Turns texts into ids.
        view: Rows of `rendering.choice_view`.
        separator: Id of `[SEP]`.
        max_tokens: Longest sequence.
        long_rows: What becomes of longer ones.
        where: What an error names: the file that the rows come from.

    Raises:
        MixtureError: A row is too long where `long_rows` allows none, or `drop` would leave no row.
    """
    rows = segments(encoder, view)
    if long_rows.rule == "error":
        _refuse_long(rows, view, max_tokens=max_tokens, where=where)
    fitted = fit(rows, separator=separator, max_tokens=max_tokens, long_rows=long_rows)
    if view.height and not len(fitted.row):
        raise MixtureError(
            f"all {view.height} rows are longer than {max_tokens} tokens",
            where=where,
            expected="a row that tokenize.long_rows 'drop' leaves",
            remedy="raise tokenize.max_tokens, or set tokenize.long_rows to truncate or split",
        )
    return fitted


def segments(encoder: Tokenizer | Encoder, view: pl.DataFrame) -> Segments:
    """Encode the texts of a choice view."""
    return Segments(
        context=encode(encoder, view["context"]),
        question=encode(encoder, view["question"]),
        options=encode(encoder, view["options"].explode(empty_as_null=False)),
        counts=view["options"].list.len().to_numpy().astype("int64"),
        joined=view["joined"].to_numpy(),
    )


def _refuse_long(rows: Segments, view: pl.DataFrame, *, max_tokens: int, where: str) -> None:
    """Raise a `MixtureError` that names the first row that does not fit, and how to see it."""
    found = first_long(rows, max_tokens=max_tokens)
    if found is None:
        return
    row, tokens, count = found
    more = f"; {count} rows of {view.height} are too long" if count > 1 else ""
    raise MixtureError(
        f"row {row} ({view['example_id'][row]}) has a sequence of {tokens} tokens{more}",
        where=where,
        expected=f"at most {max_tokens}, since tokenize.long_rows is 'error'",
        remedy=f"look at it: python -c \"import polars as pl; print(pl.read_parquet('{where}')"
        f'[{row}].to_dicts())"; then raise tokenize.max_tokens, or set tokenize.long_rows to '
        "truncate, drop or split",
    )
