"""Functions of texts, each exactly Python's."""

from collections.abc import Callable

import polars as pl

from pipeline.templates.vector import kernels
from pipeline.templates.vector.builder import Builder, text_column
from pipeline.templates.vector.shapes import FLOAT, INT, STR, list_of
from pipeline.templates.vector.values import Column, Const, Items, UnsupportedError, Value

Text = Const | Column
_MOST_CHARACTERS = 10_000
_MOST_GROWN = 4_000_000
"""Bytes that a computed replacement may add to a text."""


def _capitalized(expr: pl.Expr) -> pl.Expr:
    return pl.concat_str(
        expr.str.slice(0, 1).str.to_uppercase(), expr.str.slice(1).str.to_lowercase()
    )


_CASES: dict[str, tuple[Callable[[pl.Expr], pl.Expr], Callable[[str], str]]] = {
    "lower": (lambda expr: expr.str.to_lowercase(), str.lower),
    "upper": (lambda expr: expr.str.to_uppercase(), str.upper),
    "capitalize": (_capitalized, str.capitalize),
}


def cased(builder: Builder, name: str, value: Text) -> Text:
    """Return a text in another case."""
    native, function = _CASES[name]
    if isinstance(value, Const):
        return Const(function(str(value.value)))
    return text_column(builder, kernels.patched(builder.of(value), native, function))


def lowered(expr: pl.Expr) -> pl.Expr:
    """Return texts in lower case; null stays null."""
    return kernels.patched(expr, *_CASES["lower"])


def stripped(builder: Builder, name: str, value: Text, characters: str | None) -> Text:
    """Return a text without leading (`lstrip`), trailing (`rstrip`) or both (`strip`) characters."""
    if isinstance(value, Const):
        return Const(getattr(str(value.value), name)(characters))
    space = builder.of(value).str
    method = {
        "strip": space.strip_chars,
        "lstrip": space.strip_chars_start,
        "rstrip": space.strip_chars_end,
    }
    if characters == "":
        return value
    return text_column(builder, method[name](kernels.SPACES if characters is None else characters))


