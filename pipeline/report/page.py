"""One HTML page that needs no network, no script and no other file. Knows no result, only its shape."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1d2433}
h1{font-size:1.6em}h2{margin-top:2em;border-bottom:1px solid #d8dde6;padding-bottom:.2em}
table{border-collapse:collapse;font-size:13px;margin:1em 0}
th{text-align:left;background:#f2f4f8}th,td{padding:.25em .7em;border-bottom:1px solid #e6e9ef}
td.number{text-align:right;font-variant-numeric:tabular-nums}
.figure{overflow-x:auto;margin:1em 0}.note{color:#5b6475}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with text, drawings and tables below it, in this order."""

    title: str
    notes: Sequence[str] = ()
    figures: Sequence[str] = ()
    """SVG texts, trusted: they come from `charts.svg`."""
    tables: Sequence[pl.DataFrame] = ()


def page(title: str, sections: Sequence[Section]) -> str:
    """Return the page as text; everything but figures is escaped."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        *(_section(section) for section in sections),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _section(section: Section) -> str:
    return "\n".join(
        [
            f"<h2>{html.escape(section.title)}</h2>",
            *(f'<p class="note">{html.escape(note)}</p>' for note in section.notes),
            *(f'<div class="figure">{figure}</div>' for figure in section.figures),
            *(table(frame) for frame in section.tables),
        ]
    )


def table(frame: pl.DataFrame) -> str:
    """Return a frame as an HTML table: numbers right-aligned, floats to three places, null a dash."""
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in frame.columns)
    rows = []
    for row in frame.iter_rows():
        cells = (_cell(value, number=n) for value, n in zip(row, numeric, strict=True))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{chr(10).join(rows)}\n</tbody></table>"


def _cell(value: object, *, number: bool) -> str:
    if value is None:
        text = "-"
    elif isinstance(value, float):
        text = f"{value:.3f}"
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = str(value)
    kind = ' class="number"' if number else ""
    return f"<td{kind}>{html.escape(text)}</td>"
