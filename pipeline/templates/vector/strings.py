"""Functions of texts, each exactly Python's."""

from collections.abc import Callable

import polars as pl

from pipeline.templates.vector import kernels
from pipeline.templates.vector.basics import Text, python
from pipeline.templates.vector.builder import Builder, tied
from pipeline.templates.vector.compare import kind_of, operand
from pipeline.templates.vector.values import (
    EMPTY,
    INT,
    NONE,
    STR,
    Column,
    Const,
    Items,
    UnsupportedError,
    Value,
    list_of,
)  # fmt: skip

_MOST_CHARACTERS = 10_000
MOST_GROWN = 16_384
"""Bytes that a computed replacement or separator may add to a text; beyond, Jinja renders the row."""


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
    if isinstance(value, Const):
        return Const(_CASES[name][1](str(value.value)))
    return builder.text(kernels.patched(builder.of(value), *_CASES[name]))


def stripped(builder: Builder, name: str, value: Text, characters: str | None) -> Text:
    """Return a text without leading (`lstrip`), trailing (`rstrip`) or both (`strip`) characters."""
    if isinstance(value, Const):
        return Const(getattr(str(value.value), name)(characters))
    if characters == "":
        return value
    space = builder.of(value).str
    strip = {
        "strip": space.strip_chars, "lstrip": space.strip_chars_start, "rstrip": space.strip_chars_end
    }[name]  # fmt: skip
    return builder.text(strip(kernels.SPACES if characters is None else characters))


def replaced(builder: Builder, value: Text, old: Text, new: Text) -> Text:
    """Return a text with all occurrences of another replaced."""
    if old == EMPTY:
        raise UnsupportedError("a replacement of the empty text")
    if isinstance(value, Const) and isinstance(old, Const) and isinstance(new, Const):
        made = str(value.value).replace(str(old.value), str(new.value))
        if len(made) > _MOST_CHARACTERS:
            raise UnsupportedError("a constant of many characters")
        return Const(made)
    expr = _expr(builder, value)
    if isinstance(old, Const) and isinstance(new, Const):
        builder.grow(len(str(new.value)) // len(str(old.value)))
        return builder.text(expr.str.replace_all(str(old.value), str(new.value), literal=True))
    if isinstance(old, Column):
        builder.guard(builder.of(old) == "")
    return builder.text(joined(builder, expr.str.split(_expr(builder, old)), _expr(builder, new)))


def joined(builder: Builder, lists: pl.Expr, between: pl.Expr) -> pl.Expr:
    """Return lists of texts joined by a computed text; what gets long goes to Jinja."""
    grown = lists.list.len().cast(pl.Int64) * between.str.len_bytes() > MOST_GROWN
    builder.guard(grown)
    return pl.when(~grown).then(lists).list.join(between)


def _expr(builder: Builder, value: Text) -> pl.Expr:
    return builder.of(value) if isinstance(value, Column) else tied(value.value)


def split(builder: Builder, value: Text, separator: Text | None) -> Value:
    """Return the parts of a text between separators; between spaces where there is none."""
    if isinstance(separator, Column) or separator == EMPTY:
        raise UnsupportedError("a split by such a text")
    by = None if separator is None else str(separator.value)
    text = _expr(builder, value).str
    parts = text.extract_all(f"[^{kernels.SPACES}]+") if by is None else text.split(by)
    return builder.column(parts, list_of(STR))


def index_of(builder: Builder, value: Text, part: Text) -> Value:
    """Return where a text occurs first in another; rows without it go to Jinja."""
    expr, sub = _expr(builder, value), _expr(builder, part)
    builder.guard(sub == "")
    builder.guard(~expr.str.contains(sub, literal=True))
    at = expr.str.split(sub).list.first().str.len_chars().cast(pl.Int64)
    return builder.column(at, INT)


def cut(builder: Builder, of: Value, start: Value, stop: Value) -> Value:
    """Return `of[start:stop]` of a text or list; None stands for a bound that is not written."""
    if isinstance(of, Items):
        first, last = (python(bound) for bound in (start, stop))
        if isinstance(first, int | None) and isinstance(last, int | None):
            return Items(of.items[first:last], of.mutable)
    if not (isinstance(of, Column) and of.kind in ("str", "list")):
        raise UnsupportedError("a slice of such a value")
    expr = builder.certain(of)
    size = (expr.str.len_chars() if of.kind == "str" else expr.list.len()).cast(pl.Int64)
    first = _bound(builder, Const(0) if start == NONE else start, size)
    length = None if stop == NONE else (_bound(builder, stop, size) - first).clip(lower_bound=0)
    made = (expr.str if of.kind == "str" else expr.list).slice(first, length)
    return builder.column(made, of.shape.certain)


def _bound(builder: Builder, bound: Value, size: pl.Expr) -> pl.Expr:
    """Return a bound as a position between the ends."""
    if isinstance(bound, Const) and isinstance(bound.value, int) and bound.value >= 0:
        return pl.lit(int(bound.value), dtype=pl.Int64)
    if kind_of(bound) != "int":
        raise UnsupportedError("a slice whose bound is no number")
    at = operand(builder, bound).cast(pl.Int64)
    builder.guard(at.is_null())
    return pl.when(at < 0).then(at + size).otherwise(at).clip(0, size)
