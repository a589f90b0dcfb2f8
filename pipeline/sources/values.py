"""Values as typed columns, so that the text of each is what a person sees in the source.

`4` stays `4` beside `2.5`, whatever other rows or files hold: a column that mixes types, or holds
numbers whose text a number type would change (`2.50`, `1e5`), is a column of texts. NaN is a missing
value. A list or an object beside plain values has no text: it is missing where a text is wanted.
"""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from polars.datatypes import DataType

TEXT = "#text"
"""Field of a struct that holds a value's text, of a value beside lists and objects."""
_INT_DIGITS = 18


class Literal(str):
    """A number of JSON as it is written, where no integer of 64 bits holds it."""

    __slots__ = ()


def parse_json(text: str) -> Any:
    """Parse JSON; numbers with a fraction or an exponent, and large ones, stay as they are written.

    NaN is None, for it stands for a missing value.

    Raises:
        json.JSONDecodeError: The text is no JSON.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, parse_float=Literal, parse_int=_integer, parse_constant=_constant)


def _integer(text: str) -> int | Literal:
    return int(text) if len(text) <= _INT_DIGITS else Literal(text)


def _constant(text: str) -> Literal | None:
    return None if text == "NaN" else Literal(text)


def frame_of_objects(objects: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return one row per object and one column per key, in order of first appearance.

    Raises:
        UnicodeEncodeError: A string holds a lone surrogate; see `is_text`.
    """
    names = list(dict.fromkeys(chain.from_iterable(objects)))
    return _frame({name: [value.get(name) for value in objects] for name in names}, len(objects))


def frame_of_arrays(arrays: Sequence[list[Any]]) -> pl.DataFrame:
    """Return one row per array; element i becomes column `"i"`, null where an array is shorter.

    Raises:
        UnicodeEncodeError: A string holds a lone surrogate; see `is_text`.
    """
    width = max(map(len, arrays), default=0)
    columns = {
        str(i): [value[i] if i < len(value) else None for value in arrays] for i in range(width)
    }
    return _frame(columns, len(arrays))


def _frame(columns: dict[str, list[Any]], height: int) -> pl.DataFrame:
    if not columns:
        return pl.DataFrame(height=height)
    table = pa.table([_column(values) for values in columns.values()], names=list(columns))
    return settled(pl.DataFrame(pl.from_arrow(table)))


