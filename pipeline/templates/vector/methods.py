"""Methods of texts and lists that change nothing."""

from typing import Any

import polars as pl

from pipeline.templates.vector import lists, strings
from pipeline.templates.vector.basics import Text, python
from pipeline.templates.vector.builder import Builder, element_shape
from pipeline.templates.vector.compare import kind_of
from pipeline.templates.vector.values import (
    EMPTY,
    NONE,
    Column,
    Const,
    Items,
    UnsupportedError,
    Value,
)  # fmt: skip


def call(builder: Builder, name: str, owner: Value, args: list[Value]) -> Value:
    """Return `owner.name(args)`."""
    kind = kind_of(owner)
    if kind in ("missing", "none"):
        builder.refuse("a method of nothing")
        return EMPTY
    if isinstance(owner, Column):
        owner = builder.column(builder.certain(owner), owner.shape.certain)
    function, *counts = _METHODS.get((kind, name), (None,))
    if function is None or len(args) not in counts:
        raise UnsupportedError(f"the method '{name}' of a {kind}")
    made: Value = function(builder, owner, name, args)
    return made


def _texts(builder: Builder, args: list[Value]) -> list[Text]:
    """Return arguments that must be texts."""
    out: list[Text] = []
    for value in args:
        if kind_of(value) != "str" or not isinstance(value, Const | Column):
            raise UnsupportedError("a method's argument that is no text")
        if isinstance(value, Column):
            expr = builder.certain(value)
            value = builder.text(expr.fill_null("") if value.shape.null else expr)
        out.append(value)
    return out


def _cased(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    return strings.cased(builder, name, owner)


def _stripped(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    characters = python(args[0]) if args else None
    if characters is not None and not isinstance(characters, str):
        raise UnsupportedError("strip by something other than a text")
    return strings.stripped(builder, name, owner, characters)


def _replaced(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    return strings.replaced(builder, owner, *_texts(builder, args))


def _split(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    by = None if args in ([], [NONE]) else _texts(builder, args)[0]
    return strings.split(builder, owner, by)


def _index(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    return strings.index_of(builder, owner, _texts(builder, args)[0])


def _joined(builder: Builder, owner: Text, name: str, args: list[Value]) -> Value:
    """Join as Python does: an element that is no text fails."""
    of = lists.listed(builder, args[0])
    if isinstance(of, Items):
        of = Items(tuple(_texts(builder, list(of.items))))
    elif element_shape(of).kind != "str":
        raise UnsupportedError("a join of elements that are no texts")
    elif element_shape(of).null:
        nulls = builder.of(of).list.eval(pl.element().is_null())
        builder.guard(nulls.list.any().fill_null(False))
    return lists.joined(builder, of, owner)


def _list_index(builder: Builder, owner: Value, name: str, args: list[Value]) -> Value:
    if not isinstance(owner, Column):
        raise UnsupportedError("an index of such a list")
    return lists.index_of(builder, owner, args[0])


_METHODS: dict[tuple[str, str], Any] = {
    **{("str", name): (_cased, 0) for name in ("lower", "upper", "capitalize")},
    **{("str", name): (_stripped, 0, 1) for name in ("strip", "lstrip", "rstrip")},
    ("str", "index"): (_index, 1), ("str", "replace"): (_replaced, 2),
    ("str", "split"): (_split, 0, 1), ("str", "join"): (_joined, 1), ("list", "index"): (_list_index, 1),
}  # fmt: skip
"""What computes a method, and how many arguments it takes."""
