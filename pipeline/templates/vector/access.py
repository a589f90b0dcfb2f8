"""Fields and items of values, with Jinja's order of attempts.

`a.b` finds methods before fields, `a["b"]` fields before methods, and what neither has is undefined. A
method that is found without being called has no program.
"""

import polars as pl

from pipeline.templates.vector.basics import as_value, const_shape, merge, python
from pipeline.templates.vector.builder import Builder, element_shape, loaded
from pipeline.templates.vector.compare import compare, kind_of
from pipeline.templates.vector.numbers import integer
from pipeline.templates.vector.values import (
    INT,
    NONE,
    STR,
    Column,
    Const,
    Items,
    Missing,
    Record,
    Stream,
    Turn,
    UnsupportedError,
    Value,
)  # fmt: skip

_METHODS: dict[str, frozenset[str]] = {
    "str": frozenset(dir(str)), "list": frozenset(dir(list)) | frozenset(dir(tuple)),
    "record": frozenset(dir(dict)), "other": frozenset(dir(range)), "none": frozenset(dir(None)),
    "int": frozenset(dir(int)), "bool": frozenset(dir(bool)), "float": frozenset(dir(float)),
}  # fmt: skip
_MOST_WHENS = 40
"""Beyond so many elements that are not constant, a computed index has no program."""


def get(builder: Builder, of: Value, key: Value, *, dotted: bool) -> Value:
    """Return `of.key` or `of[key]`."""
    if isinstance(of, Missing):
        builder.refuse("something asked of an undefined value")
        return Missing()
    if isinstance(of, Turn):
        return _turn(builder, of, python(key))
    if isinstance(of, Stream):
        of = measured(of)
    if isinstance(of, Record):
        return _of_record(builder, of, key, dotted)
    if isinstance(of, Column) and of.kind == "record":
        return _of_struct(builder, of, key, dotted)
    if isinstance(key, Const) and isinstance(key.value, str):
        if isinstance(of, Column) and of.missing:
            builder.guard_null(of)
        _refuse_method(kind_of(of), key.value)
        return Missing()
    return _element(builder, of, key)


def measured(value: Value) -> Value:
    """Return a range as the list of its numbers; a generator cannot be measured or indexed.

    Raises:
        UnsupportedError: It is one.
    """
    if isinstance(value, Stream):
        if not value.sized:
            raise UnsupportedError("a generator that is used as a list")
        return value.of
    return value


def _refuse_method(kind: str, name: str) -> None:
    if name in _METHODS[kind]:
        raise UnsupportedError(f"the method '{name}' without a call")


def _turn(builder: Builder, turn: Turn, name: object) -> Value:
    """Return `loop.index` and the like."""
    position, length, one = turn.position, turn.length, Const(1)
    if position is not None and name == "index0":
        return position
    if position is not None and name == "index":
        return integer(builder, "+", position, one)
    if position is not None and name == "first":
        return as_value(builder, compare(builder, "eq", position, Const(0)))
    if length is not None and name == "length":
        return length
    if position is not None and length is not None and name == "last":
        last = integer(builder, "+", position, one)
        return as_value(builder, compare(builder, "eq", last, length))
    raise UnsupportedError(f"loop.{name}")


def _of_record(builder: Builder, of: Record, key: Value, dotted: bool) -> Value:
    if isinstance(key, Column):
        return _looked_up(builder, of, key)
    name, entries = python(key), dict(of.pairs)
    if dotted or name not in entries:
        _refuse_method("record", str(name))
    return entries.get(name, Missing())


def _looked_up(builder: Builder, of: Record, key: Column) -> Value:
    """Return the entry of a written-out dictionary that a column names."""
    if key.kind == "str":
        builder.guard(builder.of(key).is_in(sorted(_METHODS["record"])).fill_null(False))
    if len(of.pairs) > _MOST_WHENS:
        raise UnsupportedError("a computed key of a large dictionary")
    made: Value = Missing()
    for name, value in reversed(of.pairs):
        made = merge(builder, compare(builder, "eq", key, Const(name)), value, made)
    return made


