"""Charts as Vega-Lite specifications, and their rendering to SVG.

Each function takes a small frame of named columns and returns a specification; `svg` draws it without
a browser or a network. Knows no file and computes no figure.
"""

import hashlib
import json
import re
from typing import Any

import polars as pl

Spec = dict[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_VERSION = "5.21"
_CELL = 18
"""Pixels of one cell or bar, which keeps labels legible at a hundred tasks."""


def heatmap(frame: pl.DataFrame, *, tasks: list[str], title: str) -> Spec:
    """Draw scores of task pairs.

    Args:
        frame: `source`, `target`, `score` (null is left blank).
        tasks: Order of rows and columns.
        title: Above the chart.
    """
    limit = max((abs(score) for score in frame["score"].drop_nulls()), default=1.0)
    axis = {"sort": tasks, "axis": {"labelLimit": 240}}
    return _spec(
        frame.filter(pl.col("score").is_not_null()),
        title,
        mark={"type": "rect"},
        width=_CELL * len(tasks),
        height=_CELL * len(tasks),
        encoding={
            "x": {"field": "source", "type": "nominal", **axis},
            "y": {"field": "target", "type": "nominal", **axis},
            "color": {
                "field": "score",
                "type": "quantitative",
                "scale": {"scheme": "blueorange", "domain": [-limit, limit]},
            },
        },
    )


def grouped_bars(frame: pl.DataFrame, *, of: str, by: str, value: str, title: str) -> Spec:
    """Draw one horizontal bar for each pair of category and series.

    Args:
        frame: Columns `of` (category, one row of bars each), `by` (series), `value`.
        of: Column of the categories, shown in the frame's order.
        by: Column of the series.
        value: Column of the lengths.
        title: Above the chart.
    """
    categories = frame[of].unique(maintain_order=True).to_list()
    series = frame[by].unique(maintain_order=True).to_list()
    return _spec(
        frame,
        title,
        mark={"type": "bar"},
        width=520,
        height=_CELL * len(categories) * max(1, len(series) // 2 + 1),
        encoding={
            "y": {"field": of, "type": "nominal", "sort": categories, "axis": {"labelLimit": 240}},
            "yOffset": {"field": by, "sort": series},
            "x": {"field": value, "type": "quantitative"},
            "color": {"field": by, "type": "nominal", "sort": series},
        },
    )


def dots(frame: pl.DataFrame, *, of: str, by: str, value: str, title: str) -> Spec:
    """Draw one row of dots for each category, one dot a series: many tasks on one page.

    Args:
        frame: Columns `of`, `by`, `value`; null values are left out.
        of: Column of the categories, shown in the frame's order.
        by: Column of the series.
        value: Column of the positions.
        title: Above the chart.
    """
    categories = frame[of].unique(maintain_order=True).to_list()
    series = frame[by].unique(maintain_order=True).to_list()
    return _spec(
        frame.filter(pl.col(value).is_not_null()),
        title,
        mark={"type": "point", "filled": True, "size": 60, "opacity": 0.85},
        width=520,
        height=_CELL * len(categories),
        encoding={
            "y": {
                "field": of,
                "type": "nominal",
                "sort": categories,
                "axis": {"grid": True, "labelLimit": 240},
            },
            "x": {"field": value, "type": "quantitative"},
            # one domain for both, so that Vega merges the two legends
            "color": {"field": by, "type": "nominal", "scale": {"domain": series}},
            "shape": {"field": by, "type": "nominal", "scale": {"domain": series}},
        },
    )


def curves(frame: pl.DataFrame, *, title: str) -> Spec:
    """Draw losses over steps.

    Args:
        frame: `step`, `loss`, `which` (the training).
        title: Above the chart.
    """
    return _spec(
        frame,
        title,
        mark={"type": "line", "interpolate": "monotone"},
        width=520,
        height=260,
        encoding={
            "x": {"field": "step", "type": "quantitative"},
            "y": {"field": "loss", "type": "quantitative", "scale": {"zero": False}},
            "color": {"field": "which", "type": "nominal"},
        },
    )


def _spec(frame: pl.DataFrame, title: str, **parts: Any) -> Spec:
    return {
        "$schema": _SCHEMA,
        "title": title,
        "data": {"values": frame.to_dicts()},
        "background": "white",
        **parts,
    }


def svg(spec: Spec) -> str:
    """Draw a specification as SVG text, the same for the same specification.

    Vega numbers the gradients and clips of a process one after the other; here they are renamed after
    the chart, so that charts stand on one page and their bytes do not depend on what was drawn before.
    """
    import vl_convert

    text = str(vl_convert.vegalite_to_svg(spec, vl_version=_VERSION))
    tag = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    names = dict.fromkeys(re.findall(r'id="([^"]+)"', text))
    for i, name in enumerate(names):
        text = re.sub(rf'(id="|url\(#){re.escape(name)}(?=["\)])', rf"\g<1>{tag}-{i}", text)
    return text


def png(spec: Spec, *, scale: float = 1.5) -> bytes:
    """Draw a specification as PNG bytes."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(spec, vl_version=_VERSION, scale=scale))
