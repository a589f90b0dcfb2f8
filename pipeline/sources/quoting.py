"""What a csv or tsv file itself says about its quotes.

In a file that quotes its fields, each field that begins with `"` also ends with one, and a quote inside
is written twice or after a backslash. In a file of plain text a quote is a character like any other.

    text,label
    "He said ""no"", twice.",0       quoted: a doubled quote and a separator are inside
    "loved the start,1               plain: nothing closes the quote in its field

Every field that begins with a quote speaks for one of the two; a card that says the opposite is refused.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pipeline.errors import SourceError

Style = Literal["doubled", "backslash", "plain"]
"""How quotes are read: as marks, with `""` or with a backslash before a quote inside; or as text."""


@dataclass(frozen=True)
class Dialect:
    """How a card says that a table of text is written.

    Attributes:
        separator: Between fields; of one character where fields are quoted.
        quote: Whether `"` quotes fields, which may then hold separators and line feeds; None to let
            the file decide.
        escape: What stands before a quote inside a quoted field; None to let the file decide.
    """

    separator: str
    quote: bool | None = None
    escape: str | None = None


BROKEN = b"\x1fbroken quotes\x1f"
"""Begins a line whose quotes are broken, in what `read_quotes` returns; no text holds it."""


@dataclass
class Evidence:
    """Fields that begin with a quote, by what they say; each as the line (from 1) it begins in.

    Attributes:
        needed: They end with a quote, and hold what only a quoted field can hold.
        bare: They end with a quote, and would be the same field without quotes.
        broken: Text follows the closing quote, or there is none.
        swallowing: They end with a quote, and hold what looks like fields or lines of its own.
        spaces: Where blanks stand before an opening quote: their bytes from, to.
        columns: How many `bare` fields each column has, by its number.
        rows: Number of lines.
    """

    needed: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    swallowing: list[int] = field(default_factory=list)
    spaces: list[tuple[int, int]] = field(default_factory=list)
    columns: Counter[int] = field(default_factory=Counter)
    rows: int = 0

    @property
    def plain(self) -> list[int]:
        """The fields that speak for plain text."""
        return sorted(self.broken + self.swallowing)

    @property
    def whole_columns(self) -> bool:
        """Whether columns have quotes in (nearly) every row or in none, as a writer makes them."""
        return bool(self.bare) and min(self.columns.values()) >= 0.9 * (self.rows - 1)


def read_quotes(data: bytes, dialect: Dialect, width: int, *, where: str) -> tuple[Style, bytes]:
    """Decide how the quotes of a file are read.

    Args:
        data: The file, in an encoding that keeps ASCII; lines end in a line feed.
        dialect: What the card says.
        width: Number of fields of a record.
        where: File, for errors.

    Returns:
        The style, and the data with every line replaced whose quotes are broken (see `BROKEN`) and
        without the blanks before opening quotes.

    Raises:
        SourceError: The file contradicts the card, or itself.
    """
    quote, escape, sep = dialect.quote, dialect.escape, dialect.separator.encode()
    if b'"' not in data and escape is None:
        return "plain", data
    found = look(data, sep, width, escape=False)
    style: Style = "doubled"
    if escape is not None:
        style, found = "backslash", look(data, sep, width, escape=True)
    elif b'\\"' in data and quote is not False:
        other = look(data, sep, width, escape=True)
        if len(other.plain) < len(found.plain):
            style, found = "backslash", other
    if quote is False or (
        quote is None and escape is None and _is_plain(found, dialect.separator, where)
    ):
        if quote is False:
            _refuse_plain(found, where)
        return "plain", data
    _refuse_marks(found, width, where)
    return style, _repaired(data, sep, found)


def _is_plain(found: Evidence, separator: str, where: str) -> bool:
    """Whether quotes are text in a file whose card does not say."""
    if found.plain and found.needed and len(found.plain) >= len(found.needed):
        raise SourceError(
            f"its quotes contradict each other: line {found.needed[0]} has a quoted field, but in line "
            f"{found.plain[0]} a quote is part of the text",
            where=where,
            remedy="set `quote: false` on the card if quotes are text here, and mend the other lines",
        )
    if separator != "," and found.bare and not (found.needed or found.plain or found.whole_columns):
        raise SourceError(
            f"in line {found.bare[0]} a field begins and ends with a quote, but others of its column do "
            "not, so the file does not say whether these quotes belong to the text",
            where=where,
            remedy="set `quote: true` on the card to take them off, `quote: false` to keep them",
        )
    return len(found.plain) > len(found.needed)


def _refuse_plain(found: Evidence, where: str) -> None:
    """Refuse a card that takes quotes for text where they are marks."""
    marks = found.needed or (found.bare if found.whole_columns else [])
    if len(marks) > len(found.plain):
        raise SourceError(
            f"quote: is false, but the field in line {marks[0]} begins and ends with a quote, as "
            f"{len(marks)} fields do that must be quoted",
            where=where,
            expected="plain text, in which a quote can stand anywhere",
            remedy="take `quote: false` off the card; or, if these quotes belong to the text, set "
            "`format: lines` with `separator` and `columns`",
        )


def _refuse_marks(found: Evidence, width: int, where: str) -> None:
    """Refuse quotes as marks where they would swallow lines."""
    swallows = len(found.swallowing) > len(found.needed)
    if swallows or len(found.plain) > len(found.needed) or (found.broken and width == 1):
        raise SourceError(
            f"a quote is opened in line {found.plain[0]} and not closed in its field, so it would "
            "swallow what follows",
            where=where,
            remedy="set `quote: false` on the card if quotes are text here, or `escape` if a character "
            "stands before a quote inside a field",
        )


def look(data: bytes, sep: bytes, width: int, *, escape: bool) -> Evidence:
    """Classify every field that begins with a quote; `escape` takes a backslash for what it escapes."""
    found = Evidence(rows=data.count(b"\n"))
    opening = re.compile(rb'(?:\A|\n|%s)( *)"' % re.escape(sep))
    body = re.compile(rb'(?:[^"\\]|\\.|"")*+"' if escape else rb'(?:[^"]|"")*+"', re.DOTALL)
    closed = re.compile(rb" *(?=%s|\r?\n|\Z)" % re.escape(sep))
    lines = _Lines(data)
    position = 0
    while match := opening.search(data, position):
        start = match.end()
        end = body.match(data, start)
        line = lines.number(start)
        if end is None or not (after := closed.match(data, end.end())):
            found.broken.append(line)
            position = lines.end(start)
            continue
        if match[1]:
            found.spaces.append(match.span(1))
        inner = data[start : end.end() - 1]
        if sep in inner or b"\n" in inner:
            whole = data[lines.begin(start) : lines.end(end.end() - 1)]
            alone = all(part.count(sep) == width - 1 for part in whole.split(b"\n"))
            (found.swallowing if alone and width > 1 else found.needed).append(line)
        elif b'"' in inner:
            found.needed.append(line)
        else:
            found.bare.append(line)
            found.columns[data.count(sep, lines.begin(start), start)] += 1
        position = after.end()
    if found.bare.count(1) == width:  # a plain file has no quotes around every name of its header
        found.needed.append(1)
    return found


class _Lines:
    """Numbers and ends of lines, for places that are asked for in ascending order."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place, self.line = data, 0, 1

    def number(self, place: int) -> int:
        self.line += self.data.count(b"\n", self.place, place)
        self.place = place
        return self.line

    def begin(self, place: int) -> int:
        return self.data.rfind(b"\n", 0, place) + 1

    def end(self, place: int) -> int:
        end = self.data.find(b"\n", place)
        return len(self.data) if end < 0 else end


def _repaired(data: bytes, sep: bytes, found: Evidence) -> bytes:
    """Return the data without blanks before quotes, broken lines marked and without quotes."""
    if found.spaces:
        ends = [0, *(end for _, end in found.spaces)]
        starts = [*(start for start, _ in found.spaces), len(data)]
        data = b"".join(data[end:start] for end, start in zip(ends, starts, strict=True))
    if found.broken:
        lines = data.split(b"\n")
        for number in set(found.broken):  # one field, which is a field too few
            lines[number - 1] = BROKEN + lines[number - 1].replace(b'"', b"'").replace(sep, b" ")
        data = b"\n".join(lines)
    return data
