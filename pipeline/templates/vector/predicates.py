"""Jinja's tests over values, by name: `value is name(args)`."""

import polars as pl

from pipeline.templates.vector.basics import negated, plain
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.compare import compare, kind_of
from pipeline.templates.vector.values import (
    NONE,
    Column,
    Const,
    Items,
    Missing,
    UnsupportedError,
    Value,
)

Truth = bool | pl.Expr

_COMPARISONS = {
    "equalto": "eq", "==": "eq", "eq": "eq", "ne": "ne", "!=": "ne",
    "lt": "lt", "<": "lt", "lessthan": "lt", "gt": "gt", ">": "gt", "greaterthan": "gt",
    "le": "lteq", "<=": "lteq", "ge": "gteq", ">=": "gteq", "in": "in",
}  # fmt: skip


def tested(builder: Builder, name: str, value: Value, args: list[Value]) -> Truth:
    """Return `value is name(args)`."""
    if name in _COMPARISONS:
        return compare(builder, _COMPARISONS[name], value, args[0])
    value = plain(value)
    if name in ("true", "false"):
        if not isinstance(value, Const) and kind_of(value) != "bool":
            return False
        return (
            compare(builder, "eq", value, Const(name == "true"))
            if kind_of(value) == "bool"
            else False
        )
    if name == "none":
        return compare(builder, "eq", value, NONE)
    if name in ("defined", "undefined"):
        return _defined(builder, value, name == "defined")
    raise UnsupportedError(f"the test '{name}'")


def _defined(builder: Builder, value: Value, wanted: bool) -> Truth:
    if isinstance(value, Column) and value.missing and value.shape.null:
        there: Truth = builder.of(value).is_not_null()
    elif isinstance(value, Missing | Const | Column | Items):
        there = not isinstance(value, Missing)
    else:
        raise UnsupportedError("whether such a value is defined")
    return there if wanted else negated(there)
