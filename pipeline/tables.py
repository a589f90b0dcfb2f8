"""Parquet, Arrow and JSON files: read with a check of the schema, written whole and byte-stable.

The same table gives the same bytes on every machine with the same pyarrow: fixed codec, one row group
size, no time stamps. Files appear under their name only when complete. Knows no task and no path of
the project.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from pipeline.errors import ArtefactError, DataError

_ROWS_PER_GROUP = 131_072

PARQUET: dict[str, Any] = {"compression": "zstd", "version": "2.6", "write_page_checksum": True}
"""How every Parquet file is written; the checksums let a reader find values that changed in place."""


_NO_SPACE = "free some space and run it again; what was there before is still there"
_NOT_ALLOWED = "make it writable, or choose another place"
_BLOCKED = "a file lies where a folder should be: move it away"
_CANNOT_WRITE = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: "raise the limit on the size of files (`ulimit -f`)",
    errno.EROFS: _NOT_ALLOWED,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.ENOTDIR: _BLOCKED,
    errno.EEXIST: _BLOCKED,
}
"""What the system says of a place that takes no file, and what to do about it."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Word what the system says when `path`, or a temporary file for it, cannot be written.

    Raises:
        ArtefactError: No space, no permission, too large, or a file in the way. Any other error, and
            one about a file elsewhere, passes as it is.
    """
    try:
        yield
    except Exception as error:
        number = _os_error(error)
        place = getattr(error, "filename", None)
        elsewhere = place is not None and not Path(str(place)).is_relative_to(path.parent)
        if number not in _CANNOT_WRITE or (elsewhere and number == errno.EACCES):
            raise
        raise ArtefactError(
            f"cannot be written: {os.strerror(number)}",
            where=str(path),
            remedy=_CANNOT_WRITE[number],
        ) from error


def _os_error(error: Exception) -> int:
    """Return the system's number of an error, also of a Rust library's that only words it; else 0."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else 0


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    The temporary name is unique, so that two writers never share one, and it is removed when the
    block fails. What a killed writer of the same file left behind is removed first.

    Raises:
        ArtefactError: The file cannot be written (see `writing`); what was there is still there.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
        try:
            with temporary.open("wb") as held:
                _is_mine(held.fileno())
                yield temporary
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove temporary files for `path` that no living process holds."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.tmp")
    for entry in os.scandir(path.parent):
        if name.fullmatch(entry.name):
            with suppress(OSError), Path(entry.path).open("ab") as stale:
                if _is_mine(stale.fileno()):
                    Path(entry.path).unlink(missing_ok=True)


def _is_mine(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


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


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write `table` to `path` as an Arrow IPC file of one record batch, for memory mapping."""
    whole = table.combine_chunks()
    with whole_file(path) as temporary, ipc.new_file(str(temporary), whole.schema) as writer:
        for batch in whole.to_batches() or [_empty_batch(whole.schema)]:
            writer.write_batch(batch)


def _empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def read_arrow(path: Path) -> pa.Table:
    """Memory-map an Arrow IPC file, and check that its lists lie inside it.

    Raises:
        ArtefactError: The file is missing, truncated or damaged. Values that changed in place are
            found by their hash alone.
    """
    require(path)
    try:
        table = ipc.open_file(pa.memory_map(str(path))).read_all()
        table.validate(full=True)
        return table
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(
            f"not a readable Arrow file: {error}",
            where=str(path),
            remedy="delete it and run `dvc repro` again",
        ) from error


def write_json(value: Mapping[str, Any] | list[Any], path: Path) -> None:
    """Write `value` to `path` as JSON: sorted keys, two spaces, no NaN, a newline at the end."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ArtefactError: The file is missing or not JSON.
    """
    require(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(
            f"not JSON: {error}", where=str(path), remedy="delete it and run `dvc repro` again"
        ) from error


def require(path: Path) -> None:
    """Raise an `ArtefactError` that names the missing file or folder, if `path` does not exist."""
    if not path.exists():
        raise ArtefactError(
            "does not exist", where=str(path), remedy="run `dvc repro`, which makes what is missing"
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
