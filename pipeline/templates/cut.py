"""Long fields cut before they are prompted, so that a template's own words are never lost.

PromptSource cuts what `}}` prints, by rewriting the template (`Mode.legacy_truncation`): it misses all
but the last operand of an expression, and cuts answers as well as passages. Here texts are cut in the
row, at any depth.
"""

from collections.abc import Callable, Iterable, Sequence

import polars as pl

Ends = Callable[[Sequence[str], int], Sequence[int]]
"""From texts and a number of tokens to the characters, text by text, that so many tokens cover."""


def cut_tokens(
    frame: pl.DataFrame, most: int, ends: Ends, *, keep: Iterable[str] = ()
) -> pl.DataFrame:
    """Cut every text of a frame to a number of tokens.

    Args:
        frame: Rows.
        most: Tokens that stay, 1 or more.
        ends: Of the tokenizer in use.
        keep: Columns that are left whole.
    """

    def cut(text: pl.Expr) -> pl.Expr:
        def run(series: pl.Series) -> pl.Series:
            # a token covers a byte or more
            long = (series.str.len_bytes() > most).fill_null(False)
            if not long.any():
                return series
            texts = series.filter(long).to_list()
            shorter = [text[:end] for text, end in zip(texts, ends(texts, most), strict=True)]
            return series.scatter(long.arg_true(), pl.Series(shorter, dtype=pl.String))

        return text.map_batches(run, return_dtype=pl.String())

    return _cut(frame, keep, cut)


def _cut(
    frame: pl.DataFrame, keep: Iterable[str], cut: Callable[[pl.Expr], pl.Expr]
) -> pl.DataFrame:
    kept = set(keep)
    return frame.with_columns(
        _cut_value(pl.col(name), dtype, cut)
        for name, dtype in frame.schema.items()
        if name not in kept
    )


def _cut_value(value: pl.Expr, dtype: object, cut: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    if dtype == pl.String:
        return cut(value)
    if isinstance(dtype, pl.List):
        return value.list.eval(_cut_value(pl.element(), dtype.inner, cut))
    if isinstance(dtype, pl.Struct):
        fields = [
            _cut_value(value.struct.field(f.name), f.dtype, cut).alias(f.name) for f in dtype.fields
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields)).alias(value.meta.output_name())
    return value
