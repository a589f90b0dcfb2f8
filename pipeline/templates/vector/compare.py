"""Comparisons and membership, by Python's rules: kinds never equal each other, but for numbers."""

from collections.abc import Callable

import polars as pl

from pipeline.templates.vector.basics import const_shape, negated, plain, python
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.values import (
    NONE,
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

Truth = bool | pl.Expr
_NUMBERS = frozenset({"int", "float", "bool"})

_ORDERS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "lt": lambda a, b: a < b, "lteq": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "gteq": lambda a, b: a >= b,
}  # fmt: skip
_PYTHON: dict[str, Callable[[object, object], bool]] = {
    "lt": lambda a, b: a < b, "lteq": lambda a, b: a <= b,  # type: ignore[operator]
    "gt": lambda a, b: a > b, "gteq": lambda a, b: a >= b,  # type: ignore[operator]
}  # fmt: skip


def compare(builder: Builder, operator: str, left: Value, right: Value) -> Truth:
    """Return the truth of one comparison."""
    if operator in ("notin", "ne"):
        return negated(compare(builder, {"notin": "in", "ne": "eq"}[operator], left, right))
    function = {"eq": equal, "in": contains}.get(operator)
    if function is None:
        return _spread(builder, left, right, lambda a, b: _ordered(builder, operator, a, b))
    return _spread(builder, left, right, lambda a, b: function(builder, a, b))


def _spread(
    builder: Builder, left: Value, right: Value, function: Callable[[Value, Value], Truth]
) -> Truth:
    """Compare all sides of both operands, each on its path."""
    builder.spend()
    for value, first in ((plain(left), True), (plain(right), False)):
        if isinstance(value, Either):
            test = builder.test(value)
            made = []
            for side, path in ((value.then, test), (value.other, ~test)):
                with builder.under(path):
                    pair = (side, right) if first else (left, side)
                    made.append(as_expr(_spread(builder, *pair, function)))
            return pl.when(test).then(made[0]).otherwise(made[1])
    return function(plain(left), plain(right))


def as_expr(truth: Truth) -> pl.Expr:
    """Return a truth as an expression."""
    return pl.lit(truth) if isinstance(truth, bool) else truth


def kind_of(value: Value) -> str:
    """Return the kind of a constant or column: `none` for None, `missing` for undefined."""
    if isinstance(value, Column):
        return value.kind
    if isinstance(value, Const):
        shape = const_shape(value.value)
        return "none" if value.value is None else (shape.kind if shape else "other")
    return {Missing: "missing", Items: "list", Record: "record"}.get(type(value), "other")


def operand(builder: Builder, value: Value) -> pl.Expr:
    """Return a constant or column as an expression in the present frame."""
    if isinstance(value, Column):
        return builder.of(value)
    if isinstance(value, Const):
        return pl.lit(value.value)
    raise UnsupportedError("an operand that is neither constant nor column")


def _constant(value: Value) -> bool:
    try:
        python(value)
    except UnsupportedError:
        return isinstance(value, Missing)
    return True


def equal(builder: Builder, left: Value, right: Value) -> Truth:
    """Return `left == right`."""
    if isinstance(left, Stream) or isinstance(right, Stream):
        raise UnsupportedError("a comparison of a generator")
    if _constant(left) and _constant(right):
        if isinstance(left, Missing) or isinstance(right, Missing):
            return isinstance(left, Missing) and isinstance(right, Missing)
        return bool(python(left) == python(right))
    if isinstance(left, Column) and not isinstance(right, Column):
        return _equals(builder, left, right)
    if isinstance(right, Column) and not isinstance(left, Column):
        return _equals(builder, right, left)
    if isinstance(left, Column) and isinstance(right, Column):
        return _both_equal(builder, left, right)
    if kind_of(left) != kind_of(right):
        return False
    raise UnsupportedError("a comparison of computed lists")


def _equals(builder: Builder, column: Column, other: Value) -> Truth:
    expr = builder.of(column)
    if isinstance(other, Missing) or other == NONE:
        null_means_it = column.shape.null and column.missing == isinstance(other, Missing)
        return expr.is_null() if null_means_it else False
    if isinstance(other, Items) and column.kind == "list":
        if other.items or not other.mutable:
            raise UnsupportedError("a comparison of a list")
        return (expr.list.len() == 0).fill_null(False)
    if not comparable(column.kind, kind_of(other)):
        return False
    return _filled(column, _numeric(builder, column) == _numeric(builder, other))


