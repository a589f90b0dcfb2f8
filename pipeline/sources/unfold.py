"""One row into several: lists along a path, or columns side by side.

Works on tables, never row by row. Knows no file and no card.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl
from polars.datatypes import DataType

from pipeline.errors import SourceError, unknown_name
from pipeline.sources.records import (
    ROW,
    Records,
    data_columns,
    reject_where,
    unwoven,
    woven,
)
from pipeline.sources.values import fields

KEYED, KEY = "{}", "@key"
"""Step of a path over an object keyed by id, and the column that holds the keys."""
_TOKEN = re.compile(r"(\[\]|\{\})|\[(\d+)\]|\.?([^.\[\]{}]+)")
_LEVEL = "__level_{}__"
_ORDER = "__order__"


def parse_path(path: str, *, where: str, keyed: bool = False) -> list[str]:
    """Cut a path such as `data[].paragraphs[].qas[]` or `[1][]` into keys and `[]`.

    `{}`, over an object keyed by id, is `[]` unless `keyed`: a reader has made a list of it.

    Raises:
        SourceError: Not a path, or one without `[]`.
    """
    steps: list[str] = []
    position = 0
    for match in _TOKEN.finditer(path):
        if match.start() != position:
            break
        steps.append(match[1] or match[2] or match[3])
        position = match.end()
    if position != len(path) or steps[-1:] not in (["[]"], [KEYED]):
        raise SourceError(
            f"records: '{path}' is no path to a list",
            where=where,
            expected="keys, [index], [] and {}, ending in [] or {}: data[].qas[], [1][] or data{}",
        )
    if keyed:
        return steps
    steps = ["[]" if step == KEYED else step for step in steps]
    return steps[1:] if steps[0] == "[]" and len(steps) > 1 else steps


def unfold(records: Records, steps: Sequence[str], *, where: str) -> Records:
    """Make each element of the lists along a path a record of its own.

    An element that is an object gives its keys as columns, an array its elements as `"0"`, `"1"`, ...;
    any other stays at its place on the path. All that lies around it is kept where it was, every list
    on the path replaced by the element of it that led here, so that `data.paragraphs.context`
    is the context of a record at `data[].paragraphs[].qas[]`. A key of the element hides a
    column of that name.

    Args:
        records: Rows that hold the lists.
        steps: As `parse_path` returns them.
        where: File, for errors.

    Returns:
        Records with new numbers. Rejects, beside those of `records`: `no_list` (the list is missing
        or null), `not_a_record` (an element is null). An empty list gives no record.

    Raises:
        SourceError: No such key, or what is there is no list.
    """
    groups = _groups(steps)
    whole = woven(records)
    parent: str | None = None
    for i, keys in enumerate(groups):
        level = _LEVEL.format(i)
        whole = _taken(whole, parent, keys, level, where)
        whole = reject_where(
            whole, pl.col(level).is_null(), "no_list", pl.lit(f"no list at {'.'.join(keys)}")
        )
        whole = whole.explode(level, empty_as_null=False, keep_nulls=True)
        whole = reject_where(
            whole, pl.col(level).is_null(), "not_a_record", pl.lit("the element is null")
        )
        parent = level
    whole = _folded(whole, groups)
    return unwoven(whole)


def _groups(steps: Sequence[str]) -> list[list[str]]:
    """Cut steps after every `[]`, which is left out: the keys that lead from one list to the next."""
    groups: list[list[str]] = [[]]
    for step in steps:
        if step == "[]":
            groups.append([])
        else:
            groups[-1].append(step)
    return groups[:-1]


def _taken(
    whole: pl.DataFrame, parent: str | None, keys: list[str], level: str, where: str
) -> pl.DataFrame:
    """Move the list at `keys` below `parent` (None: the row itself) into a column `level`."""
    if not keys:
        if parent is None:
            raise SourceError("records: '[]' needs a key or [index] before it", where=where)
        value, dtype = pl.col(parent), whole.schema[parent]
        rest = whole.with_columns(pl.lit(None).alias(parent))
    else:
        row = pl.struct(data_columns(whole)) if parent is None else pl.col(parent)
        dtype = whole.select(row.alias("row")).schema["row"]
        value = row
        for i, key in enumerate(keys):
            _check_key(dtype, key, ".".join(keys[:i]), where)
            value, dtype = value.struct.field(key), fields(dtype)[key]
        rest = _without(whole, parent, keys)
    if not isinstance(dtype, pl.List):
        raise SourceError(
            f"records: what is at '{'.'.join(keys)}' is {dtype}", where=where, expected="a list"
        )
    return rest.with_columns(whole.select(value.alias(level)).to_series())


def _check_key(dtype: DataType, key: str, above: str, where: str) -> None:
    if key not in fields(dtype):
        what, remedy = unknown_name("key", key, fields(dtype))
        place = f" below '{above}'" if above else ""
        raise SourceError(f"records: {what}{place}", where=where, remedy=remedy)


def _without(whole: pl.DataFrame, parent: str | None, keys: list[str]) -> pl.DataFrame:
    column, inner = (keys[0], keys[1:]) if parent is None else (parent, keys)
    rest = _pruned(pl.col(column), whole.schema[column], inner) if inner else None
    if rest is None and parent is None:
        return whole.drop(column)
    return whole.with_columns((pl.lit(None, pl.String) if rest is None else rest).alias(column))


def _pruned(value: pl.Expr, dtype: DataType, keys: list[str]) -> pl.Expr | None:
    """Return a struct without the field at `keys`; None where nothing is left of it."""
    parts = []
    for name, inner in fields(dtype).items():
        part: pl.Expr | None = value.struct.field(name)
        if name == keys[0]:
            part = _pruned(value.struct.field(name), inner, keys[1:]) if len(keys) > 1 else None
        if part is not None:
            parts.append(part.alias(name))
    return pl.struct(parts) if parts else None


def _folded(whole: pl.DataFrame, groups: list[list[str]]) -> pl.DataFrame:
    """Put every level back into the one above it, and the elements' own values on top."""
    last = len(groups) - 1
    leaf = _LEVEL.format(last)
    own = _spread(whole, leaf)
    if own is not None:
        whole = whole.drop(leaf)
    for i in range(last, -1, -1):
        level = _LEVEL.format(i)
        if level in whole.columns:
            whole = _put(whole, _LEVEL.format(i - 1) if i else None, groups[i], level)
    if own is None:
        return whole
    hidden = [name for name in own.columns if name in whole.columns]
    return pl.concat([own, whole.drop(hidden)], how="horizontal")


