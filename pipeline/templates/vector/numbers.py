"""Numbers: arithmetic, conversions and rounding, by Python's rules; and the `+` of texts."""

import operator
from collections.abc import Callable
from typing import Any

import polars as pl
from jinja2.filters import do_float, do_int

from pipeline.templates.vector import kernels
from pipeline.templates.vector.basics import concat
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.compare import kind_of, operand
from pipeline.templates.vector.values import (
    FLOAT,
    INT,
    Column,
    Const,
    UnsupportedError,
    Value,
)  # fmt: skip

_SAFE = 2**31
"""Products and sums of integers below it cannot overflow 64 bits."""
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip


def binary(builder: Builder, name: str, left: Value, right: Value) -> Value:
    """Return `left name right`, `name` being an operator of `+ - * / // %`."""
    kinds = {kind_of(left), kind_of(right)}
    if kinds == {"str"} and name == "+":
        texts = [value for value in (left, right) if isinstance(value, Const | Column)]
        for value in texts:
            if isinstance(value, Column):
                builder.guard_null(value)
        return concat(builder, texts)
    if not kinds <= {"int", "float", "bool"} or (
        isinstance(left, Const) and isinstance(right, Const)
    ):
        raise UnsupportedError(f"{' and '.join(sorted(kinds))} with {name}")
    whole = "float" not in kinds
    a, b = (_number(builder, value, whole) for value in (left, right))
    if name == "/":
        builder.guard(b == 0)
        return builder.column(kernels.divided(a, b), FLOAT)
    if name in ("//", "%"):
        builder.guard((b <= 0) | (a < 0) if whole else pl.lit(True))
    return builder.column(_OPERATIONS[name](a, b), INT if whole else FLOAT)


def _number(builder: Builder, value: Value, whole: bool) -> pl.Expr:
    """Return an operand as Int64 or Float64; large integers and nulls go to Jinja."""
    expr = operand(builder, value).cast(pl.Float64 if kind_of(value) == "float" else pl.Int64)
    if isinstance(value, Column):
        builder.guard_null(value)
        if value.kind == "int":
            builder.guard(~expr.is_between(-_SAFE, _SAFE))
    elif isinstance(value, Const) and isinstance(value.value, int) and abs(value.value) > _SAFE:
        raise UnsupportedError("a large integer")
    return expr if whole else expr.cast(pl.Float64)


def integer(builder: Builder, name: str, left: Value, right: Value) -> Value:
    """Return the sum or difference of two small integers, such as positions in a list."""
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(_OPERATIONS[name](left.value, right.value))
    a, b = (operand(builder, value).cast(pl.Int64) for value in (left, right))
    return builder.column(_OPERATIONS[name](a, b), INT)


def negative(builder: Builder, value: Value) -> Value:
    """Return `-value`."""
    if isinstance(value, Const) and isinstance(value.value, int | float):
        return Const(-value.value)
    if isinstance(value, Column) and value.kind == "float":
        return builder.column(-builder.certain(value), FLOAT)
    return binary(builder, "-", Const(0), value)


def rounded(builder: Builder, value: Value, precision: object, method: object) -> Value:
    """Return `value | round(precision, method)`."""
    if method != "common" or not isinstance(value, Column) or value.kind != "float":
        raise UnsupportedError("rounding other than the common one of floats")
    if not isinstance(precision, int):
        raise UnsupportedError("rounding to a precision that is no number")
    expr = builder.certain(value)

    def function(item: object) -> object:
        return round(item, precision)  # type: ignore[call-overload]

    return builder.column(kernels.by_python(expr, function, pl.Float64()), FLOAT)


def converted(builder: Builder, name: str, value: Value, default: object) -> Value:
    """Return `value | int` or `value | float`, with a default for what is no number."""
    shape = INT if name == "int" else FLOAT

    def convert(item: object) -> object:
        try:
            made = do_int(item, default) if name == "int" else do_float(item, default)  # type: ignore[arg-type]
        except OverflowError:
            return None
        fits = isinstance(made, int) and -(2**62) < made < 2**62
        return made if fits or (name == "float" and isinstance(made, float)) else None

    if not isinstance(value, Column) or value.kind not in ("str", "int", "float", "bool"):
        raise UnsupportedError(f"{name} of such a value")
    expr = builder.certain(value)
    if value.kind in ("int", "bool") or value.kind == name:
        return builder.column(expr.cast(shape.dtype), shape)
    kept = builder.keep(builder.column(kernels.by_python(expr, convert, shape.dtype), shape))
    builder.guard(kept.expr.is_null())
    return kept
