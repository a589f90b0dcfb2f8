"""Lists: mapped, filtered, joined, made distinct, one element drawn from them.

A list of known length is worked on element by element at compile time; a list column through the frame
of its elements.
"""

from collections.abc import Callable

import polars as pl

from pipeline.templates.draws import site_seed
from pipeline.templates.vector import kernels
from pipeline.templates.vector.access import get, measured, picked
from pipeline.templates.vector.basics import (
    Text,
    Truth,
    concat,
    const_shape,
    merge,
    python,
    text,
)
from pipeline.templates.vector.builder import Builder, element_shape, tied
from pipeline.templates.vector.compare import compare, kind_of
from pipeline.templates.vector.program import KEY, ROW
from pipeline.templates.vector.values import (
    INT,
    NONE,
    ROOT,
    Column,
    Const,
    Frame,
    Items,
    Missing,
    Stream,
    UnsupportedError,
    Value,
    list_of,
)  # fmt: skip

_LONGEST_RANGE = 10_000


def listed(builder: Builder, value: Value) -> Items | Column:
    """Return what a loop would go over; None fails, an undefined value holds nothing."""
    if isinstance(value, Stream):
        return value.of
    if isinstance(value, Missing):
        return Items(())
    if isinstance(value, Items):
        return value
    if isinstance(value, Column) and value.kind == "list":
        if not value.missing:
            builder.guard_null(value)
        return value
    raise UnsupportedError(f"a loop over a {kind_of(value)}")


def mapped(builder: Builder, value: Value, function: Callable[[Value], Value]) -> Items | Column:
    """Return the list of a function's results."""
    of = listed(builder, value)
    if isinstance(of, Items):
        return Items(tuple(function(item) for item in of.items))
    child, items, _ = builder.unfold([of])
    with builder.inside(child):
        made = as_column(builder, function(items[0]))
    return builder.pack(child, [(made, None)])


def as_column(builder: Builder, value: Value) -> Column:
    """Return a value as a column of the present frame, so that it can be an element of a list."""
    if isinstance(value, Const) and value != NONE:
        shape = const_shape(value.value)
        return builder.column(tied(value.value, shape.dtype), shape)
    if not isinstance(value, Column):
        raise UnsupportedError("a list of such values")
    if value.missing:
        return builder.column(builder.certain(value), value.shape.certain)
    return builder.column(builder.of(value), value.shape)


def filtered(builder: Builder, value: Value, test: Callable[[Value], Truth]) -> Items | Column:
    """Return the elements for which a test holds."""
    of = listed(builder, value)
    if isinstance(of, Items):
        raise UnsupportedError("a choice of written-out elements")
    child, items, _ = builder.unfold([of])
    with builder.inside(child):
        kept = test(items[0])
    if kept is False:
        return Items(())
    keep = None if kept is True else kept
    return builder.pack(child, [(items[0], keep)])


def distinct(builder: Builder, value: Value, key: Callable[[Column], Value]) -> Column:
    """Return the elements of a list column without those whose key came before."""
    child, items = _elements(builder, value)
    with builder.inside(child):
        by = as_column(builder, key(items))
        first = pl.struct(pl.col(ROW), by.expr.alias("by")).is_first_distinct()
    return builder.pack(child, [(items, first)])


def most_frequent(builder: Builder, value: Value) -> Value:
    """Return the elements that occur most often, by first occurrence; None where there are none."""
    child, items = _elements(builder, value)
    counts = pl.len().over(ROW, items.expr)
    first = pl.struct(pl.col(ROW), items.expr.alias("by")).is_first_distinct()
    keep = first & (counts == counts.max().over(ROW))
    made = builder.pack(child, [(items, keep)])
    return merge(builder, builder.of(made).list.len() > 0, made, NONE)


def _elements(builder: Builder, value: Value) -> tuple[Frame, Column]:
    """Return the frame of the elements of a list of texts or integers, and its column."""
    of = listed(builder, value)
    if not isinstance(of, Column) or element_shape(of).kind not in ("str", "int"):
        raise UnsupportedError("what is distinct among such elements")
    child, items, _ = builder.unfold([of])
    return child, items[0]


def index_of(builder: Builder, of: Column, wanted: Value) -> Column:
    """Return where an element stands first in a list column; rows without it go to Jinja."""
    child, items, position = builder.unfold([of])
    with builder.inside(child):
        found = compare(builder, "eq", items[0], wanted)
    if isinstance(found, bool):
        raise UnsupportedError("the index of what cannot be there")
    places = builder.pack(child, [(position, found)])
    made = builder.keep(builder.column(places.expr.list.get(0, null_on_oob=True), INT))
    builder.guard(made.expr.is_null())
    return made


