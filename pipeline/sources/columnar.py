"""Arrow tables, of Parquet and Arrow files and of the hub, as frames of plain types.

Extension types are read as what they store, encodings as their values, maps as lists of keys and values.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet

from pipeline.errors import SourceError
from pipeline.sources.records import unique_names
from pipeline.sources.values import settled

_ARROW_FILE = b"ARROW1"
_ENDS = {"parquet": b"PAR1", "arrow": _ARROW_FILE}


def read_columnar(data: bytes, kind: str, *, where: str) -> pl.DataFrame:
    """Read a Parquet or Arrow file whole; columns of one name get `_2`, `_3`.

    Reads by Arrow: polars prints a panic and its backtrace where a file is damaged.

    Raises:
        SourceError: The file is damaged, or a column has a type that nothing is made of.
    """
    source = pa.BufferReader(data)
    try:
        if kind == "parquet":
            table = pa.parquet.ParquetFile(
                source
            ).read()  # read_table refuses a name that comes twice
        elif data.startswith(_ARROW_FILE):
            table = pa.ipc.open_file(source).read_all()
        else:
            table = pa.ipc.open_stream(source).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        cut = not data.endswith(_ENDS[kind])
        raise SourceError(
            f"not a readable {kind} file: {reason}",
            where=where,
            remedy="fetch it again; it may be truncated"
            if cut
            else "write it again; it is damaged",
        ) from error
    return frame_of_table(table, where=where)


def frame_of_table(table: pa.Table, *, where: str) -> pl.DataFrame:
    """Return an Arrow table as a frame of types that every later step can hold.

    Raises:
        SourceError: A column has a type that no text or label is made of, such as a union.
    """
    names = unique_names(table.column_names)
    columns = [
        _plain(column, name, where) for name, column in zip(names, table.columns, strict=True)
    ]
    try:
        frame = pl.DataFrame(pl.from_arrow(pa.table(columns, names=names)))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SourceError(f"a column has a type that is not read: {error}", where=where) from error
    return settled(frame)


def _plain(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    kind = _plain_type(column.type)
    try:
        if kind is None:
            raise pa.ArrowNotImplementedError(str(column.type))
        if kind == column.type:
            return column
        if isinstance(column.type, pa.BaseExtensionType):
            stored = [chunk.storage for chunk in column.chunks]
            return _plain(pa.chunked_array(stored, column.type.storage_type), name, where)
        if isinstance(column.type, pa.RunEndEncodedType):
            return _plain(pc.run_end_decode(column), name, where)
        return column.cast(kind)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"column '{name}' has the type {column.type}, which is not read",
            where=where,
            expected="texts, numbers, booleans, dates, or lists and structs of them",
            remedy="write the file again with another type, or without this column",
        ) from error


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type that values of a type are read as; None where there is none."""
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or isinstance(kind, pa.RunEndEncodedType):
        return _plain_type(kind.value_type)
    if pa.types.is_struct(kind):
        inner = [(field.name, _plain_type(field.type)) for field in kind]
        return None if any(part is None for _, part in inner) else pa.struct(inner)
    if pa.types.is_map(kind):
        parts = [("key", _plain_type(kind.key_type)), ("value", _plain_type(kind.item_type))]
        return None if any(part is None for _, part in parts) else pa.list_(pa.struct(parts))
    if _is_list(kind):
        element = _plain_type(kind.value_type)
        if element == kind.value_type and not isinstance(kind, _VIEWS):
            return kind
        return None if element is None else pa.large_list(element)
    return _plain_scalar(kind)


_VIEWS = (pa.ListViewType, pa.LargeListViewType)


def _is_list(kind: pa.DataType) -> bool:
    tests = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _plain_scalar(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_union(kind) or pa.types.is_interval(kind):
        return None
    if pa.types.is_decimal256(kind):
        return pa.large_string()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_string_view(kind):
        return pa.large_string()
    return kind
