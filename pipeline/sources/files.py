"""One file as records: the format by its name, then the reader of that format."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pipeline.config.source import Format, Table
from pipeline.errors import SourceError, nearest
from pipeline.sources.columnar import read_columnar
from pipeline.sources.delimited import read_delimited
from pipeline.sources.foreign import refuse_foreign
from pipeline.sources.json_records import read_json, read_json_lines
from pipeline.sources.quoting import Dialect
from pipeline.sources.rawtext import read_bytes, refuse_inner_marks, utf8
from pipeline.sources.records import Records, numbered
from pipeline.sources.text_lines import LEFT_OUT, read_blocks, read_lines
from pipeline.sources.unfold import parse_path, unfold
from pipeline.sources.xml_records import read_xml

_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xml": "xml",
    ".txt": "lines",
}
_NESTED = ("json", "jsonl", "parquet", "arrow")


def format_of(path: Path, table: Table) -> Format:
    """Return the card's format, or what the file's name says; a final `.gz` is looked through.

    Raises:
        SourceError: The name says nothing.
    """
    if table.format is not None:
        return table.format
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = name.suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    guess = nearest(suffix, _SUFFIXES)
    raise SourceError(
        f"the name does not tell the format: '{suffix or name.name}'",
        where=str(path),
        expected=f"one of {', '.join(_SUFFIXES)}",
        remedy=f"set `format` on the card, to one of {', '.join(get_args(Format))}"
        + (f"; perhaps {_SUFFIXES[guess]}" if guess else ""),
    )


def read_file(
    path: Path, table: Table, *, columns: Sequence[str] | None, records: str | None = None
) -> Records:
    """Read one file.

    Args:
        path: The file.
        table: How to read it; `key` and `stack` are not for single files.
        columns: Names for a file without a header, or of the parts of a line.
        records: Path of lists to unfold, where the format nests.

    Returns:
        Its records, numbered from 0.

    Raises:
        SourceError: It cannot be read, or holds no record.
    """
    where, kind = str(path), format_of(path, table)
    _check_columns(columns, where)
    data = read_bytes(path)
    refuse_foreign(data, kind, where=where)
    if kind in ("parquet", "arrow"):
        made = numbered(read_columnar(data, kind, where=where), where=where)
    elif kind == "xml":
        made = _xml(data, table, where)
    else:
        text = utf8(data, table.encoding, where=where)
        made = _text(text, kind, table, columns, records, where)
    steps = [] if records is None or kind not in _NESTED else parse_path(records, where=where)
    if steps not in ([], ["[]"]):  # `[]` alone is the file's own array
        made = unfold(made, steps, where=where)
    if made.height == 0:
        raise SourceError(
            "the file holds no record", where=where, remedy="fetch it again, or drop its split"
        )
    return made


def _check_columns(columns: Sequence[str] | None, where: str) -> None:
    named = [name for name in columns or () if name != LEFT_OUT]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise SourceError(f"columns: '{twice[0]}' occurs twice", where=where)


def _text(
    data: bytes,
    kind: Format,
    table: Table,
    columns: Sequence[str] | None,
    records: str | None,
    where: str,
) -> Records:
    if not data:
        raise SourceError("the file is empty", where=where, remedy="fetch it again")
    if kind != "lines":  # in a line of text the mark can be an invisible character
        refuse_inner_marks(data, where=where)
    if kind == "jsonl":
        return read_json_lines(data, where=where)
    if kind == "json":
        return read_json(data, records=records, where=where)
    if kind == "lines" and table.block:
        return read_blocks(data, columns=columns or (), where=where)
    if kind == "lines":
        return read_lines(data, separator=table.separator, columns=columns, where=where)
    default = "\t" if kind == "tsv" else ","
    dialect = Dialect(table.separator or default, table.quote, table.escape)
    return read_delimited(data, dialect, columns=columns, where=where)


def _xml(data: bytes, table: Table, where: str) -> Records:
    """Read XML, which names its own encoding unless the card names one."""
    if table.encoding == "utf-8":
        return read_xml(data, element=table.element, encoding=None, where=where)
    data = utf8(data, table.encoding, where=where)
    return read_xml(data, element=table.element, encoding="utf-8", where=where)
