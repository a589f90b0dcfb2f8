"""Several files as one split: one after the other, or side by side."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path

import polars as pl
from polars.datatypes import DataType

from pipeline.config.source import Table
from pipeline.config.task_card import SplitSource
from pipeline.errors import SourceError, unknown_name
from pipeline.sources.files import format_of, read_file
from pipeline.sources.records import (
    ROW,
    Records,
    beside,
    data_columns,
    is_lost,
    reject_where,
    unwoven,
    woven,
)
from pipeline.sources.unfold import column_at, stack
from pipeline.sources.values import common_type, within

Locate = Callable[[str], list[Path]]
"""From a file's name or glob on the card to the files, sorted."""

_KEY = "__key__"


def read_table(
    table: Table, split: SplitSource, locate: Locate, *, records: str | None, where: str
) -> Records:
    """Read the files of one split.

    Args:
        table: How to read each file, and how they belong together.
        split: One name or glob, several (read one after the other), or by alias (side by side).
        locate: Finds the files of a name.
        records: Path of lists to unfold, of this split.
        where: Task and split, for errors.

    Raises:
        SourceError: A file cannot be found or read, or the files do not fit together.
    """
    if isinstance(split, dict):
        made = _side_by_side(table, split, locate, records, where)
    elif isinstance(table.columns, dict):
        raise SourceError(
            "columns: are given by alias, but the files have none",
            where=where,
            expected="a list of names",
        )
    else:
        names = (split,) if isinstance(split, str) else split
        made = _chain(table, names, locate, table.columns, records)
    if table.stack is not None:
        made = stack(made, table.stack, where=where)
    return made


def _chain(
    table: Table,
    names: Sequence[str],
    locate: Locate,
    columns: Sequence[str] | None,
    records: str | None,
) -> Records:
    paths = [(name, path) for name in names for path in locate(name)]
    parts = [
        _with_path(read_file(path, table, columns=columns, records=records), path, name, table)
        for name, path in paths
    ]
    return chained(parts, where=", ".join(names))


def _with_path(records: Records, path: Path, name: str, table: Table) -> Records:
    """Add the columns that the card takes from a file's path below the folder."""
    if table.from_path is None:
        return records
    below = Path(*path.parts[-len(Path(name).parts) :]).as_posix()
    found = re.match(table.from_path, below)
    if found is None:
        raise SourceError(
            f"the path '{below}' does not match from_path",
            where=str(path),
            expected=table.from_path,
        )
    taken = [pl.lit(value).alias(column) for column, value in found.groupdict().items()]
    return Records(records.frame.with_columns(taken), records.rejects)


def chained(parts: Sequence[Records], *, where: str) -> Records:
    """Put records one after the other; a column that a part lacks is null there.

    A column whose types differ between parts becomes a column of texts, each as its part has it.

    Raises:
        SourceError: A column is nested in one part and plain, or nested otherwise, in another.
    """
    if len(parts) == 1:
        return parts[0]
    tables = with_common_types([woven(part) for part in parts], where=where)
    return unwoven(pl.concat(tables, how="diagonal_relaxed"))


def with_common_types(tables: Sequence[pl.DataFrame], *, where: str) -> list[pl.DataFrame]:
    """Cast the columns that tables share to types in which all values keep their texts.

    Raises:
        SourceError: A column has types in two tables that nothing is common to.
    """
    wanted: dict[str, DataType] = {}
    for name in dict.fromkeys(name for table in tables for name in table.columns):
        columns = [table[name] for table in tables if name in table.columns]
        types = [column.dtype for column in columns if column.null_count() < len(column)]
        common = common_type(types or [columns[0].dtype])
        if common is None:
            shown = ", ".join(str(dtype) for dtype in dict.fromkeys(types))
            raise SourceError(
                f"the column '{name}' has types that do not go together: {shown}", where=where
            )
        wanted[name] = common
    return [
        table.with_columns(_cast(table[name], wanted[name]) for name in table.columns)
        for table in tables
    ]


