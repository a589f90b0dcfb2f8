"""One HTML page that needs no network, no script and no other file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from pipeline.report.markup import ASSETS, fill


@dataclass(frozen=True, slots=True)
class Table:
    """A frame as the page prints it.

    Attributes:
        head: Of each column its name and whether it holds numbers.
        rows: Texts of the cells.
    """

    head: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with text, drawings, tables and further sections below it, in this order."""

    title: str
    notes: Sequence[str] = ()
    figures: Sequence[Markup] = ()
    tables: Sequence[pl.DataFrame] = ()
    folded: Sequence[tuple[str, pl.DataFrame]] = ()
    """Tables that open on a click, each with the words to click on."""
    tabs: Sequence["Section"] = ()
    """One of them is shown at a time, the first one at the start; all are printed."""

    @property
    def id(self) -> str:
        """The title as an HTML identifier."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def page(title: str, sections: Sequence[Section]) -> str:
    """Return the page as text; everything is escaped but the drawings."""
    style = Markup((ASSETS / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return fill("page.html", title=title, sections=sections, style=style, table=table)


def table(frame: pl.DataFrame) -> Table:
    """Return a frame as texts: floats to three places, thousands with commas, a dash for null."""
    head = [
        (name.replace("_", " "), dtype.is_numeric())
        for name, dtype in zip(frame.columns, frame.dtypes, strict=True)
    ]
    return Table(head, [[_cell(value) for value in row] for row in frame.iter_rows()])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