def _put(whole: pl.DataFrame, parent: str | None, keys: list[str], level: str) -> pl.DataFrame:
    column, inner = (keys[0], keys[1:]) if parent is None else (parent, keys)
    value = _placed(pl.col(column), whole.schema.get(column), inner, pl.col(level))
    return whole.with_columns(value.alias(column)).drop(level)


def _placed(target: pl.Expr, dtype: DataType | None, keys: list[str], value: pl.Expr) -> pl.Expr:
    """Return the struct `target` with `value` in it at `keys`."""
    if not keys:
        return value
    key, have = keys[0], fields(dtype)
    inner = _placed(target.struct.field(key), have.get(key), keys[1:], value)
    kept = [target.struct.field(name).alias(name) for name in have if name != key]
    return pl.struct([*kept, inner.alias(key)])


def _spread(whole: pl.DataFrame, leaf: str) -> pl.DataFrame | None:
    """Return the columns that an object or array gives; None for plain values."""
    dtype = whole.schema[leaf]
    if isinstance(dtype, pl.Struct):
        return whole.select(pl.col(leaf).struct.field(name).alias(name) for name in fields(dtype))
    if isinstance(dtype, pl.List):
        width = whole.select(pl.col(leaf).list.len().max()).item() or 0
        return whole.select(
            pl.col(leaf).list.get(i, null_on_oob=True).alias(str(i)) for i in range(width)
        )
    return None


def stack(records: Records, columns: Mapping[str, Sequence[str]], *, where: str) -> Records:
    """Fold columns that stand side by side into several records per row.

    Args:
        records: N rows.
        columns: New column -> the columns (or paths into structs) that give its value in the first, the
            second, ... record of a row; all of one number k. Every other column is repeated.
        where: Card's source, for errors.

    Returns:
        N * k records: record i of row r has number `r * k + i`. An unreadable row gives k rejects.

    Raises:
        SourceError: The numbers of columns differ, or there is no such column.
    """
    counts = {name: len(parts) for name, parts in columns.items()}
    if len(set(counts.values())) != 1:
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise SourceError(
            f"stack: the numbers of columns differ: {shown}",
            where=where,
            expected="as many columns for each new column",
        )
    (count,) = set(counts.values())
    whole = woven(records).with_row_index(_ORDER)
    layers = [
        whole.with_columns(
            column_at(records.frame, parts[i], where=where).alias(name)
            for name, parts in columns.items()
        ).with_columns(pl.col(_ORDER) * count + i)
        for i in range(count)
    ]
    return unwoven(pl.concat(layers, how="vertical_relaxed").sort(_ORDER).drop(_ORDER))


def column_at(frame: pl.DataFrame, path: str, *, where: str) -> pl.Expr:
    """Return the column named `path`, or the field of a struct column at that dotted path.

    Raises:
        SourceError: There is neither.
    """
    known = [name for name in frame.columns if name != ROW]
    if path in known:
        return pl.col(path)
    column, _, field = path.partition(".")
    have = fields(frame.schema.get(column))
    if field in have:
        return pl.col(column).struct.field(field)
    inner = [f"{column}.{name}" for name in have]
    what, remedy = unknown_name("column", path, inner or known)
    raise SourceError(what, where=where, remedy=remedy)
