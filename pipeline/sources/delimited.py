"""Tables of text: csv and tsv. Every column is a string, an empty field is "".

No type is ever guessed: `01`, `1.0` and `NA` stay what they are.
"""

import csv
import io
import re
from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.csv

from pipeline.errors import SourceError
from pipeline.sources.quoting import BROKEN, Dialect, Style, read_quotes
from pipeline.sources.rawtext import lines
from pipeline.sources.records import (
    ROW,
    Records,
    Reject,
    numbered,
    reject_where,
    unique_names,
    unwoven,
    woven,
)
from pipeline.sources.text_lines import line_rejects

_LONE_CR = re.compile(rb"\r(?!\n)")
_CR = "\ufffe"
"""Stands for a carriage return inside a field while a file is parsed; no text holds it."""
_NO_TEXT = "\uffff"
"""Stands for a byte that is no text while a file with quotes is parsed; no text holds it."""
_ESCAPED = re.compile("[\udc80-\udcff]")
_HEAD = 1 << 16


def read_delimited(
    data: bytes, dialect: Dialect, *, columns: Sequence[str] | None, where: str
) -> Records:
    """Read csv or tsv.

    Args:
        data: UTF-8, as `rawtext.utf8` returns it.
        dialect: What the card says of separators and quotes.
        columns: Names of the columns of a file without header; None where the first line names them. A
            name that occurs again gets `_2`, `_3`; a field without name gets its 0-based position.
        where: File, for errors.

    Returns:
        One String column per field. Lines end at a line feed, with or without a carriage return before
        it; any other carriage return is a character. Blank lines are no records. Rejects:
        `wrong_fields`, `broken_quotes`, `repeated_header`, `bad_encoding`.

    Raises:
        SourceError: No line at all, a header that `columns` repeats, quotes that contradict the card
            or each other, or no record that can be read.
    """
    if not data.strip():
        raise SourceError("the file has no lines", where=where)
    held = _LONE_CR.sub(_CR.encode(), data) if b"\r" in data else data
    separator = dialect.separator
    width = len(columns) if columns is not None else _width(held, separator)
    style, ready = read_quotes(held, dialect, width, where=where)
    if style == "plain":
        records = _plain(ready, separator, columns, where)
    elif len(separator) != 1:
        raise SourceError(
            f"separator {separator!r} is not one character, but fields are quoted", where=where,
            remedy="set `quote: false`, which allows any separator",
        )  # fmt: skip
    else:
        records = _quoted(ready, separator, style, columns, where)
    if held is not data:
        records = _with_returns(records)
    return records if columns is not None else _without_headers(records)


def _width(data: bytes, separator: str) -> int:
    """Return the number of fields of the first line that is not blank."""
    line = data.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    if len(separator) != 1:
        return line.count(separator) + 1
    return len(next(csv.reader([line], delimiter=separator), [""]))


def _without_headers(records: Records) -> Records:
    """Reject records that repeat the header, as files joined to one have them."""
    names = [name for name in records.frame.columns if name != ROW]
    repeats = pl.all_horizontal(pl.col(name).str.strip_chars() == name for name in names)
    if len(names) < 2 or not records.frame.select(repeats.any()).item():
        return records
    detail = pl.lit("the header of the file, once more")
    return unwoven(reject_where(woven(records), repeats, "repeated_header", detail))


def _with_returns(records: Records) -> Records:
    """Put back the carriage returns that the parser would have taken for ends of lines."""
    texts = pl.selectors.string().str.replace_all(_CR, "\r", literal=True)
    return Records(records.frame.with_columns(texts), records.rejects.with_columns(texts))


def _plain(data: bytes, separator: str, columns: Sequence[str] | None, where: str) -> Records:
    text = lines(data)
    is_blank = (text.str.strip_chars() == "") & ~text.str.contains(separator, literal=True)
    text = text.filter(text.is_null() | ~is_blank)
    names = list(columns or ())
    if columns is None:
        if text[0] is None:
            raise SourceError("the header is not text in the card's encoding", where=where)
        names, text = _names(text[0].split(separator)), text.slice(1)
    elif text[0] is not None:
        _refuse_header(text[0].split(separator), names, where)
    count = text.str.count_matches(separator, literal=True) + 1
    good = (count == len(names)).fill_null(False)
    rejects = line_rejects(text, count, good, len(names))
    parts = text.filter(good).str.splitn(separator, len(names)).struct.unnest()
    parts.columns = names
    return numbered(parts, rejects, where=where, numbers=good.arg_true())


