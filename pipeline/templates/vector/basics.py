"""What every value can do: be printed, be tested, be merged with another.

The rules are Python's and Jinja's: None prints "None", an undefined value prints nothing, an empty
text or list is false.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import polars as pl

from pipeline.templates.vector import kernels
from pipeline.templates.vector.builder import Builder, text_column
from pipeline.templates.vector.shapes import PLAIN, Shape
from pipeline.templates.vector.values import (
    EMPTY,
    NONE,
    ROOT,
    Cell,
    Column,
    Const,
    Either,
    Items,
    Missing,
    Record,
    Stream,
    UnsupportedError,
    Value,
)  # fmt: skip

_MOST_CONSTANTS = 2_000
"""Parts of a constant that is printed or compared."""
_LONGEST_CONSTANT = 100_000


def plain(value: Value) -> Value:
    """Return what a name's cell holds now."""
    return value.content if isinstance(value, Cell) else value


def each(builder: Builder, value: Value, function: Callable[[Value], Value]) -> Value:
    """Apply a function to both sides of an `Either`, each on its own path."""
    builder.spend()
    value = plain(value)
    if isinstance(value, Stream) and isinstance(plain(value.of), Either):
        sized = value.sized
        return each(builder, value.of, lambda side: function(Stream(side, sized)))
    if not isinstance(value, Either):
        return function(value)
    test = builder.test(value)
    with builder.under(test):
        then = each(builder, value.then, function)
    with builder.under(~test):
        other = each(builder, value.other, function)
    return merge(builder, test, then, other)


def merge(builder: Builder, test: pl.Expr, then: Value, other: Value) -> Value:
    """Return one of two values by a test: a column where one can hold both, else an `Either`."""
    if then is other or (isinstance(then, Const | Missing) and same(then, other)):
        return then
    shape = _common(then, other)
    if shape is None:
        return Either(test, builder.here, then, other)
    missing = any(
        isinstance(v, Missing) or (isinstance(v, Column) and v.missing) for v in (then, other)
    )
    yes, no = (_operand(builder, value, shape) for value in (then, other))
    return builder.column(pl.when(test).then(yes).otherwise(no), shape, missing=missing)


def same(a: Value, b: Value) -> bool:
    """Whether two constants are one and the same, type included."""
    if isinstance(a, Missing) or isinstance(b, Missing):
        return type(a) is type(b)
    return isinstance(b, Const) and isinstance(a, Const) and (type(a.value), repr(a.value)) == (
        type(b.value), repr(b.value))  # fmt: skip


def _operand(builder: Builder, value: Value, shape: Shape) -> pl.Expr:
    if isinstance(value, Column):
        return builder.of(value)
    literal = value.value if isinstance(value, Const) else None
    return pl.lit(literal, dtype=shape.dtype)


def _common(then: Value, other: Value) -> Shape | None:
    """Return the shape that holds both values, None where nulls or kinds would get confused."""
    shapes, nulls = [], set()
    for value in (then, other):
        if isinstance(value, Missing) or value == NONE:
            nulls.add(isinstance(value, Missing))
        elif isinstance(value, Const):
            shapes.append(const_shape(value.value))
        elif isinstance(value, Column):
            shapes.append(replace(value.shape, null=False))
            nulls |= {value.missing} if value.shape.null else set()
        else:
            return None
    kinds = {None if shape is None else shape.dtype for shape in shapes}
    if len(nulls) > 1 or len(kinds) != 1:
        return None
    first, last = shapes[0], shapes[-1]
    if first is None or last is None or (first != last and first.kind in ("list", "record")):
        return _nullable_inside(first, last, bool(nulls))
    return replace(first, null=bool(nulls))


def _nullable_inside(first: Shape | None, last: Shape | None, null: bool) -> Shape | None:
    """Lists of scalars that differ only in whether elements may be null."""
    inner = (first and first.inner, last and last.inner)
    if first is None or inner[0] is None or inner[1] is None or inner[0].kind not in PLAIN:
        return None
    return replace(first, null=null, inner=replace(inner[0], null=inner[0].null or inner[1].null))