def _of_struct(builder: Builder, of: Column, key: Value, dotted: bool) -> Value:
    name = python(key)
    if not isinstance(name, str):
        raise UnsupportedError("a record indexed by something other than a name")
    shape = dict(of.shape.fields).get(name)
    if dotted or shape is None:
        _refuse_method("record", name)
    expr = builder.certain(of)
    return Missing() if shape is None else loaded(expr.struct.field(name), shape, builder.here)


def _element(builder: Builder, of: Value, key: Value) -> Value:
    """Return an element by its index."""
    if kind_of(of) not in ("str", "list"):
        raise UnsupportedError(f"an element of a {kind_of(of)}")
    if isinstance(of, Column):
        builder.guard_null(of)
    if isinstance(key, Column):
        return _computed(builder, of, key)
    index = None if isinstance(key, Missing) else python(key)
    if index is None:
        return Missing()
    if not isinstance(index, int):
        raise UnsupportedError("an index that is no number")
    if isinstance(of, Column) and of.kind == "list":
        return _of_list(builder, of, pl.lit(int(index), dtype=pl.Int64))
    if isinstance(of, Column):
        expr = builder.of(of)
        size = expr.str.len_chars()
        inside = size > index if index >= 0 else size >= -index
        made = pl.when(inside).then(expr.str.slice(index, 1))
        return builder.column(made, STR.nullable, missing=True)
    items = of.items if isinstance(of, Items) else [Const(c) for c in str(python(of))]
    return items[index] if -len(items) <= index < len(items) else Missing()


def _computed(builder: Builder, of: Value, key: Column) -> Value:
    """Return an element at an index that is a column."""
    if key.kind not in ("int", "bool"):
        raise UnsupportedError("an index that is no number")
    at = builder.of(key).cast(pl.Int64)
    if isinstance(of, Items):
        return picked(builder, of, at, Missing())
    if not (isinstance(of, Column) and of.kind == "list"):
        raise UnsupportedError("a computed index into a text")
    if of.frame is builder.here.parent:
        size = Column(of.expr.list.len().cast(pl.Int64), INT, of.frame)
        known = builder.of(size) if element_shape(of).null else None
        return _null_is_outside(builder, builder.take(of, at), at, known)
    return _of_list(builder, of, at)


def _of_list(builder: Builder, of: Column, at: pl.Expr) -> Value:
    expr, inner = builder.of(of), element_shape(of)
    taken = loaded(expr.list.get(at, null_on_oob=True), inner, builder.here)
    size = expr.list.len().cast(pl.Int64) if inner.null else None
    return _null_is_outside(builder, taken, at, size)


def _null_is_outside(builder: Builder, taken: Column, at: pl.Expr, size: pl.Expr | None) -> Column:
    """Null means out of range, which is undefined; a null inside the range is None, Jinja's matter."""
    if size is not None:
        builder.guard((at < size) & (at >= -size) & taken.expr.is_null())
    return Column(taken.expr, taken.shape.nullable, taken.frame, missing=True)


def picked(builder: Builder, of: Items, at: pl.Expr, outside: Value) -> Value:
    """Return the element at a computed index of a list of known length.

    Args:
        builder: Collects the program.
        of: The list.
        at: The index, from the list's end where it is negative.
        outside: What an index out of range yields.
    """
    size = len(of.items)
    constants = [item.value for item in of.items if isinstance(item, Const) and item != NONE]
    if size and len(constants) == size and len({type(c) for c in constants}) == 1:
        index = pl.when(at < 0).then(at + size).otherwise(at)
        inside = pl.when(index.is_between(0, size - 1)).then(index)
        found = pl.lit(pl.Series(constants)).gather(inside)
        shape = const_shape(constants[0])
        return builder.column(found, shape.nullable, missing=True)
    if size > _MOST_WHENS:
        raise UnsupportedError("a computed index into many elements")
    made = outside
    for i in reversed(range(size)):
        made = merge(builder, at.is_in([i, i - size]).fill_null(False), of.items[i], made)
    return made
