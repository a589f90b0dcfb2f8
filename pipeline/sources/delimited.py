"""Tables of text: csv, tsv, and lines cut once. Every column is a string, an empty field is "".

No type is ever guessed: `01`, `1.0` and `NA` stay what they are. Knows no card.
"""

import csv
import io
import re
from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.csv

from pipeline.errors import SourceError
from pipeline.sources.rawtext import lines
from pipeline.sources.records import Records, Reject, numbered

_END = "\x1fend of file\x1f"
_NO_TEXT = "\uffff"
"""Stands for a byte that is no text while a file with quotes is parsed; no text holds it."""
_ESCAPED = re.compile("[\udc80-\udcff]")
_HEAD = 1 << 16


def read_delimited(
    data: bytes, *, separator: str, quote: bool, columns: Sequence[str] | None, where: str
) -> Records:
    """Read csv or tsv.

    Args:
        data: UTF-8, as `rawtext.utf8` returns it.
        separator: Between fields; of one character where fields may be quoted.
        quote: Whether `"` quotes fields, which may then hold separators and line feeds.
        columns: Names of the columns of a file without header; None where the first line names them. A
            name that occurs again gets `_2`, `_3`; a field without name gets its 0-based position.
        where: File, for errors.

    Returns:
        One String column per field. Blank lines are no records. Rejects: `wrong_fields`,
        `bad_encoding`.

    Raises:
        SourceError: No line at all, a header that `columns` repeats, an open quote at the end of the
            file, or no record that can be read.
    """
    if not data.strip():
        raise SourceError("the file has no lines", where=where)
    if not quote:
        return _plain(data, separator, columns, where)
    if len(separator) != 1:
        raise SourceError(
            f"separator {separator!r} is not one character", where=where,
            remedy="set `quote: false`, which allows any separator",
        )  # fmt: skip
    return _quoted(data, separator, columns, where)


def _plain(data: bytes, separator: str, columns: Sequence[str] | None, where: str) -> Records:
    text = lines(data)
    text = text.filter(text.is_null() | (text.str.strip_chars() != ""))
    names = list(columns or ())
    if columns is None:
        if text[0] is None:
            raise SourceError("the header is not text in the card's encoding", where=where)
        names, text = _names(text[0].split(separator)), text.slice(1)
    elif text[0] is not None:
        _refuse_header(text[0].split(separator), names, where)
    count = text.str.count_matches(separator, literal=True) + 1
    good = (count == len(names)).fill_null(False)
    rejects = _line_rejects(text, count, good, len(names))
    parts = text.filter(good).str.splitn(separator, len(names)).struct.unnest()
    parts.columns = names
    return numbered(parts, rejects, where=where, numbers=good.arg_true())


def _line_rejects(text: pl.Series, count: pl.Series, good: pl.Series, width: int) -> list[Reject]:
    bad = (~good).arg_true().to_list()
    return [
        (row, "bad_encoding", "the line is not text in the card's encoding")
        if text[row] is None
        else (row, "wrong_fields", f"{count[row]} fields instead of {width}: {text[row]}")
        for row in bad
    ]


def _quoted(raw: bytes, separator: str, columns: Sequence[str] | None, where: str) -> Records:
    data = _all_text(raw)
    first = _first_row(data, separator, where)
    names = _names(first) if columns is None else list(columns)
    if columns is not None:
        _refuse_header(first, names, where)
    table, invalid = _parsed(data, separator, names, where)
    skip = 1 if columns is None else 0
    rejects: list[Reject] = [
        (row.number - 1 - skip, "wrong_fields", f"{row.actual_columns} fields instead of "
         f"{row.expected_columns}: {row.text}") for row in invalid
    ]  # fmt: skip
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