def _cast(column: pl.Series, common: DataType) -> pl.Series:
    if column.null_count() == len(column):
        return pl.Series(column.name, [None] * len(column), dtype=common)
    return column.cast(within(column.dtype, common))


def _side_by_side(
    table: Table, split: Mapping[str, str], locate: Locate, records: str | None, where: str
) -> Records:
    columns = table.columns
    if isinstance(columns, dict):
        for alias in sorted(set(columns) - set(split)):
            what, remedy = unknown_name("alias", alias, split)
            raise SourceError(f"columns: {what}", where=where, remedy=remedy)
    tables = {}
    for alias, name in split.items():
        own = columns.get(alias) if isinstance(columns, dict) else columns
        tables[alias] = _chain(table, (name,), locate, own, records)
    if table.key is not None:
        return _joined(tables, table.key, where)
    heights = {alias: records.height for alias, records in tables.items()}
    if len(set(heights.values())) > 1:
        shown = ", ".join(f"{alias} {height}" for alias, height in heights.items())
        raise SourceError(
            f"the files that belong row to row differ in length: {shown} records",
            where=where,
            remedy="fetch them again, or join them by a column with `key`",
        )
    lifted = {} if table.from_path is None else re.compile(table.from_path).groupindex
    plain = {alias: _is_lines(table, locate(name)[0]) for alias, name in split.items()}
    return unwoven(
        beside([_named(part, alias, plain[alias], lifted) for alias, part in tables.items()])
    )


def _is_lines(table: Table, path: Path) -> bool:
    return format_of(path, table) == "lines" and table.separator is None


def _named(records: Records, alias: str, plain: bool, lifted: Container[str]) -> pl.DataFrame:
    """Return a woven table with its columns in one struct named by the alias; of lines, the text.

    Columns from the path stand beside it, under the alias only where it is a struct.
    """
    whole = woven(records)
    names = data_columns(whole)
    inner = [name for name in names if name not in lifted]
    value = pl.col(inner[0]) if plain else pl.struct(inner)
    return whole.select(value.alias(alias), pl.exclude(inner))


def _joined(tables: Mapping[str, Records], key: str, where: str) -> Records:
    """Join on `key`, as text; the first file's records decide which there are, and their order."""
    (first, *others) = tables
    frame = tables[first].frame
    whole = woven(tables[first]).with_columns(_key(frame, key, first, where))
    names = data_columns(whole.drop(_KEY))
    whole = whole.select(pl.struct(names).alias(first), pl.exclude(names))
    for alias in others:
        other = tables[alias].frame
        right = other.select(
            pl.struct(pl.exclude(ROW)).alias(alias), _key(other, key, alias, where)
        ).filter(pl.col(_KEY).is_not_null())
        _check_keys(whole, right, alias, key, where)
        whole = whole.join(right, on=_KEY, how="left", maintain_order="left")
        detail = pl.format(f"{key} {{}} is not in '{alias}'", pl.col(_KEY).fill_null("null"))
        whole = reject_where(whole, pl.col(alias).is_null(), "no_partner", detail)
    return unwoven(whole.drop(_KEY))


def _key(frame: pl.DataFrame, key: str, alias: str, where: str) -> pl.Expr:
    return column_at(frame, key, where=f"{where}: {alias}: key").cast(pl.String).alias(_KEY)


def _check_keys(whole: pl.DataFrame, right: pl.DataFrame, alias: str, key: str, where: str) -> None:
    twice = right.filter(pl.col(_KEY).is_duplicated()).get_column(_KEY)
    if len(twice):
        raise SourceError(
            f"key: {key} {twice[0]} occurs several times in '{alias}'",
            where=where,
            expected="each key once in every file but the first",
        )
    known = whole.filter(~is_lost()).get_column(_KEY)
    if not known.is_in(right.get_column(_KEY).to_list()).any():
        raise SourceError(
            f"key: no {key} of the first file is in '{alias}'",
            where=where,
            remedy="check that both files belong to the same split, and name their key alike",
        )