def _both_equal(builder: Builder, left: Column, right: Column) -> Truth:
    if not comparable(left.kind, right.kind):
        if left.shape.null and right.shape.null:
            raise UnsupportedError("a comparison of kinds that may both be null")
        return False
    if left.kind not in ("str", *_NUMBERS):
        raise UnsupportedError(f"a comparison of two {left.kind}s")
    a, b = _numeric(builder, left), _numeric(builder, right)
    if left.shape.null and right.shape.null and left.missing == right.missing:
        return a.eq_missing(b)
    return (a == b).fill_null(False)  # None is not undefined


def comparable(a: str, b: str) -> bool:
    """Whether values of two kinds can be equal."""
    return a == b or {a, b} <= _NUMBERS


def _filled(column: Column, test: pl.Expr) -> pl.Expr:
    return test.fill_null(False) if column.shape.null else test


def _numeric(builder: Builder, value: Value) -> pl.Expr:
    """Return an operand of a comparison; booleans count as numbers, and nan goes to Python."""
    expr = operand(builder, value)
    if kind_of(value) == "bool":
        return expr.cast(pl.Int64)
    if isinstance(value, Column) and value.kind == "float":
        builder.guard(expr.is_nan().fill_null(False))
    return expr


def _ordered(builder: Builder, operator: str, left: Value, right: Value) -> Truth:
    if isinstance(left, Const) and isinstance(right, Const):
        try:
            return _PYTHON[operator](left.value, right.value)
        except TypeError:
            builder.refuse("an order between kinds that have none")
            return False
    kinds = kind_of(left), kind_of(right)
    if kinds != ("str", "str") and not set(kinds) <= _NUMBERS:
        if {"list", "other", "record"} & set(kinds):
            raise UnsupportedError(f"an order between {kinds[0]} and {kinds[1]}")
        builder.refuse("an order between kinds that have none")
        return False
    for value in (left, right):
        if isinstance(value, Column) and value.shape.null:
            builder.guard_null(value)
    return _ORDERS[operator](_numeric(builder, left), _numeric(builder, right)).fill_null(False)


def contains(builder: Builder, item: Value, of: Value) -> Truth:
    """Return `item in of`."""
    if isinstance(of, Stream):
        of = plain(of.of)
    if isinstance(of, Missing):
        return False
    if _constant(of) and isinstance(item, Const) and not isinstance(of, Missing):
        return _constant_contains(builder, item.value, python(of))
    if isinstance(of, Items | Record):
        members = of.items if isinstance(of, Items) else tuple(Const(key) for key, _ in of.pairs)
        tests = [compare(builder, "eq", item, member) for member in members]
        return pl.any_horizontal([as_expr(test) for test in tests]) if tests else False
    if kind_of(of) == "str":
        return _substring(builder, item, of)
    if isinstance(of, Column) and of.kind == "list":
        return _member(builder, item, of)
    raise UnsupportedError(f"membership in a {kind_of(of)}")


def _constant_contains(builder: Builder, item: object, of: object) -> bool:
    try:
        return item in of  # type: ignore[operator]
    except TypeError:
        builder.refuse("membership in what holds nothing")
        return False


def _substring(builder: Builder, item: Value, of: Value) -> Truth:
    if kind_of(item) != "str":
        builder.refuse("membership of something other than a text in a text")
        return False
    for value in (item, of):
        if isinstance(value, Column) and value.shape.null:
            builder.guard_null(value)
    return operand(builder, of).str.contains(operand(builder, item), literal=True).fill_null(False)


def _member(builder: Builder, item: Value, of: Column) -> Truth:
    inner = of.shape.inner
    if inner is None or kind_of(item) != inner.kind or inner.kind not in ("str", "int"):
        raise UnsupportedError("membership of another kind in a list")
    if of.shape.null:
        builder.guard_null(of)
    if isinstance(item, Column) and item.shape.null:
        builder.guard_null(item)
    return builder.of(of).list.contains(operand(builder, item)).fill_null(False)
