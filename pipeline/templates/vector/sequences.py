"""Lists: mapped, filtered, joined, sorted, one element drawn from them.

A list of known length is worked on element by element at compile time; a list column through the frame
of its elements.
"""

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from pipeline.templates.vector.access import get
from pipeline.templates.vector.basics import (
    concat,
    const_shape,
    each,
    plain,
    text,
)  # fmt: skip
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.compare import kind_of
from pipeline.templates.vector.shapes import INT, STR, list_of
from pipeline.templates.vector.values import (
    EMPTY,
    NONE,
    Column,
    Const,
    Items,
    Missing,
    Record,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip

Truth = bool | pl.Expr
_MOST_GROWN = 4_000_000
"""Bytes that a computed separator may add to a text."""


def listed(builder: Builder, value: Value) -> Items | Column:
    """Return what a loop would go over; None fails, an undefined value holds nothing."""
    value = plain(value)
    value = plain(value.of) if isinstance(value, Stream) else value
    if isinstance(value, Missing | Record):
        keys = value.pairs if isinstance(value, Record) else ()
        return Items(tuple(Const(key) for key, _ in keys))
    if isinstance(value, Const) and isinstance(value.value, str):
        return Items(tuple(Const(character) for character in value.value))
    if value == NONE:
        builder.refuse("a loop over None")
        return Items(())
    if isinstance(value, Items):
        return value
    if isinstance(value, Column) and value.kind == "list":
        if value.shape.null and not value.missing:
            builder.guard_null(value)
        return value
    raise UnsupportedError(f"a loop over a {kind_of(value)}")


def measured(value: Value) -> Value:
    """Return a range as the list of its numbers; a generator cannot be measured or indexed.

    Raises:
        UnsupportedError: It is one.
    """
    if isinstance(value, Stream):
        if not value.sized:
            raise UnsupportedError("a generator that is used as a list")
        return value.of
    return value


def mapped(builder: Builder, value: Value, function: Callable[[Value], Value]) -> Value:
    """Return the list of a function's results."""

    def one(side: Value) -> Value:
        of = listed(builder, side)
        if isinstance(of, Items):
            return Items(tuple(function(item) for item in of.items))
        child, items, _ = builder.unfold([of])
        with builder.inside(child):
            made = as_column(builder, function(items[0]))
        return builder.pack(child, [(made, None)], made.shape)

    return each(builder, value, one)


def as_column(builder: Builder, value: Value) -> Column:
    """Return a value as a column of the present frame, so that it can be an element of a list."""
    value = plain(value)
    if isinstance(value, Const):
        shape = const_shape(value.value)
        if shape is None:
            raise UnsupportedError("a list of such constants")
        # a literal has no length of its own, so it is tied to the rows
        tied = pl.when(pl.int_range(pl.len()) >= 0).then(pl.lit(value.value, dtype=shape.dtype))
        return builder.column(tied, shape)
    if isinstance(value, Column):
        if value.missing and value.shape.null:
            builder.guard_null(value)
            return builder.column(builder.of(value), replace(value.shape, null=False))
        return builder.column(builder.of(value), value.shape)
    raise UnsupportedError("a list of such values")


def filtered(builder: Builder, value: Value, test: Callable[[Value], Truth]) -> Value:
    """Return the elements for which a test holds."""

    def one(side: Value) -> Value:
        of = listed(builder, side)
        if isinstance(of, Items):
            return _kept(of, test)
        child, items, _ = builder.unfold([of])
        with builder.inside(child):
            kept = test(items[0])
        keep = kept if isinstance(kept, pl.Expr) else None
        if kept is False:
            return Items(())
        return builder.pack(child, [(items[0], keep)], items[0].shape)

    return each(builder, value, one)


def _kept(of: Items, test: Callable[[Value], Truth]) -> Items:
    kept = []
    for item in of.items:
        held = test(item)
        if not isinstance(held, bool):
            raise UnsupportedError("a computed choice of written-out elements")
        if held:
            kept.append(item)
    return Items(tuple(kept))


def length(builder: Builder, value: Value) -> Value:
    """Return `value | length`."""
    value = measured(value)
    if isinstance(value, Missing):
        return Const(0)
    if isinstance(value, Items | Record):
        return Const(len(value.items if isinstance(value, Items) else value.pairs))
    if isinstance(value, Const) and isinstance(value.value, str):
        return Const(len(value.value))
    if not (isinstance(value, Column) and value.kind in ("str", "list")):
        if isinstance(value, Const):
            builder.refuse("the length of a number or None")
            return Const(0)
        raise UnsupportedError(f"the length of a {kind_of(value)}")
    expr = builder.of(value)
    size = (expr.str.len_chars() if value.kind == "str" else expr.list.len()).cast(pl.Int64)
    if value.shape.null and value.missing:
        size = size.fill_null(0)
    elif value.shape.null:
        builder.guard(expr.is_null())
    return builder.column(size, INT)


def joined(builder: Builder, value: Value, separator: Value) -> Value:
    """Return `value | join(separator)`."""
    between = text(builder, separator)
    return each(builder, value, lambda side: _joined(builder, side, between))


def _joined(builder: Builder, value: Value, between: Const | Column) -> Value:
    if kind_of(value) == "str" and between == EMPTY and isinstance(value, Column | Const):
        if isinstance(value, Column) and value.shape.null:
            builder.guard_null(value)
        return value
    of = listed(builder, value)
    if isinstance(of, Items):
        pieces: list[Const | Column] = []
        for i, item in enumerate(of.items):
            pieces += [between] if i else []
            pieces.append(text(builder, item))
        return concat(builder, pieces)
    texts = of
    if of.shape.inner is None or of.shape.inner.kind != "str" or of.shape.inner.null:
        made = mapped(builder, of, lambda item: text(builder, item))
        texts = made if isinstance(made, Column) else of
    lists, sep = (
        builder.of(texts),
        str(between.value) if isinstance(between, Const) else builder.of(between),
    )
    if isinstance(sep, pl.Expr):
        grown = lists.list.len().cast(pl.Int64) * sep.str.len_bytes() > _MOST_GROWN
        builder.guard(grown)
        lists = pl.when(~grown).then(lists)
    expr = lists.list.join(sep)
    return builder.column(expr.fill_null("") if of.shape.null else expr, STR)


def element(builder: Builder, value: Value, index: int) -> Value:
    """Return `value | first` or `value | last`."""
    if isinstance(value, Stream) and index:
        value = measured(value)
    if isinstance(value, Column) and value.kind == "list":
        return get(builder, listed(builder, value), Const(index), dotted=False)
    if kind_of(value) == "str":
        return get(builder, value, Const(index), dotted=False)
    of = listed(builder, value)
    return get(builder, of, Const(index), dotted=False)


def text_lists(builder: Builder, of: Items | Column) -> Column:
    """Return a list of texts as a column; a list column as it is."""
    if isinstance(of, Column):
        return of
    texts = [text(builder, item) for item in of.items if is_text(item)]
    if len(texts) != len(of.items) or not texts:
        raise UnsupportedError("a zip with elements that are no texts")
    exprs = [pl.lit(t.value) if isinstance(t, Const) else builder.of(t) for t in texts]
    tied = [pl.when(pl.int_range(pl.len()) >= 0).then(exprs[0]), *exprs[1:]]
    return builder.column(pl.concat_list(tied), list_of(STR))


def is_text(value: Value) -> bool:
    """Whether a value is a text that is never null."""
    return (isinstance(value, Const) and isinstance(value.value, str)) or (
        isinstance(value, Column) and value.kind == "str" and not value.shape.null
    )


def ranged(builder: Builder, bounds: list[Value]) -> Value:
    """Return `range(...)` of constants or of computed bounds."""
    values = [bound.value for bound in bounds if isinstance(bound, Const)]
    constants = [value for value in values if isinstance(value, int)]
    if len(constants) == len(bounds):
        numbers = range(*constants)
        if len(numbers) > 10_000:
            raise UnsupportedError("a long range")
        return Stream(Items(tuple(Const(number) for number in numbers)), sized=True)
    exprs = []
    for bound in bounds:
        if kind_of(bound) != "int":
            raise UnsupportedError("a range of something other than numbers")
        column = as_column(builder, bound)
        builder.guard(column.expr.is_null() | (column.expr.abs() > 10_000))
        exprs.append(column.expr.fill_null(0).clip(-10_000, 10_000))
    if len(exprs) == 1:
        exprs.insert(0, pl.lit(0, dtype=pl.Int64))
    if len(exprs) > 2:
        raise UnsupportedError("a computed range with a step")
    start, stop = exprs
    lists = pl.int_ranges(start, pl.max_horizontal(start, stop))
    return Stream(builder.column(lists, list_of(INT)), sized=True)


def attribute(builder: Builder, value: Value, path: str) -> Value:
    """Return what `map(attribute=path)` takes from one element."""
    for part in path.split("."):
        value = get(builder, value, Const(int(part) if part.isdigit() else part), dotted=False)
    return value
