"""Rendered text by mixture row: one temporary file of all train rows, in mixture-row order.

Parquet is read once, row group by row group, into an Arrow file of equal record batches. After that,
any row is an index into a memory map. So memory is bounded by a batch, whatever the size of the
mixture, and each task's text is decoded once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.contract.files import require, whole_file
from pipeline.errors import ArtefactError
from pipeline.mixing.order import Draw

BATCH_ROWS = 32_768
"""Rows of a record batch: what is held at once while the file is made."""

_WIDE = {pa.string(): pa.large_string(), pa.list_(pa.string()): pa.large_list(pa.large_string())}
"""Types that a gather of any size needs: 64 bit offsets."""

_REMEDY = "delete the folder and run `dvc repro tokenize`"


def store_schema(columns: pa.Schema) -> pa.Schema:
    """Return the schema of the scratch file: those columns of an export that rendered text has."""
    fields = [field for field in columns if field.name not in ("position", "task", "epoch")]
    return pa.schema([pa.field(f.name, _WIDE.get(f.type, f.type)) for f in fields])


def write_store(draws: Sequence[Draw], rendered: Path, path: Path, columns: pa.Schema) -> None:
    """Write the train rows of all tasks, one after the other, to `path`.

    Args:
        draws: Where each task's rows lie, of the tasks that are drawn.
        rendered: Folder of their text.
        path: The scratch file.
        columns: Of the export.

    Raises:
        ArtefactError: A task's text is missing, damaged, or has other rows than the order counts.
    """
    schema = store_schema(columns)
    with whole_file(path) as temporary, ipc.new_file(str(temporary), schema) as writer:
        for batch in _rebatched(_rows(draws, rendered, schema)):
            writer.write_batch(batch)


def _rows(draws: Sequence[Draw], rendered: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    for draw in draws:
        path = rendered / f"{draw.task}.parquet"
        require(path)
        found = 0
        for table in _train_rows(path, schema):
            _check_sequence(table, found, path)
            found += table.num_rows
            yield table
        if found != draw.rows:
            raise ArtefactError(
                f"holds {found} train rows",
                where=str(path),
                expected=f"{draw.rows}, which the order was made for",
                remedy="run `dvc repro`, which mixes again",
            )


def _train_rows(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield a task's train rows, a row group or less at a time."""
    try:
        with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=["role", *schema.names]):
                table = pa.Table.from_batches([batch])
                mine = pc.equal(table.column("role").cast(pa.string()), "train")
                yield table.filter(mine).select(schema.names).cast(schema)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise ArtefactError(
            f"not readable as rendered text: {error}", where=str(path), remedy=_REMEDY
        ) from error


def _check_sequence(table: pa.Table, first: int, path: Path) -> None:
    row_N = table.column("row").to_numpy()
    if not np.array_equal(row_N, np.arange(first, first + len(row_N))):
        raise ArtefactError(
            "its train rows are not numbered through from 0", where=str(path), remedy=_REMEDY
        )


def _rebatched(tables: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
    """Cut a stream of tables into batches of `BATCH_ROWS` rows, the last one apart."""
    held: list[pa.Table] = []
    rows = 0
    for table in tables:
        held.append(table)
        rows += table.num_rows
        while rows >= BATCH_ROWS:
            whole = pa.concat_tables(held)
            yield _one_batch(whole.slice(0, BATCH_ROWS))
            held, rows = [whole.slice(BATCH_ROWS)], rows - BATCH_ROWS
    if rows:
        yield _one_batch(pa.concat_tables(held))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    (batch,) = table.combine_chunks().to_batches()
    return batch


class TextStore:
    """The rows of a scratch file by mixture row."""

    def __init__(self, path: Path, draws: Sequence[Draw]) -> None:
        """Map the file.

        Args:
            path: As `write_store` wrote it.
            draws: The same.
        """
        self._reader = ipc.open_file(pa.memory_map(str(path)))
        self._tasks = pa.array([draw.task for draw in draws], pa.string())
        by_start = sorted(range(len(draws)), key=lambda i: draws[i].start)
        sizes = np.array([draw.rows for draw in draws], dtype=np.int64)
        first = np.cumsum(sizes) - sizes
        self._index_P = np.array(by_start, dtype=np.int64)
        self._start_P = np.array([draws[i].start for i in by_start], dtype=np.int64)
        self._rows_P, self._first_P = sizes[self._index_P], first[self._index_P]

    def take(self, row_N: NDArray[np.uint32]) -> tuple[pa.Array, pa.Table]:
        """Return the tasks (string) and the text (`store_schema`) of N mixture rows, in their order.

        Raises:
            ArtefactError: A row belongs to no task of the mixture.
        """
        wide_N = row_N.astype(np.int64)
        part_N = np.maximum(np.searchsorted(self._start_P, wide_N, side="right") - 1, 0)
        own_N = wide_N - self._start_P[part_N]
        if ((own_N < 0) | (own_N >= self._rows_P[part_N])).any():
            raise ArtefactError(
                "the order holds a row of no task of the mixture", remedy="run `dvc repro mix`"
            )
        tasks = self._tasks.take(pa.array(self._index_P[part_N]))
        return tasks, self._gather(own_N + self._first_P[part_N])

    def _gather(self, at_N: NDArray[np.int64]) -> pa.Table:
        """Take rows batch by batch, each batch once, then put them into the order asked for."""
        sorted_N = np.argsort(at_N, kind="stable")
        batch_N, place_N = np.divmod(at_N[sorted_N], BATCH_ROWS)
        cuts = np.flatnonzero(np.diff(batch_N)) + 1
        pieces = [
            self._reader.get_batch(int(batch_N[piece[0]])).take(pa.array(place_N[piece]))
            for piece in np.split(np.arange(len(at_N)), cuts)
        ]
        back_N = np.empty_like(sorted_N)
        back_N[sorted_N] = np.arange(len(sorted_N))
        return pa.Table.from_batches(pieces).combine_chunks().take(pa.array(back_N))
