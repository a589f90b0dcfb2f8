"""Write one shard in each format: the same rows give the same bytes with the same library."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from pipeline.config.mixture import View
from pipeline.export.prompt import prompts
from pipeline.export.request import Format
from pipeline.tables import PARQUET

_CHOICE = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),  # in training order, from 0
        pa.field("task", pa.string(), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),  # of the task's curated train rows
        pa.field("epoch", pa.uint8(), nullable=False),  # times that row came before
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("prefix", pa.string(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("choices", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.int32()),  # index into choices; null = hidden or multi-label
        pa.field("labels", pa.list_(pa.int32())),  # gold set of multi-label rows, else null
        pa.field("target", pa.string()),  # the gold text; null = hidden
    ]
)
_TEXT = (
    pa.field("prompt", pa.string(), nullable=False),  # what made the input
    pa.field("input", pa.string(), nullable=False),  # what a language model reads
)

COLUMNS: dict[View, pa.Schema] = {
    "choice": _CHOICE,
    "text": pa.schema([*(field for field in _CHOICE if field.name != "labels"), *_TEXT]),
}
"""Columns of the formats `parquet` and `datasets`, by the mixture's view."""


def write_shard(parts: Iterator[pa.Table], path: Path, kind: Format, schema: pa.Schema) -> int:
    """Write tables of `schema` to one file, one at a time; return how many rows it holds.

    JSONL leaves out rows that have no target.
    """
    if kind == "parquet":
        return _parquet(parts, path, schema)
    return _arrow(parts, path, schema) if kind == "datasets" else _jsonl(parts, path)


def _parquet(parts: Iterator[pa.Table], path: Path, schema: pa.Schema) -> int:
    rows = 0
    with pq.ParquetWriter(path, schema, **PARQUET) as writer:
        for part in parts:
            writer.write_table(part)
            rows += part.num_rows
    return rows


def _arrow(parts: Iterator[pa.Table], path: Path, schema: pa.Schema) -> int:
    """Write the stream format of Arrow, which `datasets` memory-maps."""
    rows = 0
    with ipc.new_stream(str(path), schema) as writer:
        for part in parts:
            writer.write_table(part)
            rows += part.num_rows
    return rows


def _jsonl(parts: Iterator[pa.Table], path: Path) -> int:
    rows = 0
    with path.open("wb") as file:
        for part in parts:
            lines = prompts(cast(pl.DataFrame, pl.from_arrow(part)))
            file.write(lines.write_ndjson().encode())
            rows += lines.height
    return rows
