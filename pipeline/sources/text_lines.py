"""Text files whose records are lines, whole or cut once, or blocks of lines."""

from collections.abc import Sequence

import polars as pl

from pipeline.errors import SourceError
from pipeline.sources.rawtext import lines
from pipeline.sources.records import Records, Reject, numbered


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
    rejects = line_rejects(text, count, good, len(names))
    return numbered(parts, rejects, where=where, numbers=good.arg_true())


LEFT_OUT = "_"
"""Name of the lines of a block that are left out."""


def read_blocks(data: bytes, *, columns: Sequence[str], where: str) -> Records:
    """Read a text file whose records are blocks of as many lines as there are columns.

    Blank lines count; one that is missing after the last block does not matter.

    Args:
        data: UTF-8, as `rawtext.utf8` returns it.
        columns: Names of a block's lines; those called `_` are left out.
        where: File, for errors.

    Returns:
        String columns. Rejects: `wrong_fields` (lines too few at the end), `bad_encoding`.

    Raises:
        SourceError: There are fewer than two columns, or no block can be read.
    """
    width = len(columns)
    if width < 2:
        raise SourceError("`block` needs the names of each line", where=where,
                          expected="two or more `columns`")  # fmt: skip
    text = lines(data)
    if len(text) % width == width - 1:
        text = pl.concat([text, pl.Series(text.name, [""])])
    whole = len(text) // width
    frame = pl.DataFrame(
        {str(i): text.head(whole * width).gather_every(width, i) for i in range(width)}
    )
    kept = [str(i) for i, name in enumerate(columns) if name != LEFT_OUT]
    frame = frame.select(kept).rename(
        dict(zip(kept, [n for n in columns if n != LEFT_OUT], strict=True))
    )
    good = ~frame.select(pl.any_horizontal(pl.all().is_null()).alias("bad"))["bad"]
    detail = "a line is not text in the card's encoding"
    rejects: list[Reject] = [(row, "bad_encoding", detail) for row in (~good).arg_true()]
    if len(text) > whole * width:
        rest = f"{len(text) - whole * width} lines instead of {width} at the end"
        rejects.append((whole, "wrong_fields", rest))
    return numbered(frame.filter(good), rejects, where=where, numbers=good.arg_true())


def line_rejects(text: pl.Series, count: pl.Series, good: pl.Series, width: int) -> list[Reject]:
    """Return the rejects among lines: those that are no text, or have another number of fields."""
    bad = (~good).arg_true().to_list()
    return [
        (row, "bad_encoding", "the line is not text in the card's encoding")
        if text[row] is None
        else (row, "wrong_fields", f"{count[row]} fields instead of {width}: {text[row]}")
        for row in bad
    ]