def const_shape(value: object) -> Shape | None:
    """Return the shape of a constant; None for None and for integers beyond 64 bits."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return None
    return {str: PLAIN["str"], bool: PLAIN["bool"], int: PLAIN["int"], float: PLAIN["float"]}.get(
        type(value)
    )


def text(builder: Builder, value: Value) -> Const | Column:
    """Return what `{{ value }}` prints: a constant text, or a column of texts without nulls."""
    made = each(builder, value, lambda v: _text(builder, v))
    if isinstance(made, Const | Column):
        return made
    raise UnsupportedError("a value without a text")


def _text(builder: Builder, value: Value) -> Value:
    if isinstance(value, Missing):
        return EMPTY
    if isinstance(value, Const):
        return Const(str(value.value))
    if isinstance(value, Column):
        return _column_text(builder, value)
    if isinstance(value, Items | Record):
        return Const(str(python(value)))
    raise UnsupportedError("printing a loop")


def _column_text(builder: Builder, value: Column) -> Column:
    expr = builder.of(value)
    if value.kind == "int":
        expr = expr.cast(pl.String)
    elif value.kind == "float":
        expr = kernels.float_text(expr)
    elif value.kind == "bool":
        expr = pl.when(expr).then(pl.lit("True")).when(~expr).then(pl.lit("False"))
    elif value.kind != "str":
        raise UnsupportedError(f"printing a {value.kind}")
    if value.shape.null:
        expr = expr.fill_null("" if value.missing else "None")
    return text_column(builder, expr)


def python(value: Value) -> object:
    """Return a constant value as Python's own.

    Raises:
        UnsupportedError: It is not constant.
    """
    return _python(value, [_MOST_CONSTANTS])


def _python(value: Value, left: list[int]) -> object:
    value = plain(value)
    left[0] -= 1
    if left[0] < 0:
        raise UnsupportedError("a constant of many parts")
    if isinstance(value, Const):
        return value.value
    if isinstance(value, Items):
        made = [_python(item, left) for item in value.items]
        return made if value.mutable else tuple(made)
    if isinstance(value, Record):
        return {key: _python(item, left) for key, item in value.pairs}
    raise UnsupportedError("a value that would have to be constant")


def concat(builder: Builder, pieces: Iterable[Const | Column]) -> Const | Column:
    """Return texts joined; neighbouring constants become one."""
    merged: list[Const | Column] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, Const) and isinstance(last, Const):
            merged[-1] = Const(str(last.value) + str(piece.value))
            if len(str(last.value)) > _LONGEST_CONSTANT:
                raise UnsupportedError("a long constant")
        elif not (isinstance(piece, Const) and piece.value == ""):
            merged.append(piece)
    if not merged:
        return EMPTY
    if len(merged) == 1:
        return merged[0]
    exprs = [pl.lit(p.value) if isinstance(p, Const) else builder.of(p) for p in merged]
    return text_column(builder, pl.concat_str(exprs))


def truth(builder: Builder, value: Value) -> bool | pl.Expr:
    """Return whether a value is true: a constant, or an expression without nulls."""
    value = plain(value)
    if isinstance(value, Either):
        return _either_truth(builder, value)
    if isinstance(value, Missing):
        return False
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Column):
        return _column_truth(builder, value)
    if isinstance(value, Stream):
        raise UnsupportedError("a test of a generator")
    return not isinstance(value, Items | Record) or bool(
        value.items if isinstance(value, Items) else value.pairs
    )


def _either_truth(builder: Builder, value: Either) -> bool | pl.Expr:
    test = builder.test(value)
    with builder.under(test):
        then = truth(builder, value.then)
    with builder.under(~test):
        other = truth(builder, value.other)
    if isinstance(then, bool) and isinstance(other, bool):
        return then if then == other else (test if then else ~test)
    yes, no = (pl.lit(t) if isinstance(t, bool) else t for t in (then, other))
    return pl.when(test).then(yes).otherwise(no)


def _column_truth(builder: Builder, value: Column) -> pl.Expr:
    expr = builder.of(value)
    if value.kind == "str":
        made = expr != ""
    elif value.kind == "list":
        made = expr.list.len() > 0
    elif value.kind in ("int", "float"):
        made = expr != 0
    elif value.kind == "bool":
        made = expr
    elif value.kind == "record":
        made = expr.is_not_null()
    else:
        raise UnsupportedError(f"a test of a {value.kind}")
    return made.fill_null(False) if value.shape.null else made


def negated(test: bool | pl.Expr) -> bool | pl.Expr:
    """Return the opposite of a truth."""
    return not test if isinstance(test, bool) else ~test


def as_value(builder: Builder, test: bool | pl.Expr) -> Value:
    """Return a truth as a value."""
    return Const(test) if isinstance(test, bool) else builder.column(test, PLAIN["bool"])


def as_text(value: Value) -> Const | Column:
    """Return a value that must be a text, as one.

    Raises:
        UnsupportedError: It is something else.
    """
    if isinstance(value, Const | Column):
        return value
    raise UnsupportedError("a value without a text")


def is_root(builder: Builder) -> bool:
    """Whether expressions are being made for the batch itself."""
    return builder.here is ROOT
