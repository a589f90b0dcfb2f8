"""One element drawn from a list, by the row's key."""

from dataclasses import replace

import polars as pl

from pipeline.templates.draws import site_seed
from pipeline.templates.vector import kernels
from pipeline.templates.vector.access import get
from pipeline.templates.vector.basics import is_root
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.program import KEY
from pipeline.templates.vector.sequences import listed, measured
from pipeline.templates.vector.shapes import INT
from pipeline.templates.vector.values import Column, Items, Missing, UnsupportedError, Value


def drawn(builder: Builder, value: Value, seed: int, site: int, *, strict: bool) -> Value:
    """Return one element, drawn by the row's key.

    Args:
        builder: Collects the program.
        value: The list.
        seed: Of the prompt.
        site: Of the draw.
        strict: Whether an empty list fails (`choice`) or yields an undefined value (`random`).
    """
    if not is_root(builder):
        raise UnsupportedError("a draw inside a loop over a column")
    value = measured(value)
    of = value if isinstance(value, Column) and value.kind == "list" else listed(builder, value)
    drawing = site_seed(seed, site, 0)
    if isinstance(of, Items):
        if not of.items:
            if strict:
                builder.refuse("a draw from nothing")
            return Missing()
        index = kernels.drawn(pl.col(KEY), pl.lit(len(of.items)), drawing)
        at = builder.keep(builder.column(index, INT))
        return get(builder, of, at, dotted=False)
    if of.shape.null:
        builder.guard_null(of)
    sizes = builder.of(of).list.len()
    if strict:
        builder.guard(sizes == 0)
    index = kernels.drawn(pl.col(KEY), sizes.fill_null(0), drawing)
    made = get(builder, of, builder.column(index, INT), dotted=False)
    return _never_missing(builder, made) if strict else made


def _never_missing(builder: Builder, made: Value) -> Value:
    """A draw that fails on an empty list never yields an undefined value."""
    if not isinstance(made, Column):
        return made
    builder.guard(made.expr.is_null())
    kept = builder.keep(made)
    return Column(kept.expr, replace(kept.shape, null=False), kept.frame)
