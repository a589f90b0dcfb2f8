"""What every value can do: be printed, be tested, be merged with another.

The rules are Python's and Jinja's: None prints "None", an undefined value prints nothing, an empty
text or list is false.
"""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from pipeline.templates.vector import kernels
from pipeline.templates.vector.builder import Builder
from pipeline.templates.vector.values import (
    BOOL,
    EMPTY,
    FLOAT,
    INT,
    NONE,
    STR,
    Column,
    Const,
    Items,
    Missing,
    Record,
    Shape,
    UnsupportedError,
    Value,
)  # fmt: skip

Text = Const | Column
Truth = bool | pl.Expr

_LONGEST_CONSTANT = 100_000


def merge(builder: Builder, test: Truth, then: Value, other: Value) -> Value:
    """Return one of two values by a test.

    Raises:
        UnsupportedError: No column can hold both.
    """
    builder.spend()
    if isinstance(test, bool):
        return then if test else other
    if then is other or _same(then, other):
        return then
    if isinstance(then, Items) and isinstance(other, Items) and len(then.items) == len(other.items):
        pairs = zip(then.items, other.items, strict=True)
        return Items(tuple(merge(builder, test, *pair) for pair in pairs), then.mutable)
    shape = _common(then, other)
    missing = any(map(_may_miss, (then, other)))
    exprs = []
    for value, path in ((then, test), (other, ~test)):
        expr = builder.of(value) if isinstance(value, Column) else _literal(value, shape)
        if missing and (value == NONE or (_nullable(value) and not _may_miss(value))):
            with builder.under(path):  # a null cannot mean both None and undefined
                builder.guard(expr.is_null())
        exprs.append(expr)
    return builder.column(pl.when(test).then(exprs[0]).otherwise(exprs[1]), shape, missing=missing)


def _same(a: Value, b: Value) -> bool:
    """Whether two constants are one and the same, type included."""
    if isinstance(a, Const) and isinstance(b, Const):
        return (type(a.value), repr(a.value)) == (type(b.value), repr(b.value))
    return isinstance(a, Missing) and isinstance(b, Missing)


def _nullable(value: Value) -> bool:
    return isinstance(value, Column) and value.shape.null


def _may_miss(value: Value) -> bool:
    return isinstance(value, Missing) or (isinstance(value, Column) and value.missing)


def _literal(value: Value, shape: Shape) -> pl.Expr:
    return pl.lit(value.value if isinstance(value, Const) else None, dtype=shape.dtype)


def _common(then: Value, other: Value) -> Shape:
    """Return the shape that holds both values."""
    values = [v for v in (then, other) if not isinstance(v, Missing) and v != NONE]
    shapes = [_shape(value) for value in values]
    if not shapes or shapes[0].certain != shapes[-1].certain:
        raise UnsupportedError("a value of several kinds")
    null = len(values) < 2 or any(shape.null for shape in shapes)
    return replace(shapes[0], null=null)


def _shape(value: Value) -> Shape:
    if isinstance(value, Column):
        return value.shape
    if isinstance(value, Const):
        return const_shape(value.value)
    raise UnsupportedError("a value of several kinds")


_SHAPES = {str: STR, bool: BOOL, int: INT, float: FLOAT}


def const_shape(value: object) -> Shape:
    """Return the shape of a constant that is not None.

    Raises:
        UnsupportedError: It is an integer beyond 64 bits.
    """
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise UnsupportedError("an integer beyond 64 bits")
    return _SHAPES[type(value)]


def text(builder: Builder, value: Value) -> Text:
    """Return what `{{ value }}` prints: a constant text, or a column of texts without nulls."""
    if isinstance(value, Missing):
        return EMPTY
    if not isinstance(value, Column):
        return Const(str(python(value)))
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
    return builder.text(expr)


def python(value: Value) -> object:
    """Return a constant as Python's own.

    Raises:
        UnsupportedError: It is something else.
    """
    if isinstance(value, Const):
        return value.value
    raise UnsupportedError("a value that would have to be constant")


def concat(builder: Builder, pieces: Iterable[Text]) -> Text:
    """Return texts joined; neighbouring constants become one."""
    merged: list[Text] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, Const) and isinstance(last, Const):
            merged[-1] = Const(str(last.value) + str(piece.value))
            if len(str(last.value)) > _LONGEST_CONSTANT:
                raise UnsupportedError("a long constant")
        elif piece != EMPTY:
            merged.append(piece)
    if len(merged) < 2:
        return merged[0] if merged else EMPTY
    builder.literals += sum(len(str(p.value)) for p in merged if isinstance(p, Const))
    exprs = [builder.of(p) if isinstance(p, Column) else pl.lit(p.value) for p in merged]
    return builder.text(pl.concat_str(exprs))


def truth(builder: Builder, value: Value) -> Truth:
    """Return whether a value is true: a constant, or an expression without nulls."""
    if isinstance(value, Missing):
        return False
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Items):
        return bool(value.items)
    if isinstance(value, Record):
        return bool(value.pairs)
    if not isinstance(value, Column):
        raise UnsupportedError("a test of a generator")
    expr = builder.of(value)
    tests = {
        "str": lambda: expr != "", "list": lambda: expr.list.len() > 0, "bool": lambda: expr,
        "int": lambda: expr != 0, "float": lambda: expr != 0, "record": lambda: expr.is_not_null(),
    }  # fmt: skip
    if value.kind not in tests:
        raise UnsupportedError(f"a test of a {value.kind}")
    made = tests[value.kind]()
    return made.fill_null(False) if value.shape.null else made


def truth_expr(truth: Truth) -> pl.Expr:
    """Return a truth as an expression."""
    return pl.lit(truth) if isinstance(truth, bool) else truth


def negated(test: Truth) -> Truth:
    """Return the opposite of a truth."""
    return not test if isinstance(test, bool) else ~test


def as_value(builder: Builder, test: Truth) -> Value:
    """Return a truth as a value."""
    return Const(test) if isinstance(test, bool) else builder.column(test, BOOL)
