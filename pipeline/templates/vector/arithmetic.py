"""Arithmetic on numbers and the `+` of texts and lists, by Python's rules."""

from collections.abc import Callable

import polars as pl

from pipeline.templates.vector import kernels
from pipeline.templates.vector.basics import as_text, concat, const_shape, each, plain
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.compare import kind_of, operand
from pipeline.templates.vector.shapes import FLOAT, INT, list_of
from pipeline.templates.vector.values import (
    Column,
    Const,
    Either,
    Items,
    UnsupportedError,
    Value,
)  # fmt: skip

_SAFE = 2**31
"""Products and sums of integers below it cannot overflow 64 bits."""

_EXPRESSIONS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
_PYTHON: dict[str, Callable[[object, object], object]] = {
    "+": lambda a, b: a + b,  # type: ignore[operator]
    "-": lambda a, b: a - b,  # type: ignore[operator]
    "*": lambda a, b: a * b,  # type: ignore[operator]
    "/": lambda a, b: a / b,  # type: ignore[operator]
    "//": lambda a, b: a // b,  # type: ignore[operator]
    "%": lambda a, b: a % b,  # type: ignore[operator]
}
_MOST_CHARACTERS = 10_000


def binary(builder: Builder, operator: str, left: Value, right: Value) -> Value:
    """Return `left operator right`."""
    if isinstance(plain(right), Either):
        return each(builder, right, lambda value: binary(builder, operator, left, value))
    return each(builder, left, lambda value: _binary(builder, operator, value, plain(right)))


def _binary(builder: Builder, operator: str, left: Value, right: Value) -> Value:
    if isinstance(left, Const) and isinstance(right, Const):
        return _constant(builder, operator, left.value, right.value)
    kinds = kind_of(left), kind_of(right)
    if kinds == ("str", "str") and operator == "+":
        return _texts(builder, left, right)
    if kinds == ("list", "list") and operator == "+":
        return _lists(builder, left, right)
    if not set(kinds) <= {"int", "float", "bool"}:
        if {"missing", "none"} & set(kinds):
            builder.refuse("arithmetic with nothing")
            return Const("")
        raise UnsupportedError(f"{kinds[0]} {operator} {kinds[1]}")
    return numbers(builder, operator, left, right)


def _constant(builder: Builder, operator: str, left: object, right: object) -> Value:
    sizes = [len(v) if isinstance(v, str) else 0 for v in (left, right)]
    if operator in "*%" and any(sizes):
        raise UnsupportedError(f"a text {operator} a value")
    if sum(sizes) > _MOST_CHARACTERS:
        raise UnsupportedError("a constant of many characters")
    try:
        made = Const(_PYTHON[operator](left, right))
    except (TypeError, ZeroDivisionError, OverflowError):
        builder.refuse("arithmetic that fails")
        return Const("")
    if isinstance(made.value, int) and const_shape(made.value) is None:
        raise UnsupportedError("an integer beyond 64 bits")
    return made


def _texts(builder: Builder, left: Value, right: Value) -> Value:
    pieces = []
    for value in (left, right):
        if isinstance(value, Column) and value.shape.null:
            builder.guard_null(value)
        pieces.append(as_text(value))
    return concat(builder, pieces)


def _lists(builder: Builder, left: Value, right: Value) -> Value:
    if isinstance(left, Items) and isinstance(right, Items):
        if left.mutable != right.mutable:
            builder.refuse("a list + a tuple")
        return Items(left.items + right.items, left.mutable)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Items) and not one.items and isinstance(other, Column):
            builder.guard_null(other)
            return other if one.mutable else _refused(builder)
    if isinstance(left, Column) and isinstance(right, Column):
        return _columns(builder, left, right)
    raise UnsupportedError("a sum of lists")


def _refused(builder: Builder) -> Value:
    builder.refuse("a list + a tuple")
    return Items(())


def _columns(builder: Builder, left: Column, right: Column) -> Value:
    first, second = left.shape.inner, right.shape.inner
    if first is None or second is None or first.dtype != second.dtype:
        raise UnsupportedError("a sum of lists of several kinds")
    builder.guard_null(left)
    builder.guard_null(right)
    joined = pl.concat_list([builder.of(left), builder.of(right)])
    return builder.column(joined, list_of(first.nullable if second.null else first))


def numbers(builder: Builder, operator: str, left: Value, right: Value) -> Value:
    """Return a number computed from two, which must be numbers or booleans."""
    whole = "float" not in (kind_of(left), kind_of(right))
    exprs = [_number(builder, value, whole) for value in (left, right)]
    if operator == "/":
        builder.guard(exprs[1] == 0)
        return builder.column(kernels.divided(*exprs), FLOAT)
    if operator in ("//", "%"):
        if not whole:
            raise UnsupportedError(f"floats {operator}")
        builder.guard((exprs[1] <= 0) | (exprs[0] < 0))
    return builder.column(_EXPRESSIONS[operator](*exprs), INT if whole else FLOAT)


def _number(builder: Builder, value: Value, whole: bool) -> pl.Expr:
    """Return an operand as Int64 or Float64; large integers and nulls go to Python."""
    expr = operand(builder, value).cast(pl.Int64 if kind_of(value) != "float" else pl.Float64)
    if isinstance(value, Column):
        if value.shape.null:
            builder.guard_null(value)
        if value.kind == "int":
            builder.guard(~expr.is_between(-_SAFE, _SAFE))
    elif isinstance(value, Const) and isinstance(value.value, int) and abs(value.value) > _SAFE:
        raise UnsupportedError("a large integer")
    return expr if whole else expr.cast(pl.Float64)


def integer(builder: Builder, operator: str, left: Value | None, right: Value | None) -> Value:
    """Return a sum or difference of two small integers, such as positions in a list."""
    if left is None or right is None:
        raise UnsupportedError("a number that is not known")
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(_PYTHON[operator](left.value, right.value))
    exprs = [operand(builder, value).cast(pl.Int64) for value in (left, right)]
    return builder.column(_EXPRESSIONS[operator](*exprs), INT)


def negative(builder: Builder, value: Value) -> Value:
    """Return `-value`."""
    if isinstance(value, Const) and isinstance(value.value, int | float):
        return Const(-value.value)
    if isinstance(value, Column) and value.kind == "float":
        if value.shape.null:
            builder.guard_null(value)
        return builder.column(-builder.of(value), FLOAT)
    return binary(builder, "-", Const(0), value)
