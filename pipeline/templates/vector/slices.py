"""Slices of texts and lists: `of[start:stop]`."""

import polars as pl

from pipeline.templates.vector.basics import each, plain, python
from pipeline.templates.vector.builder import Builder, text_column
from pipeline.templates.vector.compare import kind_of, operand
from pipeline.templates.vector.shapes import list_of
from pipeline.templates.vector.values import NONE, Column, Const, Items, UnsupportedError, Value


def cut(builder: Builder, of: Value, start: Value, stop: Value, step: Value) -> Value:
    """Return `of[start:stop:step]`; None stands for a bound that is not written."""
    if plain(step) not in (NONE, Const(1)):
        return each(builder, of, lambda value: _constant_cut(value, start, stop, step))
    return each(builder, of, lambda value: _cut(builder, value, plain(start), plain(stop)))


def _constant_cut(of: Value, start: Value, stop: Value, step: Value) -> Value:
    bounds = slice(*(_bound(bound) for bound in (start, stop, step)))
    if isinstance(of, Items):
        return Items(of.items[bounds], of.mutable)
    if isinstance(of, Const) and isinstance(of.value, str):
        return Const(of.value[bounds])
    raise UnsupportedError("a slice with a step")


def _bound(value: Value) -> int | None:
    bound = python(value)
    if bound is None or isinstance(bound, int):
        return bound
    raise UnsupportedError("a slice whose bound is no number")


def _cut(builder: Builder, of: Value, start: Value, stop: Value) -> Value:
    if isinstance(of, Items) or (isinstance(of, Const) and isinstance(of.value, str)):
        return _constant_cut(of, start, stop, NONE)
    if not (isinstance(of, Column) and of.kind in ("str", "list")):
        raise UnsupportedError(f"a slice of a {kind_of(of)}")
    if of.shape.null:
        builder.guard_null(of)
    known = [bound.value if isinstance(bound, Const) else ... for bound in (start, stop)]
    expr = builder.of(of)
    if ... in known or (_negative(known[0]) and not (_negative(known[1]) or known[1] is None)):
        made = _dynamic_cut(builder, of, start, stop)
    else:
        made = _static_cut(expr.str if of.kind == "str" else expr.list, of.kind, *known)
    if of.kind == "str" or of.shape.inner is None:
        return text_column(builder, made)
    return builder.column(made, list_of(of.shape.inner))


def _negative(bound: object) -> bool:
    return isinstance(bound, int) and bound < 0


def _static_cut(space: object, kind: str, start: object, stop: object) -> pl.Expr:
    def again(expr: pl.Expr) -> object:
        return expr.str if kind == "str" else expr.list

    made: pl.Expr = space.slice(0)  # type: ignore[attr-defined]
    if isinstance(stop, int):
        made = _head(space, kind, stop)
        space = again(made)
    if isinstance(start, int) and start > 0:
        return space.slice(start)  # type: ignore[attr-defined,no-any-return]
    if isinstance(start, int) and start < 0:
        kept = -start if not isinstance(stop, int) else max(stop - start, 0)
        return space.tail(kept)  # type: ignore[attr-defined,no-any-return]
    return made


def _head(space: object, kind: str, stop: int) -> pl.Expr:
    if kind == "str" or stop >= 0:
        return space.head(stop)  # type: ignore[attr-defined,no-any-return]
    size = space.len().cast(pl.Int64)  # type: ignore[attr-defined]
    return space.head((size + stop).clip(lower_bound=0))  # type: ignore[attr-defined,no-any-return]


def _dynamic_cut(builder: Builder, of: Column, start: Value, stop: Value) -> pl.Expr:
    expr = builder.of(of)
    space = expr.str if of.kind == "str" else expr.list
    size = (expr.str.len_chars() if of.kind == "str" else expr.list.len()).cast(pl.Int64)
    bounds = []
    for bound, default in ((start, pl.lit(0, dtype=pl.Int64)), (stop, size)):
        if bound == NONE:
            bounds.append(default)
            continue
        if kind_of(bound) != "int":
            raise UnsupportedError("a slice whose bound is no number")
        at = operand(builder, bound).cast(pl.Int64)
        builder.guard(at.is_null())
        bounds.append(pl.when(at < 0).then(at + size).otherwise(at).clip(0, size))
    first, last = bounds
    return space.slice(first, (last - first).clip(lower_bound=0))
