"""Fields and items of values, with Jinja's order of attempts.

`a.b` finds methods before fields, `a["b"]` fields before methods, and what neither has is undefined.
"""

from collections.abc import Callable

import polars as pl

from pipeline.templates.vector.arithmetic import integer
from pipeline.templates.vector.basics import as_value, const_shape, each, merge, plain, python
from pipeline.templates.vector.builder import Builder, loaded
from pipeline.templates.vector.compare import as_expr, compare, kind_of
from pipeline.templates.vector.shapes import STR, Shape
from pipeline.templates.vector.values import (
    NONE,
    Column,
    Const,
    Either,
    Items,
    Missing,
    Record,
    Stream,
    Turn,
    UnsupportedError,
    Value,
)  # fmt: skip

_ATTRIBUTES: dict[type, frozenset[str]] = {
    kind: frozenset(dir(kind)) for kind in (str, int, float, list, dict, tuple)
}
_MOST_WHENS = 40
"""Beyond so many elements that are not constant, a computed index has no program."""


def get(builder: Builder, of: Value, key: Value, *, dotted: bool) -> Value:
    """Return `of.key` or `of[key]`."""
    if isinstance(plain(key), Either):
        return each(builder, key, lambda k: get(builder, of, k, dotted=dotted))
    return each(builder, of, lambda value: _get(builder, value, plain(key), dotted))


def _get(builder: Builder, of: Value, key: Value, dotted: bool) -> Value:
    if isinstance(of, Missing):
        builder.refuse("something asked of an undefined value")
        return Missing()
    if isinstance(of, Stream | Turn):
        return _of_loop(builder, of, key, dotted)
    if isinstance(of, Record):
        return _of_record(builder, of, key, dotted)
    if isinstance(of, Column) and of.kind == "record":
        return _of_struct(builder, of, key, dotted)
    if of == NONE or kind_of(of) in ("int", "float", "bool"):
        return _of_scalar(builder, of, key)
    if isinstance(key, Const) and isinstance(key.value, str):
        return _method_or_missing(key.value, list if kind_of(of) == "list" else str)
    return _element(builder, of, key)


def _of_loop(builder: Builder, of: Stream | Turn, key: Value, dotted: bool) -> Value:
    """Return an element of a range, or `loop.index` and the like."""
    if isinstance(of, Turn):
        return _turn(builder, of, str(python(key)))
    if not of.sized or dotted:
        raise UnsupportedError("an element of a generator")
    return get(builder, of.of, key, dotted=False)


def _method_or_missing(name: str, kind: type) -> Value:
    if name in _ATTRIBUTES[kind]:
        raise UnsupportedError(f"the method '{name}' without a call")
    return Missing()


def _turn(builder: Builder, turn: Turn, name: str) -> Value:
    """Return `loop.index` and the like."""
    position, length = turn.position, turn.length
    if position is None or (length is None and name in ("last", "length", "revindex", "revindex0")):
        raise UnsupportedError(f"loop.{name} of a filtered loop")
    one = Const(1)
    made: Callable[[], Value | None] | None = {
        "index0": lambda: position,
        "index": lambda: integer(builder, "+", position, one),
        "first": lambda: _truth_value(builder, position, Const(0)),
        "length": lambda: length,
        "last": lambda: _truth_value(builder, integer(builder, "+", position, one), length),
        "revindex": lambda: integer(builder, "-", length, position),
        "revindex0": lambda: integer(builder, "-", integer(builder, "-", length, position), one),
    }.get(name)
    value = made() if made else None
    if value is None:
        raise UnsupportedError(f"loop.{name}")
    return value


def _truth_value(builder: Builder, left: Value, right: Value | None) -> Value:
    return as_value(builder, compare(builder, "eq", left, right or Missing()))


def _of_record(builder: Builder, of: Record, key: Value, dotted: bool) -> Value:
    if isinstance(key, Column):
        return _looked_up(builder, of, key)
    wanted = python(key)
    if dotted and wanted in _ATTRIBUTES[dict]:
        raise UnsupportedError(f"the method '{wanted}' without a call")
    for name, value in of.pairs:
        if name == wanted:
            return value
    if isinstance(wanted, str) and wanted in _ATTRIBUTES[dict]:
        raise UnsupportedError(f"the method '{wanted}' without a call")
    return Missing()


def _looked_up(builder: Builder, of: Record, key: Column) -> Value:
    """Return the entry of a written-out dictionary that a column names."""
    tests = [(as_expr(compare(builder, "eq", key, Const(name))), value) for name, value in of.pairs]
    known = {name for name, _ in of.pairs}
    if key.kind == "str":
        methods = [name for name in _ATTRIBUTES[dict] if name not in known]
        builder.guard(builder.of(key).is_in(methods).fill_null(False))
    made: Value = Missing()
    for test, value in reversed(tests):
        made = merge(builder, test, value, made)
    return made


def _of_struct(builder: Builder, of: Column, key: Value, dotted: bool) -> Value:
    name = python(key)
    if not isinstance(name, str):
        raise UnsupportedError("a record indexed by something other than a name")
    hidden = name in _ATTRIBUTES[dict]
    shape = of.shape.field(name)
    if hidden and (dotted or shape is None):
        raise UnsupportedError(f"the method '{name}' without a call")
    if of.shape.null:
        builder.guard_null(of)
    if shape is None:
        return Missing()
    return loaded(builder.of(of).struct.field(name), shape, builder.here)


