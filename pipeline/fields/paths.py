"""From the name of a field to the expression that reads it: columns and paths into nested data.

    column            a column of exactly that name, whatever characters it holds
    a.b               field `b` of a record
    a[0], a[-1]       one element of a list; null where the list is shorter
    a[].b             field `b` of every element, as a list
    a[key=value].b    field `b` of the first element whose `key` reads `value`

A path resolves against the types of a frame, so that a misspelt name is found before any row is
read, also in an empty frame.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

import polars as pl

from pipeline.errors import SourceError, unknown_name

TEXT_KEY = "#text"
"""The field that holds the text of a record that is a text with attributes, as XML has them."""

_BRACKETS = re.compile(r"\[(?:(?P<index>-?\d+)|(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]*))?\]")


@dataclass(frozen=True, slots=True)
class Value:
    """An expression over a frame's columns and the type of what it yields."""

    expression: pl.Expr
    dtype: pl.DataType


@dataclass(frozen=True, slots=True)
class _Origin:
    """What errors cite: the path as written, and the place that it was written in."""

    path: str
    where: str


def resolve(path: str, schema: pl.Schema, *, where: str) -> Value:
    """Find what `path` names in a frame.

    Args:
        path: A column or a path; an exact column name wins over any other reading.
        schema: Columns and types of the frame.
        where: The place to name in errors.

    Returns:
        The value, one per row of the frame; null where any step of the path is.

    Raises:
        SourceError: A name does not exist, or a step does not fit the type it is taken in.
    """
    origin = _Origin(path, where)
    if path in schema:
        return Value(pl.col(path), schema[path])
    name = _leading_name(path, schema.names())
    if name is None:
        _refuse_name("column", re.split(r"[.\[]", path)[0] or path, schema.names(), origin)
    return _walk(Value(pl.col(name), schema[name]), path[len(name) :], origin)


def _walk(value: Value, rest: str, origin: _Origin) -> Value:
    """Follow the remaining steps of a path from `value`."""
    if not rest or value.dtype == pl.Null:
        return value
    if isinstance(value.dtype, pl.Array):
        value = Value(value.expression.arr.to_list(), pl.List(value.dtype.inner))
    match value.dtype:
        case pl.List():
            return _into_list(value.expression, value.dtype, rest, origin)
        case pl.Struct():
            return _into_record(value.expression, value.dtype, rest, origin)
    raise SourceError(
        f"'{origin.path}': nothing to take '{rest}' from, the value is {value.dtype}",
        where=origin.where,
    )


def _into_record(record: pl.Expr, dtype: pl.Struct, rest: str, origin: _Origin) -> Value:
    fields = {field.name: field.dtype for field in dtype.fields}
    wanted = rest.removeprefix(".")
    name = _leading_name(wanted, list(fields))
    if name is None:
        missing = re.split(r"[.\[]", wanted)[0] or wanted
        _refuse_name("field", missing, list(fields), origin)
    inner = _instance(fields[name])
    return _walk(Value(record.struct.field(name), inner), wanted[len(name) :], origin)


def _into_list(items: pl.Expr, dtype: pl.List, rest: str, origin: _Origin) -> Value:
    step = _BRACKETS.match(rest)
    if step is None:
        raise SourceError(
            f"'{origin.path}': '{rest}' is asked of a list",
            where=origin.where,
            expected="[0] for its first element, [] for each of them",
        )
    inner, rest = _instance(dtype.inner), rest[step.end() :]
    if step["index"] is not None:
        item = items.list.get(int(step["index"]), null_on_oob=True)
        return _walk(Value(item, inner), rest, origin)
    if step["key"] is not None:
        key = _walk(Value(pl.element(), inner), step["key"], origin)
        found = items.list.filter(key.expression.cast(pl.String) == step["value"]).list.first()
        return _walk(Value(found, inner), rest, origin)
    if not rest:
        return Value(items, dtype)
    each = _walk(Value(pl.element(), inner), rest, origin)
    if isinstance(each.dtype, pl.List):  # a list of each element: one list of them all
        flat = each.expression.explode(empty_as_null=False, keep_nulls=False)
        return Value(items.list.eval(flat), each.dtype)
    return Value(items.list.eval(each.expression), pl.List(each.dtype))


def _instance(dtype: object) -> pl.DataType:
    """Polars may hold an inner type as its class."""
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]


def _leading_name(path: str, names: list[str]) -> str | None:
    """Return the longest name that `path` starts with, up to its end, a dot or a bracket."""
    found = [n for n in names if path.startswith(n) and path[len(n) : len(n) + 1] in ("", ".", "[")]
    return max(found, key=len, default=None)


def _refuse_name(kind: str, name: str, names: list[str], origin: _Origin) -> NoReturn:
    what, remedy = unknown_name(kind, name, names)
    if origin.path != name:
        what = f"'{origin.path}': {what}"
    shown = [name for name in names if not name.startswith("__")]
    raise SourceError(
        what, where=origin.where, expected=f"one of: {', '.join(shown)}", remedy=remedy
    )