def _all_text(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return _ESCAPED.sub(_NO_TEXT, data.decode("utf-8", "surrogateescape")).encode()
    return data


def _first_row(data: bytes, separator: str, where: str) -> list[str]:
    text = io.StringIO(data[:_HEAD].decode("utf-8", "replace"), newline="")
    try:
        return next(row for row in csv.reader(text, delimiter=separator) if row)
    except (csv.Error, StopIteration) as error:
        raise SourceError(
            "the first line cannot be read as a row", where=where,
            remedy="check `format`, `separator` and `quote` on the card",
        ) from error  # fmt: skip


def _parsed(
    data: bytes, separator: str, names: list[str], where: str
) -> tuple[pa.Table, list[pa.csv.InvalidRow]]:
    """Parse all rows, a header included.

    A line that no data holds is put after the end: where it does not come back as a row of its own,
    a quote was never closed and has swallowed what follows it.
    """
    invalid: list[pa.csv.InvalidRow] = []

    def keep(row: pa.csv.InvalidRow) -> str:
        invalid.append(row)
        return "skip"

    marked = data.rstrip(b"\r\n") + f"\n{_END}\n".encode()
    positions = [str(i) for i in range(len(names))]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(marked),
            pa.csv.ReadOptions(
                use_threads=False,
                block_size=min(len(marked) + 1, 2**31 - 1),
                column_names=positions,
            ),
            pa.csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=keep
            ),
            pa.csv.ConvertOptions(column_types={name: pa.large_string() for name in positions}),
        )
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"cannot be read: {error}", where=where,
            remedy="check `format`, `separator` and `quote` on the card",
        ) from error  # fmt: skip
    table = _without_mark(table, invalid, where)
    return table.rename_columns(names), invalid


def _without_mark(table: pa.Table, invalid: list[pa.csv.InvalidRow], where: str) -> pa.Table:
    single = table.num_columns == 1
    if single and table.num_rows and table.column(0)[-1].as_py() == _END:
        return table.slice(0, table.num_rows - 1)
    if not single and invalid and invalid[-1].text == _END:
        invalid.pop()
        return table
    raise SourceError(
        "a quote is opened and never closed, so the rows after it cannot be told apart",
        where=where,
        remedy="set `quote: false` on the card if quotes are plain text here",
    )


def _names(cells: Sequence[str]) -> list[str]:
    """Name a header's fields, each once."""
    names: list[str] = []
    for position, cell in enumerate(cells):
        name = cell.strip() or str(position)
        count, unique = 1, name
        while unique in names:
            count += 1
            unique = f"{name}_{count}"
        names.append(unique)
    return names


def _refuse_header(first: Sequence[str], names: Sequence[str], where: str) -> None:
    if [cell.strip() for cell in first] == list(names):
        raise SourceError(
            "the first line repeats the card's `columns`: the file has a header",
            where=where,
            remedy="leave `columns` out, or give the file's columns other names",
        )


def read_lines(
    data: bytes, *, separator: str | None, columns: Sequence[str] | None, where: str
) -> Records:
    """Read a text file, one record per line; blank lines are records too.

    Args:
        data: UTF-8, as `rawtext.utf8` returns it.
        separator: Cuts a line into as many parts as `columns` has names, from the left; None to keep
            it whole.
        columns: Names of the parts, or of the whole line (`text` where left out).
        where: File, for errors.

    Returns:
        String columns. Rejects: `wrong_fields` (a line without separator), `bad_encoding`.

    Raises:
        SourceError: `separator` and `columns` do not fit each other, or no line can be read.
    """
    names = list(columns or ("text",))
    if (separator is None) != (len(names) == 1):
        raise SourceError(
            f"{len(names)} columns with {'no' if separator is None else 'a'} separator",
            where=where,
            expected="`separator` and two or more `columns`, or neither",
        )
    text = lines(data)
    if separator is None:
        good, parts = text.is_not_null(), text.drop_nulls().to_frame(names[0])
        count = text.is_not_null().cast(pl.UInt32)
    else:
        count = text.str.count_matches(separator, literal=True) + 1
        good = (count >= len(names)).fill_null(False)
        parts = text.filter(good).str.splitn(separator, len(names)).struct.unnest()
    parts.columns = names
    rejects = _line_rejects(text, count, good, len(names))
    return numbered(parts, rejects, where=where, numbers=good.arg_true())
