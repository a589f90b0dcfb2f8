"""Comparisons, membership and Jinja's tests, by Python's rules: only numbers equal another kind."""

import operator
from collections.abc import Callable
from typing import Any

import polars as pl

from pipeline.templates.vector.basics import Truth, const_shape, negated, python, truth_expr
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.values import (
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

_NUMBERS = frozenset({"int", "float", "bool"})
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": operator.lt, "lteq": operator.le, "gt": operator.gt, "gteq": operator.ge,
}  # fmt: skip
_TESTS = {
    "equalto": "eq", "==": "eq", "eq": "eq", "ne": "ne", "!=": "ne",
    "lt": "lt", "<": "lt", "lessthan": "lt", "gt": "gt", ">": "gt", "greaterthan": "gt",
    "le": "lteq", "<=": "lteq", "ge": "gteq", ">=": "gteq", "in": "in",
}  # fmt: skip


def compare(builder: Builder, name: str, left: Value, right: Value) -> Truth:
    """Return the truth of one comparison, named as in Jinja's tree: `eq`, `lteq`, `notin` and so on."""
    if name in ("notin", "ne"):
        return negated(compare(builder, {"notin": "in", "ne": "eq"}[name], left, right))
    if name == "eq":
        return _equal(builder, left, right)
    if name == "in":
        return _contains(builder, left, right)
    return _ordered(builder, _ORDERS[name], left, right)


def tested(builder: Builder, name: str, value: Value, args: list[Value]) -> Truth:
    """Return `value is name(args)`."""
    if name in _TESTS and len(args) == 1:
        return compare(builder, _TESTS[name], value, args[0])
    if name == "none" and not args:
        return compare(builder, "eq", value, NONE)
    if name in ("defined", "undefined") and not args:
        return negated(_missing(builder, value)) if name == "defined" else _missing(builder, value)
    raise UnsupportedError(f"the test '{name}'")


def _missing(builder: Builder, value: Value) -> Truth:
    if isinstance(value, Column) and value.missing and value.shape.null:
        return builder.of(value).is_null()
    return isinstance(value, Missing)


def kind_of(value: Value) -> str:
    """Return the kind of a constant or column: `none` for None, `missing` for undefined."""
    if isinstance(value, Column):
        return value.kind
    if isinstance(value, Const):
        return "none" if value.value is None else const_shape(value.value).kind
    return {Missing: "missing", Items: "list", Record: "record"}.get(type(value), "other")


def operand(builder: Builder, value: Value) -> pl.Expr:
    """Return a constant or column as an expression in the present frame."""
    if isinstance(value, Column):
        return builder.of(value)
    return pl.lit(python(value))


def _equal(builder: Builder, left: Value, right: Value) -> Truth:
    if isinstance(left, Column) and isinstance(right, Column):
        return _both_equal(builder, left, right)
    if isinstance(left, Column):
        return _equals(builder, left, right)
    if isinstance(right, Column):
        return _equals(builder, right, left)
    if isinstance(left, Missing) or isinstance(right, Missing):
        return isinstance(left, Missing) and isinstance(right, Missing)
    return bool(python(left) == python(right))


def _equals(builder: Builder, column: Column, other: Value) -> Truth:
    expr = builder.of(column)
    if isinstance(other, Missing) or other == NONE:
        null_means_it = column.shape.null and column.missing == isinstance(other, Missing)
        return expr.is_null() if null_means_it else False
    if isinstance(other, Items | Record | Stream):
        if column.kind != "list" or not isinstance(other, Items) or other.items:
            raise UnsupportedError("a comparison of a list")
        return (expr.list.len() == 0).fill_null(False) if other.mutable else False
    if not _comparable(column.kind, kind_of(other)):
        return False
    test = _numeric(builder, column) == _numeric(builder, other)
    return test.fill_null(False) if column.shape.null else test


def _both_equal(builder: Builder, left: Column, right: Column) -> Truth:
    if not _comparable(left.kind, right.kind):
        if left.shape.null and right.shape.null:
            raise UnsupportedError("a comparison of kinds that may both be null")
        return False
    if left.kind not in ("str", *_NUMBERS):
        raise UnsupportedError(f"a comparison of two {left.kind}s")
    a, b = _numeric(builder, left), _numeric(builder, right)
    if left.shape.null and right.shape.null and left.missing == right.missing:
        return a.eq_missing(b)
    return (a == b).fill_null(False)  # None is not undefined


def _comparable(a: str, b: str) -> bool:
    """Whether values of two kinds can be equal."""
    return a == b or {a, b} <= _NUMBERS


def _numeric(builder: Builder, value: Value) -> pl.Expr:
    """Return an operand of a comparison; booleans count as numbers, and nan goes to Jinja."""
    expr = operand(builder, value)
    if kind_of(value) == "bool":
        return expr.cast(pl.Int64)
    if isinstance(value, Column) and value.kind == "float":
        builder.guard(expr.is_nan().fill_null(False))
    return expr


def _ordered(
    builder: Builder, order: Callable[[Any, Any], Any], left: Value, right: Value
) -> Truth:
    kinds = {kind_of(left), kind_of(right)}
    if kinds != {"str"} and not kinds <= _NUMBERS:
        builder.refuse(f"an order between {' and '.join(sorted(kinds))}")
        return False
    if isinstance(left, Const) and isinstance(right, Const):
        return bool(order(left.value, right.value))
    for value in (left, right):
        if isinstance(value, Column):
            builder.guard_null(value)
    made: pl.Expr = order(_numeric(builder, left), _numeric(builder, right))
    return made.fill_null(False)


def _contains(builder: Builder, item: Value, of: Value) -> Truth:
    of = of.of if isinstance(of, Stream) else of
    if isinstance(of, Missing):
        return False
    if isinstance(of, Items):
        tests = [compare(builder, "eq", item, member) for member in of.items]
        if all(isinstance(test, bool) for test in tests):
            return any(tests)
        return pl.any_horizontal([truth_expr(test) for test in tests])
    if kind_of(of) == "str":
        return _substring(builder, item, of)
    raise UnsupportedError(f"membership in a {kind_of(of)}")


def _substring(builder: Builder, item: Value, of: Value) -> Truth:
    if kind_of(item) != "str":
        builder.refuse("membership of something other than a text in a text")
        return False
    if isinstance(item, Const) and isinstance(of, Const):
        return str(item.value) in str(of.value)
    exprs = [
        builder.certain(value) if isinstance(value, Column) else operand(builder, value)
        for value in (of, item)
    ]
    return exprs[0].str.contains(exprs[1], literal=True).fill_null(False)
