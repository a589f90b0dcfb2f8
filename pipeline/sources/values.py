"""Parsed JSON values as typed columns, without loss.

Values of one type keep it. Where a column mixes types, it becomes a string column: strings as they
are, everything else as JSON writes it (`1`, `true`, `["a"]`). Knows no file.
"""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from polars.datatypes import DataType

_MIXED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
_EXACT = 2**53


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
    try:
        column = pa.array(values)
    except _MIXED:
        return _harmonised(values)
    if pa.types.is_floating(column.type) and any(isinstance(value, bool) for value in values):
        return _harmonised(values)  # Arrow reads true among floats as 1.0
    return column


def _harmonised(values: Sequence[Any]) -> pa.Array:
    present = [value for value in values if value is not None]
    kinds = sorted({type(value).__name__ for value in present})
    if kinds == ["dict"]:
        return _structs(values)
    if kinds == ["list"]:
        return _lists(values)
    if kinds in (["float"], ["float", "int"]):
        if all(abs(value) <= _EXACT for value in present if isinstance(value, int)):
            return pa.array(values, pa.float64())
    elif kinds == ["int"] and all(-(2**63) <= value < 2**63 for value in present):
        return pa.array(values, pa.int64())
    elif kinds in (["bool"], []):
        return pa.array(values)
    return pa.array([_written(value) for value in values], pa.large_string())


def _written(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


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
    """Return `frame` with types that every later step can hold.

    Columns without any value become String, 128-bit integers and categories their text, fixed-size
    lists lists; nested ones too.
    """
    changes: dict[str, DataType] = {}
    for name, dtype in frame.schema.items():
        plain = _plain(dtype)
        if plain != dtype:
            changes[name] = plain
    return frame.cast(pl.Schema(frame.schema | changes)) if changes else frame


_AS_TEXT = (pl.Null, pl.Int128, pl.UInt128, pl.Categorical, pl.Enum)


def _plain(dtype: DataType) -> DataType:
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        return pl.List(_plain(inner if isinstance(inner, DataType) else inner()))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({name: _plain(inner) for name, inner in fields(dtype).items()})
    return pl.String() if isinstance(dtype, _AS_TEXT) else dtype


def fields(dtype: DataType | None) -> dict[str, DataType]:
    """Return the fields of a struct type by name; of any other type, none."""
    if not isinstance(dtype, pl.Struct):
        return {}
    return {
        name: inner if isinstance(inner, DataType) else inner()
        for name, inner in dtype.to_schema().items()
    }
