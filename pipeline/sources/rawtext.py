"""Bytes of a file as text: gzip, encodings, byte order marks, lines.

Bytes that are not text in the card's encoding are never replaced: they stay, so that the record that
holds them can be refused by its number. Knows no format.
"""

import codecs
import gzip
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.errors import SourceError, nearest

_ENCODINGS = ("utf-8", "utf-16", "utf-32", "cp1252", "cp1251", "latin-1", "iso-8859-15", "gb18030",
              "big5", "shift_jis", "euc-kr", "koi8-r", "ascii")  # fmt: skip
_HEAD = 4096
_WIDE_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_bytes(path: Path) -> bytes:
    """Read a file whole; one whose name ends in `.gz` is decompressed.

    Raises:
        SourceError: The file cannot be read, is empty, or is not a whole gzip file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if data and path.suffix == ".gz":
        data = _decompressed(data, path)
    if not data:
        raise SourceError(
            "the file is empty", where=str(path), remedy="fetch it again, or drop its split"
        )
    return data


def _decompressed(data: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise SourceError(
            "the gzip file is truncated", where=str(path), remedy="fetch it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(
            f"not a gzip file: {error}",
            where=str(path),
            remedy="fetch it again, or rename it if it is not compressed",
        ) from error


def utf8(data: bytes, encoding: str, *, where: str) -> bytes:
    """Return the text in `data` as UTF-8 without byte order mark.

    Args:
        data: Bytes of a file.
        encoding: A Python codec.
        where: File, for errors.

    Returns:
        UTF-8, in which whatever is no text in `encoding` stands as bytes that are no UTF-8.

    Raises:
        SourceError: No such encoding, or the bytes are plainly of another one.
    """
    codec = _codec(encoding, where)
    if codec == "utf-8":
        if data[:2] in _WIDE_MARKS:
            raise SourceError(
                "starts with the byte order mark of UTF-16", where=where,
                expected=encoding, remedy="set `encoding: utf-16` on the card",
            )  # fmt: skip
        if data[:_HEAD].count(0) * 8 > len(data[:_HEAD]):
            raise SourceError(
                "is binary, or text in UTF-16: many of its bytes are zero", where=where,
                expected=encoding, remedy="set `encoding: utf-16-le` or `utf-16-be`, or `format`",
            )  # fmt: skip
        return _with_line_feeds(data.removeprefix(codecs.BOM_UTF8))
    try:
        text = data.decode(codec, "surrogateescape")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"not {encoding}: {error.reason} at byte {error.start}",
            where=where,
            remedy="set the `encoding` of the file on the card",
        ) from error
    # A lone surrogate has no UTF-8: what it stood for stays refusable.
    return _with_line_feeds(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"))


def refuse_inner_marks(data: bytes, *, where: str) -> None:
    """Raise a `SourceError` where a byte order mark begins another line than the first."""
    mark = data.find(b"\n" + codecs.BOM_UTF8)
    if mark >= 0:
        line = data.count(b"\n", 0, mark) + 2
        raise SourceError(
            f"a byte order mark stands in line {line}: several files were joined to this one",
            where=where,
            remedy="name the parts as a list under `splits`, or take out the mark and what the parts "
            "repeat, such as a header",
        )


def _with_line_feeds(data: bytes) -> bytes:
    """Return text whose lines end in line feeds also where the file ends them in returns alone."""
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _codec(encoding: str, where: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except LookupError as error:
        guess = nearest(encoding.lower(), _ENCODINGS)
        raise SourceError(
            f"no encoding named '{encoding}'",
            where=where,
            expected="a Python codec, for example utf-8, cp1252, utf-16",
            remedy=f"did you mean '{guess}'?" if guess else "",
        ) from error
    if not info._is_text_encoding:
        raise SourceError(
            f"'{encoding}' is no text encoding", where=where, expected="utf-8, cp1252"
        )
    return "utf-8" if info.name in ("utf-8", "utf-8-sig") else info.name


def lines(data: bytes) -> pl.Series:
    """Cut UTF-8 into lines at line feeds alone; a carriage return before one goes with it.

    Returns:
        String, one value per line without its end; null where a line is not UTF-8. A line feed at
        the end of the data begins no line.
    """
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    ends = line_ends(data)
    # Each value runs to the next one's begin, line feed included, so that no byte is copied here.
    offsets = pa.array(np.concatenate(([0], ends[:-1] + 1, [len(data)])), pa.int64())
    whole = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(ends), [None, offsets.buffers()[1], pa.py_buffer(data)]
    )
    values = pl.Series("text", whole, dtype=pl.Binary)
    return texts(values).str.strip_suffix("\n")


def line_ends(data: bytes) -> npt.NDArray[np.int64]:
    """Return where each line ends: its line feed, or the end of the data."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    return ends if data.endswith(b"\n") else np.append(ends, len(data))


def _text(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def texts(values: pl.Series) -> pl.Series:
    """Return Binary values as String, null where they are not UTF-8."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series(values.name, [_text(value) for value in values], dtype=pl.String)