def is_text(value: Any) -> bool:
    """Whether all strings in a parsed value are text: no lone surrogates, which UTF-8 cannot hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _column(values: Sequence[Any]) -> pa.Array:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {dict}:
        return _structs(values)
    if kinds == {list}:
        return _lists(values)
    if kinds & {dict, list}:
        texts = [None if isinstance(value, dict | list) else _text(value) for value in values]
        return pa.StructArray.from_arrays([pa.array(texts, pa.large_string())], [TEXT])
    if len(kinds) > 1:
        return pa.array([_text(value) for value in values], pa.large_string())
    if kinds == {Literal}:
        return numbers(pl.Series(values, dtype=pl.String)).to_arrow()
    try:
        return pa.array(values)
    except OverflowError:
        return pa.array([_text(value) for value in values], pa.large_string())


def numbers(texts: pl.Series) -> pl.Series:
    """Return numbers as Float64 where these have the texts that were read, else as the texts."""
    floats = texts.cast(pl.Float64, strict=False)
    return floats if floats.cast(pl.String).equals(texts, null_equal=True) else texts


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _structs(values: Sequence[dict[str, Any] | None]) -> pa.Array:
    names = list(dict.fromkeys(chain.from_iterable(value or () for value in values)))
    children = [_column([(value or {}).get(name) for value in values]) for name in names]
    missing = pa.array([value is None for value in values], pa.bool_())
    fields = [pa.field(name, child.type) for name, child in zip(names, children, strict=True)]
    return pa.StructArray.from_arrays(children, fields=fields, mask=missing)


def _lists(values: Sequence[list[Any] | None]) -> pa.Array:
    lengths = np.array([len(value or ()) for value in values], dtype=np.int64)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    child = _column(list(chain.from_iterable(value or () for value in values)))
    missing = pa.array([value is None for value in values], pa.bool_())
    return pa.LargeListArray.from_arrays(pa.array(ends), child, mask=missing)


def settled(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with values that every later step can hold.

    NaN becomes null. Columns without any value become String; dates, times, 128-bit integers and
    categories their text; fixed-size lists lists; nested ones too.
    """
    changes = {name: _plain(dtype) for name, dtype in frame.schema.items()}
    changes = {name: dtype for name, dtype in changes.items() if dtype != frame.schema[name]}
    if changes:
        frame = frame.cast(pl.Schema(frame.schema | changes))
    stamped = [name for name in changes if frame.schema[name] == pl.String]
    stamps = pl.col(stamped).str.replace(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.0+$", "$1")
    rated = [
        _without_nan(pl.col(name), dtype).alias(name)
        for name, dtype in frame.schema.items()
        if has_floats(dtype)
    ]
    return frame.with_columns(*([stamps] if stamped else []), *rated)


_AS_TEXT = (
    pl.Null, pl.Int128, pl.UInt128, pl.Categorical, pl.Enum, pl.Date, pl.Datetime, pl.Time
)  # fmt: skip


def _plain(dtype: DataType) -> DataType:
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(_plain(instance(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({name: _plain(inner) for name, inner in fields(dtype).items()})
    return pl.String() if isinstance(dtype, _AS_TEXT) else dtype


def has_floats(dtype: DataType) -> bool:
    """Whether a type is, or holds, floats."""
    if isinstance(dtype, pl.List):
        return has_floats(instance(dtype.inner))
    return dtype.is_float() or any(map(has_floats, fields(dtype).values()))


def _without_nan(value: pl.Expr, dtype: DataType) -> pl.Expr:
    if not has_floats(dtype):
        return value
    if isinstance(dtype, pl.List):
        return value.list.eval(_without_nan(pl.element(), instance(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        parts = [
            _without_nan(value.struct.field(name), inner).alias(name)
            for name, inner in fields(dtype).items()
        ]
        return pl.when(value.is_not_null()).then(pl.struct(parts))
    return value.fill_nan(None)


def common_type(types: Sequence[DataType]) -> DataType | None:
    """Return the type in which values of several types keep their texts; None where there is none.

    Whole numbers of different sizes are whole numbers; any other two types of plain values are texts.
    """
    first, *others = dict.fromkeys(types)
    if not others:
        return first
    if all(isinstance(dtype, pl.Struct) for dtype in types):
        names = dict.fromkeys(name for dtype in types for name in fields(dtype))
        inner = {
            name: common_type([fields(dtype)[name] for dtype in types if name in fields(dtype)])
            for name in names
        }
        known = {name: dtype for name, dtype in inner.items() if dtype is not None}
        return pl.Struct(known) if len(known) == len(inner) else None
    lists = [dtype for dtype in types if isinstance(dtype, pl.List)]
    if len(lists) == len(types):
        element = common_type([instance(dtype.inner) for dtype in lists])
        return None if element is None else pl.List(element)
    if any(dtype.is_nested() for dtype in types):
        return None
    if all(dtype.is_integer() for dtype in types):
        return pl.Int64()
    return pl.String()


def within(own: DataType, common: DataType) -> DataType:
    """Return a common type with the fields alone that a type has of its own."""
    if isinstance(own, pl.List) and isinstance(common, pl.List):
        return pl.List(within(instance(own.inner), instance(common.inner)))
    if isinstance(own, pl.Struct) and isinstance(common, pl.Struct):
        wide = fields(common)
        return pl.Struct({name: within(inner, wide[name]) for name, inner in fields(own).items()})
    return common


def fields(dtype: DataType | None) -> dict[str, DataType]:
    """Return the fields of a struct type by name; of any other type, none."""
    if not isinstance(dtype, pl.Struct):
        return {}
    return {name: instance(inner) for name, inner in dtype.to_schema().items()}


def instance(dtype: Any) -> DataType:
    """Return a type as an instance; polars may hold an inner type as its class."""
    made: DataType = dtype() if isinstance(dtype, type) else dtype
    return made
