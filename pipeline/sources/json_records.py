"""JSON Lines and JSON files as records.

JSON Lines go through Arrow's reader where it loses nothing (measured: six times as fast as polars'),
else line by line; JSON files are parsed whole. Knows no card.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.json
from tqdm import tqdm

from pipeline.errors import SourceError
from pipeline.sources.rawtext import line_ends
from pipeline.sources.records import Records, Reject, numbered
from pipeline.sources.unfold import KEY, KEYED, parse_path
from pipeline.sources.values import (
    frame_of_arrays,
    frame_of_objects,
    has_floats,
    is_text,
    numbers,
    parse_json,
    settled,
)

_BLOCK = 1 << 25


def read_json_lines(data: bytes, *, where: str) -> Records:
    """Read one JSON object (or array) per line.

    Args:
        data: UTF-8, as `rawtext.utf8` returns it.
        where: File, for errors.

    Returns:
        One column per key; of arrays, element i is column `"i"`. Blank lines are no records. Rejects:
        `bad_json`, `bad_encoding`, `not_a_record` (a number, a string, null).

    Raises:
        SourceError: No line can be read.
    """
    frame = _fast(data.rstrip())
    if frame is not None:
        return numbered(frame, where=where)
    _refuse_one_value(data, where)
    values: list[Any] = []
    rejects: list[Reject] = []
    numbers: list[int] = []
    filled = [line for line in data.split(b"\n") if line.strip()]
    for number, line in enumerate(tqdm(filled, desc=where, delay=2, leave=False)):
        try:
            values.append(parse_json(line.decode()))
            numbers.append(number)
        except UnicodeDecodeError:
            rejects.append((number, "bad_encoding", repr(line)))
        except (json.JSONDecodeError, RecursionError) as error:
            rejects.append((number, "bad_json", f"{error}: {line.decode()}"))
    return _records(values, numbers, rejects, where)


def _refuse_one_value(data: bytes, where: str) -> None:
    """Refuse a file that is one JSON value over several lines, or one array of objects."""
    first = data.lstrip().split(b"\n", 1)[0].strip()
    is_part = first in (b"{", b"[") or first.endswith((b"{", b"[", b","))
    if not is_part and not re.match(rb"\[\s*\{", first):
        return
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    what = "one array of objects" if isinstance(value, list) else "one object over several lines"
    raise SourceError(
        f"the file is JSON, {what}, and no JSON Lines",
        where=where,
        remedy="set `format: json` on the card",
    )


def _fast(data: bytes) -> pl.DataFrame | None:
    """Read by Arrow; None where that would fail or change a value."""
    # Arrow crashes on a first line that is null, and reads two objects of one line as two rows.
    expected = _object_lines(data)
    if expected is None:
        return None
    try:
        data.decode()
        table = _arrow(data, None)
        if any(map(_is_guess, _leaf_types(table.schema))):
            table = _arrow(data, pa.schema([_as_text(field) for field in table.schema]))
        table.validate(full=True)  # Arrow loses a null that begins a list of a type not yet known
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    if table.num_rows != expected or not table.num_columns:
        return None
    return _with_literals(settled(pl.DataFrame(pl.from_arrow(table.combine_chunks()))), data)


def _with_literals(frame: pl.DataFrame, data: bytes) -> pl.DataFrame | None:
    """Give columns of floats the texts that their numbers have in the file, where these differ.

    Arrow reads `4` beside `2.5` as 4.0. None where the texts are not found for certain.
    """
    changed = []
    for name, dtype in frame.schema.items():
        if dtype.is_float():
            texts = _literals(name, frame[name], data)
            if texts is None:
                return None
            changed.append(numbers(texts).alias(name))
        elif has_floats(dtype):
            return None
    return frame.with_columns(changed)


def _literals(name: str, floats: pl.Series, data: bytes) -> pl.Series | None:
    """Find the texts of a column's numbers by its key; None where they do not give its values."""
    key = re.escape(json.dumps(name, ensure_ascii=False).encode())
    found = re.findall(key + rb"\s*:\s*(-?\d[\d.eE+-]*)", data)
    places = floats.is_not_null()
    if len(found) != places.sum():
        return None
    texts = pl.Series(name, [None] * len(floats), dtype=pl.String)
    texts = texts.scatter(places.arg_true(), [text.decode() for text in found])
    return texts if texts.cast(pl.Float64, strict=False).equals(floats) else None


def _object_lines(data: bytes) -> int | None:
    """Return the number of lines if there is one and each begins with a brace, else None."""
    if not data:
        return None
    ends = line_ends(data)
    first = np.frombuffer(data, np.uint8)[np.concatenate(([0], ends[:-1] + 1))]
    return len(ends) if bool((first == ord("{")).all()) else None


def _arrow(data: bytes, schema: pa.Schema | None) -> pa.Table:
    # On several threads the order of the columns would depend on which block is done first.
    return pa.json.read_json(
        pa.BufferReader(data),
        pa.json.ReadOptions(use_threads=False, block_size=_BLOCK),
        pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer"),
    )


