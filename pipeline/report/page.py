"""One HTML page that needs no network, no script and no other file. Knows no result, only its shape."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

_STYLE = Path(__file__).parent / "assets" / "page.css"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with text, drawings, tables and further sections below it, in this order."""

    title: str
    notes: Sequence[str] = ()
    figures: Sequence[str] = ()
    """SVG texts, trusted: they come from this package's drawings."""
    tables: Sequence[pl.DataFrame] = ()
    folded: Sequence[tuple[str, pl.DataFrame]] = ()
    """Tables that open on a click, under these words."""
    tabs: Sequence["Section"] = ()
    """Of which one is shown at a time, the first at first; all are printed."""


def page(title: str, sections: Sequence[Section]) -> str:
    """Return the page as text; everything but figures is escaped."""
    links = (f'<a href="#{_id(s.title)}">{html.escape(s.title)}</a>' for s in sections)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{html.escape(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>",
        f"<body><main><h1>{html.escape(title)}</h1>",
        f'<nav aria-label="sections">{" ".join(links)}</nav>',
        *(_section(section) for section in sections),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _id(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _section(section: Section, level: int = 2) -> str:
    name = _id(section.title)
    about = html.escape(section.title)
    heading = f' id="{name}"' if level == 2 else ""
    return "\n".join(
        [
            f"<h{level}{heading}>{about}</h{level}>",
            *(f'<p class="note">{html.escape(note)}</p>' for note in section.notes),
            *(_scrolled(figure, f"drawing: {about}") for figure in section.figures),
            *(_scrolled(table(frame), f"table: {about}") for frame in section.tables),
            *(
                f"<details><summary>{html.escape(words)}</summary>"
                f"{_scrolled(table(frame), f'table: {html.escape(words)}')}</details>"
                for words, frame in section.folded
            ),
            *([_tabs(name, about, section.tabs, level + 1)] if section.tabs else []),
        ]
    )


def _scrolled(content: str, about: str) -> str:
    """Return a part that scrolls by itself where the window is narrow, by keyboard too."""
    return f'<div class="figure" role="region" tabindex="0" aria-label="{about}">{content}</div>'


def _tabs(name: str, about: str, sections: Sequence[Section], level: int) -> str:
    """Return radio buttons and the panel of each; the style sheet shows the chosen one's."""
    parts = []
    for i, section in enumerate(sections):
        one = f"{name}-{i}"
        checked = " checked" if i == 0 else ""
        parts.append(
            f'<input type="radio" name="{name}" id="{one}"{checked}>'
            f'<label for="{one}">{html.escape(section.title)}</label>'
            f'<div class="panel">{_section(section, level)}</div>'
        )
    return f'<fieldset class="tabs"><legend>{about}: choose one</legend>{"".join(parts)}</fieldset>'


def table(frame: pl.DataFrame) -> str:
    """Return a frame as an HTML table: numbers right-aligned, floats to three places, null a dash."""
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    head = "".join(
        f'<th scope="col"{_kind(number=number)}>{html.escape(name.replace("_", " "))}</th>'
        for name, number in zip(frame.columns, numeric, strict=True)
    )
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
    return f"<td{_kind(number=number)}>{html.escape(text)}</td>"


def _kind(*, number: bool) -> str:
    return ' class="number"' if number else ""