def length(builder: Builder, value: Value) -> Value:
    """Return `value | length`."""
    value = measured(value)
    if isinstance(value, Missing):
        return Const(0)
    if isinstance(value, Items):
        return Const(len(value.items))
    if not (isinstance(value, Column) and value.kind in ("str", "list")):
        raise UnsupportedError(f"the length of a {kind_of(value)}")
    expr = builder.of(value)
    size = (expr.str.len_chars() if value.kind == "str" else expr.list.len()).cast(pl.Int64)
    if value.missing:
        size = size.fill_null(0)
    else:
        builder.guard_null(value)
    return builder.column(size, INT)


def joined(builder: Builder, value: Value, separator: Value) -> Text:
    """Return `value | join(separator)`."""
    between, of = text(builder, separator), listed(builder, value)
    if isinstance(of, Items):
        pieces: list[Text] = []
        for i, item in enumerate(of.items):
            pieces += [between] if i else []
            pieces.append(text(builder, item))
        return concat(builder, pieces)
    lists = builder.of(_texts(builder, of))
    expr = lists.list.join(str(python(between)))
    return builder.text(expr.fill_null("") if of.shape.null else expr)


def _texts(builder: Builder, of: Column) -> Column:
    """Return a list column as lists of what its elements print."""
    inner = element_shape(of)
    if inner.kind == "str" and not inner.null:
        return of
    made = mapped(builder, of, lambda item: text(builder, item))
    return made if isinstance(made, Column) else of


def element(builder: Builder, value: Value, index: int) -> Value:
    """Return `value | first` or `value | last`."""
    if isinstance(value, Stream) and index:
        value = measured(value)
    of = value if kind_of(value) == "str" else listed(builder, value)
    return get(builder, of, Const(index), dotted=False)


def ranged(builder: Builder, bounds: list[Value]) -> Stream:
    """Return `range(stop)` or `range(start, stop)`."""
    values = [bound.value for bound in bounds if isinstance(bound, Const)]
    known = [value for value in values if isinstance(value, int)]
    if any(kind_of(bound) != "int" for bound in bounds) or len(bounds) not in (1, 2):
        raise UnsupportedError("a range of something other than one or two numbers")
    if len(known) == len(bounds):
        numbers = range(*known)
        if len(numbers) > _LONGEST_RANGE:
            raise UnsupportedError("a long range")
        return Stream(Items(tuple(Const(number) for number in numbers)), sized=True)
    exprs = [as_column(builder, bound).expr for bound in bounds]
    for expr in exprs:
        builder.guard(expr.is_null() | (expr.abs() > _LONGEST_RANGE))
    start, stop = [pl.lit(0, dtype=pl.Int64), *exprs][-2:]
    start, stop = (e.fill_null(0).clip(-_LONGEST_RANGE, _LONGEST_RANGE) for e in (start, stop))
    lists = pl.int_ranges(start, pl.max_horizontal(start, stop))
    return Stream(builder.column(lists, list_of(INT)), sized=True)


def drawn(builder: Builder, value: Value, seed: int, site: int, *, strict: bool) -> Value:
    """Return one element, drawn by the row's key.

    Args:
        builder: Collects the program.
        value: The list.
        seed: Of the prompt.
        site: Of the draw.
        strict: Whether an empty list fails (`choice`) or yields an undefined value (`random`).
    """
    if builder.here is not ROOT:
        raise UnsupportedError("a draw inside a loop over a column")
    value = measured(value)
    of = value if isinstance(value, Column) and value.kind == "list" else listed(builder, value)
    drawing = site_seed(seed, site, 0)
    if isinstance(of, Items):
        if not of.items:
            raise UnsupportedError("a draw from nothing")
        index = kernels.drawn(pl.col(KEY), pl.lit(len(of.items)), drawing)
        at = builder.keep(builder.column(index, INT)).expr
        return picked(builder, of, at, of.items[-1])
    sizes = builder.certain(of).list.len()
    index = kernels.drawn(pl.col(KEY), sizes.fill_null(0), drawing)
    made = get(builder, of, builder.column(index, INT), dotted=False)
    if not strict or not isinstance(made, Column):
        return made
    builder.guard(made.expr.is_null())  # a draw from an empty list fails
    kept = builder.keep(made)
    return Column(kept.expr, kept.shape.certain, kept.frame)