def _is_guess(kind: pa.DataType) -> bool:
    """Whether Arrow read dates into strings, or found only nulls."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_null(kind))


def _leaf_types(fields: Any) -> list[pa.DataType]:
    leaves = []
    for field in fields:
        if pa.types.is_struct(field.type):
            leaves += _leaf_types(field.type)
        elif pa.types.is_list(field.type):
            leaves += _leaf_types([field.type.value_field])
        else:
            leaves.append(field.type)
    return leaves


def _as_text(field: pa.Field) -> pa.Field:
    """Take a string for one though it looks like a date, and nothing for no string."""
    kind = field.type
    if pa.types.is_struct(kind):
        return field.with_type(pa.struct([_as_text(inner) for inner in kind]))
    if pa.types.is_list(kind):
        return field.with_type(pa.list_(_as_text(kind.value_field)))
    return field.with_type(pa.string()) if _is_guess(kind) else field


def read_json(data: bytes, *, records: str | None, where: str) -> Records:
    """Read a JSON file: an array of objects, an array of arrays, or one object that holds the records.

    Args:
        data: UTF-8, as `rawtext.utf8` returns it.
        records: The card's path of lists to unfold inside; only with one may the file be one object,
            which is read as one record. Objects keyed by id, `{}` in the path, become lists here.
        where: File, for errors.

    Returns:
        As `read_json_lines`.

    Raises:
        SourceError: Not JSON, neither array nor object, or an object that nothing unfolds.
    """
    value = _parsed(data.decode("utf-8", "surrogateescape"), where)
    if records is not None and KEYED in records:
        value = _with_lists(value, parse_path(records, where=where, keyed=True), where)
    if isinstance(value, dict):
        if records is None:
            lists = [key for key, inner in value.items() if isinstance(inner, list)]
            keyed = all(isinstance(inner, dict | list) for inner in value.values())
            path = f'"{KEYED}"' if keyed and len(lists) != 1 else f"{(lists or ['KEY'])[0]}[]"
            raise SourceError(
                f"the file is one object with the keys {', '.join(list(value)[:8])}",
                where=where,
                expected="an array of records",
                remedy=f"name the records with `records: {path}` on the card",
            )
        value = [value]
    if not isinstance(value, list):
        raise SourceError(
            f"the file is one {type(value).__name__}", where=where, expected="an array of records"
        )
    if not value:
        raise SourceError("the file is an empty array", where=where)
    return _records(value, list(range(len(value))), [], where)


def _with_lists(value: Any, steps: list[str], where: str) -> Any:
    """Return a parsed value whose objects keyed by id, at `{}` of the path, are lists of records."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step == KEYED and isinstance(value, dict):
        inner = [(key, _with_lists(item, rest, where)) for key, item in value.items()]
        return [_keyed(key, item) for key, item in inner]
    if step == "[]" and isinstance(value, list):
        return [_with_lists(item, rest, where) for item in value]
    if step.isdigit() and isinstance(value, list) and int(step) < len(value):
        return [_with_lists(item, rest, where) if i == int(step) else item
                for i, item in enumerate(value)]  # fmt: skip
    if isinstance(value, dict) and step in value:
        return value | {step: _with_lists(value[step], rest, where)}
    raise SourceError(f"records: there is no '{step}' to follow", where=where)


def _keyed(key: str, item: Any) -> Any:
    if isinstance(item, dict):
        return {KEY: key, **item}
    parts = enumerate(item) if isinstance(item, list) else [("value", item)]
    return {KEY: key, **{str(name): part for name, part in parts}}


def _parsed(text: str, where: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        lines = error.msg == "Extra data" and text.lstrip().startswith("{")
        raise SourceError(
            f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}",
            where=where,
            remedy=_json_remedy(text, lines),
        ) from error
    except RecursionError as error:
        raise SourceError("not readable JSON: nested too deeply", where=where) from error


def _json_remedy(text: str, lines: bool) -> str:
    if lines:
        return "set `format: jsonl` on the card: each line is an object"
    if not text.rstrip().endswith({"[": "]", "{": "}"}.get(text.lstrip()[:1], "]")):
        return "fetch the file again; it may be truncated"
    return "mend the file there, or set `format` on the card to what it is"


def _records(values: list[Any], numbers: list[int], rejects: list[Reject], where: str) -> Records:
    """Turn parsed values into a table; those of the less common kind, and non-text, are rejects."""
    arrays = bool(values) and not any(isinstance(value, dict) for value in values)
    kind = list if arrays else dict
    good: list[Any] = []
    kept: list[int] = []
    lost = list(rejects)
    for number, value in zip(numbers, values, strict=True):
        if isinstance(value, kind):
            good.append(value)
            kept.append(number)
        else:
            lost.append((number, "not_a_record", json.dumps(value, ensure_ascii=True)))
    build: Callable[[list[Any]], pl.DataFrame] = frame_of_arrays if arrays else frame_of_objects
    try:
        frame = build(good)
    except UnicodeEncodeError:
        texts = [is_text(value) for value in good]
        lost += [
            (number, "bad_encoding", json.dumps(value)) for number, value, ok
            in zip(kept, good, texts, strict=True) if not ok
        ]  # fmt: skip
        kept = [number for number, ok in zip(kept, texts, strict=True) if ok]
        frame = build([value for value, ok in zip(good, texts, strict=True) if ok])
    return numbered(frame, sorted(lost), where=where, numbers=kept)
