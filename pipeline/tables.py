"""Parquet tables: read with a check of the schema, written whole and byte-stable.

The same table gives the same bytes on every machine with the same pyarrow: fixed codec, one row group
size, no time stamps.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.contract.files import require, whole_file
from pipeline.errors import ArtefactError, DataError

_ROWS_PER_GROUP = 131_072

PARQUET: dict[str, Any] = {"compression": "zstd", "version": "2.6", "write_page_checksum": True}
"""How every Parquet file is written; the checksums let a reader find values that changed in place."""


def to_arrow(frame: pl.DataFrame | pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `frame` as an Arrow table of exactly `schema`.

    Args:
        frame: Columns may come in any order; extra columns are an error, as are nulls in a field
            that forbids them.
        schema: One of `pipeline.schema`.

    Raises:
        DataError: A column is missing, extra, of a type that cannot be cast, or holds nulls.
    """
    table = frame.to_arrow() if isinstance(frame, pl.DataFrame) else frame
    name = (schema.metadata or {}).get(b"schema", b"table").decode()
    missing = sorted(set(schema.names) - set(table.column_names))
    extra = sorted(set(table.column_names) - set(schema.names))
    if missing or extra:
        raise DataError(
            f"columns differ from {name}: missing {missing or 'none'}, unexpected {extra or 'none'}",
            expected=", ".join(schema.names),
        )
    columns = [_cast(table.column(field.name), field, name) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, field: pa.Field, name: str) -> pa.ChunkedArray:
    if not field.nullable and column.null_count:
        raise DataError(f"{name}.{field.name} holds {column.null_count} nulls", expected="no nulls")
    try:
        if pa.types.is_dictionary(field.type):
            plain = column.cast(field.type.value_type)
            return cast(pa.ChunkedArray, _one_dictionary(plain, field.type))
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{name}.{field.name} is {column.type}, which does not become {field.type}: {error}"
        ) from error


def _one_dictionary(column: pa.ChunkedArray, kind: pa.DictionaryType) -> pa.ChunkedArray:
    combined = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    encoded = combined.dictionary_encode().cast(kind)
    return pa.chunked_array([encoded], type=kind)


def write_parquet(frame: pl.DataFrame | pa.Table, path: Path, schema: pa.Schema) -> None:
    """Write `frame` to `path` as Parquet of exactly `schema` (see `to_arrow` for its errors)."""
    table = to_arrow(frame, schema)
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, row_group_size=_ROWS_PER_GROUP, **PARQUET)


def write_parquet_parts(parts: Iterable[pl.DataFrame], path: Path, schema: pa.Schema) -> None:
    """Write frames one after the other to one Parquet file of exactly `schema`, a row group each.

    Only one part is held at a time; see `to_arrow` for the errors.
    """
    with (
        whole_file(path) as temporary,
        pq.ParquetWriter(temporary, schema, **PARQUET) as writer,
    ):
        for part in parts:
            writer.write_table(to_arrow(part, schema), row_group_size=_ROWS_PER_GROUP)


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write a free-form frame (a report, a preview) to `path` as Parquet."""
    table = frame.to_arrow()
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, **PARQUET)


def read_parquet(path: Path, schema: pa.Schema | None = None) -> pl.DataFrame:
    """Read a Parquet file into polars; dictionary columns come as Categorical.

    Args:
        path: The file.
        schema: If given, the file must have exactly these column names.

    Raises:
        ArtefactError: The file is missing, not Parquet, truncated, or of other columns.
    """
    require(path)
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, pa.ArrowInvalid) as error:
        raise ArtefactError(
            f"not a readable Parquet file: {error}",
            where=str(path),
            remedy="delete it and run `dvc repro` again",
        ) from error
    if schema is not None and frame.columns != schema.names:
        raise ArtefactError(
            f"columns are {', '.join(frame.columns)}",
            where=str(path),
            expected=", ".join(schema.names),
        )
    return frame
