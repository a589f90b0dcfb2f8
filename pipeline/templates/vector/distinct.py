"""Lists without repetition, and what occurs in them most often."""

from collections.abc import Callable

import polars as pl

from pipeline.templates.vector.basics import each, merge
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.program import ROW
from pipeline.templates.vector.sequences import as_column, listed
from pipeline.templates.vector.values import NONE, Column, Const, Items, UnsupportedError, Value


def distinct(builder: Builder, value: Value, key: Callable[[Value], Value]) -> Value:
    """Return the elements without those whose key came before."""

    def one(side: Value) -> Value:
        of = listed(builder, side)
        if isinstance(of, Items):
            return _distinct_items(of, key)
        child, items, _ = builder.unfold([of])
        with builder.inside(child):
            by = as_column(builder, key(items[0]))
            first = pl.struct(pl.col(ROW), by.expr.alias("by")).is_first_distinct()
        return builder.pack(child, [(items[0], first)], items[0].shape)

    return each(builder, value, one)


def _distinct_items(of: Items, key: Callable[[Value], Value]) -> Items:
    seen, kept = [], []
    for item in of.items:
        by = key(item)
        if not isinstance(by, Const):
            raise UnsupportedError("distinct elements of written-out ones that are computed")
        if by.value not in seen:
            seen.append(by.value)
            kept.append(item)
    return Items(tuple(kept))


def most_frequent(builder: Builder, value: Value) -> Value:
    """Return the elements that occur most often, by first occurrence; None where there are none."""

    def one(side: Value) -> Value:
        of = listed(builder, side)
        if (
            not isinstance(of, Column)
            or of.shape.inner is None
            or of.shape.inner.kind not in ("str", "int")
        ):
            raise UnsupportedError("the most frequent of such elements")
        child, items, _ = builder.unfold([of])
        counts = pl.len().over(ROW, items[0].expr)
        first = pl.struct(pl.col(ROW), items[0].expr.alias("by")).is_first_distinct()
        keep = first & (counts == counts.max().over(ROW))
        made = builder.pack(child, [(items[0], keep)], items[0].shape)
        return merge(builder, builder.of(made).list.len() > 0, made, NONE)

    return each(builder, value, one)
