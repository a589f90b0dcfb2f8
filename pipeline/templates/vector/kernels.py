"""Column functions where polars and Python disagree on a few values: fast for the many, exact for all.

Texts outside ASCII, floats and the like go through Python itself, once per distinct value where
there are few.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from pipeline.templates.draws import draw_column

SPACES = "".join(map(chr, (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
                           0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))  # fmt: skip
"""All that Python's `str.strip` strips; polars knows fewer."""


def by_python(expr: pl.Expr, function: Callable[[object], object], dtype: pl.DataType) -> pl.Expr:
    """Apply a Python function once per distinct value; null stays null."""

    def run(series: pl.Series) -> pl.Series:
        distinct = series.unique()
        made = [None if value is None else function(value) for value in distinct.to_list()]
        if series.dtype.is_float():  # values that compare equal may differ: 0.0 and -0.0, and nan
            return _each(series, function, dtype)
        return series.replace_strict(distinct, pl.Series(made, dtype=dtype), return_dtype=dtype)

    return expr.map_batches(run, return_dtype=dtype)


def _each(series: pl.Series, function: Callable[[object], object], dtype: pl.DataType) -> pl.Series:
    bits_R = series.fill_null(0.0).to_numpy().view(np.int64)
    distinct, where_R = np.unique(bits_R, return_inverse=True)
    made_D = [function(value) for value in distinct.view(np.float64).tolist()]
    taken = pl.Series(made_D, dtype=dtype).gather(pl.Series(where_R.astype(np.uint32)))
    if series.null_count() == 0:
        return taken
    return taken.zip_with(series.is_not_null(), pl.Series([None], dtype=dtype))


def patched(
    expr: pl.Expr, native: Callable[[pl.Expr], pl.Expr], function: Callable[[str], str]
) -> pl.Expr:
    """Apply a polars function to texts in ASCII and the Python function to all others."""

    def run(series: pl.Series) -> pl.Series:
        out = series.to_frame("x").select(native(pl.col("x"))).to_series()
        odd = (series.str.len_bytes() != series.str.len_chars()).fill_null(False)
        if not odd.any():
            return out
        made = pl.Series([function(text) for text in series.filter(odd).to_list()], dtype=pl.String)
        return out.scatter(odd.arg_true(), made)

    return expr.map_batches(run, return_dtype=pl.String())


def float_text(expr: pl.Expr) -> pl.Expr:
    """Return floats as Python writes them."""
    return by_python(expr, str, pl.String())


def divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Return the quotient, rounded as IEEE 754 says; polars multiplies by the reciprocal of a scalar."""

    def run(columns: list[pl.Series]) -> pl.Series:
        tops, bottoms = (column.cast(pl.Float64).fill_null(np.nan).to_numpy() for column in columns)
        with np.errstate(all="ignore"):
            return pl.Series(np.true_divide(tops, bottoms))

    return pl.map_batches(
        [left, right], lambda columns: run(list(columns)), return_dtype=pl.Float64()
    )


def drawn(key: pl.Expr, count: pl.Expr, seed: int) -> pl.Expr:
    """Return an index below `count` (0 where it is 0) drawn for each row's key."""

    def run(columns: list[pl.Series]) -> pl.Series:
        keys, counts = (column.cast(pl.UInt64).to_numpy() for column in columns)
        if len(counts) != len(keys):
            counts = np.broadcast_to(counts, keys.shape)
        return pl.Series(draw_column(seed, keys, np.maximum(counts, 1).astype(np.uint64)))

    return pl.map_batches([key, count], lambda columns: run(list(columns)), return_dtype=pl.Int64())
