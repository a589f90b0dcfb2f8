"""Rendered rows as a table, and rows of a table as columns for Python."""

from typing import Any

import polars as pl

from pipeline.templates.prompt import SEPARATOR
from pipeline.templates.reference import PIPE_TOKEN, Rendered

_STRINGS = pl.List(pl.String())

SCHEMA = pl.Schema(
    {
        "input": pl.String(),
        "target": pl.String(),
        "parts": pl.UInt8(),
        "rest": _STRINGS,
        "options": _STRINGS,
        "error": pl.String(),
    }
)
"""What a rendered row holds.

`parts` counts the texts between separators: 0 = failed, see `error`; 1 = the whole template was skipped,
`target` is null; 2 as a rule; what is beyond stands in `rest`.
"""


def plain_columns(frame: pl.DataFrame) -> list[list[Any]]:
    """Return columns as lists, `|||` in top-level texts protected."""
    protected = frame.with_columns(
        pl.col(pl.String).str.replace_all(SEPARATOR, PIPE_TOKEN, literal=True)
    )
    return [column.to_list() for column in protected.get_columns()]


def rendered_frame(rendered: list[Rendered | str | None]) -> pl.DataFrame:
    """Return rendered rows in columns of `SCHEMA`."""
    return pl.DataFrame([_row(value) for value in rendered], schema=SCHEMA, orient="row")


def _row(value: Rendered | str | None) -> tuple[Any, ...]:
    if not isinstance(value, Rendered):
        return (None, None, 0, None, None, value)
    first, *others = value.parts
    target = others[0] if others else None
    options = None if value.options is None else list(value.options)
    return (first, target, min(len(value.parts), 255), others[1:] or None, options, None)