def _of_scalar(builder: Builder, of: Value, key: Value) -> Value:
    """None and numbers have nothing; one step further fails."""
    name = python(key)
    if isinstance(of, Column) and of.shape.null and of.missing:
        builder.guard_null(of)
    if isinstance(name, str) and (name in _ATTRIBUTES[int] or name in _ATTRIBUTES[float]):
        raise UnsupportedError(f"the method '{name}' without a call")
    return Missing()


def _element(builder: Builder, of: Value, key: Value) -> Value:
    """Return an element by its index."""
    if isinstance(key, Missing) or key == NONE or kind_of(key) == "float":
        return Missing()
    if isinstance(of, Column) and of.shape.null:
        builder.guard_null(of)
    if isinstance(key, Column):
        return _computed(builder, of, key)
    index = python(key)
    if not isinstance(index, int):
        raise UnsupportedError("an index that is no number")
    return _at(builder, of, int(index))


def _at(builder: Builder, of: Value, index: int) -> Value:
    if isinstance(of, Items):
        return of.items[index] if -len(of.items) <= index < len(of.items) else Missing()
    if isinstance(of, Const):
        text = str(of.value)
        return Const(text[index]) if -len(text) <= index < len(text) else Missing()
    if isinstance(of, Column) and of.kind == "list":
        return _of_list(builder, of, pl.lit(index, dtype=pl.Int64))
    if isinstance(of, Column) and of.kind == "str":
        return _character(builder, of, index)
    raise UnsupportedError(f"an element of a {kind_of(of)}")


def _character(builder: Builder, of: Column, index: int) -> Column:
    expr = builder.of(of)
    size = expr.str.len_chars()
    inside = size > index if index >= 0 else size >= -index
    made = pl.when(inside).then(expr.str.slice(index, 1))
    return builder.column(made, STR.nullable, missing=True)


def _computed(builder: Builder, of: Value, key: Column) -> Value:
    """Return an element at an index that is a column."""
    if key.kind not in ("int", "bool"):
        return _by_text(builder, of, key)
    at = builder.of(key).cast(pl.Int64)
    if isinstance(of, Items):
        return _of_items(builder, of, at, key)
    if not (isinstance(of, Column) and of.kind == "list"):
        raise UnsupportedError(f"a computed index into a {kind_of(of)}")
    if of.frame is not builder.here and builder.here.parent is of.frame:
        return _taken(builder, of, builder.column(at, key.shape))
    return _of_list(builder, of, at)


def _by_text(builder: Builder, of: Value, key: Column) -> Value:
    """A text is no index, and finds nothing unless it names a method."""
    if key.kind == "str":
        kind = list if kind_of(of) == "list" else str
        builder.guard(builder.of(key).is_in(sorted(_ATTRIBUTES[kind])).fill_null(False))
    return Missing()


def _taken(builder: Builder, of: Column, index: Column) -> Value:
    taken = builder.take(of, index)
    return _guarded_nulls(
        builder,
        of,
        taken,
        builder.of(of).list.len() if of.shape.inner and of.shape.inner.null else None,
        index,
    )


def _guarded_nulls(
    builder: Builder, of: Column, taken: Column, size: pl.Expr | None, index: Column
) -> Value:
    """Null means out of range, which is undefined; a null inside the range is None, Python's matter."""
    if size is not None:
        at = builder.of(index)
        size = size.cast(pl.Int64)
        builder.guard((at < size) & (at >= -size) & taken.expr.is_null())
    return Column(taken.expr, taken.shape.nullable, taken.frame, missing=True)


def _of_list(builder: Builder, of: Column, at: pl.Expr) -> Value:
    if of.shape.inner is None:
        raise UnsupportedError("an element of a list of unknown elements")
    expr = builder.of(of)
    taken = loaded(expr.list.get(at, null_on_oob=True), of.shape.inner, builder.here)
    size = expr.list.len() if of.shape.inner.null else None
    return _guarded_nulls(builder, of, taken, size, Column(at, STR, builder.here))


def _of_items(builder: Builder, of: Items, at: pl.Expr, key: Column) -> Value:
    """Look a computed index up in elements that are known."""
    size = len(of.items)
    if size == 0:
        return Missing()
    constants = [item.value for item in of.items if isinstance(item, Const)]
    if (
        len(constants) == size
        and len({type(c) for c in constants}) == 1
        and constants[0] is not None
    ):
        table = pl.Series(constants)
        index = pl.when(at < 0).then(at + size).otherwise(at)
        found = pl.lit(table).gather(pl.when(index.is_between(0, size - 1)).then(index))
        shaped = loaded(found, _constant_shape(constants[0]), builder.here)
        return Column(shaped.expr, shaped.shape.nullable, builder.here, missing=True)
    if size > _MOST_WHENS:
        raise UnsupportedError("a computed index into many elements")
    made: Value = Missing()
    for i in reversed(range(size)):
        made = merge(builder, at.is_in([i, i - size]).fill_null(False), of.items[i], made)
    return made


def _constant_shape(value: object) -> Shape:
    shape = const_shape(value)
    if shape is None:
        raise UnsupportedError("an integer beyond 64 bits")
    return shape