def replaced(builder: Builder, value: Text, old: Text, new: Text) -> Text:
    """Return a text with all occurrences of another replaced."""
    if isinstance(value, Const) and isinstance(old, Const) and isinstance(new, Const):
        made = str(value.value).replace(str(old.value), str(new.value))
        if len(made) > _MOST_CHARACTERS:
            raise UnsupportedError("a constant of many characters")
        return Const(made)
    if isinstance(old, Const) and old.value == "":
        raise UnsupportedError("a replacement of the empty text")
    if isinstance(old, Const) and isinstance(new, Const) and isinstance(value, Column):
        builder.grow(len(str(new.value)) // len(str(old.value)))
        expr = builder.of(value).str.replace_all(str(old.value), str(new.value), literal=True)
        return text_column(builder, expr)
    if isinstance(old, Column):
        builder.guard(builder.of(old) == "")
    parts = _expr(builder, value).str.split(_expr(builder, old))
    between = _expr(builder, new)
    grown = (parts.list.len().cast(pl.Int64) - 1) * between.str.len_bytes() > _MOST_GROWN
    builder.guard(grown)
    return text_column(builder, pl.when(~grown).then(parts).list.join(between))


def _expr(builder: Builder, value: Text) -> pl.Expr:
    if isinstance(value, Column):
        return builder.of(value)
    # as long as the rows, which list and split functions ask for
    return pl.when(pl.int_range(pl.len()) >= 0).then(pl.lit(value.value))


def split(builder: Builder, value: Text, separator: Text | None) -> Value:
    """Return the parts of a text between separators; between spaces where there is none."""
    if isinstance(value, Const) and not isinstance(separator, Column):
        parts = str(value.value).split(None if separator is None else str(separator.value))
        return Items(tuple(Const(part) for part in parts))
    expr = _expr(builder, value)
    if separator is None:
        parts_R = expr.str.extract_all(f"[^{kernels.SPACES}]+")
        return builder.column(parts_R, list_of(STR))
    if isinstance(separator, Const):
        if separator.value == "":
            raise UnsupportedError("a split by nothing")
        return builder.column(expr.str.split(str(separator.value)), list_of(STR))
    by = builder.of(separator)
    builder.guard(by == "")
    return builder.column(expr.str.split(by), list_of(STR))


def tested(builder: Builder, name: str, value: Text, part: Text) -> bool | pl.Expr:
    """Return whether a text starts or ends with another."""
    if isinstance(value, Const) and isinstance(part, Const):
        return bool(getattr(str(value.value), name)(part.value))
    space = _expr(builder, value).str
    method = {"startswith": space.starts_with, "endswith": space.ends_with}[name]
    return method(str(part.value) if isinstance(part, Const) else builder.of(part))


def found(builder: Builder, name: str, value: Text, part: Text) -> Value:
    """Return where a text occurs first in another (`index`, `find`), or how often (`count`)."""
    if isinstance(value, Const) and isinstance(part, Const):
        try:
            return Const(getattr(str(value.value), name)(part.value))
        except ValueError:
            builder.refuse("the index of what is not there")
            return Const(0)
    expr, sub = _expr(builder, value), _expr(builder, part)
    builder.guard(sub == "")
    if name == "count":
        pieces = expr.str.split(sub).list.len().cast(pl.Int64)
        return builder.column(pieces - 1, INT)
    there = expr.str.contains(sub, literal=True)
    at = expr.str.split(sub).list.first().str.len_chars().cast(pl.Int64)
    if name == "index":
        builder.guard(~there)
        return builder.column(at, INT)
    return builder.column(pl.when(there).then(at).otherwise(-1), INT)


def number(builder: Builder, name: str, value: Value, default: object) -> Value:
    """Return `value | int` or `value | float`, with a default for what is no number."""
    function = _to_int if name == "int" else _to_float
    if isinstance(value, Const):
        return Const(function(value.value, default))
    if not isinstance(value, Column) or value.kind in ("list", "record", "other"):
        raise UnsupportedError(f"{name} of such a value")
    expr = builder.of(value)
    shape = INT if name == "int" else FLOAT
    if value.shape.null:
        builder.guard(expr.is_null())
    if value.kind in ("int", "bool") or value.kind == name:
        return builder.column(expr.cast(shape.dtype), shape)

    def convert(item: object) -> object:
        made = function(item, default)
        fits = isinstance(made, int) and -(2**62) < made < 2**62
        return made if fits or (name == "float" and isinstance(made, float)) else None

    made = builder.keep(builder.column(kernels.by_python(expr, convert, shape.dtype), shape))
    builder.guard(made.expr.is_null())
    return made


def _to_int(value: object, default: object) -> object:
    try:
        return int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        try:
            return int(float(value))  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return default
    except OverflowError:
        return None


def _to_float(value: object, default: object) -> object:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return default


def rounded(builder: Builder, value: Value, precision: int, method: str) -> Value:
    """Return `value | round(precision, method)`."""
    if method != "common" or not isinstance(value, Column | Const):
        raise UnsupportedError("rounding other than the common one")
    if isinstance(value, Const):
        if not isinstance(value.value, int | float):
            builder.refuse("rounding of no number")
            return Const(0)
        return Const(round(value.value, precision))
    if value.kind not in ("int", "float") or (value.kind == "int" and precision < 0):
        raise UnsupportedError(f"rounding of a {value.kind}")
    expr = builder.of(value)
    if value.shape.null:
        builder.guard(expr.is_null())
    if value.kind == "int":
        return builder.column(expr, INT)

    def function(item: object) -> object:
        return round(item, precision)  # type: ignore[call-overload]

    return builder.column(kernels.by_python(expr, function, pl.Float64()), FLOAT)