def _quoted(
    raw: bytes, separator: str, style: Style, columns: Sequence[str] | None, where: str
) -> Records:
    data = _all_text(raw)
    first = _first_row(data, separator, style, where)
    names = _names(first) if columns is None else list(columns)
    if columns is not None:
        _refuse_header(first, names, where)
    table, invalid = _parsed(data, separator, style, names, where)
    skip = 1 if columns is None else 0
    rejects = [_wrong_row(row, row.number - 1 - skip) for row in invalid]
    frame = pl.DataFrame(pl.from_arrow(table)).slice(skip)
    numbers = pl.int_range(frame.height + len(rejects), dtype=pl.Int64, eager=True)
    numbers = numbers.filter(~numbers.is_in([row for row, _, _ in rejects]))
    if data is not raw:
        marked = pl.any_horizontal(pl.all().str.contains(_NO_TEXT, literal=True)).alias("marked")
        bad = frame.select(marked).to_series()
        detail = "a field is not text in the card's encoding"
        rejects = sorted(rejects + [(row, "bad_encoding", detail) for row in numbers.filter(bad)])
        frame, numbers = frame.filter(~bad), numbers.filter(~bad)
    return numbered(frame, rejects, where=where, numbers=numbers)


def _wrong_row(row: pa.csv.InvalidRow, number: int) -> Reject:
    broken = BROKEN.decode()
    if row.text.startswith(broken):
        return number, "broken_quotes", row.text.removeprefix(broken)
    what = f"{row.actual_columns} fields instead of {row.expected_columns}: {row.text}"
    return number, "wrong_fields", what


def _all_text(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return _ESCAPED.sub(_NO_TEXT, data.decode("utf-8", "surrogateescape")).encode()
    return data


def _first_row(data: bytes, separator: str, style: Style, where: str) -> list[str]:
    text = io.StringIO(data[:_HEAD].decode("utf-8", "replace"), newline="")
    escape = "\\" if style == "backslash" else None
    try:
        rows = csv.reader(text, delimiter=separator, escapechar=escape)
        return next(row for row in rows if row)
    except (csv.Error, StopIteration) as error:
        raise SourceError(
            "the first line cannot be read as a row", where=where,
            remedy="check `format`, `separator` and `quote` on the card",
        ) from error  # fmt: skip


def _parsed(
    data: bytes, separator: str, style: Style, names: list[str], where: str
) -> tuple[pa.Table, list[pa.csv.InvalidRow]]:
    """Parse all rows, a header included; also return those of another number of fields."""
    invalid: list[pa.csv.InvalidRow] = []

    def keep(row: pa.csv.InvalidRow) -> str:
        invalid.append(row)
        return "skip"

    positions = [str(i) for i in range(len(names))]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            pa.csv.ReadOptions(
                use_threads=False,
                block_size=min(len(data) + 1, 2**31 - 1),
                column_names=positions,
            ),
            pa.csv.ParseOptions(
                delimiter=separator,
                escape_char="\\" if style == "backslash" else False,
                newlines_in_values=True,
                invalid_row_handler=keep,
            ),
            pa.csv.ConvertOptions(column_types={name: pa.large_string() for name in positions}),
        )
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"cannot be read: {error}", where=where,
            remedy="check `format`, `separator` and `quote` on the card",
        ) from error  # fmt: skip
    return table.rename_columns(names), invalid


def _names(cells: Sequence[str]) -> list[str]:
    """Name a header's fields, each once; one without a name gets its position."""
    return unique_names([cell.strip() or str(position) for position, cell in enumerate(cells)])


def _refuse_header(first: Sequence[str], names: Sequence[str], where: str) -> None:
    if [cell.strip() for cell in first] == list(names):
        raise SourceError(
            "the first line repeats the card's `columns`: the file has a header",
            where=where,
            remedy="leave `columns` out, or give the file's columns other names",
        )
